"""Event -> touchpoint -> stage.

An event that names a known touchpoint is placed there; otherwise the first rule for its type that matches places it.
Rules are data (`data/placement.csv`): event type, an attribute and the value it must equal (both empty: always).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec

from journeys.touchpoints import Touchpoints
from schemas.envelope import Event


class Placement(NamedTuple):
    """Where an event stands on the lifecycle.

    `suffix` is `,"stage":…,"touchpoint":…}`, what closes its JSON with it.
    """

    touchpoint: str
    stage: str
    suffix: bytes


class PlacementRule(NamedTuple):
    """`event_type` goes to `touchpoint_id` when `attribute` equals `equals` (or always, when `attribute` is empty)."""

    event_type: str
    attribute: str
    equals: str
    touchpoint_id: str


@cache
def shipped_rules() -> tuple[PlacementRule, ...]:
    """The rules that come with the product."""
    text = resources.files("journeys").joinpath("data/placement.csv").read_text(encoding="utf-8")
    return tuple(PlacementRule(**row) for row in csv.DictReader(text.splitlines()))


class Placements:
    """Places events. Raises KeyError at construction for a rule whose touchpoint does not exist."""

    def __init__(self, touchpoints: Touchpoints, rules: Iterable[PlacementRule] | None = None) -> None:
        self._by_touchpoint = {
            touchpoint.id: Placement(touchpoint.id, touchpoint.stage, _suffix(touchpoint.stage, touchpoint.id))
            for touchpoint in touchpoints.values()
        }
        self._always: dict[str, Placement] = {}
        self._when: dict[str, dict[str, dict[str, Placement]]] = {}
        for rule in shipped_rules() if rules is None else rules:
            placement = self._by_touchpoint[rule.touchpoint_id]
            if rule.attribute:
                self._when.setdefault(rule.event_type, {}).setdefault(rule.attribute, {})[rule.equals] = placement
            else:
                self._always[rule.event_type] = placement
        self.unplaced = Placement("", "use", _suffix("use", ""))

    @property
    def event_types(self) -> frozenset[str]:
        """Types that some rule places always."""
        return frozenset(self._always)

    def place(self, event: Event) -> Placement:
        """The placement of `event`; the `unplaced` one (stage use, no touchpoint) for a type without a rule."""
        if event.touchpoint_id is not None:
            named = self._by_touchpoint.get(event.touchpoint_id)
            if named is not None:
                return named
        conditions = self._when.get(event.event_type)
        if conditions is not None:
            found = _matching(conditions, event)
            if found is not None:
                return found
        return self._always.get(event.event_type, self.unplaced)


def _matching(conditions: Mapping[str, Mapping[str, Placement]], event: Event) -> Placement | None:
    for attribute, by_value in conditions.items():
        value = getattr(event.attributes, attribute, None)
        if value is not None:
            placement = by_value.get(value if type(value) is str else str(value).lower())
            if placement is not None:
                return placement
    return None


def _suffix(stage: str, touchpoint: str) -> bytes:
    return b',"stage":' + msgspec.json.encode(stage) + b',"touchpoint":' + msgspec.json.encode(touchpoint) + b"}"
