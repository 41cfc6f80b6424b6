"""Records for the sinks' tests: written to real topics as sources and the worker write them, and read back by id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.codec import decode
from schemas.envelope import Event
from streams.engine.effects import VersionedMoment
from streams.kafka.settings import KafkaSettings
from streams.sinks.ports import Delivery
from streams.sinks.wire import records_of
from tests.streams.sinks.test_clickhouse import moment

Sent = tuple[str, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Topic, key, value, headers."""


def events(kafka: KafkaSettings, lines: Iterable[bytes]) -> list[Sent]:
    """Event lines, each under its customer's key where it has one."""
    sent: list[Sent] = []
    for line in lines:
        event = decode(line)
        key = event.customer_id.encode() if isinstance(event, Event) else None
        sent.append((kafka.events[0], key, line, ()))
    return sent


def effects(kafka: KafkaSettings, delivery: Delivery) -> list[Sent]:
    """The records of a delivery, as the worker sends them."""
    topics = {"alerts": kafka.alerts_topic, "facts": kafka.facts_topic, "dlq": kafka.dlq_topic}
    return [(topics[one.topic_kind], one.key, one.value, one.headers) for one in records_of(delivery, 0)]


def alerts(kafka: KafkaSettings, count: int, customers: int = 5, first: int = 0) -> list[Sent]:
    """`count` pending alerts of some customers; the scope numbers each customer's alerts."""
    said = [
        VersionedMoment(1, moment(moment_id=f"m{n}", customer_id=f"c{n % customers}", scope=str(n)))
        for n in range(first, first + count)
    ]
    return effects(kafka, Delivery(moments=said))


def send(kafka: KafkaSettings, records: Iterable[Sent]) -> None:
    """Write records and wait until the broker has them."""

    async def work() -> None:
        producer = AIOKafkaProducer(**kafka.aiokafka(), enable_idempotence=True, linger_ms=5)
        await producer.start()
        try:
            acks = [
                await producer.send(topic, value=value, key=key, headers=list(headers))
                for topic, key, value, headers in records
            ]
            await asyncio.gather(*acks)
        finally:
            await producer.stop()

    asyncio.run(work())


def event_ids(kafka: KafkaSettings) -> set[str]:
    """The ids of all events that Kafka holds."""
    return {
        event.event_id
        for topic in kafka.events
        for record in _all(kafka, topic)
        if isinstance(event := decode(record.value), Event)
    }


def alert_ids(kafka: KafkaSettings) -> set[str]:
    """The ids of all alerts that Kafka holds."""
    return {json.loads(record.value)["moment_id"] for record in _all(kafka, kafka.alerts_topic)}


def _all(kafka: KafkaSettings, topic: str) -> list[Any]:
    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(**kafka.aiokafka(), auto_offset_reset="earliest", enable_auto_commit=False)
        await consumer.start()
        try:
            places = [TopicPartition(topic, number) for number in range(kafka.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found: list[Any] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())
