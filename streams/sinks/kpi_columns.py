"""Changed KPI windows as Arrow tables: whole columns, no row is touched in Python.

Arrays are made from buffers: `pyarrow.array` would import pandas first, where there is one, and that takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from journeys.kpis import DIM_BITS, DIM_MASK, KpiChanges, KpiColumns
from schemas.kpis import KpiDims
from schemas.times import MINUTE

_Numbers = NDArray[np.int64]


class KpiTables:
    """Builds the rows of table `kpis`. A partition's dimensions only ever grow, so their columns are kept between
    calls."""

    def __init__(self) -> None:
        self._dims: dict[int, tuple[Sequence[KpiDims], int, list[Any]]] = {}

    def table(self, changes: KpiChanges) -> Any:
        """A `pyarrow.Table` of all grains of `changes`, None when nothing changed."""
        parts = [part for part in changes.columns if len(part.value)]
        if not parts:
            return None
        dims = self._columns_of(changes.partition, changes.dims)
        return pa.concat_tables([_grain_table(part, dims, changes) for part in parts])

    def _columns_of(self, partition: int, dims: Sequence[KpiDims]) -> list[Any]:
        held, known, columns = self._dims.get(partition, (dims, 0, []))
        size = len(dims)  # the engine may append while this thread reads
        if held is not dims or known > size:  # another engine: it may have met other combinations
            known, columns = 0, []
        if known < size:
            added = [strings(values) for values in zip(*dims[known:size], strict=True)]
            columns = [pa.concat_arrays(pair) for pair in zip(columns, added, strict=True)] if columns else added
            self._dims[partition] = (dims, size, columns)
        return columns


def _grain_table(part: KpiColumns, dims: list[Any], changes: KpiChanges) -> Any:
    rows = len(part.value)
    minutes, dim_ids = minutes_and_dims(part)
    chosen = numbers(dim_ids, pa.int64(), rows)
    named = {name: column.take(chosen) for name, column in zip(KpiDims._fields, dims, strict=True)}
    grain = strings([part.grain]).take(numbers(np.zeros(rows, dtype=np.int64), pa.int64(), rows))
    return pa.table(
        {
            **named,
            "grain": grain,
            "window_start": numbers(minutes * MINUTE, pa.timestamp("ms", "UTC"), rows),
            "partition": numbers(np.full(rows, changes.partition, dtype=np.uint16), pa.uint16(), rows),
            "value": numbers(part.value, pa.int64(), rows),
            "version": numbers(np.full(rows, changes.version, dtype=np.uint64), pa.uint64(), rows),
        }
    )


_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (*KpiDims._fields, "grain")),
        ("window_start", pa.timestamp("ms", "UTC")),
        ("partition", pa.uint16()),
        ("value", pa.int64()),
        ("version", pa.uint64()),
    ]
)


def columns_of(data: bytes) -> Any:
    """The table that `arrow_bytes` wrote. Raises pyarrow.ArrowInvalid for anything else."""
    with pa.ipc.open_file(pa.BufferReader(data)) as file:
        table = file.read_all()
    if not table.schema.equals(_SCHEMA):
        raise pa.ArrowInvalid("these are not the columns of table kpis")
    table.validate(full=True)
    return table


def minutes_and_dims(part: KpiColumns) -> tuple[_Numbers, _Numbers]:
    """Of each window its first minute since 1970 and the place of its dimensions."""
    keys = np.frombuffer(part.key, dtype=np.int64)
    return keys >> DIM_BITS, keys & DIM_MASK


def numbers(values: Any, kind: Any, rows: int) -> Any:
    """A column of `kind` over a buffer of `rows` numbers of the same width."""
    return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(values)])


def strings(values: Sequence[str]) -> Any:
    """A column of texts."""
    encoded = [value.encode() for value in values]
    ends = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(one) for one in encoded], out=ends[1:])
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def arrow_bytes(table: Any) -> bytes:
    """`table` in the Arrow file format."""
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_file(buffer, table.schema) as file:
        file.write_table(table)
    return bytes(buffer.getvalue())
