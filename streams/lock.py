"""One process per folder: an advisory lock the kernel frees when its holder dies, so that a stale file never blocks."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from streams.errors import DiskFull, FolderBusy, FolderNotWritable

LOCK_NAME = "run.lock"
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
_TRIES = 10
_PAUSE_SECONDS = 0.05
_FULL = {errno.ENOSPC, errno.EDQUOT}


def os_fault(folder: Path, fault: OSError) -> FolderNotWritable | DiskFull | None:
    """The typed error an operating-system error stands for, None when it is neither a full disk nor missing rights."""
    reason = os.strerror(fault.errno) if fault.errno else str(fault)
    if fault.errno in _FULL:
        return DiskFull(folder, reason)
    if fault.errno in _NOT_WRITABLE:
        return FolderNotWritable(folder, reason)
    return None


class FolderLock:
    """Holds `folder` for this process until `release` or the process's end, however it ends.

    The folder is made when it is missing. Raises FolderBusy naming the holder's pid within half a second,
    FolderNotWritable or DiskFull. A process that forks shares the lock with its child: start children by spawn.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as fault:
            known = os_fault(folder, fault)
            if known is None:
                raise
            raise known from fault
        try:
            if not _taken(self._fd):
                raise FolderBusy(folder, holder_of(folder))
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        except FolderBusy:
            os.close(self._fd)
            raise
        except OSError as fault:
            os.close(self._fd)
            known = os_fault(folder, fault)
            if known is None:
                raise
            raise known from fault

    def release(self) -> None:
        """Let go of the folder. The lock file stays: removing it would let two processes lock two different files."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _taken(fd: int) -> bool:
    """Try for half a second: `is_held` holds the lock for an instant, and a holder needs one to write its pid."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def holder_of(folder: Path) -> int | None:
    """The pid written in the lock file, None when there is none. It may be dead."""
    try:
        text = (folder / LOCK_NAME).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def is_held(folder: Path) -> bool:
    """True while some process holds `folder`. Changes nothing on disk."""
    try:
        fd = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
