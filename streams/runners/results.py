"""The result folder of a replay: `moments.jsonl`, `retractions.jsonl`, `kpis.parquet`, `dead_letters.jsonl`,
`summary.json`.

The same log gives the same bytes, whatever the batch size, the number of processes and the order of arrival within the
allowed lateness.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from journeys.kpis import KpiChanges
from schemas.moments import Moment
from streams.engine.effects import VersionedMoment
from streams.sinks.kpi_columns import KpiTables

MOMENTS = "moments.jsonl"
RETRACTIONS = "retractions.jsonl"
KPIS = "kpis.parquet"
DEAD_LETTERS = "dead_letters.jsonl"
SUMMARY = "summary.json"

_KPI_KEY = ["indicator", "grain", "window_start", "stage", "touchpoint", "channel", "tier", "department", "region"]
_KPI_COLUMNS = {name: pl.String() for name in _KPI_KEY} | {
    "window_start": pl.Datetime("ms", "UTC"),
    "partition": pl.UInt16(),
    "value": pl.Int64(),
    "version": pl.UInt64(),
}


class MomentLedger:
    """The last thing said of every moment."""

    def __init__(self) -> None:
        self._last: dict[str, Moment] = {}

    def take(self, said: Iterable[VersionedMoment]) -> None:
        """Take in what an engine said, in the order it said it."""
        for _, moment in said:
            self._last[moment.moment_id] = moment

    def final(self) -> list[Moment]:
        """The moments that hold, and those that later facts withdrew, in canonical order."""
        return sorted((m for m in self._last.values() if not _never_was(m)), key=canonical_order)

    def withdrawn(self) -> list[Moment]:
        """Moments said provisionally that a late event showed never to have been. Depends on the order of arrival."""
        return sorted((m for m in self._last.values() if _never_was(m)), key=canonical_order)


def canonical_order(moment: Moment) -> tuple[object, ...]:
    """By time of decision, then detector, customer and id."""
    return (moment.decided_at, moment.detector_id, moment.customer_id, moment.moment_id)


def _never_was(moment: Moment) -> bool:
    return moment.status == "retracted" and moment.retracted_at is None


def write_moments(path: Path, moments: Iterable[Moment]) -> None:
    """One moment per line as JSON."""
    with path.open("w", encoding="utf-8") as file:
        for moment in moments:
            file.write(moment.model_dump_json())
            file.write("\n")


def read_moments(path: Path) -> list[Moment]:
    """The moments of a result folder's `moments.jsonl`."""
    with path.open(encoding="utf-8") as file:
        return [Moment.model_validate_json(line) for line in file]


class KpiPart:
    """Changed KPI windows of one engine, written down as they come; later rows replace earlier ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables = KpiTables()
        self._writer: pq.ParquetWriter | None = None

    def write(self, changes: KpiChanges) -> None:
        """Append changes."""
        table = self._tables.table(changes)
        if table is not None:
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
            self._writer.write_table(table)

    def close(self) -> None:
        """Finish the file; there is none when nothing was counted."""
        if self._writer is not None:
            self._writer.close()


def merge_kpis(parts: Iterable[Path], path: Path) -> int:
    """Absolute values over all partitions, sorted by key, into `path`; returns the number of rows."""
    found = [pl.scan_parquet(part) for part in parts if part.exists()]
    last = (
        (pl.concat(found) if found else pl.LazyFrame(schema=_KPI_COLUMNS))
        .sort("version", maintain_order=True)
        .group_by([*_KPI_KEY, "partition"])
        .agg(pl.col("value").last())
    )
    total = last.group_by(_KPI_KEY).agg(pl.col("value").sum()).filter(pl.col("value") != 0).sort(_KPI_KEY).collect()
    total.write_parquet(path, compression="zstd", statistics=False)
    return total.height
