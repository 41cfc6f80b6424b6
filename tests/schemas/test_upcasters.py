"""Records of old versions are brought to the present; each step has a golden pair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.deadletters import Reason
from schemas.upcasters import CURRENT_VERSION, UPCASTERS, UpcastError, from_zero, upcast
from tests.schemas.records import document, read, refused

GOLDEN = Path(__file__).parent / "golden"
OLD = {
    "schema_version": 0,
    "event_id": "E-1",
    "event_type": "charge.rated",
    "event_time": "2026-03-01T12:00:00Z",
    "ingest_time": "2026-03-01T12:00:01Z",
    "subscriber_id": "C-1",
    "amount": "12.34",
    "currency": "CNY",
    "attributes": {"kind": "data"},
}


def written(**changes: Any) -> bytes:
    return json.dumps({**OLD, **changes}).encode()


@pytest.mark.parametrize("version", range(CURRENT_VERSION))
def test_each_step_gives_its_golden_result(version: int) -> None:
    before = (GOLDEN / f"version_{version}.jsonl").read_text("utf-8").splitlines()
    after = (GOLDEN / f"version_{version}_upcast.jsonl").read_text("utf-8").splitlines()
    assert [UPCASTERS[version](json.loads(line)) for line in before] == [json.loads(line) for line in after]
    assert len(before) >= 3


def test_every_old_version_has_a_step() -> None:
    assert sorted(UPCASTERS) == list(range(CURRENT_VERSION))


def test_golden_records_of_the_oldest_version_are_read_as_events() -> None:
    for line in (GOLDEN / "version_0.jsonl").read_bytes().splitlines():
        event = read(line)
        assert event.schema_version == CURRENT_VERSION
        assert read(encode(event)) == event


def test_a_step_leaves_the_record_it_was_given_alone() -> None:
    before = dict(OLD)
    from_zero(before)
    assert before == OLD


def test_a_record_of_the_present_is_not_touched() -> None:
    record = document()
    assert upcast(record) is record


@given(st.integers(-(10**12), 10**12), st.sampled_from([("CNY", 2), ("JPY", 0), ("KWD", 3)]))
def test_a_decimal_amount_becomes_minor_units_of_its_currency(minor: int, currency: tuple[str, int]) -> None:
    code, digits = currency
    whole, part = divmod(abs(minor), 10**digits)
    text = f"{'-' if minor < 0 else ''}{whole}" + (f".{part:0{digits}d}" if digits else "")
    assert from_zero({"schema_version": 0, "amount": text, "currency": code})["amount_minor"] == minor


@pytest.mark.parametrize(
    "amount", ["12.345", "x", "", "NaN", "Infinity", "1e999999999", 12.34, 12, True, ["1"], "9" * 40]
)
def test_an_amount_that_is_no_decimal_text_is_refused(amount: Any) -> None:
    letter = refused(written(amount=amount))
    assert (letter.reason, letter.field) == (Reason.WRONG_VALUE, "amount")


def test_an_amount_beyond_64_bits_in_its_currency_is_refused() -> None:
    assert refused(written(amount="9" * 18, currency="KWD")).field == "amount"
    assert read(written(amount="9" * 15, currency="KWD")).amount_minor == int("9" * 15) * 1000


@pytest.mark.parametrize("currency", ["XYZ", None, 5])
def test_an_old_amount_needs_a_known_currency(currency: Any) -> None:
    assert refused(written(currency=currency)).field == "currency"


def test_a_record_that_states_old_and_new_name_is_refused() -> None:
    with pytest.raises(UpcastError, match="both stated"):
        from_zero({**OLD, "customer_id": "C-2"})
    assert refused(written(customer_id="C-2")).field == "subscriber_id"


def test_the_dead_letter_of_an_old_record_holds_the_record_as_it_came() -> None:
    letter = refused(written(event_time="2026-03-01T12:00:00"))
    assert letter.reason is Reason.NO_TIME_ZONE
    assert "event_time" in letter.payload
