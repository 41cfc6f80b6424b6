"""KPI windows of a replay: what each process counted, as numbers on disk, and one table of all at the end.

A window is one number (where it stands in the table's order), so that millions are sorted and summed as numbers and
their dimensions are written out only once, when all is added up.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from journeys.kpis import DIM_BITS, DIM_MASK, coarser_key
from journeys.windows import SIZE_MS
from schemas.kpis import GRAINS, KpiDims
from schemas.times import MINUTE
from streams.sinks.kpi_columns import numbers, strings

_GRAINS = tuple(sorted(GRAINS))
_COLUMNS = ("indicator", "grain", "window_start", "stage", "touchpoint", "channel", "tier", "department", "region")
"""In the order of the table, which is sorted by them."""
_DIM_BITS, _MINUTE_BITS, _GRAIN_BITS = 24, 27, 2
"""A window's number, lowest part first; above all stands the indicator. 27 bits of minutes reach the year 2225."""
_Numbers = NDArray[np.int64]


class KpiPart:
    """What one engine added to KPI windows, written down as it comes and added up at the end; `room` is how many
    additions may lie there until they are added up before, so that a long log needs no more memory than its windows."""

    def __init__(self, path: Path, room: int = 1 << 22) -> None:
        self._path = path
        self._out: BinaryIO = path.open("wb")
        self._least = self._room = room
        self._held = 0

    def write(self, keys: array[int], counts: array[int]) -> None:
        """Append what was added to minutes since the last call."""
        self._append(np.frombuffer(keys, np.int64), np.frombuffer(counts, np.int64))
        if self._held >= self._room:
            added = _sums([self._added()])
            self._out = self._path.open("wb")
            self._held = 0
            self._append(*added)
            self._room = max(self._least, 2 * self._held)

    def _append(self, keys: _Numbers, counts: _Numbers) -> None:
        np.stack([keys, counts], axis=1).tofile(self._out)
        self._held += len(keys)

    def _added(self) -> tuple[_Numbers, _Numbers]:
        """All that was written; nothing can be appended any more."""
        self._out.close()
        keys, counts = np.fromfile(self._path, np.int64).reshape(-1, 2).T
        return keys, counts

    def close(self, dims: Sequence[KpiDims]) -> None:
        """Finish the part: each window once, in order, numbers before values, so that parts are put together quickly.

        `dims` are those that the windows refer to.
        """
        keys, counts = self._added()
        by_grain = {}
        for grain in GRAINS:
            keys, counts = _sums([(coarser_key(keys, SIZE_MS[grain] // MINUTE), counts)])
            by_grain[_GRAINS.index(grain)] = keys, counts
        in_order = [by_grain[grain] for grain in sorted(by_grain)]
        windows = [_number(grain, keys >> DIM_BITS, keys & DIM_MASK) for grain, (keys, _) in enumerate(in_order)]
        with self._path.open("wb") as out:
            for column in (*windows, *(counts for _, counts in in_order)):
                column.tofile(out)
        _dims_of(self._path).write_bytes(msgspec.json.encode(dims))


def merge_kpis(parts: Sequence[Path], path: Path) -> int:
    """Absolute values over all partitions, sorted by key, into `path`; returns the number of rows."""
    known = [msgspec.json.decode(_dims_of(part).read_bytes(), type=list[KpiDims]) for part in parts]
    dims = sorted({one for of_part in known for one in of_part})
    places = {one: place for place, one in enumerate(dims)}
    indicators = sorted({one.indicator for one in dims})
    upper = np.array([indicators.index(one.indicator) for one in dims], np.int64)
    windows, values = _sums(_placed(known, parts, places, upper))
    table = _table(windows, values, dims)
    pq.write_table(table, path, compression="zstd", write_statistics=False, store_schema=False)  # read as plain texts
    return len(values)


def _placed(
    known: Iterable[Sequence[KpiDims]], parts: Iterable[Path], places: dict[KpiDims, int], upper: _Numbers
) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Of each part the windows by their place in the order of the table, and their values."""
    for dims, part in zip(known, parts, strict=True):
        windows, values = np.fromfile(part, np.int64).reshape(2, -1)
        place = np.array([places[one] for one in dims], np.int64)[_low(windows, _DIM_BITS)]
        above = upper[place] << (_GRAIN_BITS + _MINUTE_BITS)
        yield (above | windows >> _DIM_BITS) << _DIM_BITS | place, values


def _sums(parts: Iterable[tuple[_Numbers, _Numbers]]) -> tuple[_Numbers, _Numbers]:
    """Windows in order, each once, with the sum of their values; those of sum 0 are left out."""
    windows, values = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(windows, kind="stable")
    windows, values = windows[order], values[order]
    starts = np.flatnonzero(np.append(True, windows[1:] != windows[:-1])[: len(windows)])
    sums = np.add.reduceat(values, starts) if len(starts) else values
    counted = sums != 0
    return windows[starts][counted], sums[counted]


def _table(windows: _Numbers, values: _Numbers, dims: Sequence[KpiDims]) -> Any:
    rows = len(values)
    place = _low(windows, _DIM_BITS)
    minutes = _low(windows >> _DIM_BITS, _MINUTE_BITS)
    grains = _low(windows >> (_DIM_BITS + _MINUTE_BITS), _GRAIN_BITS)
    columns = {
        name: _coded([getattr(one, name) for one in dims], place) for name in _COLUMNS if name in KpiDims._fields
    }
    columns["grain"] = _coded(_GRAINS, grains)
    columns["window_start"] = numbers(minutes * MINUTE, pa.timestamp("ms", "UTC"), rows)
    return pa.table({name: columns[name] for name in _COLUMNS} | {"value": numbers(values, pa.int64(), rows)})


def _coded(texts: Sequence[str], place: _Numbers) -> Any:
    """The texts at `place`, each text stored once."""
    distinct = list(dict.fromkeys(texts))
    codes = {text: code for code, text in enumerate(distinct)}
    coded = np.array([codes[text] for text in texts], np.int32)[place]
    return pa.DictionaryArray.from_arrays(numbers(coded, pa.int32(), len(place)), strings(distinct))


def _number(grain: int, minutes: _Numbers, dims: _Numbers) -> _Numbers:
    return (grain << _MINUTE_BITS | minutes) << _DIM_BITS | dims


def _low(windows: _Numbers, bits: int) -> _Numbers:
    return windows & ((1 << bits) - 1)


def _dims_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.dims")
