"""What the handbook is made of, and what follows from it: who watches a touchpoint, which events stand there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, cast

from detectors.base import AnyDetector
from journeys.placement import Placement, Placements
from journeys.registry import Indicator, Registry
from journeys.touchpoints import Touchpoints
from schemas.moments import Frozen, Text
from schemas.policy import PolicyPack


class Area(Frozen):
    """A part of the operator's work in the words of eTOM, who answers for it, and what falls into it."""

    id: str
    name: Text
    processes: tuple[str, ...]
    departments: tuple[str, ...]
    detectors: tuple[str, ...] = ()
    touchpoints: tuple[str, ...] = ()


class PlacedEvent(NamedTuple):
    """Events of a type that stand at a touchpoint: all the type's others, or those whose attribute has a value."""

    event_type: str
    attribute: str = ""
    equals: str = ""


class Material(NamedTuple):
    """All the handbook tells of. `packs` hold every pack by id, an operator's own ones too."""

    registry: Registry
    touchpoints: Touchpoints
    placements: Placements
    detectors: Sequence[AnyDetector]
    packs: Mapping[str, PolicyPack]
    areas: Sequence[Area]

    def watchers(self, touchpoint: str) -> list[AnyDetector]:
        """Detectors whose moments stand at `touchpoint`."""
        return [one for one in self.detectors if one.meta.touchpoint == touchpoint]

    def binding(self, pack: str) -> list[AnyDetector]:
        """Detectors that judge by `pack`."""
        return [one for one in self.detectors if pack in packs_of(one)]

    def areas_of(self, detector: str) -> list[Area]:
        """Areas a detector belongs to."""
        return [area for area in self.areas if detector in area.detectors]

    def measured(self, area: Area) -> list[Indicator]:
        """Indicators of an area: those that name one of its processes."""
        return [one for one in self.registry.values() if one.etom in area.processes]

    def placed(self) -> Mapping[str, Sequence[PlacedEvent]]:
        """By touchpoint, the events that stand there."""
        _, rules = cast("tuple[object, Mapping[str, tuple[str, Mapping[str, Placement], Placement]]]", self._rules())
        found: dict[str, list[PlacedEvent]] = {}
        for event_type, (attribute, by_value, always) in rules.items():
            for value, placement in by_value.items():
                found.setdefault(placement.touchpoint, []).append(PlacedEvent(event_type, attribute, value))
            if always.touchpoint:
                found.setdefault(always.touchpoint, []).append(PlacedEvent(event_type))
        return found

    def _rules(self) -> Any:
        return self.placements.described()


def packs_of(detector: AnyDetector) -> tuple[str, ...]:
    """The packs a detector judges by, shipped ones first, as its parameters name them."""
    own = tuple(pack.id for pack in getattr(detector.params, "own_packs", ()))
    return (*getattr(detector.params, "packs", ()), *own)


def own_packs(detectors: Sequence[AnyDetector]) -> dict[str, PolicyPack]:
    """An operator's own packs, which stand in the parameters of detectors, by id."""
    return {pack.id: pack for one in detectors for pack in getattr(one.params, "own_packs", ())}


@cache
def shipped_areas() -> tuple[Area, ...]:
    """The division of responsibilities that ships (`responsibilities.toml`)."""
    text = resources.files("dashboards.handbook").joinpath("responsibilities.toml").read_text(encoding="utf-8")
    return tuple(
        Area.model_validate({**area, "touchpoints": tuple(area["touchpoints"].split())})
        for area in tomllib.loads(text)["area"]
    )
