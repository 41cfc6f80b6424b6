"""Rows of a log, each with its place, and the dead letter that a row becomes when it cannot be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import xxhash

from schemas.codec import read_event
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from schemas.plain import PlainEvent

PAYLOAD_SHOWN = 4_096
"""Bytes of a dead letter's record that are kept."""


class Row(NamedTuple):
    """One row: `number` is its line (CSV, JSONL), row (Parquet) or event (XES), from 1; a value not stated is None."""

    number: int
    values: Mapping[str, str | None]


class RawRecord(NamedTuple):
    """What a source hands to a runner: bytes still to be decoded, or an event or dead letter made by a mapping.

    `origin` and `position` say where it came from.
    """

    raw: bytes | Event | DeadLetter
    origin: str
    position: int


@dataclass(frozen=True, slots=True)
class Records:
    """A batch of records as columns of equal length; iterating makes `RawRecord`s.

    `events` are those a source has made already, None for a record still to be decoded; they only read like events.
    """

    raws: Sequence[bytes | Event | DeadLetter]
    origin: str
    positions: Sequence[int]
    events: Sequence[PlainEvent | None] | None = None

    def decoded(self) -> list[Any]:
        """Each record as an event or a tick, which may only read like one, or as a dead letter."""
        if self.events is None:
            return [self._read(place, raw) for place, raw in enumerate(self.raws)]
        return [self._read(place, self.raws[place]) if one is None else one for place, one in enumerate(self.events)]

    def _read(self, place: int, raw: bytes | Event | DeadLetter) -> Any:
        return read_event(raw, self.origin, self.positions[place]) if isinstance(raw, bytes) else raw

    def __len__(self) -> int:
        return len(self.raws)

    def __iter__(self) -> Iterator[RawRecord]:
        return map(RawRecord, self.raws, repeat(self.origin), self.positions)


class Reader(Protocol):
    """Reads the rows of one file. `header` holds its columns where the format states them up front."""

    header: tuple[str, ...] | None
    total_rows: int | None

    def rows(self) -> Iterator[Row | DeadLetter]:
        """Rows in file order; a row that cannot be read is a dead letter."""
        ...

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        ...


def set_aside(origin: str, position: int, detail: str, payload: bytes, field: str | None = None) -> DeadLetter:
    """The dead letter of a row that the mapping cannot use. `detail` must not repeat what the row says."""
    return DeadLetter(
        dead_letter_id=f"{xxhash.xxh3_128_hexdigest(f'{origin}|{position}'.encode())}",
        origin=origin,
        position=position,
        reason=Reason.MAPPING,
        detail=detail,
        field=field,
        payload=payload[:PAYLOAD_SHOWN].decode("utf-8", errors="replace"),
        payload_sha256=hashlib.sha256(payload).hexdigest(),
    )


def as_text(value: Any) -> str | None:
    """One spelling for what JSON and Parquet hold as numbers, truth values and times; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
