"""What a contender's process is told, and what it reports."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

COMMIT_SECONDS = 1.0
"""Every contender commits its position (and its state, where it keeps any) this often."""


class Task(NamedTuple):
    """One run; `folder` is new and for this run alone, `group` too."""

    bootstrap: str
    topic: str
    partitions: int
    events: int
    group: str
    folder: Path
    variant: str

    def arguments(self) -> list[str]:
        """The same as words of a command line."""
        return [f"--{name}={value}" for name, value in self._asdict().items()]


def task() -> Task:
    """The task of this process, from its command line."""
    parser = argparse.ArgumentParser()
    for name, kind in (("bootstrap", str), ("topic", str), ("partitions", int), ("events", int), ("group", str)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--variant", default="")
    return Task(**vars(parser.parse_args()))


Stamp = tuple[float, float]
"""Monotonic time, and CPU time that all threads of the process have used; seconds."""


def stamp() -> Stamp:
    """Now, in this process."""
    return time.monotonic(), time.process_time()


class Tally:
    """Counts events, holds alerts, and stamps the first and the last event: monotonic time and CPU time."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._first: Stamp | None = None
        self._last: Stamp | None = None
        self._seen = 0
        self.alerts: list[str] = []

    def begin(self) -> None:
        """Before the first event is worked on; later calls change nothing."""
        if self._first is None:
            self._first = stamp()

    def add(self, events: int, found: Sequence[str] = ()) -> bool:
        """After `events` more; whether these were all."""
        self._seen += events
        if found:
            self.alerts += found
        if self._seen < self._task.events:
            return False
        self._last = stamp()
        return True

    def report(self) -> None:
        """Report to who started this process; it ends after that. An incomplete count is an error."""
        if self._first is None or self._last is None:
            raise SystemExit(f"{self._seen} events of {self._task.events}")
        report(self._task, self._seen, (self._first, self._last), self.alerts)


def report(task: Task, events: int, stamps: tuple[Stamp, Stamp], alerts: Sequence[str]) -> None:
    """Write `report.json` into the task's folder."""
    (first, cpu_first), (last, cpu_last) = stamps
    said = {"events": events, "seconds": last - first, "cpu_seconds": cpu_last - cpu_first, "alerts": sorted(alerts)}
    part = task.folder / "report.part"
    part.write_text(json.dumps(said), encoding="utf-8")
    part.rename(task.folder / "report.json")
