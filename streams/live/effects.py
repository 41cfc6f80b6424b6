"""Effects on their way to their topics: an idempotent producer whose acknowledgements a commit waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.kafka.settings import KafkaSettings
from streams.live.settings import PATIENCE_MS
from streams.sinks.kpi_columns import KpiTables
from streams.sinks.ports import Delivery
from streams.sinks.wire import TopicRecord, records_of

_LARGEST = 1 << 20
_BATCH_BYTES = 800_000
"""A topic takes 1 MiB at least. Whoever sends more than a batch waits for the broker's answer to the one before."""
_MANY = 16
"""From so many records of a kind on they are sent as batches."""

Acks = list[Awaitable[Any]]


class EffectsProducer:
    """Sends deliveries to `mot.alerts`, `mot.facts` and `mot.dlq`. One for all partitions of a worker."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._topics = {"alerts": kafka.alerts_topic, "facts": kafka.facts_topic, "dlq": kafka.dlq_topic}
        self._kpi_tables = KpiTables()
        self._kafka = kafka
        self.producer: AIOKafkaProducer = None  # made by `start`: aiokafka wants a running loop

    async def start(self) -> None:
        """Connect. Raises KafkaConnectionError."""
        self.producer = AIOKafkaProducer(
            **self._kafka.aiokafka(),
            enable_idempotence=True,
            acks="all",
            linger_ms=2,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_LARGEST,
            request_timeout_ms=PATIENCE_MS,
        )
        await self.producer.start()

    async def send(self, delivery: Delivery, partition: int) -> Acks:
        """Hand a delivery over to the producer; what is returned is done when the broker has it all.

        Waits while the producer's buffer for a partition is full.
        """
        acks: Acks = []
        for kind, records in groupby(records_of(delivery, partition, self._kpi_tables), attrgetter("topic_kind")):
            held = list(records)
            if kind == "facts" or len(held) < _MANY:  # facts are large already
                acks += [await self._sent(record, partition) for record in held]
            else:
                acks += [
                    await self.producer.send_batch(batch, self._topics[kind], partition=partition)
                    for batch in self._batches(held)
                ]
        return acks

    def _batches(self, records: Sequence[TopicRecord]) -> list[Any]:
        """`records` in as few batches as they fit. A record sent alone costs 20 us, mostly for its acknowledgement."""
        batch = self.producer.create_batch()
        batches = [batch]
        for _, key, value, named in records:
            headers = list(named)
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                batch = self.producer.create_batch()
                batches.append(batch)
                batch.append(timestamp=None, key=key, value=value, headers=headers)
        for one in batches:
            one.close()  # nothing is added, so there is nothing to wait for
        return batches

    async def tell(self, record: TopicRecord) -> asyncio.Future[Any]:
        """Hand over a record that is no effect and has no partition of its own; its acknowledgement may be ignored."""
        sent: asyncio.Future[Any] = await self.producer.send(
            self._topics[record.topic_kind], value=record.value, key=record.key, headers=list(record.headers)
        )
        return sent

    async def _sent(self, record: TopicRecord, partition: int) -> Awaitable[Any]:
        sent: Awaitable[Any] = await self.producer.send(
            self._topics[record.topic_kind],
            value=record.value,
            key=record.key,
            partition=partition,
            headers=list(record.headers),  # aiokafka takes a list only
        )
        return sent

    async def close(self) -> None:
        """Send what is waiting and disconnect."""
        if self.producer is not None:
            await self.producer.stop()


async def settled(acks: Sequence[Awaitable[Any]]) -> None:
    """Return when all are acknowledged. Raises KafkaError when one never was."""
    if acks:
        await asyncio.gather(*acks)
