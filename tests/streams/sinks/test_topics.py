"""A batch of Kafka records into the real ClickHouse: bad ones are set aside with their place, the others stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from journeys.placement import Placements
from journeys.touchpoints import shipped_touchpoints
from schemas.codec import dead_letter
from schemas.deadletters import Reason
from schemas.facts import DetectorFailure, Handoff, Transition
from streams.engine.effects import VersionedMoment, VersionedTransition
from streams.sinks import ddl
from streams.sinks.connect import AddressFault, open_embedded, server_at, with_tables
from streams.sinks.ports import Delivery
from streams.sinks.topics import RecordKind, TopicBatch, TopicSink
from streams.sinks.wire import records_of
from tests.streams.runners.stories import BEGIN, POISON, raw
from tests.streams.sinks.test_clickhouse import kpis, moment, rows

KINDS: dict[str, RecordKind] = {"ev": "events", "al": "alerts", "fa": "facts", "dl": "dlq"}
TOPICS = {"alerts": "al", "facts": "fa", "dlq": "dl"}
PLACEMENTS = Placements(shipped_touchpoints())


@dataclass
class Sent:
    """A record as the client hands it over."""

    topic: str
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None
    partition: int = 2
    timestamp: int = 1_800_000_000_000
    timestamp_type: int = 1


@dataclass
class Log:
    """Records by topic with rising offsets."""

    records: list[Sent] = field(default_factory=list)

    def add(self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        found = re.search(rb'"customer_id": ?"([^"]*)"', value or b"") if topic == "ev" else None
        self.records.append(Sent(topic, len(self.records), value, headers, found[1] if found else None))

    def add_effects(self, delivery: Delivery) -> None:
        for kind, _, value, headers in records_of(delivery, 2):
            self.add(TOPICS[kind], value, headers)

    def batch(self) -> TopicBatch:
        batch = TopicBatch(KINDS, PLACEMENTS)
        for topic in KINDS:
            if found := [record for record in self.records if record.topic == topic]:
                batch.add(found)
        return batch


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = with_tables(open_embedded(tmp_path_factory.mktemp("clickhouse")))
    yield opened
    opened.close()


@pytest.fixture
def sink(client: Any) -> TopicSink:
    for statement in ddl.statements():
        if statement.startswith("CREATE TABLE"):
            client.command(f"TRUNCATE TABLE {statement.split()[5]}")
    return TopicSink(client)


def event(number: int, **fields: Any) -> bytes:
    return raw(f"e{number}", "usage.recorded", BEGIN + number, f"c{number}", {"kind": "data", "units": 1}, **fields)


def effects() -> Delivery:
    return Delivery(
        moments=[VersionedMoment(n, moment(moment_id=f"m{n}")) for n in range(5)],
        transitions=[
            VersionedTransition(n, Transition(f"c{n}", n, BEGIN, "use", "pay", "t", 1), False) for n in range(5)
        ],
        handoffs=[Handoff(f"e{n}", "c1", "t1", BEGIN, "a", "b", "call_centre", "gold") for n in range(5)],
        failures=[DetectorFailure("N28", "c1", f"e{n}", "ValueError: no", BEGIN) for n in range(5)],
        dead_letters=[dead_letter(b"{", "ev-2", n, Reason.NOT_JSON, "mend it") for n in range(5)],
        kpis=[kpis(5, [10, 20, 30, 40, 50], dims=5)],
    )


def test_all_topics_land_in_their_tables_however_often(client: Any, sink: TopicSink) -> None:
    log = Log()
    for number in range(10):
        log.add("ev", event(number))
    log.add_effects(effects())
    batch = log.batch()

    written = [sink.write(batch), sink.write(log.batch())]

    assert written[0].rows == written[1].rows
    assert written[0].refused == []
    tables = ("events", "moments", "journey_transitions", "handoffs", "detector_failures", "dead_letters", "kpis")
    counts = {table: rows(client, f"SELECT count() FROM {table} FINAL")[0][0] for table in tables}
    assert counts == {**dict.fromkeys(tables, 5), "events": 10}
    assert batch.positions == {
        (topic, 2): max(r.offset for r in log.records if r.topic == topic) + 1 for topic in KINDS
    }
    assert (batch.records, batch.oldest_ms) == (len(log.records), 1_800_000_000_000)


def test_events_get_stage_and_touchpoint_and_poison_is_left_to_the_worker(client: Any, sink: TopicSink) -> None:
    log = Log()
    for value in (*POISON, None, b'{"event_type":"clock.tick","occurred_at":"2026-01-01T00:00:00Z"}', event(1)):
        log.add("ev", value)
    log.add("ev", raw("e2", "complaint.opened", BEGIN, "c1", {"category": "bill"}, ticket_id="k1"))
    batch = log.batch()

    assert sink.write(batch).rows == {"events": 2}
    assert batch.undecodable == len(POISON) + 1
    placed = {kind: PLACEMENTS._rules[kind].always for kind in ("usage.recorded", "complaint.opened")}
    found = rows(client, "SELECT event_type, stage, touchpoint FROM events ORDER BY event_id")
    assert found == [(kind, placed[kind].stage, placed[kind].touchpoint) for kind in placed]
    assert rows(client, "SELECT count() FROM dead_letters") == [(0,)]


def test_events_the_worker_refuses_for_their_place_in_the_log_are_not_stored(client: Any, sink: TopicSink) -> None:
    log = Log()
    for number in range(3):
        log.add("ev", event(number))
    log.records[0].key = b"another customer"
    log.records[1].timestamp = BEGIN - 3_600_000  # the event would have happened an hour after the broker took it in
    batch = log.batch()

    assert sink.write(batch).rows == {"events": 1}
    assert rows(client, "SELECT event_id FROM events") == [("e2",)]
    assert batch.undecodable == 2


def test_cloud_events_are_stored_as_the_events_they_carry(client: Any, sink: TopicSink) -> None:
    document = json.loads(event(1))
    del document["event_id"], document["event_type"]
    log = Log()
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"from-the-cloud"), ("ce_source", b"crm"),
               ("ce_type", b"usage.recorded"), ("content-type", b"application/json")]  # fmt: skip
    log.add("ev", json.dumps(document).encode(), headers)

    assert sink.write(log.batch()).rows == {"events": 1}
    assert rows(client, "SELECT event_id, event_type FROM events") == [("from-the-cloud", "usage.recorded")]


REFUSED = {
    "al": ("moments", "anchor_at", "not a time"),
    "dl": ("dead_letters", "occurred_at", "not a time"),
    "journey_transitions": ("journey_transitions", "after_ms", "many"),
    "handoffs": ("handoffs", "at", "yesterday"),
    "detector_failures": ("detector_failures", "at", "2026-13-45"),
}


@pytest.mark.parametrize("where", REFUSED)
def test_a_row_of_any_table_that_clickhouse_refuses_becomes_a_dead_letter(
    client: Any, sink: TopicSink, where: str
) -> None:
    table, column, nonsense = REFUSED[where]
    log = Log()
    log.add_effects(effects())
    for record in log.records:
        assert record.value is not None
        ours = record.topic == where or dict(record.headers).get("mot-table") == where.encode()
        if ours and (record.topic == "fa" or b'"m2"' in record.value or b'"position":2,' in record.value):
            lines = record.value.split(b"\n")
            lines[len(lines) // 2] = json.dumps({**json.loads(lines[len(lines) // 2]), column: nonsense}).encode()
            record.value = b"\n".join(lines)
            offset = record.offset

    [letter] = sink.write(log.batch()).refused

    topic = where if where in KINDS else "fa"
    assert (letter.origin, letter.position) == (f"clickhouse:{topic}-2", offset)
    assert table in letter.detail
    assert nonsense in letter.payload
    others = f"WHERE origin != '{letter.origin}'" if table == "dead_letters" else ""
    kept = rows(client, f"SELECT count() FROM {table} FINAL {others}")
    assert kept == [(4,)]
    assert rows(client, f"SELECT reason FROM dead_letters WHERE origin = '{letter.origin}'") == [("wrong_value",)]


@pytest.mark.parametrize("value", [b"garbage", b"{}", b"[]", b"5", b"", b'{"moment_id":"x"}', b'{"moment_id":"y"}{}'])
def test_what_is_no_alert_is_set_aside_and_stores_no_empty_row(client: Any, sink: TopicSink, value: bytes) -> None:
    log = Log()
    log.add("al", value)
    log.add_effects(effects())

    written = sink.write(log.batch())

    assert [(letter.origin, letter.position) for letter in written.refused] == [("al-2", 0)]
    assert rows(client, "SELECT count(), countIf(moment_id = '') FROM moments FINAL") == [(5, 0)]
    assert rows(client, "SELECT count() FROM dead_letters WHERE origin = 'al-2'") == [(1,)]


@pytest.mark.parametrize(
    "headers",
    [(), [("mot-table", b"kpis"), ("mot-format", b"Arrow")], [("mot-table", b"runs"), ("mot-format", b"JSONEachRow")]],
)
def test_facts_that_are_not_ours_are_set_aside(client: Any, sink: TopicSink, headers: Any) -> None:
    log = Log()
    log.add("fa", b'{"customer_id":"c"}', headers)
    log.add_effects(effects())

    written = sink.write(log.batch())

    assert [letter.origin for letter in written.refused] == ["fa-2"]
    assert written.rows["kpis"] == 5


def test_a_tombstone_is_passed_over(sink: TopicSink) -> None:
    log = Log()
    for topic in KINDS:
        log.add(topic, None)

    assert sink.write(log.batch()) == ({}, [])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://ch", "http://default@ch:8123/default"),
        ("https://me:old@ch.example/mot", "https://me@ch.example:8443/mot"),
        ("http://me@[::1]:99/mot", "http://me@[::1]:99/mot"),
    ],
)
def test_an_address_of_a_server_is_read_and_never_shows_its_password(address: str, said: str) -> None:
    server = server_at(address, {"MOT_CLICKHOUSE_PASSWORD": "s3cret"})

    assert str(server) == said
    assert server.password == "s3cret"
    assert "s3cret" not in repr(server) + str(server)


@pytest.mark.parametrize("address", ["ftp://ch", "http://", "http://ch/a/b", "http://ch:port", "http://ch/?x=1"])
def test_what_is_no_address_is_said_to_be_none(address: str) -> None:
    with pytest.raises(AddressFault):
        server_at(address, {})


def test_tables_made_by_another_are_enough_for_a_user_who_may_only_insert(client: Any, tmp_path: Path) -> None:
    class OnlyInserts:
        """Refuses what needs rights, as the server does."""

        def command(self, _: str) -> None:
            raise DatabaseError("Code: 497. ACCESS_DENIED", code=497)

        def query(self, sql: str) -> Any:
            return client.query(sql)

    assert isinstance(with_tables(OnlyInserts()), OnlyInserts)
    client.command("DROP VIEW kpi")
    with pytest.raises(DatabaseError):
        with_tables(OnlyInserts())
    with_tables(client)
