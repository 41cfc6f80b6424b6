"""What transport does to events: delay, disorder, duplicates, broken lines; within the allowance unless asked."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random  # noqa: TID251 - seeded by the caller, see draws.py

import numpy as np

from journeys.lateness import BILLING_MS, NETWORK_MS, OTHER_MS, Lateness
from schemas.times import SECOND
from streams.simulator.config import SimulationConfig

_MARGIN = 0.95
_TABLE = 4096

_QUARTER = NETWORK_MS
_WAITS = Lateness()


@lru_cache(maxsize=1024)
def allowance_of(event_type: str) -> int:
    """How late (ms) the receiver waits for an event of this type, as the product's defaults say."""
    return _WAITS.of_type(event_type)


def late_delays(allowance: int) -> list[int]:
    """Delays (ms) of late events at evenly spaced ranks, log-uniform from half a minute to nearly the allowance."""
    least, most = math.log(30 * SECOND), math.log(allowance * _MARGIN)
    return [int(math.exp(least + (most - least) * (rank + 0.5) / _TABLE)) for rank in range(_TABLE)]


LATE_DELAYS: dict[int, list[int]] = {
    allowance: late_delays(allowance) for allowance in (NETWORK_MS, OTHER_MS, BILLING_MS)
}
"""For each allowance, 4096 delays in rising order: twelve random bits pick one."""
LATE_TABLES = {allowance: np.array(delays, dtype=np.int64) for allowance, delays in LATE_DELAYS.items()}


class Transport:
    """Delays drawn one by one for the events of acts; background usage draws its own from the same tables."""

    def __init__(self, config: SimulationConfig) -> None:
        self.late = config.late
        self.duplicates = config.duplicates
        self.shuffle_ms = round(config.shuffle_seconds * SECOND)

    def arrivals(self, rng: Random, event_type: str, occurred: int) -> tuple[int, int]:
        """When an event arrives and when its duplicate does (0 for none), in ms; both inside the allowance."""
        allowance = allowance_of(event_type)
        lot, rank, again, gap = rng.random(), rng.getrandbits(12), rng.random(), rng.getrandbits(12)
        delay = LATE_DELAYS[allowance][rank] if lot < self.late else rank * self.shuffle_ms >> 12
        arrival = occurred + delay
        if again >= self.duplicates:
            return arrival, 0
        return arrival, max(arrival, min(arrival + LATE_DELAYS[_QUARTER][gap], occurred + int(allowance * _MARGIN)))


def broken(line: bytes, how: int) -> bytes:
    """A line as a faulty sender would write it: cut short, with a bad time, without a customer, or no JSON at all."""
    breakages = (
        line[: len(line) // 2],
        line.replace(b'"occurred_at":"2', b'"occurred_at":"the 2', 1),
        line.replace(b'"customer_id"', b'"customer"', 1),
        b"<event>" + line[:40] + b"</event>",
    )
    return breakages[how % len(breakages)]
