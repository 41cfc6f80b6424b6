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


class Tally:
    """Counts events, holds alerts, and stamps the first and the last event with the monotonic clock."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._first = 0.0
        self._last = 0.0
        self._seen = 0
        self.alerts: list[str] = []

    def begin(self) -> None:
        """Before the first event is worked on; later calls change nothing."""
        self._first = self._first or time.monotonic()

    def add(self, events: int, found: Sequence[str] = ()) -> bool:
        """After `events` more; whether these were all."""
        self._seen += events
        if found:
            self.alerts += found
        if self._seen < self._task.events:
            return False
        self._last = time.monotonic()
        return True

    def report(self) -> None:
        """Write `report.json` into the task's folder; the process ends after that."""
        said = {"events": self._seen, "first": self._first, "last": self._last, "alerts": sorted(self.alerts)}
        (self._task.folder / "report.part").write_text(json.dumps(said), encoding="utf-8")
        (self._task.folder / "report.part").rename(self._task.folder / "report.json")
