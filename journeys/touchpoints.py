"""The touchpoint catalogue as data: 70 of the source slide and the modern extension pack, each on its stage.

Operators move a touchpoint to another stage, rename it or add their own with `Touchpoints.overridden`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import Field

from schemas.moments import Frozen, Stage, Text

Pack = Literal["core", "deprecated", "modern", "operator"]


class Touchpoint(Frozen):
    """A place where customer and operator meet. `valence_prior` is what is assumed before data speak."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    stage: Stage
    name: Text
    typical_event_type: str
    channels: tuple[str, ...]
    valence_prior: Literal["positive", "negative", "both"]
    pack: Pack = "operator"


class TouchpointOverride(Frozen):
    """What an operator says otherwise of one touchpoint."""

    stage: Stage | None = None
    name: Text | None = None


class Touchpoints(Mapping[str, Touchpoint]):
    """Touchpoints by id, in lifecycle order as listed."""

    def __init__(self, touchpoints: Iterable[Touchpoint]) -> None:
        self._by_id = {touchpoint.id: touchpoint for touchpoint in touchpoints}

    def __getitem__(self, touchpoint_id: str) -> Touchpoint:
        return self._by_id[touchpoint_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def overridden(self, overrides: Mapping[str, TouchpointOverride], added: Iterable[Touchpoint] = ()) -> Touchpoints:
        """A catalogue with other stages or names and an operator's own touchpoints.

        Raises KeyError naming the first override of a touchpoint that does not exist.
        """
        for touchpoint_id in overrides:
            if touchpoint_id not in self:
                raise KeyError(
                    f"no touchpoint {touchpoint_id!r} to override; the catalogue is journeys/data/touchpoints.csv"
                )
        changed = [_changed(touchpoint, overrides.get(touchpoint.id)) for touchpoint in self.values()]
        return Touchpoints([*changed, *added])


def _changed(touchpoint: Touchpoint, override: TouchpointOverride | None) -> Touchpoint:
    if override is None:
        return touchpoint
    return touchpoint.model_copy(
        update={"stage": override.stage or touchpoint.stage, "name": override.name or touchpoint.name}
    )


def _read(row: Mapping[str, str]) -> Touchpoint:
    return Touchpoint.model_validate(
        {
            "id": row["touchpoint_id"],
            "stage": row["stage"],
            "name": {"zh": row["name_zh"], "en": row["name_en"]},
            "typical_event_type": row["typical_event_type"],
            "channels": tuple(row["channel_hint"].split(";")),
            "valence_prior": row["valence_prior"],
            "pack": row["pack"],
        }
    )


@cache
def shipped_touchpoints() -> Touchpoints:
    """The catalogue that comes with the product."""
    text = resources.files("journeys").joinpath("data/touchpoints.csv").read_text(encoding="utf-8")
    return Touchpoints(_read(row) for row in csv.DictReader(text.splitlines()))
