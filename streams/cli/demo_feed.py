"""The simulator as a source of the embedded runner, in a process of its own, so that telling and judging overlap."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection

from streams.cli.failures import CliError
from streams.runners.feeds import Records
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from streams.simulator.truth import TruthRecord

PATIENCE_S = 0.1
"""How long the runner may be kept waiting before it gets an empty batch, so that it can commit what it has."""
_PORTION = 2_000


class SimulatedFeed:
    """A RecordSource that ends when the simulation does, when `stop` is called, or after `duration` seconds.

    `speed` is how many times faster than event time it goes, 0 for as fast as it can. While it runs, `handed` counts
    the records handed over, `until_ms` is how far event time has come, and `truths` grows by what the stories told;
    `ended` is set at the end, `cut` when the end came before the simulation's.
    """

    def __init__(
        self,
        config: SimulationConfig,
        *,
        speed: float = 0.0,
        duration: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.identity = f"simulation:{config.model_dump_json()}"
        self.handed = 0
        self.until_ms = config.start_ms
        self.truths: list[TruthRecord] = []
        self.cut = False
        self.ended = False
        self._config = config
        self._speed = speed
        self._duration = duration
        self._clock = clock
        self._sleep = sleep
        self._stopping = False
        self._began: float | None = None

    def stop(self) -> None:
        """End the log after what has been handed over; safe to call from a signal handler."""
        self._stopping = True

    def batches(self, start: int, size: int) -> Iterator[Records]:
        """See RecordSource; a simulation told anew is the same, so that it can go on from any position."""
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        teller = context.Process(target=_tell, args=(self._config, theirs), daemon=True, name="simulator")
        teller.start()
        theirs.close()
        try:
            for records in self._received(ours, start, size):
                yield records
                if self._is_over():
                    self.cut = True
                    return
        finally:
            self.ended = True
            ours.close()
            teller.terminate()
            teller.join()

    def progress(self) -> float:
        """How much of the simulated span has been handed over, from 0 to 1."""
        span = self._config.end_ms - self._config.start_ms
        return min(1.0, (self.until_ms - self._config.start_ms) / span)

    def _is_over(self) -> bool:
        return self._stopping or (self._duration is not None and self._elapsed() >= self._duration)

    def _elapsed(self) -> float:
        """Seconds since the first record came: the time it takes to start a process is not the demo's."""
        return 0.0 if self._began is None else self._clock() - self._began

    def _received(self, pipe: Connection, start: int, size: int) -> Iterator[Records]:
        position = 0
        while (portion := self._next(pipe)) is not None:
            if isinstance(portion, Waiting):
                yield Records(max(position, start), [])
                continue
            if self._began is None:
                self._began = self._clock()
            until, lines, truths = portion
            self.truths += truths
            first, position = position, position + len(lines)
            kept = lines[max(0, start - first) :]
            for records in self._paced(until, position - len(kept), kept, size):
                self.handed += len(records.raws)
                yield records
            self.until_ms = until

    def _next(self, pipe: Connection) -> Portion | Waiting | None:
        try:
            if not pipe.poll(PATIENCE_S):
                return Waiting()
            until, block, truths = pipe.recv()
        except EOFError:
            raise CliError("demo.simulator_died") from None
        return None if until is None else (until, block.split(b"\n") if block else [], truths)

    def _paced(self, until: int, first: int, lines: list[bytes], size: int) -> Iterator[Records]:
        """The lines of a portion, spread evenly over the time they took when a speed is asked for."""
        if not self._speed:
            for place in range(0, len(lines), size):
                yield Records(first + place, lines[place : place + size])
            return
        begin, done = self.until_ms, 0
        while done < len(lines) or self._now_ms() < until:
            share = (self._now_ms() - begin) / max(1, until - begin)
            upto = len(lines) if share >= 1 else int(len(lines) * max(0.0, share))
            upto = min(upto, done + size)
            yield Records(first + done, lines[done:upto])
            if upto == done:
                self._sleep(PATIENCE_S)
            done = max(done, upto)

    def _now_ms(self) -> float:
        """The event time that the asked-for speed has reached."""
        return self._config.start_ms + self._elapsed() * 1_000 * self._speed


Portion = tuple[int, list[bytes], list[TruthRecord]]


class Waiting:
    """Nothing has come yet."""


def _tell(config: SimulationConfig, pipe: Connection) -> None:
    """The process that tells: portions of a few thousand lines, then (None, ...) when all is told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the reader decides when to end
    held: list[bytes] = []
    truths: list[TruthRecord] = []
    until = config.start_ms
    try:
        for part in Simulation(config).slices():
            held += part.lines
            truths += part.truths
            until = part.until
            if len(held) >= _PORTION:
                pipe.send((until, b"\n".join(held), truths))
                held, truths = [], []
        pipe.send((until, b"\n".join(held), truths))
        pipe.send((None, b"", []))
    except BrokenPipeError:
        return
