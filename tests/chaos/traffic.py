"""Seeded customers' events, and a thread that brings them to the log while faults happen."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from streams.simulator.config import STORY_RATES, SimulationConfig
from streams.simulator.simulation import Simulation
from tests.live.bed import Bed

_PER_CUSTOMER = 280
"""Events of one customer in 130 days, a little less than the simulator makes."""


@cache
def _made(count: int, seed: int) -> list[bytes]:
    customers = max(20, count // _PER_CUSTOMER + 20)
    config = SimulationConfig(
        customers=customers, days=130, seed=seed % 10_000, story_rates=dict.fromkeys(STORY_RATES, 0.2)
    )
    held: list[bytes] = []
    for part in Simulation(config).slices():
        held += part.lines
    assert len(held) >= count
    return held[:count]


def events(count: int, seed: int) -> list[bytes]:
    """The first `count` lines of a simulation that is just large enough. A list of its own."""
    return list(_made(count, seed))


def portions(lines: Sequence[bytes], count: int) -> list[Sequence[bytes]]:
    """`lines` in `count` parts of nearly the same size, in order."""
    edges = [len(lines) * part // count for part in range(count + 1)]
    return [lines[start:end] for start, end in itertools.pairwise(edges)]


@contextmanager
def feeding(bed: Bed, lines: Sequence[bytes], seconds: float) -> Iterator[threading.Thread]:
    """Bring `lines` to the log spread over `seconds`; what is left when the block ends goes there at once.

    The thread yielded lives as long as there is more to come. Its failure is raised at the end of the block.
    """
    parts = portions(lines, max(1, round(seconds)))
    hurry = threading.Event()
    faults: list[BaseException] = []

    def feed() -> None:
        began = time.monotonic()
        try:
            for number, part in enumerate(parts):
                if hurry.wait(max(0.0, began + number * seconds / len(parts) - time.monotonic())):
                    bed.produce([line for left in parts[number:] for line in left])
                    return
                bed.produce(part)
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=feed, name="feeding", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        hurry.set()
        thread.join(120)
    assert not thread.is_alive(), "the log took no more events"
    if faults:
        raise faults[0]


def until(what: str, is_so: Any, seconds: float, every: float = 0.1) -> float:
    """Wait until `is_so()`; returns the seconds it took. Fails after `seconds`."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - began


def reached(bed: Bed, word: str, since: float = 0.0, name: str = "w1") -> float | None:
    """When the worker `name` first did `word` after `since` (monotonic seconds), None when it has not."""
    return next((at for said, at in bed.trace_of(name) if said == word and at > since), None)


def seconds_to_read(bed: Bed, name: str = "w1", **settings: Any) -> float:
    """Have a worker read what lies in the log; from the first record taken in to the last commit."""
    bed.start(name, **settings)
    bed.wait(300, alive=[name])
    assert bed.stop(name) == 0, bed.log_of(name)
    began = reached(bed, "fetched", 0, name)
    commits = [at for word, at in bed.trace_of(name) if word == "acknowledged"]
    assert began is not None
    return max(commits) - began
