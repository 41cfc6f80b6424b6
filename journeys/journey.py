"""A customer's way through the stages, kept right when events arrive out of order.

The last visits are held one by one for as long as a late event may still fall between them; older ones are summed up in
the stage they left the customer in.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

from schemas.facts import Transition


class Visit(NamedTuple):
    """One event's place in the journey: time in ms, 64-bit key of the event, stage, touchpoint."""

    at: int
    key: int
    stage: str
    touchpoint: str


class Change(NamedTuple):
    """A transition as it now stands, or (`deleted`) one that a late event undid."""

    transition: Transition
    deleted: bool


MAX_VISITS = 24
"""Bounded history: beyond it the oldest visits are summed up although a late event might have fallen between them."""

START = Visit(-1, 0, "", "")
"""Before the first event."""


class Journey:
    """The visits still open to correction and what lies before them. `visits` are sorted by time, then key."""

    __slots__ = ("base", "visits")

    def __init__(self, base: Visit = START, visits: list[Visit] | None = None) -> None:
        self.base = base
        self.visits: list[Visit] = [] if visits is None else visits

    @property
    def stage(self) -> str:
        """The stage of the latest event, "" before any."""
        return self.visits[-1].stage if self.visits else self.base.stage

    def settle(self, before: int) -> None:
        """Sum up visits before `before` (ms), which no late event can precede any more, and any beyond MAX_VISITS."""
        visits = self.visits
        settled = max(0, len(visits) - MAX_VISITS)
        while settled < len(visits) and visits[settled].at < before:
            settled += 1
        if settled:
            self.base = visits[settled - 1]
            del visits[:settled]

    def visit(self, customer_id: str, visit: Visit) -> Sequence[Change]:
        """Place one event; returns the stage changes it makes or unmakes (mostly none).

        An event older than what is already summed up changes nothing.
        """
        visits = self.visits
        previous = visits[-1] if visits else self.base
        if visit > previous:
            visits.append(visit)
            if visit[2] == previous[2]:
                return ()
            return (Change(_transition(customer_id, previous, visit), False),)
        if visit < self.base:
            return ()
        return self._insert(customer_id, visit)

    def _insert(self, customer_id: str, visit: Visit) -> list[Change]:
        visits = self.visits
        insort(visits, visit)
        place = visits.index(visit)
        before = visits[place - 1] if place else self.base
        after = visits[place + 1]
        changes = []
        if visit.stage != before.stage:
            changes.append(Change(_transition(customer_id, before, visit), False))
        if after.stage != visit.stage:
            changes.append(Change(_transition(customer_id, visit, after), False))
        elif after.stage != before.stage:
            changes.append(Change(_transition(customer_id, before, after), True))
        return changes


def _transition(customer_id: str, before: Visit, after: Visit) -> Transition:
    waited = 0 if before is START or before.at < 0 else after.at - before.at
    return Transition(customer_id, after.key, after.at, before.stage, after.stage, after.touchpoint, waited)
