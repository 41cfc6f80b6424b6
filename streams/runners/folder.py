"""What a run's folder holds and what its header says: the folder belongs to one log and one number of partitions.

`run.json` header · `run.lock` who holds it · `state/` one SQLite file per partition · `clickhouse/` the chdb database.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from streams.errors import FolderMismatch, StateCorrupted
from streams.lock import os_fault

HEADER_NAME = "run.json"


class RunHeader(msgspec.Struct, frozen=True):
    """What must stay the same from one start to the next. `source` is the log's identity, empty when it cannot tell."""

    partitions: int
    source: str


def claim(folder: Path, header: RunHeader) -> None:
    """Write the header of a new folder, or check that of an old one.

    Raises FolderMismatch, StateCorrupted, FolderNotWritable, DiskFull.
    """
    path = folder / HEADER_NAME
    try:
        found = msgspec.json.decode(path.read_bytes(), type=RunHeader)
    except FileNotFoundError:
        _write(path, header)
        return
    except msgspec.DecodeError as fault:
        raise StateCorrupted(path, str(fault)) from fault
    if found.partitions != header.partitions:
        raise FolderMismatch(folder, "partitions", str(found.partitions), str(header.partitions))
    if found.source and header.source and found.source != header.source:
        raise FolderMismatch(folder, "source", found.source, header.source)


def _write(path: Path, header: RunHeader) -> None:
    """Whole or not at all, and on the disk before the first state is."""
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(header) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as fault:
        known = os_fault(path.parent, fault)
        if known is None:
            raise
        raise known from fault


def state_path(folder: Path, partition: int) -> Path:
    """The SQLite file of a partition."""
    return folder / "state" / f"partition-{partition:03d}.sqlite"


def clickhouse_path(folder: Path) -> Path:
    """The folder of the ClickHouse database."""
    return folder / "clickhouse"
