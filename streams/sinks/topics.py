"""What Kafka's topics hold, into ClickHouse: a batch of records becomes rows, and the rows are inserted.

A record that is no row of its table, or that ClickHouse refuses, becomes a dead letter with the place it came from; the
others are not held up. Writing a batch twice is harmless.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
import pyarrow as pa

from journeys.placement import Placements
from schemas.codec import dead_letter
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event, Tick
from streams.live.intake import taken_in
from streams.sinks.blocks import BlockInserter, refused_row
from streams.sinks.kpi_columns import arrow_bytes, columns_of
from streams.sinks.ports import Delivery
from streams.sinks.rows import dead_letter_row, encoded
from streams.sinks.wire import NotOurs, TopicKind, block_of

RecordKind = TopicKind | Literal["events"]


class Record(Protocol):
    """What is read of a Kafka client's record. `timestamp` in ms since 1970, -1 or None when there is none;
    `timestamp_type` is 1 when the broker set it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int
    timestamp_type: int


class Place(NamedTuple):
    """Where a row came from: topic-partition and offset."""

    origin: str
    offset: int


class Written(NamedTuple):
    """What a write stored: rows by table, and the rows ClickHouse refused."""

    rows: Counter[str]
    refused: list[DeadLetter]


_MUST_HAVE: Mapping[str, Mapping[str, type]] = {
    "moments": {"moment_id": str, "customer_id": str, "anchor_at": str, "version": int},
    "journey_transitions": {"customer_id": str, "event_key": int, "at": str, "version": int},
    "handoffs": {"event_id": str, "customer_id": str, "case_id": str, "at": str},
    "detector_failures": {"detector_id": str, "customer_id": str, "event_id": str, "at": str},
    "pipeline_health": {"at": str, "component": str, "instance": str, "metric": str, "value": float},
    "dead_letters": {"dead_letter_id": str, "origin": str, "reason": str},
}
"""The fields without which a line would be stored under an empty key and replace others."""
_CHECKS = {
    table: msgspec.json.Decoder(msgspec.defstruct(table, list(fields.items()))).decode
    for table, fields in _MUST_HAVE.items()
}


class TopicBatch:
    """Records on their way to ClickHouse, decoded.

    `kinds` says what each topic holds. `positions` are by (topic, partition) the offsets to go on from; `records` and
    `bytes` count what was added, `oldest_ms` is the earliest time stamp of a record, None before the first.
    """

    def __init__(self, kinds: Mapping[str, RecordKind], placements: Placements) -> None:
        self._kinds = kinds
        self._placements = placements
        self.events = Delivery()
        self.event_places: list[Place] = []
        self.lines: dict[str, tuple[list[bytes], list[Place]]] = defaultdict(lambda: ([], []))
        self.columns: list[tuple[Any, Place]] = []
        self.letters: list[DeadLetter] = []
        self.positions: dict[tuple[str, int], int] = {}
        self.records = self.bytes = self.undecodable = 0
        self.oldest_ms: int | None = None

    def add(self, records: Sequence[Record]) -> None:
        """Take in records of one topic and partition, in order."""
        first = records[0]
        kind, origin = self._kinds[first.topic], f"{first.topic}-{first.partition}"
        if kind == "events":
            self._add_events(records, origin)
        else:
            for record in records:
                if record.value is not None:
                    self._add_block(kind, record, record.value, Place(origin, record.offset))
        self.positions[first.topic, first.partition] = records[-1].offset + 1
        self.records += len(records)
        self.bytes += sum(len(record.value) for record in records if record.value is not None)
        stamps = [record.timestamp for record in records if record.timestamp is not None and record.timestamp > 0]
        if stamps:
            self.oldest_ms = min(stamps) if self.oldest_ms is None else min(self.oldest_ms, *stamps)

    def _add_events(self, records: Sequence[Record], origin: str) -> None:
        """Those the worker takes in; it reads them too, by the same judgement, and keeps the others as dead letters."""
        raws: list[bytes] = []
        events: list[Event] = []
        offsets: list[int] = []
        for taken in taken_in(origin, records):
            if type(taken.record) is DeadLetter:
                self.undecodable += 1
            elif type(taken.record) is not Tick:
                raws.append(taken.raw)
                events.append(taken.record)
                offsets.append(taken.offset)
        self.events.add_events(raws, events, [self._placements.place(event) for event in events], offsets)
        self.event_places += [Place(origin, offset) for offset in offsets]

    def _add_block(self, kind: TopicKind, record: Record, value: bytes, place: Place) -> None:
        try:
            block = block_of(kind, value, record.headers)
            if block.format == "Arrow":
                self.columns.append((columns_of(block.data), place))
                return
        except (NotOurs, pa.ArrowInvalid) as flaw:
            self._set_aside(value, place, Reason.WRONG_VALUE, f"The record is none of our effects: {flaw}")
            return
        lines, places = self.lines[block.table]
        check = _CHECKS[block.table]
        for line in value.split(b"\n") if kind == "facts" else (value,):
            try:
                check(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as flaw:
                self._set_aside(line, place, Reason.WRONG_VALUE, f"No row of table {block.table}: {flaw}")
            else:
                lines.append(line)
                places.append(place)

    def _set_aside(self, row: bytes, place: Place, reason: Reason, detail: str) -> None:
        self.letters.append(dead_letter(row, place.origin, place.offset, reason, detail[:500]))


class TopicSink:
    """Writes batches through a client whose tables exist. Raises what the driver raises for anything but a bad row;
    then some of the batch may be stored."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._blocks = BlockInserter(client)

    def write(self, batch: TopicBatch) -> Written:
        """Store a batch; when this returns, all of it is safe."""
        rows: Counter[str] = Counter()
        refused: list[DeadLetter] = []
        events = batch.events
        refusals = self._blocks.insert_events(events.lines, events.suffixes)
        rows["events"] += len(events) - len(refusals)
        refused += [_letter(events.lines[at], batch.event_places[at], "events", code) for at, code in refusals]
        for table, (lines, places) in batch.lines.items():
            refusals = self._blocks.insert_lines(table, lines)
            rows[table] += len(lines) - len(refusals)
            refused += [_letter(lines[at], places[at], table, code) for at, code in refusals]
        if batch.columns:
            count, letters = self._write_columns(batch.columns)
            rows["kpis"] += count
            refused += letters
        letters_rows = encoded(map(dead_letter_row, [*batch.letters, *refused]))
        rows["dead_letters"] += len(letters_rows) - len(self._blocks.insert_lines("dead_letters", letters_rows))
        return Written(+rows, [*batch.letters, *refused])

    def _write_columns(self, columns: Sequence[tuple[Any, Place]]) -> tuple[int, list[DeadLetter]]:
        whole = pa.concat_tables([table for table, _ in columns])
        places = [place for table, place in columns for _ in range(table.num_rows)]
        refusals = self._blocks.insert_columns("kpis", whole)
        letters = [_letter(arrow_bytes(whole.slice(at, 1)), places[at], "kpis", code) for at, code in refusals]
        return whole.num_rows - len(refusals), letters

    def write_rows(self, table: str, lines: Sequence[bytes]) -> None:
        """Put rows of our own (reference, health), each one line of JSON, into `table`."""
        self._blocks.insert_lines(table, lines)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def _letter(row: bytes, place: Place, table: str, code: int | None) -> DeadLetter:
    return refused_row(row, f"clickhouse:{place.origin}", place.offset, table, code)
