"""Our JSON passes untouched; CloudEvents become our JSON; what only claims to be one becomes a telling dead letter."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from timeit import timeit
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event
from streams.kafka.wire import event_bytes

DATA: dict[str, Any] = {"order_id": "o1", "attributes": {"note": "x"}}
ATTRIBUTES: dict[str, Any] = {
    "id": "e-1",
    "type": "order.submitted",
    "source": "shop",
    "subject": "c-7",
    "time": "2026-03-01T08:00:00+08:00",
}


def cloud_event(data: Any = DATA, **attributes: Any) -> CloudEvent:
    given = {**ATTRIBUTES, **attributes}
    if isinstance(given.get("time"), str):
        given["time"] = datetime.fromisoformat(given["time"])
    return CloudEvent({name: value for name, value in given.items() if value is not None}, data)


def taken(value: bytes | None, headers: dict[str, bytes] | None = None, key: bytes | None = None) -> Any:
    return decode(event_bytes(value, tuple((headers or {}).items()), key))


def binary(event: CloudEvent) -> Any:
    message = to_binary_event(event)
    key = message.key.encode() if isinstance(message.key, str) else message.key
    return taken(message.value, message.headers, key)


def structured(event: CloudEvent) -> Any:
    message = to_structured_event(event)
    return taken(message.value, message.headers)


@pytest.mark.parametrize("read", [binary, structured])
def test_what_the_data_lack_comes_from_the_attributes(read: Any) -> None:
    event = read(cloud_event())
    assert isinstance(event, Event), event
    assert (event.event_id, event.event_type, event.customer_id, event.source) == (
        "e-1",
        "order.submitted",
        "c-7",
        "shop",
    )
    assert event.occurred_at.isoformat() == "2026-03-01T00:00:00+00:00"
    assert event.recorded_at == event.occurred_at
    assert event.order_id == "o1"


@pytest.mark.parametrize("read", [binary, structured])
def test_what_the_data_say_stands_above_the_attributes(read: Any) -> None:
    own = {
        "schema_version": 1,
        "event_id": "mine",
        "event_type": "order.submitted",
        "occurred_at": "2026-03-01T00:00:00Z",
        "recorded_at": "2026-03-01T00:00:05Z",
        "customer_id": "c-9",
        "source": "crm",
        **DATA,
    }
    event = read(cloud_event(own, type="com.example.wrapped", subject="other"))
    assert isinstance(event, Event), event
    assert (event.event_id, event.customer_id, event.source) == ("mine", "c-9", "crm")
    assert event.recorded_at > event.occurred_at


def test_without_a_subject_the_partition_key_is_the_customer() -> None:
    event = binary(cloud_event(subject=None, partitionkey="c-8"))
    assert event.customer_id == "c-8"
    message = to_structured_event(cloud_event(subject=None))
    assert taken(message.value, message.headers, b"c-5").customer_id == "c-5"


def test_structured_is_told_by_specversion_when_no_header_says_so() -> None:
    message = to_structured_event(cloud_event())
    assert taken(message.value).event_id == "e-1"
    packed = {**json.loads(message.value), "data_base64": base64.b64encode(json.dumps(DATA).encode()).decode()}
    del packed["data"]
    assert taken(json.dumps(packed).encode()).order_id == "o1"


def test_data_reach_the_codec_as_they_were_written() -> None:
    headers = to_binary_event(cloud_event()).headers
    letter = taken(b'{"order_id": "a", "order_id": "b"}', headers)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "duplicate_key"


@pytest.mark.parametrize(
    ("value", "headers", "says"),
    [
        (b"{}", {"ce_specversion": b"1.0", "ce_type": b"order.submitted", "ce_source": b"x"}, "id"),
        (b"[1]", to_binary_event(cloud_event()).headers, "not one JSON object"),
        (b"<a/>", to_binary_event(cloud_event()).headers, "not one JSON object"),
        (b"[]", {"content-type": b"application/cloudevents-batch+json"}, "not one JSON object"),
        (b'{"specversion":"1.0","id":"1"}', {}, "type, source"),
        (b'{"specversion":"1.0","id":"1","type":"t","source":"s","time":"gestern"}', {}, "ValueError"),
        (b"{}", {**to_binary_event(cloud_event()).headers, "ce_id": b"\xff"}, "UnicodeDecodeError"),
        (None, {"ce_id": b"1"}, "type, source"),
    ],
)
def test_what_is_no_cloud_event_becomes_a_dead_letter_that_says_why(
    value: bytes | None, headers: dict[str, bytes], says: str
) -> None:
    letter = taken(value, headers)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "not_json"
    assert letter.payload.startswith("no valid CloudEvent (")
    assert says in letter.payload


@pytest.mark.parametrize("value", [None, b"", b"{", b'{"event_type":"x","specversion":"1.0"}', b'["specversion"]'])
def test_what_is_none_of_them_is_the_same_object(value: bytes | None) -> None:
    assert event_bytes(value, (), None) is value
    assert event_bytes(value, (("traceparent", b"00"), ("content-type", b"application/json")), b"k") is value


@given(st.binary(max_size=60), st.lists(st.tuples(st.sampled_from(["ce_id", "ce_time", "CE_type", "x"]), st.binary())))
def test_it_never_raises(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    event_bytes(value, headers, value[:3])
    event_bytes(b'{"specversion":' + value + b"}", (("content-type", b"application/cloudevents+json"),), value)


def test_our_own_json_costs_next_to_nothing() -> None:
    value = json.dumps({"event_type": "bill.issued", "padding": "x" * 400}).encode()
    ours = min(timeit(lambda: event_bytes(value, (), b"k"), number=20_000) for _ in range(5))
    parsing = min(timeit(lambda: json.loads(value), number=20_000) for _ in range(5))
    assert ours < parsing / 3


def test_a_time_that_is_not_said_is_not_made_up() -> None:
    headers = {name: content for name, content in to_binary_event(cloud_event()).headers.items() if name != "ce_time"}
    letter = taken(b"{}", headers)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "missing_field"
    assert letter.field == "occurred_at"
