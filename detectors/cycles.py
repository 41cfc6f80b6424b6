"""Bill cycles of an account against its own habit: the reading behind bill_spike.

Facts have the kinds bill (`value` minor units, `note` currency, `due` end of the billed period in ms) and charge
(`value` minor units, `note` currency).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from typing import NamedTuple

from detectors.base import Fact
from detectors.primitives import baseline, threshold
from schemas.times import DAY

RECENT_MS = 45 * DAY
"""Cycles billed longer than this before the newest fact are settled and not judged again."""
SHORTEST_MS = 28 * DAY
"""No billed period is shorter: charges after it may already belong to the next cycle."""


class Cycle(NamedTuple):
    """A cycle that spiked.

    `before` are the bills of the habit, `bill` the cycle's own one once it is issued; `charges` ran up to it,
    `crossing` is the one that alone reached `limit` (minor units) with those before it. `habit` is the median of
    `before`.
    """

    before: Sequence[Fact]
    bill: Fact | None
    charges: Sequence[Fact]
    crossing: Fact | None
    limit: int
    habit: float

    @property
    def amount(self) -> int:
        """The bill, or what has run up so far, in minor units."""
        return self.bill.value if self.bill is not None else sum(charge.value for charge in self.charges)

    @property
    def decided_at(self) -> int:
        """When the spike showed (ms): at the crossing charge, though not before the last bill; else at the bill."""
        decided = self.crossing or self.bill
        assert decided is not None
        return max(decided.at, self.before[-1].at)

    @property
    def withdrawn_at(self) -> int | None:
        """When the bill showed that it was no spike after all (ms)."""
        return self.bill.at if self.bill is not None and self.bill.value < self.limit else None

    @property
    def events(self) -> tuple[str, ...]:
        """Bills of the habit, the charges up to the crossing one (the last 20 of them), the bill."""
        path = [] if self.crossing is None else self.charges[: self.charges.index(self.crossing) + 1][-20:]
        own = () if self.bill is None else (self.bill,)
        return tuple(fact.event_id for fact in sorted((*self.before, *path, *own)))


def spikes(facts: Sequence[Fact], history: int, ratio: float, floor_minor: int, max_gap_ms: int) -> Iterator[Cycle]:
    """Recent cycles, the running one included, that reached `ratio` times the habit and `floor_minor` above it."""
    issued = [fact for fact in facts if fact.kind == "bill"]
    for place in range(history, len(issued) + 1):
        bill = issued[place] if place < len(issued) else None
        if bill is not None and bill.at < facts[-1].at - RECENT_MS:
            continue
        before = issued[place - history : place]
        if not _is_habit(before, max_gap_ms):
            continue
        if bill is not None and not _is_habit((before[-1], bill), max_gap_ms):
            bill = None  # of another habit: it neither makes nor withdraws the spike of this cycle
        habit = baseline([one.value for one in before], history)
        if habit:
            limit = max(ceil(ratio * habit), ceil(habit) + floor_minor)
            charges = _running(facts, before[-1], bill)
            crossing = threshold(charges, limit)
            if crossing is not None or (bill is not None and bill.value >= limit):
                yield Cycle(before, bill, charges, crossing, limit, habit)


def habit_before(earlier: Sequence[Fact], bill: Fact, window_ms: int, max_gap_ms: int) -> list[Fact]:
    """The bills that make the habit of `bill`, oldest first: its window, its currency, back to the last gap."""
    habit: list[Fact] = []
    later = bill
    for one in reversed(earlier):
        if one.note != bill.note or later.at - one.at > max_gap_ms or bill.at - one.at > window_ms:
            break
        habit.append(one)
        later = one
    return habit[::-1]


def _is_habit(line: Sequence[Fact], max_gap_ms: int) -> bool:
    return all(later.at - earlier.at <= max_gap_ms and later.note == earlier.note for earlier, later in pairwise(line))


def _running(facts: Sequence[Fact], last: Fact, bill: Fact | None) -> list[Fact]:
    until = last.due + SHORTEST_MS if bill is None else min(last.due + SHORTEST_MS, bill.at)
    return [one for one in facts if one.kind == "charge" and last.due <= one.at < until and one.note == last.note]
