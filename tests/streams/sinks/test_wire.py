"""Effects as topic records: what goes in comes out, the same bytes every time, in pieces of bounded size."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.kpis import DIM_BITS, KpiChanges, KpiColumns
from schemas.codec import dead_letter
from schemas.deadletters import Reason
from schemas.facts import DetectorFailure, Handoff, Transition
from schemas.kpis import GRAINS, KpiDims
from schemas.times import MINUTE, iso, to_ms
from streams.engine.effects import VersionedMoment, VersionedTransition
from streams.sinks.kpi_columns import KpiTables, columns_of
from streams.sinks.ports import Delivery
from streams.sinks.rows import (
    HealthFigure,
    dead_letter_row,
    failure_row,
    handoff_row,
    health_row,
    kpi_rows,
    moment_row,
    transition_row,
)
from streams.sinks.wire import MAX_VALUE_BYTES, NotOurs, TopicRecord, block_of, health_record, records_of
from tests.streams.sinks.test_clickhouse import kpis, moment

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.integers(0, 2**62)
instants = st.integers(0, 4_000_000_000_000)
versioned_moments = st.builds(
    lambda version, id_, customer, severity, explained: VersionedMoment(
        version, moment(moment_id=id_, customer_id=customer, severity=severity, scope=explained)
    ),
    numbers, words, words, st.integers(1, 5), words,
)  # fmt: skip
transitions = st.builds(
    VersionedTransition,
    numbers,
    st.builds(Transition, words, numbers, instants, words, words, words, numbers),
    st.booleans(),
)
handoffs = st.builds(Handoff, words, words, words, instants, words, words, words, words)
failures = st.builds(DetectorFailure, words, words, words, words, instants)
letters = st.builds(dead_letter, st.binary(max_size=60), words, numbers, st.sampled_from(Reason), words)


@st.composite
def changes(draw: st.DrawFn) -> KpiChanges:
    dims = [KpiDims(*draw(st.tuples(*[words] * 7))) for _ in range(draw(st.integers(1, 4)))]
    columns = []
    for grain in GRAINS:
        count = draw(st.integers(0, 6))
        windows = [draw(instants) // MINUTE << DIM_BITS | draw(st.integers(0, len(dims) - 1)) for _ in range(count)]
        values = [draw(st.integers(-(2**40), 2**40)) for _ in range(count)]
        columns.append(KpiColumns(grain, array("q", windows), array("q", values)))
    return KpiChanges(dims, columns, draw(numbers), draw(st.integers(0, 999)))


deliveries = st.builds(
    Delivery,
    moments=st.lists(versioned_moments, max_size=4),
    transitions=st.lists(transitions, max_size=4),
    handoffs=st.lists(handoffs, max_size=4),
    failures=st.lists(failures, max_size=4),
    dead_letters=st.lists(letters, max_size=4),
    kpis=st.lists(changes(), max_size=2),
)


def rows_in(records: list[TopicRecord]) -> dict[str, list[dict[str, Any]]]:
    """The rows of all records by table, read back."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        table, form, data = block_of(record.topic_kind, record.value, record.headers)
        found = columns_of(data).to_pylist() if form == "Arrow" else [json.loads(line) for line in data.split(b"\n")]
        rows.setdefault(table, []).extend(found)
    return rows


@settings(max_examples=60, deadline=None)
@given(deliveries)
def test_what_goes_in_comes_out_row_by_row(delivery: Delivery) -> None:
    rows = rows_in(records_of(delivery, 3))

    assert rows.pop("moments", []) == [json.loads(json.dumps(moment_row(said))) for said in delivery.moments]
    assert rows.pop("journey_transitions", []) == [transition_row(said) for said in delivery.transitions]
    assert rows.pop("handoffs", []) == [handoff_row(said) for said in delivery.handoffs]
    assert rows.pop("detector_failures", []) == [failure_row(said) for said in delivery.failures]
    assert rows.pop("dead_letters", []) == [dead_letter_row(said) for said in delivery.dead_letters]
    windows = rows.pop("kpis", [])
    for window in windows:
        window["window_start"] = iso(to_ms(window["window_start"]))
    assert windows == [row for changes in delivery.kpis for row in kpi_rows(changes)]
    assert rows == {}


@settings(max_examples=30, deadline=None)
@given(deliveries, st.integers(0, 500))
def test_the_same_delivery_gives_the_same_bytes_also_with_tables_kept(delivery: Delivery, partition: int) -> None:
    kept = KpiTables()
    first = records_of(delivery, partition, kept)

    assert records_of(delivery, partition, kept) == first
    assert records_of(delivery, partition) == first


def test_keys_and_headers_name_customer_partition_origin_and_ids() -> None:
    letter = dead_letter(b"x", "mot.events-7", 12, Reason.NOT_JSON, "mend it")
    step = VersionedTransition(1, Transition("c", 1, 2, "a", "b", "t", 3), deleted=False)
    delivery = Delivery(moments=[VersionedMoment(9, moment())], transitions=[step], dead_letters=[letter])
    alert, fact, dead = records_of(delivery, 7)

    assert (alert.topic_kind, alert.key) == ("alerts", "客户-1".encode())
    assert dict(alert.headers) == {"mot-id": b"m1", "mot-version": b"9"}
    assert (fact.topic_kind, fact.key) == ("facts", b"p7")
    assert dict(fact.headers) == {"mot-table": b"journey_transitions", "mot-format": b"JSONEachRow"}
    assert (dead.topic_kind, dead.key) == ("dlq", b"mot.events-7")
    assert dict(dead.headers) == {"mot-reason": b"not_json", "mot-id": letter.dead_letter_id.encode()}


def test_health_figures_are_rows_of_their_table_and_no_effect() -> None:
    figures = [
        HealthFigure(1_700_000_000_123, "worker", "host-1", "lag_records", 7),
        HealthFigure(1_700_000_000_123, "worker", "host-1", "commit_seconds", 0.25),
    ]
    record = health_record(figures)

    assert (record.topic_kind, record.key) == ("facts", b"host-1")
    assert rows_in([record]) == {"pipeline_health": [health_row(figure) for figure in figures]}
    assert health_row(figures[0]) == {
        "at": "2023-11-14T22:13:20.123Z",
        "component": "worker",
        "instance": "host-1",
        "metric": "lag_records",
        "value": 7,
    }


def test_large_facts_are_cut_into_values_of_bounded_size_and_nothing_is_lost() -> None:
    steps = [
        VersionedTransition(n, Transition(f"c{n}", n, n, "a" * 50, "b", "t", 3), deleted=False) for n in range(9_000)
    ]
    delivery = Delivery(transitions=steps, kpis=[kpis(5, list(range(20_000)), dims=300)])
    records = records_of(delivery, 0)

    assert len(records) > 6
    assert max(len(record.value) for record in records) <= MAX_VALUE_BYTES
    rows = rows_in(records)
    assert [row["customer_id"] for row in rows["journey_transitions"]] == [f"c{n}" for n in range(9_000)]
    assert [row["value"] for row in rows["kpis"]] == [row["value"] for row in kpi_rows(delivery.kpis[0])]


def test_one_row_larger_than_the_bound_stands_alone() -> None:
    big, small = DetectorFailure("N1", "c", "e", "x" * MAX_VALUE_BYTES, 1), DetectorFailure("N1", "c", "f", "x", 1)
    records = records_of(Delivery(failures=[small, big, small]), 0)

    assert [record.value.count(b"\n") + 1 for record in records] == [1, 1, 1]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("mot-table", b"events"), ("mot-format", b"JSONEachRow")),
        (("mot-table", b"kpis; DROP TABLE kpis"), ("mot-format", b"Arrow")),
        (("mot-table", b"kpis"), ("mot-format", b"JSONEachRow")),
        (("mot-table", b"handoffs"),),
        (("mot-table", b"\xff"), ("mot-format", b"Arrow")),
    ],
)
def test_facts_whose_headers_name_no_table_of_ours_are_not_ours(headers: Any) -> None:
    with pytest.raises(NotOurs, match="mot-"):
        block_of("facts", b"{}", headers)
