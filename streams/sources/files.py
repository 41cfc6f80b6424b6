"""Opening a log file: plain or gzip by its first bytes, with a measure of how far it has been read."""

from __future__ import annotations

import errno
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from streams.sources.faults import LogError

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


def must_be_file(path: Path) -> None:
    """Raises FileNotFoundError or IsADirectoryError, naming `path`, when there is no file to read."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


class OpenFile:
    """A log file open for reading bytes, decompressed when it is gzip."""

    def __init__(self, path: Path) -> None:
        try:
            self._raw = path.open("rb")
        except OSError as flaw:
            raise LogError(f"无法打开 {path}:{flaw.strerror}", f"cannot open {path}: {flaw.strerror}") from flaw
        self._path = path
        self._size = max(path.stat().st_size, 1)
        packed = self._raw.read(2) == GZIP_MAGIC
        self._raw.seek(0)
        self._bytes = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if packed else self._raw

    def fraction(self) -> float:
        """How much of the file on disk has been read, from 0 to 1."""
        return 1.0 if self._raw.closed else min(self._raw.tell() / self._size, 1.0)

    def close(self) -> None:
        """Close the file; reading ends."""
        self._bytes.close()
        self._raw.close()

    def chunks(self) -> Iterator[bytes]:
        """The bytes in chunks of 1 MiB. Raises LogError when a compressed file is cut off or damaged."""
        while chunk := self._guarded(lambda: self._bytes.read(CHUNK)):
            yield chunk
        self.close()

    def lines(self) -> Iterator[bytes]:
        """The bytes line by line, line ends kept. Raises LogError when a compressed file is cut off or damaged."""
        while line := self._guarded(self._bytes.readline):
            yield line
        self.close()

    def _guarded(self, read: _Read) -> bytes:
        try:
            return read()
        except (EOFError, zlib.error, gzip.BadGzipFile) as flaw:
            raise LogError(
                f"{self._path} 的压缩数据不完整或已损坏,请重新获取该文件({flaw})",
                f"the compressed data of {self._path} are cut off or damaged; fetch the file again ({flaw})",
            ) from flaw


class _Read(Protocol):
    def __call__(self) -> bytes: ...
