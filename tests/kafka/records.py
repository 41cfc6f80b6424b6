"""What the tests of Kafka tools read back from a broker, and the events they send."""

from __future__ import annotations

import json
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streams.kafka.settings import KafkaSettings


def event(number: int, customer: str, **fields: Any) -> bytes:
    """A valid event."""
    said = {
        "schema_version": 1,
        "event_id": f"e{number}",
        "event_type": "order.submitted",
        "occurred_at": f"2026-03-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
        "recorded_at": f"2026-03-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
        "customer_id": customer,
        "source": "test",
        **fields,
    }
    return json.dumps(said).encode()


def read_all(kafka: KafkaSettings, topic: str) -> dict[int, list[Any]]:
    """Every record of every partition of `topic`, in order."""
    consumer = KafkaConsumer(**kafka.kafka_python(), enable_auto_commit=False)
    try:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(places)
        read: dict[int, list[Any]] = {at.partition: [] for at in places}
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        while any(consumer.position(at) < ends[at] for at in places):
            for at, records in consumer.poll(timeout_ms=500).items():
                read[at.partition] += records
        return read
    finally:
        consumer.close()
