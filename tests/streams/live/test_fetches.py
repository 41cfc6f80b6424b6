"""What the worker reads of a record is what aiokafka's own parser has; and no partition waits for another."""

from __future__ import annotations

import asyncio
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
from streams.live.fetches import _LONGEST_POLL_MS, Consumer, ConsumerThread, _Arriving
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
    assert changed == {"_isolation_level": "read_committed", "_fetch_max_wait_ms": _LONGEST_POLL_MS}
    assert changed.keys() <= before.keys()  # aiokafka still calls them so


@pytest.mark.parametrize(
    ("buffered", "active", "slept"),
    [({AT}, set(), True), ({AT}, {TopicPartition("events", 1)}, False), (set(), set(), False)],
)
def test_partitions_that_were_all_full_are_looked_at_again_at_once(
    buffered: set[Any], active: set[Any], slept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps: list[float] = []

    async def faust_waits(*_: Any) -> Any:
        return "Faust's own way"

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(driver.Consumer, "_wait_next_records", faust_waits)
    consumer: Any = object.__new__(Consumer)
    consumer.__dict__ |= {"_buffered_partitions": buffered, "sleep": sleep}
    consumer._get_active_partitions = lambda: active
    monkeypatch.setattr(Consumer, "flow_active", True, raising=False)
    found = asyncio.run(Consumer._wait_next_records(consumer, 1.0))
    assert found == (({}, set()) if slept else "Faust's own way")
    assert [seconds <= 0.05 for seconds in sleeps] == [True] * slept
