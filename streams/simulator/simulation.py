"""The simulation: a stream of encoded events in order of arrival, from one customer to ten million in like memory.

Time is cut into slices. In each slice every customer's hour is drawn at once (numpy), the acts that begin in it are
told, and what arrives in it goes out sorted; what arrives later waits. An act with a long tail is not kept but told
again when its next event is due. So memory holds one slice, late events of the allowance, and a small cursor per open
act.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from schemas.times import DAY, HOUR, MINUTE, SECOND
from streams.simulator.acts import Act, Acts
from streams.simulator.agenda import Agenda
from streams.simulator.chapters import Chapters
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import Bits
from streams.simulator.population import Population
from streams.simulator.truth import TruthRecord
from streams.simulator.usage import Usage, Used

_CHUNK = 1 << 17
_CUSTOMER_MS_PER_SLICE = 400_000 * HOUR
_STEPS = tuple(step * SECOND for step in (3600, 1800, 1200, 900, 600, 300, 200, 150, 100))


class Slice(NamedTuple):
    """What arrived before `until` (ms) and after the slice before it; truths of the acts that began in it."""

    until: int
    lines: list[bytes]
    truths: list[TruthRecord]


class Simulation:
    """All customers of `config`, or only those in `part` (indexes), whose lines are the same either way."""

    def __init__(self, config: SimulationConfig, part: range | None = None) -> None:
        self.config = config
        self._part = part if part is not None else range(config.customers)
        if self._part.step != 1 or self._part.start < 0 or self._part.stop > config.customers:
            raise ValueError(f"part {self._part} is not a run of customers below {config.customers}")
        self._population = Population(config)
        self._chapters = Chapters(config)
        self._usage = Usage(config, self._population)
        self._acts = Acts(config, self._population, self._chapters, self._usage)
        self._agenda = Agenda(config, self._part, self._population, self._chapters, self._acts)
        wanted = _CUSTOMER_MS_PER_SLICE // max(1, len(self._part))
        self._step = next((step for step in _STEPS if step <= wanted), _STEPS[-1])
        # Tell an act ahead by a day while few are open, by one slice when there are millions.
        self._ahead = min(DAY, max(self._step, 2 * HOUR * 1_000_000 // max(1, len(self._part))))
        self._this_hour: list[tuple[Used, Bits, Bits]] = []
        self._waiting: list[tuple[int, bytes]] = []
        self._open: list[tuple[int, Act]] = []

    def slices(self) -> Iterator[Slice]:
        """The whole log, slice by slice; may be iterated once."""
        start, end = self.config.start_ms, self.config.end_ms
        for day in range(start, end, DAY):
            acts = self._agenda.of_day(day)
            for begin in range(day, min(day + DAY, end), self._step):
                until = min(begin + self._step, end)
                yield self._slice_of(until, self._usage_lines(begin, until), acts.before(until))
        until = end
        while self._waiting or self._open:
            until += 15 * MINUTE
            rest = self._slice_of(until, [])
            if rest.lines:
                yield rest

    def batches(self, size: int) -> Iterator[list[bytes]]:
        """The lines in lists of `size`; the last may be shorter."""
        held: list[bytes] = []
        for part in self.slices():
            held += part.lines
            while len(held) >= size:
                yield held[:size]
                del held[:size]
        if held:
            yield held

    def _slice_of(self, until: int, due: list[tuple[int, bytes]], acts: Iterable[Act] = ()) -> Slice:
        truths: list[TruthRecord] = []
        for act in acts:
            told = self._tell(act, 0, until)
            due += told[0]
            truths += told[1]
        while self._open and self._open[0][0] < until:
            wake, act = heapq.heappop(self._open)
            due += self._tell(act, wake, until)[0]
        now = [entry for entry in due if entry[0] < until]
        for entry in due:
            if entry[0] >= until:
                heapq.heappush(self._waiting, entry)
        while self._waiting and self._waiting[0][0] < until:
            now.append(heapq.heappop(self._waiting))
        now.sort()
        return Slice(until, [line for _, line in now], truths)

    def _tell(self, act: Act, wake: int, until: int) -> tuple[list[tuple[int, bytes]], list[TruthRecord]]:
        told, later = self._acts.told(act, wake, max(until, until - self._step + self._ahead))
        if later:
            heapq.heappush(self._open, (later, act))
        return told.lines, told.truths

    def _usage_lines(self, begin: int, until: int) -> list[tuple[int, bytes]]:
        """The lines of everyday usage in [`begin`, `until`), which lie in one hour."""
        if begin % HOUR == 0:
            self._this_hour = [self._usage_of(begin // HOUR, first) for first in range(*self._chunks())]
        out: list[tuple[int, bytes]] = []
        for used, who, traits in self._this_hour:
            if until - begin < HOUR:
                inside = (used.at >= begin) & (used.at < until)
                out += self._usage.lines(used.only(inside), who[inside], traits[inside])
            else:
                out += self._usage.lines(used, who, traits)
        return out

    def _chunks(self) -> tuple[int, int, int]:
        return self._part.start, self._part.stop, _CHUNK

    def _usage_of(self, hour: int, first: int) -> tuple[Used, Bits, Bits]:
        """The usage in one hour of the chunk from customer `first` on; with each row's customer and traits."""
        customers = np.arange(first, min(first + _CHUNK, self._part.stop), dtype=np.uint64)
        traits = self._population.traits(customers)
        used = self._usage.in_hour(customers, traits, hour)
        who = customers[used.who]
        joined, left = self._population.lifetimes(who)
        away = self._chapters.abroad(self._chapters.number_at(hour * HOUR), who, used.at)
        here = (used.at >= joined) & (used.at < left) & ~away
        kept = used.only(here)
        return kept, who[here], traits[kept.who]
