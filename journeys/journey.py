"""A customer's way through the stages, kept right when events arrive out of order.

The last visits are held one by one for as long as a late event may still fall between them; older ones are summed up in
the stage they left the customer in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from struct import Struct
from typing import Any, NamedTuple

from journeys.placement import NOWHERE, Placement, stage_of
from schemas.facts import Transition

_RECORD = Struct("<q8s5s")
"""Time in ms, 64-bit key of the event, code of its placement."""
_pack, _unpack = _RECORD.pack, _RECORD.unpack_from

ROOM = 24 * _RECORD.size
"""Bytes of trail held before old visits are summed up for the first time."""

MAX_TRAIL, KEPT_TRAIL = 4608 * _RECORD.size, 4096 * _RECORD.size
"""Bounded memory: of a customer with 4608 events inside the allowed lateness only the latest 4096 are remembered."""


MANY = 256 * _RECORD.size
"""Bytes of trail from which its keys are held one by one too: to look through so many costs more than all the rest."""


class Visit(NamedTuple):
    """One event's place in the journey: time in ms, 64-bit key of the event, code of its placement."""

    at: int
    key: bytes
    code: bytes


class Columns(NamedTuple):
    """A trail in a form that compresses well: steps from one time to the next (ms), the keys one after the other, the
    codes that occur, and which of them each visit has."""

    steps: list[int]
    keys: bytes
    codes: list[bytes]
    which: list[int]


START = Visit(-1, b"\0" * 8, NOWHERE)
"""Before the first event."""


class Change(NamedTuple):
    """A transition as it now stands, or (`deleted`) one that a late event undid."""

    transition: Transition
    deleted: bool


class Journey:
    """The visits still open to correction, packed in order of time and key into `trail`, and `base`, what lies before
    them.

    `trail` serves deduplication too: an event whose key is in it has been seen. With a million customers memory access
    is what an event costs, hence one string of bytes instead of an object for each visit. Of a long one `keys` holds
    the keys, otherwise it is None. `last_at` (ms) and `last_code` are those of the latest visit, `base` included.
    """

    __slots__ = ("base", "keys", "last_at", "last_code", "room", "trail")

    def __init__(self, base: Visit = START, trail: bytes = b"") -> None:
        self.base = base
        self._follow(trail)
        last = max(self._visit(len(trail) // _RECORD.size - 1), base) if trail else base
        self.last_at, _, self.last_code = last

    def visits(self) -> list[Visit]:
        """The visits still open, in order."""
        return [Visit(*record) for record in _RECORD.iter_unpack(self.trail)]

    @property
    def stage(self) -> str:
        """The stage of the latest event, "" before any."""
        return stage_of(self.last_code)

    def settle(self, before: int) -> None:
        """Sum up visits before `before` (ms), which no late event can precede any more.

        If that leaves MAX_TRAIL bytes or more, only the latest KEPT_TRAIL stay.
        """
        settled = self._place((before, b"", b"")) * _RECORD.size
        if len(self.trail) - settled >= MAX_TRAIL:
            settled = len(self.trail) - KEPT_TRAIL
        if settled:
            self.base = max(self.base, self._visit(settled // _RECORD.size - 1))
        self._follow(self.trail[settled:])

    def _follow(self, trail: bytes) -> None:
        self.trail = trail
        self.room = min(max(ROOM, 2 * len(trail)), MAX_TRAIL)
        self.keys = {key for _, key, _ in _RECORD.iter_unpack(trail)} if len(trail) >= MANY else None

    def has_seen(self, key: bytes) -> bool:
        """Whether the event with this key is among the visits still open."""
        if self.keys is None:
            return self.trail.find(key) >= 0  # `in` would ask for the buffer protocol first
        return key in self.keys

    def may_settle(self, before: int) -> bool:
        """Whether there is a visit before `before` (ms)."""
        return bool(self.trail) and int.from_bytes(self.trail[:8], "little") < before

    def visit(
        self, customer_id: str, at: int, key: bytes, placement: Placement, placed: Mapping[bytes, Placement]
    ) -> Sequence[Change]:
        """Place an event not seen before; returns the stage changes it makes or unmakes (mostly none).

        `placed` finds a placement by its code. An event older than what is already summed up changes nothing.
        """
        code = placement[3]
        if self.keys is not None:
            self.keys.add(key)
        last_at, last_code = self.last_at, self.last_code
        if at > last_at:
            self.trail += _pack(at, key, code)
            self.last_at, self.last_code = at, code
            if code[0] == last_code[0]:
                return ()
            return (Change(_transition(customer_id, last_at, last_code, Visit(at, key, code), placed), False),)
        return self._insert(customer_id, Visit(at, key, code), placed)

    def _insert(self, customer_id: str, visit: Visit, placed: Mapping[bytes, Placement]) -> list[Change]:
        """Place a visit that is not later than all others."""
        place = self._place(visit)
        at = place * _RECORD.size
        after = self._visit(place) if at < len(self.trail) else None
        before = max(self._visit(place - 1), self.base) if place else self.base
        self.trail = b"".join((self.trail[:at], _pack(*visit), self.trail[at:]))
        changes: list[Change] = []
        if visit <= self.base:
            return changes
        if visit.code[0] != before.code[0]:
            changes.append(Change(_transition(customer_id, before.at, before.code, visit, placed), False))
        if after is None:  # the latest, at the same instant as the one before
            self.last_at, _, self.last_code = visit
        elif after.code[0] != visit.code[0]:
            changes.append(Change(_transition(customer_id, visit.at, visit.code, after, placed), False))
        elif after.code[0] != before.code[0]:
            changes.append(Change(_transition(customer_id, before.at, before.code, after, placed), True))
        return changes

    def _visit(self, place: int) -> Visit:
        return Visit(*_unpack(self.trail, place * _RECORD.size))

    def _place(self, visit: tuple[Any, ...]) -> int:
        """How many of the visits lie before `visit`."""
        trail = self.trail
        return bisect_left(range(0, len(trail), _RECORD.size), visit, key=lambda at: _unpack(trail, at))


def columns_of(trail: bytes) -> Columns:
    """A trail by columns."""
    if not trail:
        return Columns([], b"", [], [])
    times, keys, codes = zip(*_RECORD.iter_unpack(trail), strict=True)
    places = {code: place for place, code in enumerate(dict.fromkeys(codes))}
    steps = [after - before for before, after in pairwise((0, *times))]
    return Columns(steps, b"".join(keys), list(places), [places[code] for code in codes])


def trail_of(columns: Columns) -> bytes:
    """The trail that `columns_of` was given."""
    steps, keys, codes, which = columns
    split = (keys[at : at + 8] for at in range(0, len(keys), 8))
    return b"".join(map(_pack, accumulate(steps), split, [codes[place] for place in which]))


def _transition(
    customer_id: str, from_at: int, from_code: bytes, to: Visit, placed: Mapping[bytes, Placement]
) -> Transition:
    placement = placed.get(to.code)
    touchpoint = "" if placement is None else placement.touchpoint
    waited = to.at - from_at if from_at >= 0 else 0
    key = int.from_bytes(to.key, "big")
    return Transition(customer_id, key, to.at, stage_of(from_code), stage_of(to.code), touchpoint, waited)
