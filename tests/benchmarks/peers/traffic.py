"""The events of the job: simulated life, with or without the flood of usage records, in a topic keyed by customer."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain, islice

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import DefaultPartitioner

from streams.simulator.config import STORY_RATES, SimulationConfig
from streams.simulator.simulation import Simulation
from tests.benchmarks.brokers import send_part

DAYS = 210
"""Seven bills for each customer, four of them with a habit before."""
_PER_CUSTOMER = 55
_PER_USAGE = 0.9
_BATCH_BYTES = 512 * 1024


class _Keyed(msgspec.Struct):
    customer_id: str


_keyed = msgspec.json.Decoder(_Keyed).decode


def lines(events: int, usage: float = 0.0) -> list[bytes]:
    """`events` lines of JSON in order of arrival, overtaking each other by up to 20 s.

    `usage` is how often a customer uses the network per day. Without, one event in ten is a bill; with 2, as in the
    simulator's own life, six events in seven are usage and its charges, which both rules pass over. No event comes
    twice or late: the peers' job as it stands has no answer to that.
    """
    per_customer = _PER_CUSTOMER + _PER_USAGE * usage * DAYS
    config = SimulationConfig(
        start=datetime(2025, 1, 5, 16, tzinfo=UTC),
        customers=int(events / per_customer) + 50,
        days=DAYS,
        usage_per_day=usage,
        duplicates=0.0,
        late=0.0,
        story_rates=STORY_RATES | {"bill_spike": 0.05, "dealer_order_lost": 0.05},
    )
    return list(islice(chain.from_iterable(part.lines for part in Simulation(config).slices()), events))


def split(log: list[bytes], partitions: int) -> list[list[tuple[bytes, bytes]]]:
    """Keys and lines of each partition, where Kafka's own partitioner puts each customer."""
    places = list(range(partitions))
    choose = DefaultPartitioner()
    parts: list[list[tuple[bytes, bytes]]] = [[] for _ in places]
    for line in log:
        key = _keyed(line).customer_id.encode()
        parts[choose(key, places, places)].append((key, line))
    return parts


async def load(bootstrap: str, topic: str, parts: list[list[tuple[bytes, bytes]]]) -> None:
    """Create the topic and write it, each partition in its own order."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    configs = {"message.timestamp.type": "LogAppendTime"}
    await admin.create_topics([NewTopic(topic, len(parts), 1, topic_configs=configs)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=_BATCH_BYTES, enable_idempotence=True)
    await producer.start()
    for number, part in enumerate(parts):
        await send_part(producer, topic, number, part)
        await producer.flush()
    await producer.stop()


async def delete(bootstrap: str, topics: list[str]) -> None:
    """Delete what a run made."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_topics(topics)
    await admin.close()
