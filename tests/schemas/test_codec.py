"""The codec keeps what it reads, spells it one way, and gives the same answer by its quick and by its slow way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model, model_validator

from schemas import codec
from schemas.codec import decode, encode, read_event
from schemas.deadletters import DeadLetter
from schemas.envelope import Attributes, Event, Tick, blank
from schemas.events import EVENT_TYPES
from schemas.examples import example_of
from schemas.inspection import LIMITS
from schemas.plain import plain_event
from schemas.times import to_ms
from tests.schemas.records import document, read, record

FIELD_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELD_NAMES, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.fixed_dictionaries({"kind": st.sampled_from(["data", "refund"])}, optional={"more": JSON_VALUES})


def slowly(raw: bytes) -> Event | Tick | DeadLetter:
    return codec._decoded_slowly(raw, "", 0)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_of_every_type_survives_encoding_and_decoding(event_type: str) -> None:
    event = example_of(event_type)
    raw = encode(event)
    again = read(raw)
    assert again == event
    assert type(again) is EVENT_TYPES[event_type]
    assert encode(again) == raw
    assert again.occurred_ms == event.occurred_ms
    assert slowly(raw) == event


@given(st.dictionaries(FIELD_NAMES, JSON_VALUES, max_size=3), st.dictionaries(FIELD_NAMES, JSON_VALUES, max_size=3))
def test_unknown_fields_survive_whatever_they_hold(outside: dict[str, Any], inside: dict[str, Any]) -> None:
    outside = {name: value for name, value in outside.items() if name not in Event.model_fields}
    inside = {name: value for name, value in inside.items() if name not in {"kind", "roaming", "country"}}
    event = read(record(**outside, attributes={"kind": "data", **inside}))
    assert event.model_extra == outside
    assert event.attributes.model_extra == inside
    assert read(encode(event)) == event
    assert encode(read(encode(event))) == encode(event)


@given(st.binary(max_size=6), st.data())
@settings(max_examples=300)
def test_the_quick_way_and_the_slow_way_agree(noise: bytes, data: st.DataObject) -> None:
    raw = record(note=data.draw(st.text(max_size=4)), attributes=data.draw(ATTRIBUTES))
    at = data.draw(st.integers(0, len(raw)))
    to = data.draw(st.integers(at, min(at + 8, len(raw))))
    raw = raw[:at] + noise + raw[to:]
    assert decode(raw) == slowly(raw)


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 11, 2**63 - 1, 2**63, -(2**63) - 1, 1.0, 0.5, "", " ", "x", "x" * 65, "x" * 129,
    "normal", "app", "CN", "XX", "cn", "XTS", "refund", "a:b", "深圳", "ａ", "a\u202eb", "2026-03-01T20:00:00.5+08:00",
    "2026-03-01 12:00:00Z", "2026-03-01T12:00:00", "2026-03-01T12:00:00.1234567Z", "2026-03-01T12:00:00,5Z",
    "2026-03-01T12:00:00.999999+00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01t12:00z",
    "1767225600", [], {}, {"kind": "data"},
)  # fmt: skip


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_no_odd_value_in_any_field_passes_by_one_way_only(event_type: str) -> None:
    good = json.loads(encode(example_of(event_type)))
    names = [*EVENT_TYPES[event_type].model_fields, *(("attributes", name) for name in good["attributes"])]
    for name in names:
        for odd in ODD_VALUES:
            changed = (
                {**good, "attributes": {**good["attributes"], name[1]: odd}}
                if isinstance(name, tuple)
                else {**good, name: odd}
            )
            raw = json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()
            quick, slow = decode(raw), slowly(raw)
            assert quick == slow, raw
            assert repr(quick) == repr(slow)


def test_the_types_that_make_up_the_traffic_are_plain() -> None:
    for event_type in ("usage.recorded", "charge.rated", "app.logged_in", "notification.sent", "payment.state_changed"):
        event = plain_event(encode(example_of(event_type)))
        assert event is not None, event_type
        assert encode(event) == encode(example_of(event_type))


class _Doing(Attributes):
    kind: str = "data"

    @property
    def twice(self) -> str:
        return self.kind * 2


class _Making(Attributes):
    lot: str = Field(default_factory=lambda: "x")


class _Judging(Attributes):
    kind: str = "data"

    @model_validator(mode="after")
    def refuse(self) -> _Judging:
        raise ValueError("never good")


class _Stating(Attributes):
    kind: str = "data"


@pytest.mark.parametrize(
    ("attributes", "plainly"), [(_Stating, True), (_Doing, False), (_Making, False), (_Judging, False)]
)
def test_a_model_that_does_more_than_state_fields_is_not_read_plainly(
    attributes: type[Attributes], plainly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_type = f"odd.{attributes.__name__}"
    fields: Any = {"event_type": (str, event_type), "attributes": (attributes, blank(attributes))}
    model = create_model("Odd", __base__=Event, **fields)
    monkeypatch.setattr("schemas.plain.EVENT_TYPES", {event_type: model})
    assert (plain_event(record(event_type=event_type, attributes={})) is not None) is plainly


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_what_is_read_for_engines_says_the_same(event_type: str) -> None:
    raw = encode(example_of(event_type))
    engine_reads: Any = read_event(raw)
    whole = decode(raw)
    assert isinstance(whole, Event)
    assert engine_reads.occurred_ms == whole.occurred_ms
    assert engine_reads.recorded_ms == whole.recorded_ms
    assert encode(engine_reads) == encode(whole) == raw
    for name in type(whole).model_fields:
        if name != "attributes":
            assert getattr(engine_reads, name) == getattr(whole, name)
    for name in type(whole.attributes).model_fields:
        assert getattr(engine_reads.attributes, name) == getattr(whole.attributes, name)


@pytest.mark.parametrize("value", ['"', '":', '\\":', ":", '"a":1', "\\", "浙江", "a b", "{}", "\x7f", "🙂", "\u2028"])
@pytest.mark.parametrize("blanks", [(",", ":"), (", ", ": "), (" , ", " : "), ("\n,", "\t:\r")])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_legal_json_is_read_however_it_is_written(value: str, blanks: tuple[str, str], ascii_only: bool) -> None:
    fields = document(note=value, attributes={"kind": "data", "deep": {"er": [{"still": value}]}})
    raw = json.dumps(fields, separators=blanks, ensure_ascii=ascii_only).encode()
    event = read(b" \n" + raw + b"\r\n")
    assert event.model_extra == {"note": value}
    assert event.attributes.model_extra == {"deep": {"er": [{"still": value}]}}


def test_the_event_type_is_the_one_of_the_envelope_not_one_further_in() -> None:
    attributes = {"event_type": "order.created", "kind": "data"}
    fields = {"attributes": attributes, **document(attributes=attributes)}
    assert read(json.dumps(fields, separators=(",", ":")).encode()).event_type == "charge.rated"


def test_the_spelling_is_canonical() -> None:
    raw = (
        b'{"attributes":{"kind":"data","b":1,"a":null},"z":2,"y":null,"currency":null,"customer_id":"C",'
        b'"recorded_at":"2026-03-01T20:00:01+08:00","event_type":"charge.rated","occurred_at":"2026-03-01t12:00:00z",'
        b'"event_id":"E"}'
    )
    assert encode(read(raw)) == (
        b'{"schema_version":1,"event_id":"E","event_type":"charge.rated","occurred_at":"2026-03-01T12:00:00.000Z",'
        b'"recorded_at":"2026-03-01T12:00:01.000Z","customer_id":"C","tier":"normal","channel":"unknown",'
        b'"attributes":{"kind":"data","roaming":false,"a":null,"b":1},"y":null,"z":2}'
    )


@given(st.datetimes(datetime.fromisoformat("1990-01-02"), datetime.fromisoformat("2200-12-30")), st.integers(-840, 840))
def test_times_are_in_utc_after_reading_and_lose_nothing(wall: datetime, minutes: int) -> None:
    sign = "+" if minutes >= 0 else "-"
    spelled = f"{wall.isoformat(timespec='microseconds')}{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    event = read(record(occurred_at=spelled, recorded_at=spelled))
    assert event.occurred_at == event.recorded_at == datetime.fromisoformat(spelled)
    assert event.occurred_at.tzinfo is UTC
    assert event.occurred_ms == to_ms(event.occurred_at)
    assert read(encode(event)) == event


def test_a_promise_is_in_utc_after_reading() -> None:
    attributes = {"commitment_id": "K", "due_at": "2026-03-02T08:00:00+08:00"}
    event = read(record(event_type="commitment.made", attributes=attributes))
    assert event.attributes.due_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert b'"due_at":"2026-03-02T00:00:00.000Z"' in encode(event)


def test_an_event_without_attributes_has_empty_ones_of_its_own_type() -> None:
    fields = document(event_type="order.created")
    del fields["attributes"]
    event = read(json.dumps(fields).encode())
    assert event.attributes.product is None
    fields["event_type"] = "store.visited"
    assert read(json.dumps(fields).encode()).attributes == Attributes()


def test_an_unknown_word_of_an_open_vocabulary_is_kept() -> None:
    event = read(record(event_type="order.state_changed", attributes={"state": "awaitingDrone"}))
    assert event.attributes.state == "awaitingDrone"


def test_a_tick_survives_encoding_and_decoding() -> None:
    tick = decode(b'{"event_type":"clock.tick","occurred_at":"2026-03-01T12:00:00Z","why":"idle"}')
    assert isinstance(tick, Tick)
    assert encode(tick) == b'{"event_type":"clock.tick","occurred_at":"2026-03-01T12:00:00.000Z","why":"idle"}'
    assert decode(encode(tick)) == tick


def test_a_record_longer_than_the_quick_way_takes_is_read_all_the_same() -> None:
    note = "x" * (LIMITS.text_bytes - 1)
    assert read(record(note=note)).model_extra == {"note": note}


@pytest.mark.parametrize("name", ["occurred_ms", "stated_version", "recorded_ms", "model_extra", "mould"])
@pytest.mark.parametrize("value", [0, 1, -5, "x", None])
def test_names_of_our_own_mean_nothing_in_a_record(name: str, value: Any) -> None:
    raw = record(**{name: value}, attributes={"kind": "data", name: value})
    event = read(raw)
    assert decode(raw) == slowly(raw)
    assert event.occurred_ms == to_ms(event.occurred_at)
    assert event.model_extra == event.attributes.model_extra == {name: value}
