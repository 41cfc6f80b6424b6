"""The books: what each month costs each customer, added up from the same draws that make the charges in the log."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
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
        self._bill = lru_cache(maxsize=8192)(self._added_up)

    def runs(self, cycle: int) -> tuple[int, ...]:
        """When (ms, local midnight) the periods of a cycle end within the span: bill `n` closes at element `n`."""
        return self.bounds[cycle][_BEFORE_SPAN + 1 :]

    def billed(self, customer: Customer, number: int) -> bool:
        """Whether this customer gets bill `number` of the span."""
        end = self.runs(customer.cycle)[number]
        return customer.joined < end and end + _BILL_RUN < customer.left

    def bill(self, customer: Customer, number: int) -> Bill:
        """Bill `number` of the span, planted charges included."""
        plain = self._bill(customer, number)
        extra = self.planted(customer)
        if not extra or extra[0].number != number:
            return plain
        return plain._replace(amount=plain.amount + extra[1], lines=plain.lines + 1)

    def habit(self, customer: Customer, number: int) -> int | None:
        """Median of the three bills in the log before `number`, in fen; None when there are fewer."""
        if number < 3 or not self.billed(customer, number - 3):
            return None
        one, two, three = (self.bill(customer, number - back).amount for back in (3, 2, 1))
        return median_of_three((one, two, three))

    def planted(self, customer: Customer) -> tuple[Spike, int] | None:
        """The planted charges of this customer, if any: on which bill, and how much."""
        spike = self.spike(customer)
        if spike is None:
            return None
        one, two, three = (self._bill(customer, spike.number - back).amount for back in (3, 2, 1))
        extra = extra_charge(spike, self._bill(customer, spike.number).amount, median_of_three((one, two, three)))
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

    def _added_up(self, customer: Customer, number: int) -> Bill:
        bounds = self.bounds[customer.cycle]
        start, end = bounds[number + _BEFORE_SPAN], bounds[number + _BEFORE_SPAN + 1]
        joins = start <= customer.joined < end
        recurring = self.first_fee(customer) if joins else customer.fee
        since, until = max(start, customer.joined), min(end, customer.left)
        used = self._usage.charges_between(customer.number, customer.activity, since, until)
        home, roaming = np.ones(len(used.at), dtype=np.bool_), 0
        for chapter in range(self._chapters.number_at(start), self._chapters.number_at(end) + 1):
            which, begin = self._chapters.of(chapter, customer.number)
            if which >= len(VARIANTS) or not VARIANTS[which].charges:
                continue
            home &= (used.at < begin) | (used.at >= begin + VARIANTS[which].length)
            for event in self._tell_chapter(customer, chapter):
                if event.event_type == "charge.rated" and start <= event.at < end:
                    roaming += event.amount or 0
        amount = recurring + int(used.value[home].sum()) + roaming
        return Bill(number, start, end, amount, recurring, roaming, 1 + int(home.sum()) + (roaming > 0))
