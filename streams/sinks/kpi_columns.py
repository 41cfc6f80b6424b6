"""Changed KPI windows as Arrow tables: whole columns, no row is touched in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from journeys.kpis import KpiChanges, KpiColumns
from schemas.kpis import KpiDims


class KpiTables:
    """Builds the rows of table `kpis`. The dimensions of a partition only ever grow, so their columns are kept
    between calls."""

    def __init__(self) -> None:
        self._dims: dict[int, tuple[int, list[Any]]] = {}

    def table(self, changes: KpiChanges) -> Any:
        """A `pyarrow.Table` of all grains of `changes`, None when nothing changed."""
        columns = [part for part in changes.columns if len(part.value)]
        if not columns:
            return None
        dims = self._columns_of(changes.partition, changes.dims)
        return pa.concat_tables([_grain_table(part, dims, changes) for part in columns])

    def _columns_of(self, partition: int, dims: Sequence[KpiDims]) -> list[Any]:
        known, columns = self._dims.get(partition, (0, [pa.array([], pa.string()) for _ in KpiDims._fields]))
        if known > len(dims):  # another engine took over the partition
            known, columns = 0, [pa.array([], pa.string()) for _ in KpiDims._fields]
        if known < len(dims):
            added = zip(*dims[known:], strict=True)
            columns = [
                pa.concat_arrays([old, pa.array(new, pa.string())]) for old, new in zip(columns, added, strict=True)
            ]
            self._dims[partition] = (len(dims), columns)
        return columns


def _grain_table(part: KpiColumns, dims: list[Any], changes: KpiChanges) -> Any:
    rows = len(part.value)
    chosen = pa.array(np.frombuffer(part.dim_id, dtype=np.int64))
    named = {name: column.take(chosen) for name, column in zip(KpiDims._fields, dims, strict=True)}
    window = pa.array(np.frombuffer(part.window_ms, dtype=np.int64)).cast(pa.timestamp("ms", "UTC"))
    return pa.table(
        {
            **named,
            "grain": pa.array([part.grain] * rows, pa.string()),
            "window_start": window,
            "partition": pa.array(np.full(rows, changes.partition, dtype=np.uint16)),
            "value": pa.array(np.frombuffer(part.value, dtype=np.int64)),
            "version": pa.array(np.full(rows, changes.version, dtype=np.uint64)),
        }
    )


def arrow_bytes(table: Any) -> bytes:
    """`table` in the Arrow file format."""
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_file(buffer, table.schema) as file:
        file.write_table(table)
    return bytes(buffer.getvalue())
