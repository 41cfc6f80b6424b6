"""A customer's way through the stages, kept right when events arrive out of order.

The last visits are held one by one for as long as a late event may still fall between them; older ones are summed up in
the stage they left the customer in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.facts import Transition

Visit = tuple[int, int, str, str]
"""One event's place in the journey: time in ms, 64-bit key of the event, stage, touchpoint. A bare tuple: there is one
for each event, and naming its parts would cost more than all the rest done with it."""


class Change(NamedTuple):
    """A transition as it now stands, or (`deleted`) one that a late event undid."""

    transition: Transition
    deleted: bool


START: Visit = (-1, 0, "", "")
"""Before the first event."""

ROOM = 24
"""Visits held before old ones are summed up for the first time."""

MAX_VISITS = 4096
"""Bounded memory: a customer with more events than this inside the allowed lateness has a shorter horizon."""


class Journey:
    """The visits still open to correction, by event key, and what lies before them.

    `recent` serves deduplication too: an event whose key is in it has been seen. `last` is the latest visit, `base` the
    latest of those that were summed up. Memory access is what counts with a million customers, hence so few objects.
    """

    __slots__ = ("base", "last", "recent", "room")

    def __init__(self, base: Visit = START) -> None:
        self.base = base
        self.last = base
        self.recent: dict[int, Visit] = {}
        self.room = ROOM

    @property
    def stage(self) -> str:
        """The stage of the latest event, "" before any."""
        return self.last[2]

    def settle(self, before: int) -> None:
        """Sum up visits before `before` (ms), which no late event can precede any more, and those beyond MAX_VISITS."""
        kept = sorted(visit for visit in self.recent.values() if visit[0] >= before)[-MAX_VISITS:]
        if len(kept) < len(self.recent):
            first = kept[0] if kept else None
            settled = [visit for visit in self.recent.values() if first is None or visit < first]
            self.base = max(self.base, *settled)
            self.recent = {visit[1]: visit for visit in kept}
        self.room = max(ROOM, 2 * len(kept))

    def visit(self, customer_id: str, visit: Visit) -> Sequence[Change]:
        """Place an event not seen before; returns the stage changes it makes or unmakes (mostly none).

        An event older than what is already summed up changes nothing.
        """
        self.recent[visit[1]] = visit
        last = self.last
        if visit > last:
            self.last = visit
            if visit[2] == last[2]:
                return ()
            return (Change(_transition(customer_id, last, visit), False),)
        if visit < self.base:
            return ()
        return self._insert(customer_id, visit)

    def _insert(self, customer_id: str, visit: Visit) -> list[Change]:
        before = max((one for one in self.recent.values() if one < visit), default=self.base)
        after = min(one for one in self.recent.values() if one > visit)
        changes = []
        if visit[2] != before[2]:
            changes.append(Change(_transition(customer_id, before, visit), False))
        if after[2] != visit[2]:
            changes.append(Change(_transition(customer_id, visit, after), False))
        elif after[2] != before[2]:
            changes.append(Change(_transition(customer_id, before, after), True))
        return changes


def _transition(customer_id: str, before: Visit, after: Visit) -> Transition:
    at, key, stage, touchpoint = after
    waited = at - before[0] if before[0] >= 0 else 0
    return Transition(customer_id, key, at, before[2], stage, touchpoint, waited)
