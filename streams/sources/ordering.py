"""Rows in order of time, ties in file order, in bounded memory: long logs are sorted in runs on disk and merged."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple

import msgspec

ROWS_IN_MEMORY = 1_000_000


class TimedRow(NamedTuple):
    """A row whose time and case are known. Compares by `at`, then `number`, which no two rows share."""

    at: datetime
    number: int
    wall: datetime
    case: str
    values: dict[str, str | None]


def by_time(rows: Iterable[TimedRow], in_memory: int = ROWS_IN_MEMORY) -> Iterator[TimedRow]:
    """`rows` sorted by time, ties by number; at most `in_memory` rows are held at once while sorting."""
    held: list[TimedRow] = []
    runs: list[BinaryIO] = []
    try:
        for row in rows:
            held.append(row)
            if len(held) >= in_memory:
                runs.append(_written(sorted(held, key=_place)))
                held.clear()
        held.sort(key=_place)
        if not runs:
            yield from held
            return
        yield from heapq.merge(*(_read(run) for run in runs), held, key=_place)
    finally:
        for run in runs:
            run.close()


def _place(row: TimedRow) -> tuple[datetime, int]:
    return (row.at, row.number)


def _written(rows: list[TimedRow]) -> BinaryIO:
    run = tempfile.TemporaryFile(prefix="mot-order-")  # noqa: SIM115 - closed by by_time
    encode = msgspec.msgpack.Encoder().encode
    for row in rows:
        record = encode(row)
        run.write(len(record).to_bytes(4, "big") + record)
    run.seek(0)
    return run


def _read(run: BinaryIO) -> Iterator[TimedRow]:
    decode = msgspec.msgpack.Decoder(TimedRow).decode
    while size := run.read(4):
        row = decode(run.read(int.from_bytes(size, "big")))
        yield row._replace(at=row.at.astimezone(UTC))
