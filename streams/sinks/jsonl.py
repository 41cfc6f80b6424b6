"""Deliveries as JSON lines in a folder, one file per kind: for pipes, tests and places without ClickHouse.

Lines are appended; a repeated delivery repeats its lines, with the same ids and versions. The highest version of an
id counts.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from schemas.deadletters import DeadLetter
from streams.errors import SinkFailed
from streams.lock import os_fault
from streams.sinks.ports import Delivery
from streams.sinks.rows import dead_letter_row, encoded, failure_row, handoff_row, kpi_rows, moment_row, transition_row

KINDS = ("events", "moments", "journey_transitions", "handoffs", "dead_letters", "detector_failures", "kpis")


class JsonlSink:
    """The Sink that writes `<kind>.jsonl` in `folder`. Raises DiskFull, FolderNotWritable or SinkFailed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for kind in KINDS:
                self._files[kind] = (folder / f"{kind}.jsonl").open("ab")
        except OSError as fault:
            self.close()
            raise os_fault(folder, fault) or SinkFailed(str(folder), str(fault)) from fault

    def write(self, delivery: Delivery) -> list[DeadLetter]:
        """See Sink. Synced to the disk before it returns; no row is ever refused."""
        closed = [line[:-1] + suffix for line, suffix in zip(delivery.lines, delivery.suffixes, strict=True)]
        lines = {
            "events": closed,
            "moments": encoded(map(moment_row, delivery.moments)),
            "journey_transitions": encoded(map(transition_row, delivery.transitions)),
            "handoffs": encoded(map(handoff_row, delivery.handoffs)),
            "dead_letters": encoded(map(dead_letter_row, delivery.dead_letters)),
            "detector_failures": encoded(map(failure_row, delivery.failures)),
            "kpis": encoded(row for changes in delivery.kpis for row in kpi_rows(changes)),
        }
        try:
            for kind, rows in lines.items():
                if rows:
                    file = self._files[kind]
                    file.write(b"\n".join(rows) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as fault:
            raise os_fault(self._folder, fault) or SinkFailed(str(self._folder), str(fault)) from fault
        return []

    def close(self) -> None:
        """See Sink."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> JsonlSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
