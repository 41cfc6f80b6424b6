"""Parquet logs of others: the wanted columns only, batch by batch; `a.b` is the field `b` of the struct `a`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.deadletters import DeadLetter
from schemas.mapping import Source
from streams.sources.faults import LogError
from streams.sources.rows import Row, as_text

ROWS_AT_ONCE = 65_536


def open_parquet(path: Path, coded: Sequence[str] = ()) -> Any:
    """The open Parquet file, columns `coded` to be read as dictionaries.

    Raises LogError when it is none, or when pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - only Parquet needs it, and it belongs to an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise LogError(
            "读取 Parquet 需要 pyarrow:pip install 'mot-monitor[replay]'",
            "reading Parquet needs pyarrow: pip install 'mot-monitor[replay]'",
        ) from None
    try:
        return pq.ParquetFile(path, read_dictionary=coded)
    except (OSError, pa.ArrowException) as flaw:
        raise LogError(
            f"{path} 不是可读的 Parquet 文件:{flaw}", f"{path} is not a readable Parquet file: {flaw}"
        ) from flaw


def batches_of(path: Path, file: Any, rows: int, columns: Sequence[str], *, threads: bool = True) -> Iterator[Any]:
    """The record batches of an open file. Raises LogError where it is damaged."""
    import pyarrow as pa  # noqa: PLC0415 - imported by open_parquet before

    try:
        yield from file.iter_batches(rows, columns=columns, use_threads=threads)
    except (OSError, pa.ArrowException) as flaw:
        raise LogError(f"{path} 已损坏:{flaw}", f"{path} is damaged: {flaw}") from flaw


class ParquetReader:
    """Reads a Parquet file, rows numbered from 1."""

    def __init__(self, path: Path, source: Source, columns: Sequence[str]) -> None:
        self._path = path
        self._file = open_parquet(path)
        self._missing = frozenset(source.missing)
        self._columns = list(columns)
        self._read = 0
        self.total_rows: int | None = self._file.metadata.num_rows
        self.header: tuple[str, ...] | None = tuple(
            self._file.schema.column(at).path for at in range(len(self._file.schema))
        )

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._read / (self.total_rows or 1)

    def rows(self) -> Iterator[Row | DeadLetter]:
        """Rows in file order."""
        missing = self._missing
        for batch in batches_of(self._path, self._file, ROWS_AT_ONCE, self._columns):
            table = _flat(batch)
            names = [name for name in self._columns if name in table.column_names]
            columns = [[as_text(value) for value in table.column(name).to_pylist()] for name in names]
            for offset, values in enumerate(zip(*columns, strict=True), self._read + 1):
                yield Row(
                    offset,
                    {name: None if value in missing else value for name, value in zip(names, values, strict=True)},
                )
            self._read += batch.num_rows


def _flat(batch: Any) -> Any:
    """The batch as a table without structs, times no finer than microseconds (what Python can hold)."""
    import pyarrow as pa  # noqa: PLC0415 - imported by open_parquet before

    table = pa.Table.from_batches([batch])
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    for at, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            coarse = table.column(at).cast(pa.timestamp("us", field.type.tz), safe=False)
            table = table.set_column(at, field.name, coarse)
    return table


def mask(chosen: Any) -> Any:
    """`chosen` as an Arrow column. From a buffer: `pyarrow.array` would import pandas first, where there is one."""
    import numpy as np  # noqa: PLC0415 - as pyarrow, which needs it
    import pyarrow as pa  # noqa: PLC0415

    bits = np.packbits(np.array(chosen, dtype=bool), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(chosen), [None, pa.py_buffer(bits)])
