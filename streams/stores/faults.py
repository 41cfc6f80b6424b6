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
    if primary == sqlite3.SQLITE_IOERR and _no_room(path.parent):
        return DiskFull(path.parent, os.strerror(errno.ENOSPC))
    return None


def _no_room(folder: Path) -> bool:
    """SQLite says "disk I/O error" when the shared-memory file cannot grow; the file system tells the truth."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < 1 << 20
