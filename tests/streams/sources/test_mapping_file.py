"""A wrong mapping names file, line and field, and what to do, in both languages."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from schemas.mapping import mapping_schema
from streams.sources.faults import MappingError
from streams.sources.mapping_file import check_columns, load_mapping, parse_mapping, shipped_mappings
from tests.streams.sources.small_logs import TICKETS


def _refusal(text: str) -> MappingError:
    with pytest.raises(MappingError) as refused:
        parse_mapping(text, "my.yaml")
    return refused.value


GOLDEN = {
    "a misspelt event type": (
        ("emit: complaint.closed", "emit: complaint.closd"),
        "mapping my.yaml, line 15, field events[0].emit: there is no event type 'complaint.closd'."
        " Did you mean 'complaint.closed'?",
    ),
    "a misspelt key": (
        ("  activity: step", "  actvity: step"),
        "mapping my.yaml, line 7, field process.actvity: is no key here. Did you mean 'activity'?",
    ),
    "a key left out": (
        ("  activity: step\n", ""),
        "mapping my.yaml, line 5, field process.activity: is missing; add it",
    ),
    "a key that is none": (
        ("source: {format: csv}", "source: {format: csv, seperator: ';'}"),
        "mapping my.yaml, line 4, field source.seperator: is no key here. Did you mean 'separator'?",
    ),
    "a word that is not on the list": (
        ("format: csv", "format: xlsx"),
        "mapping my.yaml, line 4, field source.format: must be one of 'jsonl', 'csv', 'parquet' or 'xes'",
    ),
    "an attribute the event has not": (
        ("attributes: {state: step}", "attributes: {state: step, note: topic}"),
        "mapping my.yaml, line 19, field events[1].attributes.note: ticket.state_changed has no attribute 'note'."
        " What it does not know goes under `extra`.",
    ),
    "an attribute the event needs": (
        ("    attributes: {state: step}\n", ""),
        "mapping my.yaml, line 17, field events[1].attributes: ticket.state_changed needs the attribute 'state';",
    ),
    "a zone that does not exist": (
        ("zone: UTC", "zone: Europe/Roma"),
        "mapping my.yaml, line 8, field process.timestamp.zone: 'Europe/Roma' is no IANA time zone;"
        " write for instance Europe/Rome",
    ),
    "a condition that says nothing": (
        ("{field: step, equals: closed}]", "{field: step}]"),
        "mapping my.yaml, line 14, field events[0].when[0]: says nothing: add equals, not_equals, in, not_in, matches,"
        " missing, changed, before or row",
    ),
    "two origins of a value": (
        ("{category: topic}", "{category: {field: topic, const: x}}"),
        "mapping my.yaml, line 16, field events[0].attributes.category: give exactly one of field, before, const, join",
    ),
    "a regular expression that is none": (
        ("equals: closed}]", "matches: '('}]"),
        "mapping my.yaml, line 14, field events[0].when[0].matches: is not a regular expression:"
        " missing ), unterminated subpattern at position 0",
    ),
    "a channel that is none": (
        ("  ticket_id: case", "  ticket_id: case\n  channel: {const: fax}"),
        "mapping my.yaml, line 12, field envelope.channel: 'fax' is not a word for it; use web, app, store, dealer,",
    ),
    "a rule out of reach": (
        ("    when: [{field: step, equals: closed}]\n    emit: complaint.closed", "    emit: complaint.closed"),
        "mapping my.yaml, line 13, field events[0]: this rule has no `when`, so those after it are never reached;",
    ),
    "a key written twice": (
        ("name: tickets", "name: tickets\nname: again"),
        "mapping my.yaml, line 3, field name: this key is written twice",
    ),
    "an alias": (
        ("envelope:\n  ticket_id: case", "envelope: &e\n  ticket_id: case\nprofile: *e"),
        "mapping my.yaml, line 12, field *: YAML aliases are not supported; write it out",
    ),
    "no YAML": (("title: {", "title: [{"), "mapping my.yaml, line 4, field (YAML): is not YAML: expected"),
    "two rules of one name": (
        ("- name: other", "- name: opened"),
        "mapping my.yaml, line 1, field (top): two rules are called 'opened'; event ids are made from rule names",
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_what_is_wrong_is_told_with_line_and_field(case: str) -> None:
    (right, wrong), message = GOLDEN[case]
    assert right in TICKETS

    flaw = _refusal(TICKETS.replace(right, wrong, 1))

    assert str(flaw).startswith(message)
    assert f"第 {flaw.line} 行" in flaw.text.zh
    assert flaw.field in flaw.text.zh


@pytest.mark.parametrize("text", ["", "- 1\n", "just text", "\x00", "a: " + "[" * 5_000])
def test_what_is_no_mapping_at_all_is_refused(text: str) -> None:
    assert "line 1" in str(_refusal(text))


def test_a_column_the_log_has_not_is_told_with_the_nearest() -> None:
    mapping = parse_mapping(TICKETS, "my.yaml")

    with pytest.raises(MappingError) as refused:
        check_columns(mapping, ("case", "step", "at", "custmer", "topic", "team"), "log.csv")

    assert str(refused.value) == (
        "mapping my.yaml, line 9, field process.customer: the log log.csv has no column 'customer'."
        " Did you mean 'custmer'? Its columns: case, step, at, custmer, topic, team"
    )


def test_words_stay_as_they_are_written() -> None:
    mapping = parse_mapping(TICKETS.replace("equals: closed", "in: [NO, 007, 1e3, null]", 1), "my.yaml")

    assert mapping.events[0].when[0].in_ == ("NO", "007", "1e3", "null")


def test_a_file_that_is_not_there_tells_what_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"cannot be read .*; shipped: bpic2012_loan, bpic2013_volvo"):
        load_mapping(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_load_and_agree_with_the_json_schema(name: str) -> None:
    text = resources.files("streams").joinpath("mappings", f"{name}.yaml").read_text("utf-8")

    assert load_mapping(name).name == name
    jsonschema.validate(yaml.safe_load(text), mapping_schema())


def test_all_five_mappings_are_shipped() -> None:
    assert shipped_mappings() == (
        "bpic2012_loan", "bpic2013_volvo", "bpic2016_complaints", "helpdesk_italian", "hospital_billing",
    )  # fmt: skip


def test_the_committed_json_schema_is_the_derived_one() -> None:
    committed = resources.files("streams").joinpath("mappings", "mapping.schema.json").read_text("utf-8")

    assert json.loads(committed) == json.loads(json.dumps(mapping_schema()))
