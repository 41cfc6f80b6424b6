"""Small simulated logs that parity and recall are judged on; one way to write and shuffle them."""

from __future__ import annotations

from pathlib import Path
from random import Random  # noqa: TID251 - seeded

from schemas.codec import decode
from schemas.deadletters import DeadLetter
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from streams.simulator.truth import TruthRecord

SHUFFLE_MS = 30_000
"""On top of what the simulator has done already, and inside the 45 s it leaves of the shortest allowance."""


def simulated(config: SimulationConfig) -> tuple[list[bytes], list[TruthRecord]]:
    """All lines of a simulation in order of arrival, and its truth."""
    lines: list[bytes] = []
    truth: list[TruthRecord] = []
    for part in Simulation(config).slices():
        lines += part.lines
        truth += part.truths
    return lines, truth


def shuffled(lines: list[bytes], seed: int) -> list[bytes]:
    """The same lines in another order of arrival.

    Each held back by up to SHUFFLE_MS of event time, a few come twice.
    """
    random = Random(seed)
    front = 0
    placed = []
    for number, line in enumerate(lines):
        event = decode(line)
        if not isinstance(event, DeadLetter):
            front = max(front, event.occurred_ms)
        placed.append((front + random.randrange(SHUFFLE_MS), number, line))
        if random.random() < 0.02:
            placed.append((front + random.randrange(SHUFFLE_MS), number, line))
    return [line for _, _, line in sorted(placed)]


def written(lines: list[bytes], path: Path) -> Path:
    """The lines as a JSONL log."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path
