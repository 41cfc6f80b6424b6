"""The committed JSON Schema is the one the models give, and it accepts what the codec writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.codec import decode, encode
from schemas.deadletters import DeadLetter
from schemas.events import EVENT_TYPES, FAMILIES, FAMILY_OF
from schemas.examples import example_of
from schemas.jsonschema import DIRECTORY, generate, outdated, write

VALIDATORS = {
    path.stem: Draft202012Validator(json.loads(path.read_text("utf-8"))) for path in sorted(DIRECTORY.glob("*.json"))
}


def complaints(family: str, instance: Any) -> list[str]:
    return [error.message[:200] for error in VALIDATORS[family].iter_errors(instance)]


def test_the_committed_schema_is_what_the_models_give() -> None:
    assert outdated() == [], "the JSON Schema is out of date; run `mot schema --write` and commit schemas/generated"


def test_every_schema_is_valid_and_every_family_has_one() -> None:
    assert set(VALIDATORS) == {*FAMILIES, "clock", "moment", "dead_letter"}
    for validator in VALIDATORS.values():
        Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_schema_accepts_what_the_codec_writes(event_type: str) -> None:
    instance = json.loads(encode(example_of(event_type)))
    assert complaints(FAMILY_OF[event_type], instance) == []


@pytest.mark.parametrize("event_type", EVENT_TYPES)
@pytest.mark.parametrize("field", ["event_id", "event_type", "occurred_at", "recorded_at", "customer_id"])
def test_the_schema_demands_what_the_codec_demands(event_type: str, field: str) -> None:
    instance = json.loads(encode(example_of(event_type)))
    del instance[field]
    assert complaints(FAMILY_OF[event_type], instance) != []
    assert isinstance(decode(json.dumps(instance).encode()), DeadLetter)


@pytest.mark.parametrize("spoilt", [{"tier": "platinum"}, {"amount_minor": "5"}, {"attributes": {"kind": "x"}}])
def test_the_schema_refuses_what_the_codec_refuses(spoilt: dict[str, Any]) -> None:
    instance = {**json.loads(encode(example_of("charge.rated"))), **spoilt}
    assert complaints("charging", instance) != []
    assert isinstance(decode(json.dumps(instance).encode()), DeadLetter)


def test_a_dead_letter_fits_its_schema() -> None:
    letter = decode(b"{", "log", 1)
    assert isinstance(letter, DeadLetter)
    assert complaints("dead_letter", letter.model_dump(mode="json")) == []


def test_a_tick_fits_its_schema() -> None:
    tick = {"event_type": "clock.tick", "occurred_at": "2026-03-01T12:00:00Z"}
    assert complaints("clock", tick) == []
    assert complaints("clock", {**tick, "event_type": "clock.tock"}) != []


def test_writing_brings_a_directory_up_to_date_and_then_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bygone.json").write_text("{}")
    (tmp_path / "order.json").write_text("{}")
    assert {path.name for path in write(tmp_path)} == {*generate(), "bygone.json"}
    assert outdated(tmp_path) == []
    assert write(tmp_path) == []
