"""The agenda: which acts of which customers begin on a day, found for all customers at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from schemas.times import DAY, HOUR
from streams.simulator.acts import JOINING, LEAVING, Act, ActKind, Acts
from streams.simulator.chapters import Chapters
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import Bits, draws, stream_key
from streams.simulator.population import (
    CYCLE_DAYS,
    REGIONS,
    Population,
    bill_offset,
    cycle_code,
    is_linked,
    pay_days,
    region_code,
)  # fmt: skip
from streams.simulator.stories.bill_spike import BEFORE_BILL

_CHUNK = 1 << 17
_AFFECTED = 0.03
_PAYING_HOUR = 9 * HOUR
_LAST_PAYING = 13 * DAY
_Found = tuple[Any, Any, int, Any]
"""Columns of acts: begins (ms), customers, kind, arguments."""


class Agenda:
    """The acts of the customers in `part`, day by day."""

    def __init__(
        self, config: SimulationConfig, part: range, population: Population, chapters: Chapters, acts: Acts
    ) -> None:
        self._config = config
        self._part = part
        self._population = population
        self._chapters = chapters
        self._acts = acts
        self._link = stream_key(config.seed, "link")
        self._affected = stream_key(config.seed, "affected")

    def of_day(self, day: int) -> DayAgenda:
        """The acts that begin in [`day`, `day` + 24 h), given out slice by slice."""
        found: list[_Found] = []
        for first in range(self._part.start, self._part.stop, _CHUNK):
            customers = np.arange(first, min(first + _CHUNK, self._part.stop), dtype=np.uint64)
            traits = self._population.traits(customers)
            found += self._chapter_acts(day, customers)
            found += self._bill_acts(day, customers, traits)
            found += self._life_acts(day, customers, traits)
            found += self._outage_acts(day, customers, traits)
        return DayAgenda(found)

    def _chapter_acts(self, day: int, customers: Bits) -> list[_Found]:
        out = []
        last = min(day + DAY, self._config.end_ms) - 1
        for number in range(self._chapters.number_at(day), self._chapters.number_at(last) + 1):
            which, begins = self._chapters.begins(number, customers)
            chosen = (begins >= day) & (begins < day + DAY) & (which < self._chapters.quiet)
            out.append((begins[chosen], customers[chosen], int(ActKind.CHAPTER), number))
        return out

    def _bill_acts(self, day: int, customers: Bits, traits: Bits) -> list[_Found]:
        out: list[_Found] = []
        cycles, turns = cycle_code(traits), bill_offset(traits)
        waits = pay_days(traits).astype(np.int64) * DAY + _PAYING_HOUR + turns
        for cycle in range(len(CYCLE_DAYS)):
            mine = np.nonzero(cycles == cycle)[0]
            for number, end in enumerate(self._acts.books.runs(cycle)):
                for kind, wait in ((ActKind.BILL, turns), (ActKind.PAYMENT, waits)):
                    if day - _LAST_PAYING <= end < day + DAY:
                        begins = end + wait[mine]
                        due = (begins >= day) & (begins < day + DAY)
                        out.append((begins[due], customers[mine[due]], int(kind), number))
                if day <= end - BEFORE_BILL < day + DAY:
                    lots = customers[mine][self._acts.books.may_spike(customers[mine])]
                    planted = [customer for customer in lots.tolist() if self._has_spike(customer, number)]
                    out.append((end - BEFORE_BILL, np.array(planted, dtype=np.uint64), int(ActKind.SPIKE), number))
        return out

    def _has_spike(self, customer: int, number: int) -> bool:
        spike = self._acts.books.spike(self._population.of(customer))
        return spike is not None and spike.number == number

    def _life_acts(self, day: int, customers: Bits, traits: Bits) -> list[_Found]:
        joined, left = self._population.lifetimes(customers)
        since_start = draws(self._link, customers) % np.uint64(max(HOUR, self._config.days * DAY // 5))
        linked_at = self._config.start_ms + since_start.astype(np.int64)
        linked_at[~is_linked(traits)] = 0
        out: list[_Found] = []
        turns = ((joined - JOINING, ActKind.JOIN), (left - LEAVING, ActKind.LEAVE), (linked_at, ActKind.LINK))
        for begins, kind in turns:
            chosen = (begins >= day) & (begins < day + DAY)
            out.append((begins[chosen], customers[chosen], int(kind), 0))
        return out

    def _outage_acts(self, day: int, customers: Bits, traits: Bits) -> list[_Found]:
        out: list[_Found] = []
        number = (day - self._config.start_ms) // DAY
        regions = region_code(traits)
        for region in range(len(REGIONS)):
            found = self._acts.outage(number, region)
            if found is None:
                continue
            argument = number * len(REGIONS) + region
            lots = draws(stream_key(self._affected, "outage", argument), customers) >> np.uint64(32)
            hit = customers[(regions == region) & (lots < np.uint64(_AFFECTED * 2**32))]
            out.append((found[0], hit, int(ActKind.OUTAGE), argument))
        return out


class DayAgenda:
    """One day's acts in order of their begin; each is given out once."""

    def __init__(self, found: list[_Found]) -> None:
        sizes = [len(customers) for _, customers, _, _ in found]
        starts = [np.full(size, part[0]) for size, part in zip(sizes, found, strict=True)]
        self._begins = np.concatenate([np.zeros(0, np.int64), *starts])
        self._customers = np.concatenate([np.zeros(0, np.int64), *(f[1].astype(np.int64) for f in found)])
        self._kinds = np.repeat(np.array([f[2] for f in found], dtype=np.int64), sizes)
        self._arguments = np.repeat(np.array([f[3] for f in found], dtype=np.int64), sizes)
        self._order = np.lexsort((self._arguments, self._kinds, self._customers, self._begins))
        self._sorted = self._begins[self._order]
        self._next = 0

    def before(self, until: int) -> Iterator[Act]:
        """The acts not given out yet that begin before `until` (ms)."""
        stop = int(np.searchsorted(self._sorted, until, side="left"))
        rows = self._order[self._next : stop]
        self._next = stop
        columns = (self._begins[rows], self._customers[rows], self._kinds[rows], self._arguments[rows])
        for begin, customer, kind, argument in zip(*(column.tolist() for column in columns), strict=True):
            yield Act(begin, customer, kind, argument)
