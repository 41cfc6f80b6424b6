"""Deliveries into ClickHouse, in process (chdb) or on a server, through clickhouse-connect.

Events go in as the JSON lines they came as: ClickHouse parses them in C++ with the interpreter's lock released. KPI
windows go in as Arrow columns. One bad row never costs a batch: the batch is halved until the row stands alone,
which then is a dead letter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect

from schemas.deadletters import DeadLetter
from streams.sinks import ddl
from streams.sinks.blocks import BlockInserter, Refusal, refused_row
from streams.sinks.faults import translated
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

_ORIGIN = "clickhouse"


def open_client(folder: Path, **options: Any) -> Any:
    """A client of the chdb database in `folder`. Raises DiskFull, FolderNotWritable or SinkFailed."""
    with translated(folder):
        return clickhouse_connect.get_client(dsn=f"chdb://{folder.resolve()}", **options)


class ClickHouseSink:
    """The Sink on a client. `folder` is only named in error messages. Makes the tables it needs."""

    def __init__(self, client: Any, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._blocks = BlockInserter(client)
        self._kpis = KpiTables()
        with translated(folder):
            ddl.apply(client)

    def write(self, delivery: Delivery) -> list[DeadLetter]:
        """See Sink."""
        with translated(self._folder):
            refused = [
                refused_row(delivery.lines[at], _ORIGIN, delivery.positions[at], "events", code)
                for at, code in self._blocks.insert_events(delivery.lines, delivery.suffixes)
            ]
            for table, rows in (
                ("moments", map(moment_row, delivery.moments)),
                ("journey_transitions", map(transition_row, delivery.transitions)),
                ("handoffs", map(handoff_row, delivery.handoffs)),
                ("detector_failures", map(failure_row, delivery.failures)),
            ):
                refused += self._insert(table, encoded(rows))
            for changes in delivery.kpis:
                columns = self._kpis.table(changes)
                if columns is not None:
                    refusals = self._blocks.insert_columns("kpis", columns)
                    refused += _letters("kpis", lambda at, of=columns: arrow_bytes(of.slice(at, 1)), refusals)
            self._insert("dead_letters", encoded(map(dead_letter_row, [*delivery.dead_letters, *refused])))
            return refused

    def write_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put reference rows into `table` (touchpoints, runs). Raises as `write` does."""
        with translated(self._folder):
            self._insert(table, encoded(dict(row) for row in rows))

    def close(self) -> None:
        """See Sink."""
        self._client.close()

    def _insert(self, table: str, lines: Sequence[bytes]) -> list[DeadLetter]:
        return _letters(table, lines.__getitem__, self._blocks.insert_lines(table, lines))


def _letters(table: str, row_at: Any, refusals: Sequence[Refusal]) -> list[DeadLetter]:
    return [refused_row(row_at(at), _ORIGIN, at, table, code) for at, code in refusals]
