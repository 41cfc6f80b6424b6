"""Logs of our own events, JSONL (plain or gzip) or Parquet: bytes and places, decoding is left to the runner.

The Parquet log has the columns customer_id, occurred_at, recorded_at, event_type and payload (the event's JSON).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import cast

from streams.sources.faults import LogError
from streams.sources.files import OpenFile
from streams.sources.json_lines import UTF8_MARK
from streams.sources.parquet import open_parquet
from streams.sources.rows import RawRecord

MAX_LINE = 1 << 20
"""Bytes of a line that are kept: far above what the codec takes, so that a giant line becomes its dead letter."""

_record = cast("partial[RawRecord]", partial(tuple.__new__, RawRecord))


class EventLines:
    """A JSONL log of events; `position` is the line, from 1. A blank line is handed on: the codec says what it is."""

    total_rows: int | None = None

    def __init__(self, path: Path) -> None:
        self._file = OpenFile(path)
        self._origin = path.name

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._file.fraction()

    def batches(self, size: int) -> Iterator[list[RawRecord]]:
        """Records in file order, `size` at a time."""
        held: list[bytes] = []
        first = 1
        for lines in self._lines():
            held += lines
            start = 0
            while len(held) - start >= size:
                yield self._records(held[start : start + size], first)
                first, start = first + size, start + size
            del held[:start]
        if held:
            yield self._records(held, first)

    def _records(self, lines: list[bytes], first: int) -> list[RawRecord]:
        places: Iterable[tuple[bytes, str, int, None]] = zip(
            lines, repeat(self._origin), range(first, first + len(lines)), repeat(None)
        )
        return list(map(_record, places))

    def _lines(self) -> Iterator[list[bytes]]:
        """Lines of each chunk, without line ends; a line longer than `MAX_LINE` is cut there."""
        rest, begun = b"", False
        for chunk in self._file.chunks():
            data = chunk if begun else chunk.removeprefix(UTF8_MARK)
            begun = True
            lines = data.split(b"\n")
            lines[0] = _short(rest, lines[0])
            rest = lines.pop()[: MAX_LINE + 1]
            yield lines
        if rest:
            yield [rest]


def _short(rest: bytes, more: bytes) -> bytes:
    return (rest + more[: MAX_LINE + 1 - len(rest)]) if rest else more[: MAX_LINE + 1]


class EventTable:
    """A Parquet log of events; `position` is the row, from 1, and `key` the customer."""

    def __init__(self, path: Path) -> None:
        self._file = open_parquet(path)
        self._origin = path.name
        self._read = 0
        self.total_rows: int | None = self._file.metadata.num_rows
        missing = {"payload", "customer_id"} - set(self._file.schema_arrow.names)
        if missing:
            names = ", ".join(sorted(missing))
            raise LogError(
                f"{path} 不是本产品的事件日志:缺少列 {names};其他日志请用 --mapping 指定映射",
                f"{path} is no log of our events: it lacks {names}; for another log give a mapping with --mapping",
            )

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._read / (self.total_rows or 1)

    def batches(self, size: int) -> Iterator[list[RawRecord]]:
        """Records in file order, at most `size` at a time (fewer where a row group ends)."""
        origin = self._origin
        for batch in self._file.iter_batches(max(size, 1 << 14), columns=["payload", "customer_id"]):
            payloads, keys = (
                batch.column(name).to_numpy(zero_copy_only=False).tolist() for name in ("payload", "customer_id")
            )
            for start in range(0, len(payloads), size):
                part = payloads[start : start + size]
                first = self._read + start + 1
                places = zip(part, repeat(origin), range(first, first + len(part)), keys[start : start + size])
                yield list(map(_record, places))
            self._read += len(payloads)
