"""The ClickHouse sink: what is written once, twice, in pieces or with a bad row in it reads the same."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from journeys.kpis import DIM_BITS, KpiChanges, KpiColumns
from journeys.placement import Placement
from schemas.codec import decode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from schemas.facts import DetectorFailure, Handoff, Transition
from schemas.kpis import KpiDims
from schemas.moments import Evidence, Moment, Text
from schemas.times import MINUTE, from_ms
from streams.engine.effects import VersionedMoment, VersionedTransition
from streams.sinks import ddl
from streams.sinks.clickhouse import ClickHouseSink, open_client
from streams.sinks.ports import Delivery
from streams.sinks.rows import moment_row
from tests.streams.runners.stories import BEGIN, raw

PLACE = Placement("hotline_called", "resolve", b',"stage":"resolve","touchpoint":"hotline_called"}', b"\5....")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = open_client(tmp_path_factory.mktemp("clickhouse"))
    yield opened
    opened.close()


@pytest.fixture
def sink(client: Any, tmp_path: Path) -> ClickHouseSink:
    made = ClickHouseSink(client, tmp_path)
    for statement in ddl.statements():
        if statement.startswith("CREATE TABLE"):
            client.command(f"TRUNCATE TABLE {statement.split()[5]}")
    return made


def moment(status: Any = "pending", **changes: Any) -> Moment:
    told = Moment(
        moment_id="m1",
        detector_id="N28",
        detector_name="repeat_contact",
        detector_version=1,
        customer_id="客户-1",
        scope="billing",
        stage="resolve",
        touchpoint="hotline_called",
        valence="negative",
        severity=3,
        tier="gold",
        channel="call_centre",
        region="north",
        department="call_centre",
        status=status,
        anchor_at=from_ms(BEGIN),
        decided_at=from_ms(BEGIN + 1),
        evidence=Evidence(
            events=("e1", "e2"), missing="call_back", clause="p.3", measures={"contacts": 2, "days": 1.5}
        ),
        explanation=Text(zh="两次来电", en="called twice"),
        recovery=Text(zh="回电", en="call back"),
    )
    return told.model_copy(update=changes)


def events(*lines: bytes) -> Delivery:
    delivery = Delivery()
    for position, line in enumerate(lines):
        event = decode(line)
        assert isinstance(event, Event), event
        delivery.add_events([line], [event], [PLACE], [position])
    return delivery


def rows(client: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(query).result_rows]


def test_an_event_keeps_every_field_its_stage_and_its_attributes(client: Any, sink: ClickHouseSink) -> None:
    line = raw(
        "e1", "charge.rated", BEGIN + 123, "客户-1", {"kind": "data", "roaming": True}, amount_minor=-5, currency="EUR"
    )
    line = line.replace(b'"amount_minor":-5', b'"amount_minor":5')
    sink.write(events(line))

    query = (
        "SELECT event_id, event_type, toUnixTimestamp64Milli(occurred_at), customer_id, amount_minor, currency, "
        "attributes, stage, touchpoint, department, region, order_id FROM events"
    )
    [row] = rows(client, query)
    assert row[:6] == ("e1", "charge.rated", BEGIN + 123, "客户-1", 5, "EUR")
    assert json.loads(row[6]) == {"kind": "data", "roaming": True}
    assert row[7:] == ("resolve", "hotline_called", "unknown", "unknown", "")


def test_events_written_twice_and_in_overlapping_batches_are_there_once(client: Any, sink: ClickHouseSink) -> None:
    lines = [
        raw(f"e{number}", "usage.recorded", BEGIN + number, "c1", {"kind": "data", "units": 1}) for number in range(30)
    ]
    sink.write(events(*lines[:20]))
    sink.write(events(*lines[:20]))
    sink.write(events(*lines[10:]))

    assert rows(client, "SELECT count(), uniqExact(event_id) FROM events FINAL") == [(30, 30)]


def test_an_unknown_field_named_like_a_column_of_ours_does_not_reach_it(client: Any, sink: ClickHouseSink) -> None:
    line = raw(
        "e1", "usage.recorded", BEGIN, "c1", {"kind": "data", "units": 1}, stage="stolen", stored_at="1999-01-01"
    )
    assert sink.write(events(line)) == []

    [(stage, recent, unknown)] = rows(client, "SELECT stage, toYear(stored_at) > 2000, unknown_fields FROM events")
    assert (stage, recent) == ("resolve", True)
    assert json.loads(unknown) == {"stage": "stolen", "stored_at": "1999-01-01"}


def test_a_batch_of_an_old_log_may_span_more_months_than_clickhouse_likes(client: Any, sink: ClickHouseSink) -> None:
    month = 31 * 86_400_000
    lines = [raw(f"e{n}", "usage.recorded", BEGIN - n * month, "c1", {"kind": "data", "units": 1}) for n in range(140)]
    sink.write(events(*lines))

    assert rows(client, "SELECT count() FROM events") == [(140,)]


@pytest.mark.parametrize("size", [1, 3, 400])
def test_one_bad_row_becomes_a_dead_letter_and_the_others_stay(client: Any, sink: ClickHouseSink, size: int) -> None:
    lines = [
        raw(f"e{number}", "usage.recorded", BEGIN + number, "c1", {"kind": "data", "units": 1})
        for number in range(size)
    ]
    delivery = events(*lines)
    delivery.suffixes[size // 2] = b',"stage":"use","event_id":"twice"}'  # ClickHouse refuses a field that stands twice

    [letter] = sink.write(delivery)

    assert (letter.reason, letter.origin, letter.position) == (Reason.WRONG_VALUE, "clickhouse", size // 2)
    assert rows(client, "SELECT count() FROM events FINAL") == [(size - 1,)]
    assert rows(client, "SELECT reason, position FROM dead_letters FINAL") == [("wrong_value", size // 2)]


def test_a_spelling_clickhouse_cannot_read_is_written_anew(client: Any, sink: ClickHouseSink) -> None:
    delivery = events(raw("e1", "usage.recorded", BEGIN, "c1", {"kind": "data", "units": 1}))
    good = delivery.lines[0]
    delivery.lines[0] = good.replace(b'"customer_id"', b'"cust\\u006fmer_id"').replace(b'"tier":', b'"tier" : ')

    assert sink.write(delivery) == []
    assert rows(client, "SELECT customer_id FROM events") == [("c1",)]


def test_the_later_version_of_a_moment_wins_whatever_the_order_of_writing(client: Any, sink: ClickHouseSink) -> None:
    sink.write(Delivery(moments=[VersionedMoment(9, moment("confirmed"))]))
    sink.write(Delivery(moments=[VersionedMoment(4, moment("pending"))]))

    query = "SELECT status, version, evidence_events, measures, explanation_zh, retracted_at FROM moments_now"
    assert rows(client, query) == [("confirmed", 9, ["e1", "e2"], '{"contacts":2,"days":1.5}', "两次来电", None)]


def test_every_field_of_a_moment_has_its_column(client: Any, sink: ClickHouseSink) -> None:
    columns = {name for name, *_ in rows(client, "DESCRIBE TABLE moments")} - {"stored_at"}

    assert set(moment_row(VersionedMoment(1, moment()))) == columns
    named = {name.removeprefix("evidence_").removesuffix("_zh").removesuffix("_en") for name in columns}
    assert set(Moment.model_fields) - named == {"evidence"}
    assert set(Evidence.model_fields) <= named | {"events", "missing", "clause"}


def test_a_transition_that_never_was_vanishes(client: Any, sink: ClickHouseSink) -> None:
    step = Transition("c1", 2**63 - 1, BEGIN, "discover", "purchase", "order_placed", 5_000)
    sink.write(Delivery(transitions=[VersionedTransition(1, step, deleted=False)]))
    assert rows(client, "SELECT event_key, from_stage, to_stage, after_ms FROM transitions_now") == [
        (2**63 - 1, "discover", "purchase", 5_000)
    ]

    sink.write(Delivery(transitions=[VersionedTransition(2, step, deleted=True)]))
    sink.write(Delivery(transitions=[VersionedTransition(1, step, deleted=False)]))
    assert rows(client, "SELECT * FROM transitions_now") == []


def test_handoffs_failures_and_dead_letters_repeat_harmlessly(client: Any, sink: ClickHouseSink) -> None:
    letter = DeadLetter(
        dead_letter_id="d1",
        origin="log",
        position=3,
        reason=Reason.NOT_JSON,
        detail="mend it",
        payload="{",
        payload_sha256="00",
    )
    delivery = Delivery(
        handoffs=[Handoff("e1", "c1", "t1", BEGIN, "a", "b", "call_centre", "gold")],
        failures=[DetectorFailure("N28", "c1", "e1", "ValueError: no", BEGIN)],
        dead_letters=[letter],
    )
    sink.write(delivery)
    sink.write(delivery)

    for table in ("handoffs", "detector_failures", "dead_letters"):
        assert rows(client, f"SELECT count() FROM {table} FINAL") == [(1,)], table


def kpis(version: int, values: list[int], partition: int = 0, dims: int = 2) -> KpiChanges:
    names = [KpiDims("events", "use", f"t{n}", "app", "gold", "billing", "north") for n in range(dims)]
    windows = array("q", [BEGIN // MINUTE << DIM_BITS | n % dims for n in range(len(values))])
    return KpiChanges(names, [KpiColumns("minute", windows, array("q", values))], version, partition)


def test_kpi_values_are_absolute_replaced_by_version_and_summed_over_partitions(
    client: Any, sink: ClickHouseSink
) -> None:
    sink.write(Delivery(kpis=[kpis(5, [10, 20])]))
    sink.write(Delivery(kpis=[kpis(3, [7, 8])]))  # an overlapping repeat of older work
    sink.write(Delivery(kpis=[kpis(5, [10, 20]), kpis(2, [100], partition=1)]))

    assert rows(client, "SELECT touchpoint, value FROM kpi ORDER BY touchpoint") == [("t0", 110), ("t1", 20)]


def test_kpi_dimensions_may_grow_between_writes(client: Any, sink: ClickHouseSink) -> None:
    sink.write(Delivery(kpis=[kpis(1, [1, 2])]))
    sink.write(Delivery(kpis=[kpis(2, [1, 2, 3, 4], dims=4)]))

    query = "SELECT touchpoint, value, grain, toUnixTimestamp64Milli(window_start) FROM kpi ORDER BY touchpoint"
    assert rows(client, query) == [(f"t{n}", n + 1, "minute", BEGIN // 60_000 * 60_000) for n in range(4)]


def test_the_tables_can_be_made_again_and_again(client: Any, sink: ClickHouseSink) -> None:
    before = rows(client, "SHOW TABLES")
    ddl.apply(client)

    assert rows(client, "SHOW TABLES") == before
    assert len(before) == len(ddl.statements())


def test_every_table_forgets_and_facts_are_synced(client: Any, sink: ClickHouseSink) -> None:
    tables = rows(
        client,
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() AND engine != 'View'",
    )
    assert [name for name, made in tables if " TTL " not in made] == []
    synced = {name for name, made in tables if "fsync_after_insert = 1" in made}
    assert synced >= {"events", "moments", "journey_transitions", "handoffs", "dead_letters", "kpis"}


def test_statements_are_split_outside_quotes_and_comments() -> None:
    script = "-- a; comment\nSELECT ';--' ; CREATE VIEW `a;b` AS SELECT 1 -- end;\n;\n"

    assert ddl.split(script) == ["SELECT ';--'", "CREATE VIEW `a;b` AS SELECT 1"]
    with pytest.raises(ValueError, match="quote"):
        ddl.split("SELECT 'open")


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-01-01 10:00:00Z",
        "2026-01-01t10:00:00z",
        "2026-01-01T10:00:00.1234567+0530",
        "2026-01-01T10:00:00.123456789+05:30",
        "2026-01-01T10:00:00-00:30",
    ],
)
def test_clickhouse_reads_a_time_as_the_codec_does(client: Any, sink: ClickHouseSink, spelling: str) -> None:
    document = json.loads(raw("e1", "usage.recorded", BEGIN, "c1", {"kind": "data", "units": 1}))
    line = json.dumps({**document, "occurred_at": spelling, "recorded_at": "2026-11-01T00:00:00Z"}).encode()
    event = decode(line)
    assert isinstance(event, Event)

    assert sink.write(events(line)) == []
    assert rows(client, "SELECT toUnixTimestamp64Milli(occurred_at) FROM events") == [(event.occurred_ms,)]
