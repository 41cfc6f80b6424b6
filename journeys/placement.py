"""Event -> touchpoint -> stage.

An event that names a known touchpoint is placed there; otherwise the first rule for its type that matches places it.
Rules are data (`data/placement.csv`): event type, an attribute and the value it must equal (both empty: always).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec
import xxhash

from journeys.lifecycle import STAGE_IDS
from journeys.touchpoints import Touchpoints
from schemas.envelope import Event
from schemas.moments import Stage


class Placement(NamedTuple):
    """Where an event stands on the lifecycle.

    `suffix` is `,"stage":…,"touchpoint":…}`, what closes its JSON with it. `code` is five bytes, the stage's number and
    a hash of the touchpoint: the same after a restart with another catalogue.
    """

    touchpoint: str
    stage: str
    suffix: bytes
    code: bytes


NOWHERE = b"\xff\0\0\0\0"
"""The code of no placement at all: before a customer's first event."""


def stage_of(code: bytes) -> str:
    """The stage of a placement's code, "" for NOWHERE."""
    return "" if code[0] == NOWHERE[0] else STAGE_IDS[code[0]]


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


class _Rules(NamedTuple):
    """The rules of one event type: by the value of one attribute, else always."""

    attribute: str
    by_value: dict[str, Placement]
    always: Placement


class Placements:
    """Places events.

    Raises KeyError at construction for a rule whose touchpoint does not exist, ValueError for an event type whose
    rules look at two different attributes.
    """

    def __init__(self, touchpoints: Touchpoints, rules: Iterable[PlacementRule] | None = None) -> None:
        self._by_touchpoint = {
            touchpoint.id: _placement(touchpoint.id, touchpoint.stage) for touchpoint in touchpoints.values()
        }
        self._nowhere = _Rules("", {}, _placement("", "use"))
        self.by_code = {placement.code: placement for placement in self._by_touchpoint.values()}
        self._rules: dict[str, _Rules] = {}
        for rule in shipped_rules() if rules is None else rules:
            self._add(rule, self._by_touchpoint[rule.touchpoint_id])

    def _add(self, rule: PlacementRule, placement: Placement) -> None:
        known = self._rules.get(rule.event_type, self._nowhere)
        if not rule.attribute:
            self._rules[rule.event_type] = known._replace(always=placement)
        elif known.attribute in ("", rule.attribute):
            by_value = {**known.by_value, rule.equals: placement}
            self._rules[rule.event_type] = _Rules(rule.attribute, by_value, known.always)
        else:
            raise ValueError(
                f"{rule.event_type} is placed by {known.attribute!r} already, not by {rule.attribute!r} too"
            )

    @property
    def event_types(self) -> frozenset[str]:
        """Types that some rule places always."""
        return frozenset(kind for kind, rules in self._rules.items() if rules.always is not self._nowhere.always)

    def described(self) -> object:
        """All there is to know of how events are placed, as plain data."""
        rules = {kind: [rules.attribute, rules.by_value, rules.always] for kind, rules in self._rules.items()}
        return [list(self._by_touchpoint.values()), rules]

    def place(self, event: Event) -> Placement:
        """The placement of `event`; stage `use` and no touchpoint for a type without a rule."""
        named = event.touchpoint_id
        if named is not None and named in self._by_touchpoint:
            return self._by_touchpoint[named]
        attribute, by_value, always = self._rules.get(event.event_type, self._nowhere)
        if attribute:
            value = getattr(event.attributes, attribute, None)
            if value is not None:
                return by_value.get(value if type(value) is str else str(value).lower(), always)
        return always


def _placement(touchpoint: str, stage: Stage) -> Placement:
    suffix = b',"stage":' + msgspec.json.encode(stage) + b',"touchpoint":' + msgspec.json.encode(touchpoint) + b"}"
    code = bytes([STAGE_IDS.index(stage)]) + xxhash.xxh32_digest(touchpoint.encode())
    return Placement(touchpoint, stage, suffix, code)
