"""A log goes into the events topic: every id once, in order, where Java's default partitioner would put it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from schemas.codec import decode
from schemas.envelope import Tick
from streams.kafka.deadletters import letters
from streams.kafka.loading import NoSuchTopic, NotOurEvents, load, partition_of
from streams.sources.logs import open_log
from tests.conftest import KafkaFactory
from tests.kafka.broker import libraries
from tests.kafka.records import event, read_all

JAVA_MURMUR2 = {  # org.apache.kafka.common.utils.UtilsTest
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"abc": 479470107,
}


def test_the_hash_is_javas() -> None:
    for key, hashed in JAVA_MURMUR2.items():
        assert partition_of(key, 2**31 - 1) == (hashed & 0x7FFFFFFF) % (2**31 - 1)


def test_every_event_arrives_once_in_order_under_its_customers_key(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=5)
    lines = [event(number, f"客户-{number % 97}") for number in range(20_000)]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join(lines))
    heard: list[int] = []
    loaded = load(settings, open_log(log), told=lambda done, _: heard.append(done))
    assert (loaded.events, loaded.sent, loaded.acknowledged) == (20_000, 20_000, 20_000)
    assert heard[-1] == 20_000
    read = read_all(settings, settings.events[0])
    assert sorted(record.value for records in read.values() for record in records) == sorted(lines)
    for partition, records in read.items():
        for record in records:
            customer = json.loads(record.value)["customer_id"]
            assert record.key == customer.encode()
            assert partition_of(record.key, 5) == partition
        numbers = [int(json.loads(record.value)["event_id"][1:]) for record in records]
        assert numbers == sorted(numbers)


def test_javas_own_producer_chooses_the_same_partitions(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=7, events=("ours", "javas"))
    customers = [f"c{number}" for number in range(200)] + ["客户一", "x" * 127]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join(event(number, customer) for number, customer in enumerate(customers)))
    load(settings, open_log(log), topic=settings.events[0])
    subprocess.run(
        [
            *("java", "-Xmx128m", "-Dfile.encoding=UTF-8", "-cp", f"{libraries()}/*"),
            *("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", settings.bootstrap),
            *("--topic", settings.events[1], "--property", "parse.key=true", "--property", "key.separator=|"),
        ],
        input="".join(f"{customer}|x\n" for customer in customers).encode(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    ours, javas = (
        {record.key: partition for partition, records in read_all(settings, topic).items() for record in records}
        for topic in settings.events
    )
    assert len(javas) == len(customers)
    assert ours == javas


def test_the_closing_tick_stands_last_in_every_partition(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=3)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join(event(number, f"c{number}") for number in (5, 3)))
    loaded = load(settings, open_log(log), end_tick_ms=3_600_000)
    assert (loaded.events, loaded.sent, loaded.acknowledged) == (2, 5, 5)
    for records in read_all(settings, settings.events[0]).values():
        tick = decode(records[-1].value)
        assert isinstance(tick, Tick)
        assert tick.occurred_at.isoformat() == "2026-03-01T01:00:05+00:00"
        assert sum(isinstance(decode(record.value), Tick) for record in records) == 1


def test_what_is_no_event_is_sent_as_it_is_and_counted(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    broken = [b"garbage", b'{"event_type":"none","customer_id":"c9"}', b"x" * 700_000]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join([event(1, "c1"), *broken]))
    loaded = load(settings, open_log(log), force=True)
    assert (loaded.events, loaded.unreadable, loaded.acknowledged) == (1, 3, 4)
    read = read_all(settings, settings.events[0])
    sent = {record.value: (record.key, partition) for partition, records in read.items() for record in records}
    assert {*broken} < {*sent}
    assert sent[broken[1]] == (b"c9", partition_of(b"c9", 2))
    assert sent[broken[0]][0] is None


def test_a_log_that_is_mostly_not_ours_is_refused_before_anything_is_sent(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join([*(b'{"calls":%d}' % n for n in range(501)), *(event(n, "c1") for n in range(5_000))]))
    with pytest.raises(NotOurEvents) as raised:
        load(settings, open_log(log))
    assert (raised.value.records, raised.value.events) == (1_000, 499)
    assert not any(read_all(settings, settings.events[0]).values())
    log.write_bytes(b"\n".join([*(b"garbage" for _ in range(500)), *(event(n, "c1") for n in range(500))]))
    assert load(settings, open_log(log)).acknowledged == 1_000


def test_an_empty_log_is_loaded_as_such(kafka: KafkaFactory, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"")
    assert load(kafka(partitions=2), open_log(log)).sent == 0


def test_rows_that_a_mapping_cannot_use_become_dead_letters(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    log = tmp_path / "calls.csv"
    log.write_text("id,at,who,what\n1,2026-03-01,c1,call\n2,nonsense,c2,call\n")
    mapping = tmp_path / "calls.yaml"
    mapping.write_text(
        "mapping: 1\nname: calls\ntitle: {zh: 呼叫, en: calls}\nsource: {format: csv}\n"
        "process: {case: id, activity: what, customer: who, timestamp: {field: at, formats: '%Y-%m-%d', zone: UTC}}\n"
        "events:\n  - {name: all, emit: order.submitted}\n",
        encoding="utf-8",
    )
    loaded = load(settings, open_log(log, mapping))
    assert (loaded.events, loaded.dead_letters, loaded.acknowledged) == (1, 1, 2)
    (letter,) = letters(settings)
    assert (letter.reason, letter.origin) == ("mapping", "calls.csv")


def test_only_events_topics_that_exist_are_written_to(kafka: KafkaFactory, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(event(1, "c1"))
    with pytest.raises(NoSuchTopic):
        load(kafka(), open_log(log), topic="elsewhere")
    with pytest.raises(NoSuchTopic):
        load(kafka(create=False), open_log(log))
