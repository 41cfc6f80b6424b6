"""JSONL logs of others."""

from __future__ import annotations

import json
from pathlib import Path

from tests.streams.sources.small_logs import read, tickets

ROW = {"case": 7, "step": "open", "at": "2026-01-01T10:00:00Z", "customer": "c", "topic": "t", "team": None}


def test_numbers_become_text_and_null_is_not_stated(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode() + b"\n\n" + json.dumps(ROW | {"team": "B"}).encode())

    events, letters, log = read(path, tickets(format="jsonl"))

    assert letters == []
    assert {event.ticket_id for event in events} == {"7"}
    assert log.ledger.rows == 2  # the blank line is no row


def test_a_dot_reaches_into_an_object(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(ROW | {"customer": {"id": {"value": "c9"}}}))
    mapping = tickets(format="jsonl")
    customer = mapping.process.customer.model_copy(update={"field": ("customer.id.value",)})  # type: ignore[union-attr]
    process = mapping.process.model_copy(update={"customer": customer})

    events, _, _ = read(path, mapping.model_copy(update={"process": process}))

    assert events[0].customer_id == "c9"


def test_lines_that_are_no_object_are_set_aside_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"case": \n[1]\n' + json.dumps(ROW) + "\n" + "[" * 100_000 + "\n")

    events, letters, _ = read(path, tickets(format="jsonl"))

    assert len(events) == 2
    assert [(letter.position, letter.detail) for letter in letters] == [
        (1, "the line is not JSON in utf-8"),
        (2, "the line is JSON but no object"),
        (4, "the line is not JSON in utf-8"),
    ]


def test_gb18030_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(json.dumps(ROW | {"customer": "王芳"}, ensure_ascii=False).encode("gb18030"))

    events, _, _ = read(path, tickets(format="jsonl", encoding="gb18030"))

    assert events[0].customer_id == "王芳"


def test_a_line_in_another_encoding_asks_for_the_encoding(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(json.dumps(ROW | {"topic": "账单"}, ensure_ascii=False).encode("gb18030"))

    _, letters, _ = read(path, tickets(format="jsonl"))
    events, none, _ = read(path, tickets(format="jsonl", encoding="gb18030"))

    assert [letter.detail for letter in letters] == ["its bytes are not utf-8: is source.encoding right?"]
    assert (none, events[0].attributes.category) == ([], "账单")
