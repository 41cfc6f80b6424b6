"""Where a runner's records come from: numbered raw records, from any position on when the source can go back."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import msgspec
import xxhash

from schemas.moments import Text
from streams.errors import SourceNotResumable, StreamsError

_UTF8_MARK = b"\xef\xbb\xbf"


class Records(NamedTuple):
    """Consecutive records: `raws[i]` stands at position `first + i` of the log. Empty when a live source has nothing
    new."""

    first: int
    raws: Sequence[bytes]


class RecordSource(Protocol):
    """A log. `identity` tells it from another log (empty: cannot tell)."""

    identity: str

    def batches(self, start: int, size: int) -> Iterator[Records]:
        """Records from position `start` on, at most `size` at a time. A live source yields an empty batch from time
        to time.

        Raises SourceNotResumable when `start` is not 0 and the source cannot go back.
        """
        ...


class ListSource:
    """A log in memory."""

    def __init__(self, raws: Sequence[bytes], identity: str = "") -> None:
        self._raws = raws
        self.identity = identity

    def batches(self, start: int, size: int) -> Iterator[Records]:
        """See RecordSource."""
        for first in range(start, len(self._raws), size):
            yield Records(first, self._raws[first : first + size])


class StreamSource:
    """Lines of a stream that cannot go back: standard input, a pipe."""

    identity = ""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def batches(self, start: int, size: int) -> Iterator[Records]:
        """See RecordSource."""
        if start:
            raise SourceNotResumable(start)
        return _lines(self._stream, 0, size)


class LineFileSource:
    """A JSONL file of our own events, which may still be growing. The position is the line, counted from 0.

    The file is known again by its first line (`identity` is empty while that is not whole). A last line without its
    line end is taken only when it is a whole JSON object: a writer may be in the middle of it, and what is half
    written waits for the next start. `left_bytes` is how much of the file waits so, once a run has come to its end.

    Raises SourceChanged, from `batches`, when the file is no longer the one that was read: rotated away, shortened
    behind the position or while it is read. A file that was written anew with the same first line and at least as
    many lines cannot be told from one that has grown.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.left_bytes = 0
        with path.open("rb") as file:
            self.identity = _identity(file.readline())

    def batches(self, start: int, size: int) -> Iterator[Records]:
        """See RecordSource."""
        with self._path.open("rb", buffering=1 << 20) as file:
            self._skip(file, start)
            yield from _lines(file, start, size, self._is_to_be_taken)
            if os.fstat(file.fileno()).st_size < file.tell():
                raise SourceChanged(self._path, "读取期间变短了", "became shorter while it was read")

    def _skip(self, file: BinaryIO, lines: int) -> None:
        """Go behind the first `lines` lines, which must still be there."""
        if self.identity and self.identity != _identity(file.readline()):
            raise SourceChanged(self._path, "第一行已不同", "has another first line now")
        file.seek(0)
        for done in range(lines):
            if not _is_whole(file.readline()):
                raise SourceChanged(
                    self._path,
                    f"只剩 {done} 行,而已处理 {lines} 行",
                    f"has {done} lines left, and {lines} have been processed",
                )

    def _is_to_be_taken(self, last: bytes) -> bool:
        whole = _is_whole(last)
        self.left_bytes = 0 if whole else len(last)
        return whole


class SourceChanged(StreamsError):
    """The file that a run reads is not the one it has read so far: rotated, shortened, written anew."""

    def __init__(self, path: Path, why_zh: str, why_en: str) -> None:
        self._given = (path, why_zh, why_en)
        self.path = path
        super().__init__(
            Text(
                zh=f"日志 {path} {why_zh}:它被轮转、截短或重写,不能从中断处继续。已提交的结果完好;"
                "请恢复原文件(追加可以),或把新文件读入一个空文件夹。",
                en=f"The log {path} {why_en}: it was rotated, cut or written anew, and a run cannot go on in it. All "
                "committed results are intact; bring the file back (lines may be added), or run the new one into an "
                "empty folder.",
            )
        )

    def __reduce__(self) -> tuple[type[SourceChanged], tuple[Path, str, str]]:
        """Rebuilt from what it was made of, so that one process can hand it to another."""
        return SourceChanged, self._given


def _identity(first: bytes) -> str:
    return f"lines:{xxhash.xxh3_64_hexdigest(first.strip())}" if _is_whole(first) else ""


def _is_whole(line: bytes) -> bool:
    """Whether all of a line is there: it ends, or it is a JSON object; the beginning of one is none."""
    if line.endswith(b"\n"):
        return True
    try:
        return type(msgspec.json.decode(line.removeprefix(_UTF8_MARK))) is dict
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _taken(_last: bytes) -> bool:
    """A stream that has ended brings nothing more: its last line is as whole as it will be."""
    return True


def _lines(
    stream: BinaryIO | io.BufferedReader, first: int, size: int, is_to_be_taken: Callable[[bytes], bool] = _taken
) -> Iterator[Records]:
    """The lines of a stream in batches; the last one, when it has no line end, only if `is_to_be_taken`."""
    pending: list[bytes] = []
    line = b""
    for line in stream:
        pending.append(line.strip())
        if len(pending) == size and line.endswith(b"\n"):
            yield _numbered(first, pending)
            first += size
            pending = []
    if pending and not line.endswith(b"\n") and not is_to_be_taken(line):
        pending.pop()
    if pending:
        yield _numbered(first, pending)


def _numbered(first: int, lines: list[bytes]) -> Records:
    if first == 0:
        lines[0] = lines[0].removeprefix(_UTF8_MARK)
    return Records(first, lines)
