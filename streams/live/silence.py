"""How far the logs reach beyond what was read, and ticks into those that have fallen silent.

A tick is written to the log itself, so that replay sees the same silence as the live worker did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import monotonic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.codec import encode
from schemas.envelope import Tick
from schemas.times import from_ms
from streams.kafka.settings import KafkaSettings
from streams.live.handover import TopicBehindState
from streams.live.metrics import Metrics
from streams.live.partition import LivePartition
from streams.live.settings import LiveSettings


class LogEnds:
    """Asks the broker for the ends of the owned partitions' logs, over a connection of its own.

    `answered_at` is the monotonic time of the last answer, `lag` the records of each partition not applied by then.
    """

    def __init__(
        self, kafka: KafkaSettings, metrics: Metrics, folder: Path, read_up_to: Callable[[LivePartition, str], int]
    ) -> None:
        self._kafka = kafka
        self._metrics = metrics
        self._folder = folder
        self._read_up_to = read_up_to
        self._consumer: AIOKafkaConsumer | None = None
        self.answered_at = 0.0
        self.lag: dict[int, int] = {}

    async def ask(self, partitions: Iterable[LivePartition], patience: float) -> None:
        """Bring `lag` up to date. Raises KafkaError or TimeoutError when the broker does not answer in `patience`
        seconds, TopicBehindState when a log ends before what was read of it."""
        owned = {partition.number: partition for partition in partitions}
        before = {number: dict(partition.next) for number, partition in owned.items()}  # it moves on while we ask
        asked = {TopicPartition(topic, number) for topic in self._kafka.events for number in {0, *owned}}
        ends = await asyncio.wait_for(self._ends(asked), timeout=patience)
        lag = dict.fromkeys(owned, 0)
        for at, end in ends.items():
            partition = owned.get(at.partition)
            if partition is not None:
                applied = before[at.partition].get(at.topic, 0)
                if end < applied:
                    raise TopicBehindState(at.topic, end, applied, self._folder)
                waits = partition.held(at.topic) > 0
                reached = partition.next.get(at.topic, 0) if waits else self._read_up_to(partition, at.topic)
                lag[at.partition] += max(0, end - reached)
        self.lag = lag
        self.answered_at = monotonic()
        for number, records in lag.items():
            self._metrics.lag.labels(str(number)).set(records)

    async def _ends(self, asked: set[TopicPartition]) -> Mapping[TopicPartition, int]:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._kafka.aiokafka(), enable_auto_commit=False, isolation_level="read_committed"
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(list(asked))
        return ends

    async def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()


class Ticker:
    """Writes a tick into each partition that was read to its end and has been silent for a while."""

    def __init__(
        self,
        kafka: KafkaSettings,
        producer: AIOKafkaProducer,
        settings: LiveSettings,
        metrics: Metrics,
        now_ms: Callable[[], int],
    ) -> None:
        self._topic = kafka.events[0]
        self._producer = producer
        self._settings = settings
        self._metrics = metrics
        self._now_ms = now_ms
        self._last: dict[int, float] = {}

    async def tick(self, partitions: Iterable[LivePartition], lag: Mapping[int, int]) -> None:
        """Tick the partitions that need it. `lag` is what LogEnds says. Raises KafkaError."""
        for partition in partitions:
            at_ms = self._due(partition, lag.get(partition.number))
            if at_ms is not None:
                self._last[partition.number] = monotonic()
                await self._producer.send_and_wait(
                    self._topic, encode(Tick(occurred_at=from_ms(at_ms))), partition=partition.number
                )
                self._metrics.ticks.inc()

    def _due(self, partition: LivePartition, lag: int | None) -> int | None:
        """The time (ms) that a tick should state, None when none is due."""
        settings, front = self._settings, partition.engine.front
        quiet_since = max(partition.taken_at, self._last.get(partition.number, 0.0))
        if lag != 0 or front < 0 or monotonic() - quiet_since < settings.tick_after:
            return None
        now = self._now_ms()
        at = int(now - settings.tick_behind * 1000)
        is_live = now - front <= settings.live_within * 1000
        return at if is_live and at > front else None
