"""Fold of counters into KPI windows: absolute values per indicator, dimensions and minute, hour and day.

Every increment lands in its minute; hours and days are raised when changes are read, so that an event costs one
addition.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import add
from typing import Any

from journeys.windows import SIZE_MS
from schemas.kpis import GRAINS, Grain, KpiDims
from schemas.times import DAY, MINUTE

DIM_BITS = 20
"""A window's key is its first minute since 1970, moved up by this, and the number of its dimensions below."""
DIM_MASK = (1 << DIM_BITS) - 1
MAX_DIMS = 100_000
"""Beyond this many combinations, department and region of new ones are summed under OTHER: memory stays bounded."""
OTHER = "other"
UNKNOWN = "unknown"


@dataclass(slots=True)
class KpiColumns:
    """Windows of one grain as columns of equal length, 64 bits each; values are absolute, never increments.

    `key` holds a window's first minute since 1970 above DIM_BITS, the number of its dimensions below; `value` the count
    so far.
    """

    grain: Grain
    key: array[int]
    value: array[int]

    @property
    def dim_id(self) -> list[int]:
        """Of each window the place of its dimensions in `KpiChanges.dims`."""
        return [key & DIM_MASK for key in self.key]

    @property
    def window_ms(self) -> list[int]:
        """The start of each window, in ms."""
        return [(key >> DIM_BITS) * MINUTE for key in self.key]


@dataclass(slots=True)
class KpiChanges:
    """The windows that changed since the last reading, per grain.

    `version` only rises; `partition` is part of the key.
    """

    dims: Sequence[KpiDims]
    columns: list[KpiColumns]
    version: int
    partition: int


class KpiFold:
    """Counts per window, from the first event on until a window can no longer change."""

    def __init__(self) -> None:
        self.closed = 0
        self.dims: list[KpiDims] = []
        self._ids: dict[KpiDims, int] = {}
        self._added: Counter[int] = Counter()
        self._ones: list[int] = []
        """Keys to which one is to be added: counted all at once, when changes are read."""
        self._open: dict[Grain, dict[int, int]] = {grain: {} for grain in GRAINS}

    def dim_id(self, dims: KpiDims) -> int:
        """The number of a combination of dimensions, given on first sight."""
        known = self._ids.get(dims)
        if known is not None:
            return known
        if len(self.dims) >= MAX_DIMS and (dims.department, dims.region) != (OTHER, OTHER):
            return self.dim_id(dims._replace(department=OTHER, region=OTHER))
        self._ids[dims] = number = len(self.dims)
        if number > DIM_MASK:
            raise OverflowError(f"more than {DIM_MASK} combinations of KPI dimensions")
        self.dims.append(dims)
        return number

    def add(self, dim_id: int, at: int, count: int = 1) -> None:
        """Add `count` to the window of event time `at` (ms), or to the earliest that is not closed."""
        at = max(at, self.closed)
        key = at // MINUTE << DIM_BITS | dim_id
        self._added[key] += count

    def add_all(self, keys: Iterable[int]) -> None:
        """Add one to the minute of each key; none may lie before what is closed."""
        self._ones += keys

    def changes(self, version: int, partition: int) -> KpiChanges:
        """What changed since the last call, and start anew."""
        added, self._added = self._added, Counter()
        added.update(self._ones)
        self._ones.clear()
        columns = [_raise("minute", self._open["minute"], added)]
        coarser: dict[int, int] = added
        for grain in GRAINS[1:]:
            coarser = _coarser(coarser, SIZE_MS[grain] // MINUTE)
            columns.append(_raise(grain, self._open[grain], coarser))
        return KpiChanges(self.dims, columns, version, partition)

    def increments(self) -> tuple[array[int], array[int]]:
        """What was added to which minutes since the last call: keys, of which one may come again, and counts.

        For those who add up by themselves: no window is kept open then, and `changes` knows nothing of it.
        """
        keys, counts = array("q", self._ones), array("q", [1]) * len(self._ones)
        keys.extend(self._added)
        counts.extend(self._added.values())
        self._ones.clear()
        self._added.clear()
        return keys, counts

    def close(self, before: int) -> None:
        """Close and forget windows of days that end before `before` (ms): nothing can be added to them any more."""
        self.closed = max(self.closed, before - before % DAY)
        limit = self.closed // MINUTE << DIM_BITS
        for windows in self._open.values():
            for key in [key for key in windows if key < limit]:
                del windows[key]

    def open_windows(self) -> list[tuple[Grain, bytes, bytes]]:
        """All open windows as (grain, keys, values), 64-bit integers each: what a restart needs."""
        return [
            (grain, array("q", windows).tobytes(), array("q", windows.values()).tobytes())
            for grain, windows in self._open.items()
        ]

    def restore(self, dims: Iterable[KpiDims], windows: Iterable[tuple[Grain, bytes, bytes]]) -> None:
        """Take back dimensions in their order and windows as `open_windows` or `packed` wrote them."""
        for known in dims:
            self._ids[known] = len(self.dims)
            self.dims.append(known)
        for grain, keys, values in windows:
            self._open[grain].update(zip(array("q", keys), array("q", values), strict=True))


def packed(changes: KpiChanges) -> list[tuple[Grain, bytes, bytes]]:
    """Changed windows as (grain, keys, values), the form `KpiFold.restore` takes."""
    return [(columns.grain, columns.key.tobytes(), columns.value.tobytes()) for columns in changes.columns]


def coarser_key(key: Any, minutes: int) -> Any:
    """The key of the window of `minutes` that holds that of `key`; for numbers, or arrays of them."""
    return key - ((key >> DIM_BITS) % minutes << DIM_BITS)


def _coarser(added: dict[int, int], minutes: int) -> dict[int, int]:
    coarser: dict[int, int] = {}
    for key, count in added.items():
        window = coarser_key(key, minutes)
        coarser[window] = coarser.get(window, 0) + count
    return coarser


def _raise(grain: Grain, windows: dict[int, int], added: dict[int, int]) -> KpiColumns:
    values = array("q", map(add, map(windows.get, added, repeat(0)), added.values()))
    windows.update(zip(added, values, strict=True))
    return KpiColumns(grain, array("q", added), values)
