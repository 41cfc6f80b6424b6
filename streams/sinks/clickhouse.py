"""Deliveries into ClickHouse, in process (chdb) or on a server, through clickhouse-connect.

Events go in as the JSON lines they came as: ClickHouse parses them in C++ with the interpreter's lock released. KPI
windows go in as Arrow columns. One bad row never costs a batch: the batch is halved until the row stands alone,
which then is a dead letter. Deduplication of inserts stays off: rows are keyed and versioned, and a token used twice
would drop other rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.codec import dead_letter, decode, encode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from streams.errors import DiskFull, FolderNotWritable, SinkFailed, StreamsError
from streams.lock import os_fault
from streams.sinks import ddl
from streams.sinks.kpi_columns import KpiTables, arrow_bytes
from streams.sinks.ports import Delivery
from streams.sinks.rows import (
    dead_letter_row,
    encoded,
    failure_row,
    handoff_row,
    moment_row,
    transition_row,
)

SETTINGS: Mapping[str, Any] = {
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": 1,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_null_as_default": 1,
    "max_partitions_per_insert_block": 0,  # one batch of an old log may span many months
    "insert_deduplicate": 0,
}
_ROW_FAULTS = {6, 25, 26, 27, 33, 38, 41, 53, 69, 72, 117, 130, 131, 321, 349, 407, 467, 691}
"""Codes of errors that lie in a row: parse errors, out of range, wrong type."""
_FULL = {243}
_READ_ONLY = {164}
_CANONICAL_BELOW = 64
"""A refused batch of at most so many events is written anew by our codec before it is halved further."""


def open_client(folder: Path, **options: Any) -> Any:
    """A client of the chdb database in `folder`. Raises DiskFull, FolderNotWritable or SinkFailed."""
    with translated(folder):
        return clickhouse_connect.get_client(dsn=f"chdb://{folder.resolve()}", **options)


class ClickHouseSink:
    """The Sink on a client. `folder` is only named in error messages. Makes the tables it needs."""

    def __init__(self, client: Any, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._kpis = KpiTables()
        with translated(folder):
            ddl.apply(client)

    def write(self, delivery: Delivery) -> list[DeadLetter]:
        """See Sink."""
        with translated(self._folder):
            refused: list[DeadLetter] = []
            if delivery.lines:
                closed = [line[:-1] + suffix for line, suffix in zip(delivery.lines, delivery.suffixes, strict=True)]
                self._insert_events(delivery, closed, 0, refused)
            self._insert("moments", encoded(map(moment_row, delivery.moments)))
            self._insert("journey_transitions", encoded(map(transition_row, delivery.transitions)))
            self._insert("handoffs", encoded(map(handoff_row, delivery.handoffs)))
            self._insert("detector_failures", encoded(map(failure_row, delivery.failures)))
            self._insert("dead_letters", encoded(map(dead_letter_row, [*delivery.dead_letters, *refused])))
            for changes in delivery.kpis:
                table = self._kpis.table(changes)
                if table is not None:
                    self._client.raw_insert(
                        "kpis",
                        column_names=table.column_names,
                        insert_block=arrow_bytes(table),
                        fmt="Arrow",
                        settings={"max_partitions_per_insert_block": 0, "insert_deduplicate": 0},
                    )
            return refused

    def write_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put reference rows into `table` (touchpoints, runs). Raises as `write` does."""
        with translated(self._folder):
            self._insert(table, encoded(dict(row) for row in rows))

    def close(self) -> None:
        """See Sink."""
        self._client.close()

    def _insert(self, table: str, lines: Sequence[bytes]) -> None:
        if lines:
            block = b"\n".join(lines)
            self._client.raw_insert(table, insert_block=block, fmt="JSONEachRow", settings=dict(SETTINGS))

    def _insert_events(
        self, delivery: Delivery, lines: list[bytes], start: int, refused: list[DeadLetter], canonical: bool = False
    ) -> None:
        """Insert `lines`, which are those of `delivery` from `start` on; what cannot be inserted is added to
        `refused`."""
        try:
            self._insert("events", lines)
        except ClickHouseError as fault:
            code = getattr(fault, "code", None)
            if code not in _ROW_FAULTS:
                raise
            if not canonical and len(lines) <= _CANONICAL_BELOW:
                rewritten = [_canonical(delivery, start + at) for at in range(len(lines))]
                self._insert_events(delivery, rewritten, start, refused, canonical=True)
            elif len(lines) == 1:
                detail = f"ClickHouse refused the event with code {code}; it was judged, but is missing in table events"
                letter = dead_letter(
                    delivery.lines[start], "clickhouse", delivery.positions[start], Reason.WRONG_VALUE, detail
                )
                refused.append(letter)
            else:
                half = len(lines) // 2
                self._insert_events(delivery, lines[:half], start, refused, canonical)
                self._insert_events(delivery, lines[half:], start + half, refused, canonical)


def _canonical(delivery: Delivery, at: int) -> bytes:
    """An event's line as our codec writes it, whatever spelling it came in."""
    line = delivery.lines[at]
    event = decode(line)
    return (encode(event) if isinstance(event, Event) else line)[:-1] + delivery.suffixes[at]


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Run a block on ClickHouse; its driver's errors leave as StreamsError."""
    try:
        yield
    except ClickHouseError as fault:
        raise _meaning(folder, fault) from fault
    except OSError as fault:
        known = os_fault(folder, fault)
        if known is None:
            raise
        raise known from fault


def _meaning(folder: Path, fault: ClickHouseError) -> StreamsError:
    code = getattr(fault, "code", None)
    message = str(fault).splitlines()[0][:300]
    if code in _FULL or "No space left on device" in str(fault):
        return DiskFull(folder, f"ClickHouse {code}")
    if code in _READ_ONLY or "Read-only file system" in str(fault) or "Permission denied" in str(fault):
        return FolderNotWritable(folder, f"ClickHouse {code}")
    return SinkFailed("ClickHouse", message)
