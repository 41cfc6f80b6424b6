"""The events that benchmarks run on: simulated life, as it comes from the wire."""

from __future__ import annotations

import re
from pathlib import Path

from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log
from streams.simulator.simulation import Simulation

DAYS = 130
"""Long enough for bills to have a habit to leave."""
_CUSTOMER = re.compile(rb"([CAL])(\d{8})")


def lines(events: int) -> list[bytes]:
    """About `events` lines over 130 days (4.4 million customers' days make 9.5 million events)."""
    held: list[bytes] = []
    for part in Simulation(SimulationConfig(customers=max(50, events // 285), days=DAYS)).slices():
        held += part.lines
    return held


def spread(log: list[bytes], over: int, customers: int) -> list[bytes]:
    """The same events told of `customers` instead of `over` customers: each customer's stories go to one of many."""
    copies = max(1, customers // over)

    def renamed(number: int, line: bytes) -> bytes:
        shift = (number * 2_654_435_761 >> 7) % copies * over
        return _CUSTOMER.sub(lambda m: m[1] + b"%08d" % (int(m[2]) + shift), line)

    return [renamed(number, line) for number, line in enumerate(log)]


def parquet(events: int, path: Path) -> Path:
    """The same life as a Parquet log."""
    write_log(SimulationConfig(customers=max(50, events // 285), days=DAYS), path)
    return path
