"""A record of Kafka as the worker takes it in: decoded, or a dead letter with its place.

Two checks belong to where a record lies, not to what it says: its key must be its customer, or it would be judged in a
partition of others; and where the broker stamps records, an event cannot have happened later than that. So sources
whose clocks are wrong cannot move a partition's clock, and replaying the same log refuses the same records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from aiokafka import TopicPartition

from schemas.codec import FUTURE_TOLERANCE_MS, dead_letter, read_event
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event, Tick
from schemas.inspection import LIMITS
from streams.kafka.wire import event_bytes

Ack = Callable[[], object]
"""What tells Faust that a fetch is done with."""

_LOG_APPEND_TIME = 1
_WRONG_KEY = (
    "the record's key is not its customer_id, so it lies in a partition of other customers; "
    "`mot dlq retry` sends it to the right one"
)
_FUTURE = "occurred_at is more than 5 minutes after the broker took the record in; set the clock of the source right"


class Intake(msgspec.Struct, gc=False):
    """`origin` is `<topic>-<partition>`, `raw` our JSON, `at` the event time in ms, -1 for a dead letter."""

    origin: str
    offset: int
    raw: bytes
    record: Event | Tick | DeadLetter
    at: int


class TooLarge(NamedTuple):
    """A record of more bytes than are read, without them: a few that wait their turn would fill the memory."""

    offset: int
    timestamp: int | None
    timestamp_type: int | None
    letter: DeadLetter


def without_excess(at: TopicPartition, record: Any) -> Any:
    """The aiokafka `record`, or what is left of one that is too large to be read."""
    if record.value is None or len(record.value) <= LIMITS.record_bytes:
        return record
    raw = event_bytes(record.value, record.headers, record.key)  # a CloudEvent may be larger than the event in it
    if raw is None or len(raw) <= LIMITS.record_bytes:
        return record
    letter = read_event(raw, f"{at.topic}-{at.partition}", record.offset)
    return TooLarge(record.offset, record.timestamp, record.timestamp_type, cast(DeadLetter, letter))


def taken_in(origin: str, records: Sequence[Any]) -> list[Intake]:
    """The aiokafka `records` of a fetch, decoded and checked. Never raises."""
    taken: list[Intake] = []
    add = taken.append
    for record in records:
        if type(record) is TooLarge:
            add(Intake(origin, record.offset, b"", record.letter, -1))
            continue
        raw, offset = record.value, record.offset
        if record.headers:
            raw = event_bytes(raw, record.headers, record.key)
        event: Any = read_event(raw, origin, offset)
        if type(event) is DeadLetter:
            if raw is not None and b'"specversion"' in raw and not record.headers:  # a CloudEvent that says so inside
                raw = event_bytes(raw, (), record.key)
                event = read_event(raw, origin, offset)
            if type(event) is DeadLetter:
                add(Intake(origin, offset, raw or b"", event, -1))
                continue
        at = event.occurred_ms
        if type(event) is not Tick and record.key != event.customer_id.encode():
            add(_refused(origin, offset, raw, Reason.WRONG_KEY, _WRONG_KEY, "customer_id"))
            continue
        if record.timestamp_type == _LOG_APPEND_TIME and at > record.timestamp + FUTURE_TOLERANCE_MS:
            add(_refused(origin, offset, raw, Reason.FUTURE_TIME, _FUTURE, "occurred_at"))
            continue
        add(Intake(origin, offset, raw, event, at))
    return taken


def _refused(origin: str, offset: int, raw: bytes, reason: Reason, detail: str, field: str) -> Intake:
    return Intake(origin, offset, raw, dead_letter(raw, origin, offset, reason, detail, field=field), -1)
