"""Where a runner's records come from: numbered raw records, from any position on when the source can go back."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import xxhash

from streams.errors import SourceNotResumable

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
    """A JSONL file of our own events. The position is the line, counted from 0; it is known again by its first line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self.identity = f"lines:{xxhash.xxh3_64_hexdigest(file.readline().strip())}"

    def batches(self, start: int, size: int) -> Iterator[Records]:
        """See RecordSource."""
        with self._path.open("rb", buffering=1 << 20) as file:
            for _ in range(start):
                file.readline()
            yield from _lines(file, start, size)


def _lines(stream: BinaryIO | io.BufferedReader, first: int, size: int) -> Iterator[Records]:
    pending: list[bytes] = []
    for line in stream:
        pending.append(line.strip())
        if len(pending) == size:
            if first == 0:
                pending[0] = pending[0].removeprefix(_UTF8_MARK)
            yield Records(first, pending)
            first += size
            pending = []
    if pending:
        if first == 0:
            pending[0] = pending[0].removeprefix(_UTF8_MARK)
        yield Records(first, pending)
