"""Records as they arrive: the bytes of a good event, and ways to spoil them."""

from __future__ import annotations

import json
from typing import Any

from schemas.codec import decode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event

LEFT_OUT = object()


def document(**changes: Any) -> dict[str, Any]:
    """A good `charge.rated` with `changes`; LEFT_OUT removes a field."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "event_id": "E-1",
        "event_type": "charge.rated",
        "occurred_at": "2026-03-01T12:00:00.123Z",
        "recorded_at": "2026-03-01T12:00:01.000Z",
        "customer_id": "C-1",
        "line_id": "L-1",
        "amount_minor": 1250,
        "currency": "CNY",
        "attributes": {"kind": "data"},
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not LEFT_OUT}


def record(**changes: Any) -> bytes:
    """The bytes of `document`, written without blanks."""
    return json.dumps(document(**changes), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def read(raw: bytes | None) -> Event:
    """The event in `raw`; fails the test with the dead letter's words when there is none."""
    event = decode(raw)
    assert isinstance(event, Event), event
    return event


def refused(raw: bytes | None) -> DeadLetter:
    """The dead letter of `raw`; fails the test when it is read as an event."""
    letter = decode(raw, "log.jsonl", 7)
    assert isinstance(letter, DeadLetter), letter
    return letter


def reason(raw: bytes | None) -> Reason:
    """Why `raw` is refused."""
    return refused(raw).reason
