"""What the worker reads of a record is what aiokafka's own parser has; and no partition waits for another."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.transport.drivers import aiokafka as driver

from schemas.codec import decode, encode
from schemas.deadletters import Reason
from schemas.envelope import Event
from schemas.examples import example_of
from schemas.inspection import LIMITS
from streams.kafka.settings import LONGEST_POLL_MS, KafkaSettings
from streams.live.fetches import Consumer, ConsumerThread, _Arriving
from streams.live.intake import taken_in

AT = TopicPartition("events", 0)
EVENT = example_of("charge.rated")


def _batch(magic: int, value: bytes = encode(EVENT)) -> bytes:
    key = EVENT.customer_id.encode()
    if magic == 2:
        builder: Any = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 16)
        builder.append(0, 1_772_323_200_000, key, value, [("h", b"1")])
    else:
        builder = LegacyRecordBatchBuilder(magic, 0, 1 << 16)
        builder.append(0, timestamp=1_772_323_200_000, key=key, value=value)
    return bytes(builder.build())


def _unpacked(batch: bytes, *, keeps: bool = False) -> list[Any]:
    """As aiokafka unpacks a fetch for the worker."""
    arriving = _Arriving(lambda topic: keeps and topic == AT.topic)
    unpacking = PartitionRecords(AT, MemoryRecords(batch), [], 0, None, None, True, 0)
    arriving[AT] = FetchResult(AT, assignment=None, partition_records=unpacking, backoff=0)
    return list(unpacking)


def test_records_come_as_they_were_parsed_and_have_all_that_is_read() -> None:
    (record,) = _unpacked(_batch(2))
    assert type(record).__name__ == "DefaultRecord"
    assert (record.offset, record.timestamp, record.timestamp_type) == (0, 1_772_323_200_000, 0)
    assert (record.key, record.value) == (EVENT.customer_id.encode(), encode(EVENT))
    assert list(record.headers) == [("h", b"1")]


def test_old_message_formats_are_read_also_where_they_have_no_time_stamp() -> None:
    for magic in (0, 1):
        (taken,) = taken_in("events-0", _unpacked(_batch(magic)))
        assert not isinstance(taken.record, Event)  # it only reads like one
        assert encode(taken.record) == encode(EVENT)
    bare: Any = SimpleNamespace(offset=0, timestamp=None, timestamp_type=None, headers=(), key=b"C-1", value=b"{}")
    (refused,) = taken_in("events-0", [bare])
    assert refused.at == -1


def test_of_a_record_that_is_too_large_only_its_dead_letter_is_held() -> None:
    large = b'{"event_id":"' + b"x" * LIMITS.record_bytes + b'"}'
    (held,) = _unpacked(_batch(2, large))
    assert len(repr(tuple(held))) < 10_000
    (taken,) = taken_in("events-0", [held])
    assert taken.record == decode(large, "events-0", 0)
    assert taken.record.reason is Reason.TOO_LARGE
    assert (taken.offset, held.timestamp, held.timestamp_type) == (0, 1_772_323_200_000, 0)
    (kept,) = _unpacked(_batch(2, large), keeps=True)  # a topic to be forwarded
    assert kept.value == large


def test_a_cloud_event_may_be_larger_than_the_event_in_it() -> None:
    event = encode(EVENT)[:-1] + b',"padding":[' + b",".join([b'"' + b"x" * 60_000 + b'"'] * 14) + b"]}"
    cloud = {"specversion": "1.0", "id": EVENT.event_id, "source": "/s", "type": EVENT.event_type}
    wrapped = json.dumps(cloud | {"data_base64": b64encode(event).decode()}).encode()
    assert len(event) < LIMITS.record_bytes < len(wrapped)
    (record,) = _unpacked(_batch(2, wrapped))
    (taken,) = taken_in("events-0", [record])
    assert (type(taken.record).__name__, taken.at) == ("ChargeRated", EVENT.occurred_ms)
    (refused,) = taken_in("events-0", _unpacked(_batch(2, wrapped + b" " * 8 + b"x")))
    assert refused.record.reason is Reason.TOO_LARGE


def test_an_error_that_waits_among_the_fetches_is_left_alone() -> None:
    arriving = _Arriving(lambda _: False)
    arriving[AT] = waiting = FetchError(error=KafkaError(), backoff=0)
    assert arriving[AT] is waiting


def test_a_partition_without_news_does_not_hold_up_the_others_on_its_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def a_consumer() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")

    made = asyncio.run(a_consumer())
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_worker_consumer", lambda *_: made)
    before = dict(vars(made))
    ConsumerThread._create_worker_consumer(object.__new__(ConsumerThread), None)
    changed = {name: value for name, value in vars(made).items() if before.get(name) != value}
    assert changed == {"_isolation_level": "read_committed", "_fetch_max_wait_ms": LONGEST_POLL_MS}
    assert changed.keys() <= before.keys()  # aiokafka still calls them so


OTHER = TopicPartition("events", 1)


@pytest.mark.parametrize(
    ("buffered", "paused", "active", "flows", "found"),
    [
        ({AT}, set(), set(), True, "another look soon"),
        (set(), {AT}, set(), True, "another look soon"),
        ({AT}, set(), {OTHER}, True, "what comes soon"),  # the other may have nothing for ever
        (set(), set(), {AT, OTHER}, True, "what comes"),
        (set(), set(), set(), True, "what comes"),
        ({AT}, set(), set(), False, "what comes"),  # nothing until the rebalance is over
    ],
)
def test_a_partition_that_was_full_is_looked_at_again_at_once(
    buffered: set[Any], paused: set[Any], active: set[Any], flows: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def faust_waits(_: Any, timeout: float) -> Any:
        return "what comes soon" if timeout <= 0.05 else "what comes"

    async def sleep(seconds: float) -> None:
        assert 0 < seconds <= 0.05

    monkeypatch.setattr(driver.Consumer, "_wait_next_records", faust_waits)
    monkeypatch.setattr(Consumer, "flow_active", flows, raising=False)
    consumer: Any = object.__new__(Consumer)
    consumer.__dict__ |= {"_buffered_partitions": buffered, "_paused_partitions": paused, "sleep": sleep}
    consumer._get_active_partitions = lambda: active
    waited = asyncio.run(Consumer._wait_next_records(consumer, 1.0))
    assert waited == (({}, set()) if found == "another look soon" else found)


def test_what_arrives_is_taken_from_the_start_and_topics_to_be_forwarded_keep_their_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict()))

    async def connect(thread: Any) -> None:
        thread._consumer = consumer

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", connect)
    thread: Any = object.__new__(ConsumerThread)
    thread.app = SimpleNamespace(kafka=KafkaSettings(rekey=("by-number",)))
    asyncio.run(thread.on_start())
    arriving = consumer._fetcher._records
    assert isinstance(arriving, _Arriving)
    assert (arriving._keeps("by-number"), arriving._keeps("mot.events")) == (True, False)
