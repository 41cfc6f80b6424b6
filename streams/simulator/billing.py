"""The books: what each month costs each customer, added up from the same draws that make the charges in the log."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.times import DAY, HOUR
from streams.simulator.chapters import VARIANTS, Chapters
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import Bits, draw, draws, stream_key
from streams.simulator.population import CYCLE_DAYS, FOREVER, Customer
from streams.simulator.rhythm import cycle_bounds
from streams.simulator.spelling import Happening
from streams.simulator.stories.bill_spike import CAUSES, Spike, extra_charge, is_spike, median_of_three
from streams.simulator.usage import Usage

_BEFORE_SPAN = 3
"""Periods known before the first one that is billed in the span."""
_BILL_RUN = 10 * HOUR
_REMEMBERED = 32_768
"""Results kept: an act may be told a few times within some hours."""

ChapterEvents = Callable[[Customer, int], list[Happening]]


class Bill(NamedTuple):
    """One bill in fen; bounds in ms."""

    number: int
    start: int
    end: int
    amount: int
    recurring: int
    roaming: int
    lines: int


class Books:
    """All bills of one configuration. `tell_chapter` gives the events of one chapter of a customer's life."""

    def __init__(self, config: SimulationConfig, chapters: Chapters, usage: Usage, tell_chapter: ChapterEvents) -> None:
        self._config = config
        self._chapters = chapters
        self._usage = usage
        self._tell_chapter = tell_chapter
        self._spikes = stream_key(config.seed, "spikes")
        last = config.end_ms - _BILL_RUN
        self.bounds = [cycle_bounds(cycle, config.start_ms, last) for cycle in range(len(CYCLE_DAYS))]
        self._bills = lru_cache(maxsize=_REMEMBERED)(self._added_up)

    def runs(self, cycle: int) -> tuple[int, ...]:
        """When (ms, local midnight) the periods of a cycle end within the span: bill `n` closes at element `n`."""
        return self.bounds[cycle][_BEFORE_SPAN + 1 :]

    def billed(self, customer: Customer, number: int) -> bool:
        """Whether this customer gets bill `number` of the span."""
        end = self.runs(customer.cycle)[number]
        return customer.joined < end and end + _BILL_RUN < customer.left

    def bill(self, customer: Customer, number: int) -> Bill:
        """Bill `number` of the span, planted charges included."""
        return self._with_planted(customer, self._bills(customer, number, number))[0]

    def bill_and_habit(self, customer: Customer, number: int) -> tuple[Bill, int | None]:
        """Bill `number` and the median of the three bills in the log before it, in fen; None when there are fewer."""
        if number < 3 or not self.billed(customer, number - 3):
            return self.bill(customer, number), None
        *before, bill = self._with_planted(customer, self._bills(customer, number - 3, number))
        return bill, median_of_three((before[0].amount, before[1].amount, before[2].amount))

    def habit(self, customer: Customer, number: int) -> int | None:
        """The habit by itself, also for a month that is not billed in the span."""
        if number < 3 or not self.billed(customer, number - 3):
            return None
        one, two, three = self._with_planted(customer, self._bills(customer, number - 3, number - 1))
        return median_of_three((one.amount, two.amount, three.amount))

    def _with_planted(self, customer: Customer, bills: Sequence[Bill]) -> list[Bill]:
        extra = self.planted(customer)
        if extra is None:
            return list(bills)
        return [
            bill._replace(amount=bill.amount + extra[1], lines=bill.lines + 1)
            if bill.number == extra[0].number
            else bill
            for bill in bills
        ]

    def planted(self, customer: Customer) -> tuple[Spike, int] | None:
        """The planted charges of this customer, if any: on which bill, and how much."""
        spike = self.spike(customer)
        if spike is None:
            return None
        one, two, three, own = (bill.amount for bill in self._bills(customer, spike.number - 3, spike.number))
        extra = extra_charge(spike, own, median_of_three((one, two, three)))
        return spike, extra

    def spike(self, customer: Customer) -> Spike | None:
        """Whether and when a bill of this customer is made to stand out, or nearly."""
        rate = self._config.story_rates.get("bill_spike", 0.0)
        choices = len(self.runs(customer.cycle)) - 3
        if choices < 1 or customer.joined or customer.left != FOREVER:
            return None
        bits = draw(self._spikes, customer.number)
        lot, number = (bits & 0xFFFFFF) / 2**24, 3 + (bits >> 24 & 0xFF) % choices
        if lot < rate:
            cause, kind = CAUSES[bits >> 32 & 3]
            return Spike(number, cause, kind, "planted", 1.55 + (bits >> 40 & 0xFF) / 140)
        if lot < rate * (1 + self._config.near_misses):
            cause = "below_floor" if bits >> 32 & 1 else "just_below"
            return Spike(number, cause, "data", "near_miss", 1.4)
        return None

    def may_spike(self, customers: Bits) -> npt.NDArray[np.bool_]:
        """For many customers: False where `spike` is None by the first draw alone."""
        lots = draws(self._spikes, customers) & np.uint64(0xFFFFFF)
        share = self._config.story_rates.get("bill_spike", 0.0) * (1 + self._config.near_misses)
        return lots <= np.uint64(int(min(1.0, share) * 2**24))

    def first_fee(self, customer: Customer) -> int:
        """What a new customer pays for the rest of the running period, in fen."""
        month = 30 * DAY
        later = (bound for bound in self.bounds[customer.cycle] if bound > customer.joined)
        return max(100, customer.fee * min(next(later, FOREVER) - customer.joined, month) // month)

    def unbilled_spike(self, customer: Customer, happenings: list[Happening]) -> tuple[int, int, int] | None:
        """When (ms) the charges of one chapter alone become a spike that no bill of the span will show.

        With it the sum so far and the habit, in fen.
        """
        runs = self.runs(customer.cycle)
        sums: dict[int, int] = {}
        charges = [event for event in happenings if event.event_type == "charge.rated"]
        for event in sorted(charges, key=lambda charge: charge.at):
            number = bisect_right(runs, event.at)
            if number < len(runs) and self.billed(customer, number):
                continue
            sums[number] = sums.get(number, 0) + (event.amount or 0)
            habit = self.habit(customer, number)
            if habit is not None and is_spike(sums[number], habit):
                return event.at, sums[number], habit
        return None

    def _added_up(self, customer: Customer, first: int, last: int) -> tuple[Bill, ...]:
        """Bills `first` to `last`, without planted charges."""
        bounds = self.bounds[customer.cycle][first + _BEFORE_SPAN : last + _BEFORE_SPAN + 2]
        since, until = max(bounds[0], customer.joined), min(bounds[-1], customer.left)
        used = self._usage.charges_between(customer.number, customer.activity, since, until)
        home = np.ones(len(used.at), dtype=np.bool_)
        abroad: list[Happening] = []
        for chapter in range(self._chapters.number_at(bounds[0]), self._chapters.number_at(bounds[-1]) + 1):
            which, begin = self._chapters.of(chapter, customer.number)
            if which < len(VARIANTS) and VARIANTS[which].charges:
                home &= (used.at < begin) | (used.at >= begin + VARIANTS[which].length)
                abroad += [e for e in self._tell_chapter(customer, chapter) if e.event_type == "charge.rated"]
        period = np.searchsorted(np.array(bounds), used.at[home], side="right")
        sums = np.bincount(period, used.value[home], len(bounds) + 1)
        counts = np.bincount(period, minlength=len(bounds) + 1)
        bills = []
        for place, (start, end) in enumerate(pairwise(bounds)):
            recurring = self.first_fee(customer) if start <= customer.joined < end else customer.fee
            roaming = sum(event.amount or 0 for event in abroad if start <= event.at < end)
            amount = recurring + int(sums[place + 1]) + roaming
            lines = 1 + int(counts[place + 1]) + (roaming > 0)
            bills.append(Bill(first + place, start, end, amount, recurring, roaming, lines))
        return tuple(bills)
