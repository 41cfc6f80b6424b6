"""SQLite's errors in our own words."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import DiskFull, FolderBusy, FolderNotWritable, StateCorrupted, StreamsError
from streams.lock import os_fault

_LITTLE_BYTES = 1 << 20
_LOW_BYTE = 0xFF  # extended result codes carry the primary one in their low byte


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Run a block on the database at `path`; driver errors that mean something to a person leave as StreamsError."""
    try:
        yield
    except sqlite3.Error as fault:
        known = _meaning(path, fault)
        if known is None:
            raise
        raise known from fault
    except OSError as fault:
        known = os_fault(path.parent, fault)
        if known is None:
            raise
        raise known from fault


def _meaning(path: Path, fault: sqlite3.Error) -> StreamsError | None:
    code = getattr(fault, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & _LOW_BYTE
    if primary == sqlite3.SQLITE_FULL:
        return DiskFull(path.parent, str(fault))
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return FolderNotWritable(path.parent, str(fault))
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StateCorrupted(path, str(fault))
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return FolderBusy(path.parent, None)
    return _file_system_fault(path.parent) if primary == sqlite3.SQLITE_IOERR else None


def _file_system_fault(folder: Path) -> StreamsError | None:
    """What "disk I/O error" hides: SQLite says no more when its shared-memory file cannot grow or be made."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return None
    if room.f_flag & os.ST_RDONLY:
        return FolderNotWritable(folder, os.strerror(errno.EROFS))
    if room.f_bavail * room.f_frsize < _LITTLE_BYTES:
        return DiskFull(folder, os.strerror(errno.ENOSPC))
    return None
