"""Rows become events by rule; whatever happens to a row is in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from schemas.mapping import LogMapping, Value
from streams.sources.mapped import Ledger, map_events
from streams.sources.mapping_file import parse_mapping
from streams.sources.rows import Row, set_aside
from streams.sources.values import value_of
from tests.streams.sources.small_logs import HEADER, TICKETS, read, tickets


def _row(number: int, **values: str | None) -> Row:
    given = {
        "case": "k1",
        "step": "open",
        "at": f"2026-01-01T10:{number:02d}",
        "customer": "c",
        "topic": "t",
        "team": None,
    }
    return Row(number, {**given, **values})


def _told(*rows: Row, mapping: LogMapping | None = None) -> list[str]:
    made = map_events(rows, mapping or tickets(), log="log")
    return [one.event_id if isinstance(one, Event) else f"dead {one.position}: {one.detail}" for one in made]


def test_derived_events_stand_before_the_rows_own_one() -> None:
    rows = (
        _row(1, team="A"),
        _row(2, step="closed"),
        _row(3, step="closed", team="A"),
        _row(4, step="again", team="B"),
        _row(5, step="again", team="A"),
    )

    assert _told(*rows) == [
        "log:000000001:00.opened",
        "log:000000001:99.other",
        "log:000000002:99.closed",
        "log:000000003:99.closed",
        "log:000000004:01.reopened",
        "log:000000004:02.handoff",
        "log:000000004:99.other",
        "log:000000005:02.handoff",
        "log:000000005:99.other",
    ]


def test_a_handoff_says_from_whom_to_whom_over_rows_that_state_no_team() -> None:
    made = map_events([_row(1, team="A"), _row(2), _row(3, team="B")], tickets())

    handoffs = [one.attributes for one in made if isinstance(one, Event) and one.event_type == "ticket.owner_changed"]
    assert [(one.from_desk, one.to_desk) for one in handoffs] == [("A", "B")]


def test_rows_are_read_by_time_with_ties_in_file_order() -> None:
    rows = [_row(1, at="2026-01-02"), _row(2, at="2026-01-01"), _row(3, at="2026-01-02"), _row(4, at="2026-01-01")]

    told = [identity.split(":")[1] for identity in _told(*rows)]

    assert told == ["000000002", "000000002", "000000004", "000000001", "000000003"]


def test_file_order_is_kept_where_declared() -> None:
    rows = [_row(1, at="2026-01-02"), _row(2, at="2026-01-01")]

    told = _told(*rows, mapping=tickets(order="file"))

    assert told == ["log:000000001:00.opened", "log:000000001:99.other", "log:000000002:99.other"]


def test_a_case_belongs_to_the_customer_that_opened_it() -> None:
    made = list(map_events([_row(1, customer="first"), _row(2, customer="second")], tickets()))

    assert {one.customer_id for one in made if isinstance(one, Event)} == {"first"}


def test_without_a_time_of_recording_an_event_was_recorded_when_it_occurred() -> None:
    recorded = TICKETS.replace("  customer: customer", "  customer: customer\n  recorded: {field: team}")

    plain = next(iter(map_events([_row(1)], tickets())))
    stated = next(iter(map_events([_row(1, team="2026-01-01T12:00+01:00")], parse_mapping(recorded, "m.yaml"))))

    assert isinstance(plain, Event)
    assert plain.recorded_at == plain.occurred_at
    assert isinstance(stated, Event)
    assert stated.recorded_at == datetime(2026, 1, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "field", "detail"),
    [
        ({"case": None}, "process.case", "the row states no case"),
        ({"at": None}, "process.timestamp", "the row states no time"),
        ({"at": "noon"}, "process.timestamp", "the time fits none of the formats iso"),
        ({"customer": None}, "process.customer", "the row states no customer"),
        ({"customer": "１２３"}, "opened", "complaint.opened: customer_id holds a control, invisible, full-width"),
        ({"topic": "a\0b"}, "opened", "complaint.opened: attributes.category holds a NUL character; remove it"),
        ({"topic": "\ud800"}, "opened", "a text holds half of a character; see source.encoding"),
        (
            {"topic": "x" * 200},
            "opened.attributes.category",
            "complaint.opened: attributes.category is longer than allowed; shorten it to 128",
        ),
    ],
)
def test_a_wrong_row_is_set_aside_with_the_place_in_the_mapping(
    values: dict[str, str | None], field: str, detail: str
) -> None:
    (letter,) = map_events([_row(4, **values)], tickets(), log="log", origin="log.csv")

    assert isinstance(letter, DeadLetter)
    assert (letter.origin, letter.position, letter.reason) == ("log.csv", 4, Reason.MAPPING)
    assert letter.field is not None
    assert letter.field.startswith(field.split(".attributes", maxsplit=1)[0])
    assert letter.detail.startswith(detail)


def test_a_row_that_no_rule_fits_is_set_aside_and_one_to_skip_is_counted() -> None:
    only_open = TICKETS.replace(
        "  - name: other\n    emit: ticket.state_changed\n    attributes: {state: step}\n",
        "  - name: heartbeat\n    when: [{field: step, equals: beat}]\n    skip: true\n",
    ).replace("    when: [{row: first}]", "    when: [{field: step, equals: never}]")
    ledger = Ledger()

    made = list(
        map_events(
            [_row(1), _row(2, step="beat"), _row(3, step="closed")], parse_mapping(only_open, "m.yaml"), ledger=ledger
        )
    )

    assert [type(one).__name__ for one in made] == ["DeadLetter", "ComplaintClosed"]
    assert (ledger.rows, ledger.mapped, ledger.skipped, ledger.dead) == (3, 1, 1, 1)


@settings(max_examples=100, deadline=None)
@given(topic=st.text(min_size=1, max_size=20), step=st.text(min_size=1, max_size=20))
def test_a_mapped_event_is_one_that_the_codec_reads_back_alike(topic: str, step: str) -> None:
    for made in map_events([_row(1, topic=topic, step=step)], tickets()):
        if isinstance(made, Event):
            assert decode(encode(made)) == made


def test_columns_never_stated_are_told() -> None:
    ledger = Ledger()

    list(map_events([_row(1)], tickets(), ledger=ledger))

    assert ledger.unseen_columns == {"team"}


@pytest.mark.parametrize(
    ("value", "row", "found"),
    [
        ({"field": ["a", "b"]}, {"a": None, "b": "2"}, "2"),
        ({"const": "x"}, {}, "x"),
        ({"join": ["a", "b"], "joined_with": "-"}, {"a": "1", "b": "2"}, "1-2"),
        ({"field": "a", "capture": " (2nd|3rd)$", "map": {"2nd": "2"}, "otherwise": "1"}, {"a": "V5 2nd"}, "2"),
        ({"field": "a", "capture": " (2nd|3rd)$", "map": {"2nd": "2"}, "otherwise": "1"}, {"a": "V5"}, "1"),
        ({"field": "a", "as": "integer"}, {"a": "12"}, 12),
        ({"field": "a", "as": "number"}, {"a": "1.5"}, 1.5),
        ({"field": "a", "as": "boolean"}, {"a": "Yes"}, True),
        ({"field": "a", "as": "minor_units"}, {"a": "12.34"}, 1234),
        ({"field": "a", "as": "time"}, {"a": "2026-01-01T01:00+01:00"}, datetime(2026, 1, 1, tzinfo=UTC)),
        ({"field": "a", "as": "integer"}, {"a": None}, None),
    ],
)
def test_a_value_is_found_cut_translated_and_made(
    value: dict[str, object], row: dict[str, str | None], found: object
) -> None:
    assert value_of(Value.model_validate(value))(row, {}) == found


@pytest.mark.parametrize(
    ("value", "text", "says"),
    [
        ({"map": {"a": "b"}}, "z", "not in the map"),
        ({"as": "integer"}, "1.5", "not a whole number"),
        ({"as": "number"}, "x", "not a number"),
        ({"as": "boolean"}, "maybe", "not true or false"),
        ({"as": "minor_units"}, "1.234", "not an amount of money"),
        ({"as": "minor_units"}, "NaN", "not an amount of money"),
    ],
)
def test_a_value_that_cannot_be_made_says_why_and_not_what_it_was(
    value: dict[str, object], text: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        value_of(Value.model_validate({"field": "a", **value}))({"a": text}, {})

    assert text not in str(refused.value).split()


_text = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["open", "closed", "k1", "2026-01-01", "2026-13-01"]))
_rows = st.lists(
    st.one_of(
        st.fixed_dictionaries(dict.fromkeys(("case", "step", "at", "customer", "topic", "team"), _text)),
        st.just("unreadable"),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(rows=_rows, order=st.sampled_from(["time", "file"]))
def test_nothing_is_lost_whatever_the_rows_say(rows: list[dict[str, str | None] | str], order: str) -> None:
    ledger = Ledger()
    given_rows = [
        set_aside("log", number, "unreadable", b"") if isinstance(row, str) else Row(number, row)
        for number, row in enumerate(rows, 1)
    ]

    made = list(map_events(given_rows, tickets(order=order), log="log", ledger=ledger))

    letters = [one for one in made if isinstance(one, DeadLetter)]
    events = [one for one in made if isinstance(one, Event)]
    from_events = {int(event.event_id.split(":")[1]) for event in events}
    assert from_events.isdisjoint(letter.position for letter in letters)
    assert from_events | {letter.position for letter in letters} == set(range(1, len(rows) + 1))
    assert len(letters) == ledger.dead
    assert ledger.rows == ledger.mapped + ledger.dead == len(rows)
    assert ledger.events == len(events)
    assert len({event.event_id for event in events}) == len(events)


def test_the_same_log_gives_the_same_ids_under_another_packing(tmp_path: Path) -> None:
    content = HEADER + "k1,open,2026-01-01,c,t,A\n"
    (tmp_path / "calls.csv").write_text(content)
    (tmp_path / "calls.txt").write_text(content)

    ids = [[event.event_id for event in read(tmp_path / name, tickets())[0]] for name in ("calls.csv", "calls.txt")]

    assert ids[0] == ids[1] == ["calls:000000002:00.opened", "calls:000000002:99.other"]
