"""The result folder of a replay: `moments.jsonl`, `retractions.jsonl`, `kpis.parquet`, `dead_letters.jsonl`, `summary.json`.

The same log gives the same bytes, whatever the batch size, the number of processes and the order of arrival within the
allowed lateness.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from journeys.kpis import KpiChanges
from schemas.moments import Moment
from streams.engine.effects import VersionedMoment

MOMENTS = "moments.jsonl"
RETRACTIONS = "retractions.jsonl"
KPIS = "kpis.parquet"
DEAD_LETTERS = "dead_letters.jsonl"
SUMMARY = "summary.json"

KPI_SCHEMA = pa.schema(
    [
        ("indicator", pa.string()),
        ("grain", pa.string()),
        ("window_start", pa.timestamp("ms", tz="UTC")),
        ("stage", pa.string()),
        ("touchpoint", pa.string()),
        ("channel", pa.string()),
        ("tier", pa.string()),
        ("department", pa.string()),
        ("region", pa.string()),
        ("value", pa.int64()),
        ("version", pa.int64()),
        ("partition", pa.int64()),
    ]
)
_KPI_KEY = ["indicator", "grain", "window_start", "stage", "touchpoint", "channel", "tier", "department", "region"]


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
        self._writer = pq.ParquetWriter(path, KPI_SCHEMA, compression="zstd")

    def write(self, changes: KpiChanges) -> None:
        """Append changes."""
        self._writer.write_table(kpi_table(changes))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def kpi_table(changes: KpiChanges) -> pa.Table:
    """KPI changes as an Arrow table with the columns of `KPI_SCHEMA`."""
    tables = []
    for columns in changes.columns:
        ids = pa.array(columns.dim_id)
        names = {
            field: pa.array([getattr(dims, field) for dims in changes.dims], pa.string()).take(ids)
            for field in ("indicator", "stage", "touchpoint", "channel", "tier", "department", "region")
        }
        rows = len(ids)
        names["grain"] = pa.repeat(columns.grain, rows)
        names["window_start"] = pa.array(columns.window_ms).cast(pa.timestamp("ms", tz="UTC"))
        names["value"] = pa.array(columns.value)
        names["version"] = pa.repeat(changes.version, rows).cast(pa.int64())
        names["partition"] = pa.repeat(changes.partition, rows).cast(pa.int64())
        tables.append(pa.table([names[field.name] for field in KPI_SCHEMA], schema=KPI_SCHEMA))
    return pa.concat_tables(tables)


def merge_kpis(parts: Iterable[Path], path: Path) -> int:
    """Absolute values over all partitions, sorted by key, into `path`; returns the number of rows."""
    last = (
        pl.concat([pl.scan_parquet(part) for part in parts])
        .sort("version", maintain_order=True)
        .group_by([*_KPI_KEY, "partition"])
        .agg(pl.col("value").last())
    )
    total = last.group_by(_KPI_KEY).agg(pl.col("value").sum()).filter(pl.col("value") != 0).sort(_KPI_KEY).collect()
    total.write_parquet(path, compression="zstd", statistics=False)
    return total.height
