"""Logs of our own events, JSONL (plain or gzip) or Parquet with whole records: bytes and places, decoding is left to
the runner.

Such a Parquet log has the columns customer_id and payload (the event's JSON); for one by columns see `event_columns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from streams.sources.files import OpenFile
from streams.sources.json_lines import UTF8_MARK
from streams.sources.parquet import batches_of, mask
from streams.sources.rows import Records
from streams.sources.sharing import WHOLE, Share

MAX_LINE = 1 << 20
"""Bytes of a line that are kept: far above what the codec takes, so that a giant line becomes its dead letter."""


class EventLines:
    """A JSONL log of events; `position` is the line, from 1. A blank line is handed on: the codec says what it is."""

    total_rows: int | None = None

    def __init__(self, path: Path) -> None:
        self.read = 0
        self._file = OpenFile(path)
        self._origin = path.name

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._file.fraction()

    def batches(self, size: int, share: Share = WHOLE) -> Iterator[Records]:
        """See LogSource."""
        held: list[bytes] = []
        for lines in self._lines():
            held += lines
            start = 0
            while len(held) - start >= size:
                yield self._records(held[start : start + size], share)
                start += size
            del held[:start]
        if held:
            yield self._records(held, share)

    def _records(self, lines: list[bytes], share: Share) -> Records:
        first = self.read + 1
        self.read += len(lines)
        if share == WHOLE:
            return Records(lines, self._origin, range(first, self.read + 1))
        own = [(line, position) for position, line in enumerate(lines, first) if share.takes(line)]
        return Records([line for line, _ in own], self._origin, [position for _, position in own])

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


def has_whole_records(file: Any) -> bool:
    """Whether an open Parquet file holds events each whole in its column `payload`, not by columns."""
    names = set(file.schema_arrow.names)
    return {"customer_id", "payload"} <= names and "event_id" not in names


class EventTable:
    """A Parquet log of events, each whole; `position` is the row, from 1."""

    def __init__(self, path: Path, file: Any) -> None:
        self.read = 0
        self._path = path
        self._file = file
        self._origin = path.name
        self.total_rows: int | None = file.metadata.num_rows

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self.read / (self.total_rows or 1)

    def batches(self, size: int, share: Share = WHOLE) -> Iterator[Records]:
        """See LogSource; fewer where a row group ends."""
        columns = ["payload"] if share == WHOLE else ["payload", "customer_id"]
        for batch in batches_of(self._path, self._file, max(size, 1 << 14), columns):
            positions: Sequence[int] = range(self.read + 1, self.read + 1 + batch.num_rows)
            self.read += batch.num_rows
            if share != WHOLE:
                own = _own(batch, share)
                positions = [position for position, is_own in zip(positions, own, strict=True) if is_own]
                batch = batch.filter(mask(own))  # noqa: PLW2901 - the whole one is not needed any more
            payloads = _payloads(batch)
            for start in range(0, len(payloads), size):
                cut = slice(start, start + size)
                yield Records(payloads[cut], self._origin, positions[cut])


def _payloads(batch: Any) -> list[bytes]:
    return [payload or b"" for payload in batch.column("payload").cast("binary").to_pylist()]


def _own(batch: Any, share: Share) -> list[bool]:
    """For each row whether it is of `share`: each customer is asked once, a row without one is read."""
    customers = batch.column("customer_id").dictionary_encode()
    known = [share.has(customer) for customer in customers.dictionary.to_pylist()]
    numbers = customers.indices.to_pylist()
    if not customers.null_count:
        return [known[number] for number in numbers]
    payloads = _payloads(batch)
    return [
        share.takes(payload) if number is None else known[number]
        for number, payload in zip(numbers, payloads, strict=True)
    ]
