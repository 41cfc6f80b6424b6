"""Every row of the poison table about reading a record: nothing raises, each is one dead letter with its reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import FUTURE_TOLERANCE_MS, decode
from schemas.codes import CURRENCIES
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event, Tick
from schemas.inspection import LIMITS
from tests.schemas.records import LEFT_OUT, document, read, reason, record, refused

GOOD = record()
IDS = ["event_id", "customer_id"]
TIMES = ["occurred_at", "recorded_at"]
PERIOD = {"period_start": "2026-02-01T00:00:00Z", "period_end": "2026-03-01T00:00:00Z"}
YEARS_THAT_CAN_BE_MEANT = datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2200-12-31")
LONG_AGO, FAR_AHEAD = datetime.fromisoformat("1989-12-30"), datetime.fromisoformat("2201-01-02")
DISGUISED = [
    "C-１２", "C\u202e1", "C\x1b[31m1", "C\x7f", "C\u200b1", "C\r\n1", "C\t1", " C-1", "C-1 ", "Ⅷ", "C\u00a01",
    "\ufeffC",
]  # fmt: skip


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(raw: bytes) -> None:
    assert isinstance(decode(raw), DeadLetter)


@given(st.data())
def test_a_good_record_with_some_bytes_changed_never_raises(data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decode(bytes(raw)), Event | DeadLetter)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_json_of_any_shape_never_raises(value: Any) -> None:
    assert isinstance(decode(json.dumps(value).encode()), DeadLetter)
    assert isinstance(decode(record(anything=value)), Event | DeadLetter)


@given(st.integers(1, len(GOOD) - 1))
def test_a_record_cut_off_anywhere_is_not_json(length: int) -> None:
    assert reason(GOOD[:length]) is Reason.NOT_JSON


@given(st.text(alphabet=" \t\r\n", max_size=20))
def test_a_blank_line_or_a_tombstone_is_empty(blank: str) -> None:
    assert reason(blank.encode()) is Reason.EMPTY
    assert reason(None) is Reason.EMPTY


def test_a_byte_order_mark_is_refused_with_advice() -> None:
    letter = refused(b"\xef\xbb\xbf" + GOOD)
    assert letter.reason is Reason.NOT_JSON
    assert "without BOM" in letter.detail
    assert reason(GOOD.decode().encode("utf-16")) is Reason.NOT_UTF8


@given(st.integers(0, len(GOOD)), st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x80"]))
def test_bytes_that_are_not_utf8_are_refused(at: int, broken: bytes) -> None:
    assert reason(GOOD[:at] + broken + GOOD[at:]) is Reason.NOT_UTF8


@given(st.integers(0xD800, 0xDFFF), st.sampled_from(["customer_id", "region", "unheard_of"]))
def test_half_a_surrogate_pair_is_a_forbidden_character(half: int, field: str) -> None:
    raw = json.dumps(document(**{field: "a" + chr(half) + "b"})).encode()
    assert reason(raw) is Reason.FORBIDDEN_CHARACTER


@given(st.sampled_from(["customer_id", "source", "unheard_of"]), st.text("ab", max_size=4), st.text("cd", max_size=4))
def test_nul_is_a_forbidden_character_wherever_it_stands(field: str, before: str, after: str) -> None:
    raw = json.dumps(document(**{field: f"{before}\0{after}"})).encode()
    letter = refused(raw)
    assert (letter.reason, letter.field) == (Reason.FORBIDDEN_CHARACTER, field)
    assert reason(json.dumps(document(attributes={"kind": "data", "k\0": 1})).encode()) is Reason.FORBIDDEN_CHARACTER


def test_the_text_of_an_escaped_nul_is_not_a_nul() -> None:
    assert read(json.dumps(document(note="\\u0000")).encode()).model_extra == {"note": "\\u0000"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "-" + "9" * 5000])
@pytest.mark.parametrize("field", ["amount_minor", "unheard_of", "deep.down"])
def test_a_number_without_end_is_refused_in_known_and_unknown_fields(number: str, field: str) -> None:
    name, _, below = field.partition(".")
    raw = record(**{name: {below: [1, "?"]} if below else "?"}).replace(b'"?"', number.encode())
    letter = refused(raw)
    assert letter.reason is Reason.WRONG_VALUE
    assert letter.field is not None
    assert letter.field.startswith(name)


@given(st.integers(2**63, 2**80) | st.integers(-(2**80), -(2**63) - 1), st.sampled_from(["amount_minor", "other"]))
def test_a_number_beyond_64_bits_is_refused(number: int, field: str) -> None:
    assert reason(record(**{field: number})) is Reason.WRONG_VALUE


@given(st.data())
def test_a_key_that_stands_twice_is_refused_wherever_and_however_it_is_spaced(data: st.DataObject) -> None:
    fields = document(unheard_of={"a": 1})
    name = data.draw(st.sampled_from(sorted(fields)))
    blank = data.draw(st.sampled_from(["", " ", "\n", "\t", "\r", "  "]))
    spelling = data.draw(st.sampled_from([name, f"\\u{ord(name[0]):04x}{name[1:]}"]))
    value = json.dumps(data.draw(st.sampled_from([fields[name], "other", 5])))
    pairs = [f'"{key}"{blank}:{json.dumps(known)}' for key, known in fields.items()]
    pairs.insert(data.draw(st.integers(0, len(pairs))), f'"{spelling}"{blank}:{value}')
    assert reason(("{" + ",".join(pairs) + "}").encode()) is Reason.DUPLICATE_KEY


@pytest.mark.parametrize("inside", [b'"kind":"data","kind":"voice"', b'"x":{"y":1,"y":1},"kind":"data"'])
def test_a_key_that_stands_twice_is_refused_at_any_depth(inside: bytes) -> None:
    letter = refused(GOOD.replace(b'"kind":"data"', inside))
    assert letter.reason is Reason.DUPLICATE_KEY
    assert letter.field is not None
    assert letter.field.startswith("attributes")


@given(st.integers(LIMITS.depth, 5_000), st.sampled_from([b"[", b'{"a":']))
def test_a_record_nested_too_deep_is_refused(levels: int, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    inner = opening * levels + b"1" + closing * levels
    assert reason(GOOD[:-1] + b',"deep":' + inner + b"}") is Reason.TOO_DEEP


def test_a_record_nested_just_not_too_deep_is_read() -> None:
    levels = LIMITS.depth - 1
    assert read(GOOD[:-1] + b',"deep":' + b"[" * levels + b"]" * levels + b"}")


@pytest.mark.parametrize("field", ["region", "unheard_of"])
def test_a_text_of_more_than_64_kb_is_refused(field: str) -> None:
    letter = refused(record(**{field: "浙" * (LIMITS.text_bytes // 3 + 1)}))
    assert (letter.reason, letter.field) == (Reason.TOO_LARGE, field)
    assert read(record(unheard_of="x" * LIMITS.text_bytes))


def test_more_than_a_thousand_keys_are_refused() -> None:
    own = len(document()) + 1
    assert reason(record(attributes={"kind": "data", **{f"k{n}": n for n in range(1_000)}})) is Reason.TOO_MANY_KEYS
    assert read(record(attributes={"kind": "data", **{f"k{n}": n for n in range(LIMITS.keys - own)}}))


def test_a_list_of_more_than_ten_thousand_values_is_refused() -> None:
    assert reason(record(unheard_of=[0] * LIMITS.values)) is Reason.TOO_MANY_KEYS


def test_a_record_of_more_than_a_mebibyte_is_refused_unread() -> None:
    assert reason(b"x" * (LIMITS.record_bytes + 1)) is Reason.TOO_LARGE
    assert reason(record(unheard_of=["x" * 60_000] * 18)) is Reason.TOO_LARGE


@pytest.mark.parametrize("raw", [b"[]", b"[1]", b"5", b"null", b"true", b'"text"'])
def test_json_that_is_no_object_is_refused(raw: bytes) -> None:
    assert reason(raw) is Reason.NOT_AN_OBJECT


@pytest.mark.parametrize("wrong", ["5", True, 5.0, 5.5, [5], {"a": 5}])
def test_a_number_must_be_a_number(wrong: Any) -> None:
    assert refused(record(amount_minor=wrong)).field == "amount_minor"
    attributes = {"kind": "data", "units": wrong}
    letter = refused(record(event_type="usage.recorded", attributes=attributes))
    assert (letter.reason, letter.field) == (Reason.WRONG_VALUE, "attributes.units")


@pytest.mark.parametrize("wrong", [1, 0, "true", "yes"])
def test_a_truth_value_must_be_a_truth_value(wrong: Any) -> None:
    assert refused(record(attributes={"kind": "data", "roaming": wrong})).field == "attributes.roaming"


@pytest.mark.parametrize("wrong", [5, True, ["C-1"], {"id": "C-1"}])
def test_an_id_must_be_text(wrong: Any) -> None:
    letter = refused(record(customer_id=wrong))
    assert (letter.reason, letter.field) == (Reason.WRONG_VALUE, "customer_id")


@pytest.mark.parametrize("field", [*IDS, *TIMES, "event_type", "attributes"])
@pytest.mark.parametrize("absent", [LEFT_OUT, None])
def test_what_every_event_needs_must_be_stated(field: str, absent: object) -> None:
    letter = refused(record(**{field: absent}))
    assert (letter.reason, letter.field) == (Reason.MISSING_FIELD, field)


@pytest.mark.parametrize("field", [*IDS, *TIMES])
def test_an_empty_text_counts_as_missing(field: str) -> None:
    assert reason(record(**{field: ""})) is Reason.MISSING_FIELD


@given(st.datetimes(*YEARS_THAT_CAN_BE_MEANT), st.sampled_from(TIMES))
def test_a_time_without_zone_is_refused(moment: datetime, field: str) -> None:
    letter = refused(record(**{field: moment.isoformat()}))
    assert (letter.reason, letter.field) == (Reason.NO_TIME_ZONE, field)


def test_a_promise_without_zone_is_refused() -> None:
    attributes = {"commitment_id": "K", "due_at": "2026-03-01T12:00:00"}
    letter = refused(record(event_type="commitment.made", attributes=attributes))
    assert (letter.reason, letter.field) == (Reason.NO_TIME_ZONE, "attributes.due_at")


@given(st.datetimes(max_value=LONG_AGO) | st.datetimes(min_value=FAR_AHEAD))
def test_a_time_that_cannot_be_meant_is_implausible(moment: datetime) -> None:
    for offset in ("Z", "+08:00", "-08:00"):
        letter = refused(record(occurred_at=moment.isoformat() + offset, recorded_at=moment.isoformat() + offset))
        assert (letter.reason, letter.occurred_at) == (Reason.IMPLAUSIBLE_TIME, None)


@given(st.integers(1_500_000_000, 2_500_000_000))
def test_seconds_taken_for_milliseconds_are_found(seconds: int) -> None:
    mixed_up = datetime.fromtimestamp(seconds / 1000, UTC).isoformat()
    assert reason(record(occurred_at=mixed_up)) is Reason.IMPLAUSIBLE_TIME


@pytest.mark.parametrize("field", TIMES)
def test_milliseconds_taken_for_seconds_are_found(field: str) -> None:
    assert reason(record(**{field: "58134-03-01T12:00:00Z"})) is Reason.IMPLAUSIBLE_TIME


@pytest.mark.parametrize("count", [1_772_366_400, 1_772_366_400_000, "1772366400", "1772366400000", "-5", "1.5"])
@pytest.mark.parametrize("field", TIMES)
def test_a_count_since_1970_is_not_guessed_at(count: Any, field: str) -> None:
    letter = refused(record(**{field: count}))
    assert (letter.reason, letter.field) == (Reason.WRONG_VALUE, field)
    assert "RFC 3339" in letter.detail


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z", "12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert reason(record(occurred_at=text)) is Reason.WRONG_VALUE


@given(st.integers(1, 10**9))
def test_an_event_from_the_future_is_refused(ahead_ms: int) -> None:
    recorded = datetime(2026, 3, 1, 12, tzinfo=UTC)
    edge = recorded + timedelta(milliseconds=FUTURE_TOLERANCE_MS)
    ahead = edge + timedelta(milliseconds=ahead_ms)
    assert read(record(occurred_at=edge.isoformat(), recorded_at=recorded.isoformat()))
    assert reason(record(occurred_at=ahead.isoformat(), recorded_at=recorded.isoformat())) is Reason.FUTURE_TIME


@given(st.text(st.characters(codec="utf-8"), min_size=3, max_size=3).filter(lambda code: code not in CURRENCIES))
def test_an_unknown_currency_is_refused(code: str) -> None:
    assert reason(record(currency=code)) in {Reason.UNKNOWN_CURRENCY, Reason.FORBIDDEN_CHARACTER}
    assert reason(record(currency="XYZ")) is Reason.UNKNOWN_CURRENCY


def test_an_unknown_country_is_refused() -> None:
    letter = refused(record(event_type="roaming.attached", attributes={"country": "ZZ"}))
    assert (letter.reason, letter.field) == (Reason.WRONG_VALUE, "attributes.country")


@given(st.integers(-(2**63), -1))
def test_only_refunds_and_credits_may_be_negative(amount: int) -> None:
    assert reason(record(amount_minor=amount)) is Reason.NEGATIVE_AMOUNT
    assert reason(record(amount_minor=amount, event_type="bill.issued", attributes=PERIOD)) is Reason.NEGATIVE_AMOUNT
    assert read(record(amount_minor=amount, attributes={"kind": "refund"})).amount_minor == amount
    for event_type in ("refund.promised", "refund.issued", "bill.adjusted"):
        assert read(record(amount_minor=amount, event_type=event_type, attributes={})).amount_minor == amount


@given(st.text(min_size=1, max_size=40).filter(lambda word: word != "clock.tick"))
def test_an_unknown_event_type_is_refused(word: str) -> None:
    assert reason(record(event_type=f"{word}.unheard")) in {Reason.UNKNOWN_TYPE, Reason.FORBIDDEN_CHARACTER}
    assert "order.created" in refused(record(event_type="order.create")).detail


@given(st.integers().filter(lambda version: version not in (0, 1)))
def test_an_unknown_version_is_refused(version: int) -> None:
    assert reason(record(schema_version=version)) in {Reason.UNKNOWN_VERSION, Reason.WRONG_VALUE}
    assert reason(record(schema_version=2)) is Reason.UNKNOWN_VERSION


@pytest.mark.parametrize("version", [True, 1.0, "1", None, [1]])
def test_a_version_must_be_a_whole_number(version: Any) -> None:
    assert reason(record(schema_version=version)) is Reason.WRONG_VALUE


@pytest.mark.parametrize("name", DISGUISED)
@pytest.mark.parametrize("field", ["customer_id", "event_id", "order_id"])
def test_an_id_that_passes_for_another_is_refused(name: str, field: str) -> None:
    for ascii_only in (True, False):
        raw = json.dumps(document(**{field: name}), separators=(",", ":"), ensure_ascii=ascii_only).encode()
        letter = refused(raw)
        assert (letter.reason, letter.field) == (Reason.FORBIDDEN_CHARACTER, field)


def test_ids_and_labels_among_the_attributes_are_looked_at_too() -> None:
    promise = {"commitment_id": "K\u202e1", "due_at": "2026-03-02T00:00:00Z"}
    assert refused(record(event_type="commitment.made", attributes=promise)).field == "attributes.commitment_id"
    transfer = {"from_desk": "a", "to_desk": "b\x1b[2J"}
    assert refused(record(event_type="interaction.transferred", attributes=transfer)).field == "attributes.to_desk"
    assert reason(record(region="east\x1b[31m")) is Reason.FORBIDDEN_CHARACTER


@pytest.mark.parametrize("name", ["客户-1", "Ünal 1", "case 17", "ns:5", "a/../b", "<script>", "'; DROP TABLE x"])
def test_an_unusual_but_plain_id_is_read(name: str) -> None:
    assert read(record(customer_id=name)).customer_id == name


INJECTIONS = [
    "'; DROP TABLE events; --", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "<img onerror=x>", "@all",
    "<!channel>", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\nSet-Cookie: a=b", "../../etc/passwd", "\u202eabc",
    "\x1b[31mred", "раураl", "%s%n", '":', '"a":"b"', "\\", "\\u0000",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_that_looks_like_an_attack_is_data(text: str) -> None:
    event = read(record(event_type="order.amended", attributes={"reason": text}, note=text))
    assert event.attributes.reason == text
    assert event.model_extra == {"note": text}


@given(st.sampled_from([record(customer_id=5), GOOD[:-1], record(tier="<b>13812345678</b>"), b"\xff" * 9000]))
def test_a_dead_letter_names_place_and_hash_and_never_a_value(raw: bytes) -> None:
    letter = refused(raw)
    assert (letter.origin, letter.position, len(letter.payload_sha256)) == ("log.jsonl", 7, 64)
    assert "13812345678" not in letter.model_dump_json()
    assert "<b>" not in letter.detail
    assert len(letter.payload.encode()) <= 4_096
    assert letter.detail.endswith(".")


def test_the_same_record_at_the_same_place_is_the_same_dead_letter() -> None:
    first, again, elsewhere = (decode(b"{", "a", n) for n in (1, 1, 2))
    assert isinstance(first, DeadLetter)
    assert isinstance(elsewhere, DeadLetter)
    assert first == again
    assert first.dead_letter_id != elsewhere.dead_letter_id


def test_the_name_of_an_unknown_field_is_made_harmless() -> None:
    letter = refused(json.dumps(document(**{"\x1b[31m<b>": "\0"})).encode())
    assert letter.field == "??31m?b?"


def test_private_numbers_are_masked_in_the_payload() -> None:
    text = "tel 13812345678, id 11010519491231002X, card 4111111111111111, mail li.wei@example.cn, order 12345678901"
    shown = refused(record(note=text, customer_id=LEFT_OUT)).payload
    assert "tel 138****5678, id 110****002X, card 411****1111, mail ****@example.cn, order 12345678901" in shown


def test_a_bad_tick_is_refused_like_a_bad_event() -> None:
    assert isinstance(decode(b'{"event_type":"clock.tick","occurred_at":"2026-03-01T12:00:00Z"}'), Tick)
    assert reason(b'{"event_type":"clock.tick"}') is Reason.MISSING_FIELD
    assert reason(b'{"event_type":"clock.tick","occurred_at":"1970-01-21T00:00:00Z"}') is Reason.IMPLAUSIBLE_TIME
    assert reason(b'{"event_type":"clock.tick","occurred_at":"2026-03-01T12:00:00"}') is Reason.NO_TIME_ZONE
