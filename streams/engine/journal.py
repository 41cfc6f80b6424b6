"""The partition's own state that is not of one customer: clock, deadlines, KPI windows. Written as a journal.

An entry holds what changed since the one before; now and then an entry restarts the journal with everything that still
matters. Restoring reads the entries in order.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from journeys.kpis import KpiChanges, KpiFold, packed
from schemas.kpis import Grain, KpiDims
from streams.engine.customer import check_format

RESTART_EVERY = 64
"""Entries between two restarts of the journal: bounds what a restart has to read."""


_QUICKLY = 1
"""KPI windows are long rows of similar numbers: even the quickest compression leaves a quarter."""
NEVER = 1 << 62


class Deadline(NamedTuple):
    """When (ms) a case is to be looked at again though nothing happens."""

    due: int
    customer_id: str
    detector_id: str
    scope: str


class Meta(NamedTuple):
    """The engine's own position: format, fingerprint of its configuration, clock (ms), sequence number, counters."""

    format: int
    fingerprint: str
    front: int
    sequence: int
    counts: dict[str, int]


class _Entry(NamedTuple):
    closed: int
    dims: list[KpiDims]
    windows: list[tuple[Grain, bytes, bytes]]
    deadlines: list[Deadline]


_encode = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(_Entry).decode
_decode_meta = msgspec.msgpack.Decoder(Meta).decode


def pack_meta(meta: Meta) -> bytes:
    """The stored form of the engine's position."""
    return _encode(meta)


def unpack_meta(stored: bytes) -> Meta:
    """The engine's position. Raises msgspec.DecodeError for bytes that `pack_meta` of this release did not write."""
    meta = _decode_meta(stored)
    check_format(meta.format)
    return meta


def _unzipped(stored: bytes) -> bytes:
    try:
        return zlib.decompress(stored)
    except zlib.error as flaw:
        raise msgspec.DecodeError(f"no entry of a journal: {flaw}") from flaw


class Deadlines:
    """All deadlines of a partition, earliest first. One may be outdated: the case itself knows its present deadline.

    `next_due` is the earliest in ms, far in the future when there is none.
    """

    def __init__(self, *, journalled: bool = True) -> None:
        self.next_due = NEVER
        self._heap: list[Deadline] = []
        self._journalled = journalled
        self._added: list[Deadline] = []

    def add(self, deadline: Deadline) -> None:
        """Remember a deadline."""
        heappush(self._heap, deadline)
        self.next_due = self._heap[0].due
        if self._journalled:
            self._added.append(deadline)

    def pop(self) -> Deadline:
        """Take out the earliest deadline. Raises IndexError when there is none."""
        deadline = heappop(self._heap)
        self.next_due = self._heap[0].due if self._heap else NEVER
        return deadline

    def pending(self) -> list[Deadline]:
        """All of them, in order."""
        return sorted(self._heap)

    def take_added(self) -> list[Deadline]:
        """Those added since the last call."""
        added, self._added = self._added, []
        return added

    def restore(self, deadlines: Iterable[Deadline], front: int) -> None:
        """Take back deadlines after `front` (ms); earlier ones have been acted upon."""
        self._heap = [deadline for deadline in deadlines if deadline.due > front]
        heapify(self._heap)
        self.next_due = self._heap[0].due if self._heap else NEVER


class Journal:
    """Writes entries and reads them back."""

    def __init__(self) -> None:
        self._entries = 0
        self._dims_written = 0

    @property
    def restarts_next(self) -> bool:
        """Whether the next entry will restart the journal."""
        return self._entries % RESTART_EVERY == 0

    def entry(self, kpis: KpiFold, changes: KpiChanges, deadlines: Deadlines) -> tuple[bytes, bool]:
        """The next entry, and whether it restarts the journal."""
        restarts = self.restarts_next
        self._entries += 1
        added = deadlines.take_added()
        if restarts:
            self._dims_written = 0
            entry = _Entry(kpis.closed, kpis.dims, kpis.open_windows(), deadlines.pending())
        else:
            entry = _Entry(kpis.closed, kpis.dims[self._dims_written :], packed(changes), added)
        self._dims_written = len(kpis.dims)
        return zlib.compress(_encode(entry), _QUICKLY), restarts

    def restore(self, entries: Sequence[bytes], front: int, kpis: KpiFold, deadlines: Deadlines) -> None:
        """Read back entries in the order they were written. Raises msgspec.DecodeError for foreign bytes."""
        found: list[Deadline] = []
        for stored in entries:
            entry = _decode_entry(_unzipped(stored))
            kpis.restore(entry.dims, entry.windows)
            kpis.close(entry.closed)
            found += entry.deadlines
        deadlines.restore(found, front)
        self._entries = len(entries)
        self._dims_written = len(kpis.dims)
