"""A finite log into an events topic: every record once, in order, keyed by its customer as Kafka's own clients would.

Whole batches per partition are built here and sent by aiokafka's idempotent producer: 110-190 thousand records a second
where its `send` does 30 and kafka-python's 6 (two shared cores, 260-byte events).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from aiokafka.partitioner import murmur2
from kafka.admin import KafkaAdminClient

from schemas.codec import decode, encode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event, Tick
from schemas.moments import Text
from schemas.times import from_ms
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.kafka.clients import PATIENCE_MS, administered
from streams.kafka.faults import KafkaFailed, KafkaUnreachable, reason_of
from streams.kafka.settings import KafkaSettings
from streams.sinks.ports import Delivery
from streams.sinks.wire import records_of
from streams.sources.logs import LogSource
from streams.sources.rows import Records

BATCH_BYTES = 512 * 1024
_READ = 2_000
_PORTION = 1_000
"""Records that are looked at before any is sent."""
_UNACKED = 64
"""Batches that may wait for their acknowledgement: what bounds memory."""
_MAX_KEYS = 1_000_000


class NoSuchTopic(StreamsError):
    """A topic to be written is none of the settings' events topics, or not on the cluster."""

    exit_code = USAGE

    def __init__(self, topic: str, known: tuple[str, ...]) -> None:
        self.topic = topic
        names = ", ".join(known)
        super().__init__(
            Text(
                zh=f"没有可写入的事件主题 {topic}。设置中的事件主题:{names};尚未创建时请先运行 `mot topics create`。",
                en=f"There is no events topic {topic} to write to. The settings name {names}; run `mot topics create` "
                "when they do not exist yet.",
            )
        )


class NotOurEvents(StreamsError):
    """Of the first records of a log fewer than half are events. Nothing was sent."""

    def __init__(self, records: int, events: int) -> None:
        self.records = records
        self.events = events
        super().__init__(
            Text(
                zh=f"日志开头的 {records:,} 条记录中只有 {events:,} 条是本产品的有效事件,没有发送任何内容。别的日志请"
                "用 --mapping 指定(合适的)映射;确实要照样发送时加 --force。",
                en=f"Of the first {records:,} records only {events:,} are valid events of ours; nothing was sent. Name "
                "a mapping that fits another log with --mapping, or add --force to send them all the same.",
            )
        )


@dataclass
class Loaded:
    """What became of a log. `events` and `unreadable` (kept as they are for the worker to set aside) went to the events
    topic, `ticks` to each of its partitions, `dead_letters` (rows the mapping cannot use) to the dead letters' topic;
    `acknowledged` counts the records that the brokers have confirmed, of `sent`. `last_ms` is the highest event time.
    """

    topic: str
    partitions: int
    events: int = 0
    unreadable: int = 0
    ticks: int = 0
    dead_letters: int = 0
    sent: int = 0
    acknowledged: int = 0
    last_ms: int | None = None
    end_tick_ms: int | None = None


class _Outgoing(NamedTuple):
    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def load(
    kafka: KafkaSettings,
    log: LogSource,
    *,
    topic: str | None = None,
    end_tick_ms: int | None = None,
    force: bool = False,
    told: Callable[[int, float | None], None] = lambda done, share: None,
) -> Loaded:
    """Send all of `log` to `topic` (the first events topic when None); returns when everything is acknowledged.

    `end_tick_ms`: afterwards write a tick into every partition that says so much time has passed since the log's last
    event, so that what is still waited for comes to its end. `told` hears how many records were read and the share of
    the log. Unless `force`, the first thousand records are looked at before any is sent. Raises NoSuchTopic,
    NotOurEvents, LogError, KafkaUnreachable, KafkaRefused or KafkaFailed.
    """
    chosen = topic if topic is not None else kafka.events[0]
    if chosen not in kafka.events:
        raise NoSuchTopic(chosen, kafka.events)
    loading = _Loading(kafka, Loaded(chosen, _partition_count(kafka, chosen)))
    try:
        asyncio.run(loading.run(log, _batches(log, force=force), end_tick_ms, told))
    except (KafkaConnectionError, KafkaTimeoutError, TimeoutError) as flaw:
        raise KafkaUnreachable(kafka.bootstrap, f"{reason_of(flaw)}; {loading.loaded.acknowledged} sent") from flaw
    except KafkaError as flaw:
        raise KafkaFailed(kafka.bootstrap, f"{reason_of(flaw)}; {loading.loaded.acknowledged} sent") from flaw
    return loading.loaded


def partition_of(key: bytes, partitions: int) -> int:
    """Where Java's default partitioner puts `key`."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def _batches(log: LogSource, *, force: bool) -> Iterator[Records]:
    """The log in batches; the first `_PORTION` records are looked at before any is given. Raises NotOurEvents."""
    batches = log.batches(_READ)
    if force:
        return batches
    first: list[Records] = []
    while sum(map(len, first)) < _PORTION and (found := next(batches, None)) is not None:
        first.append(found)
    portion = [raw for batch in first for raw in batch.raws][:_PORTION]
    events = sum(not isinstance(decode(raw) if isinstance(raw, bytes) else raw, DeadLetter) for raw in portion)
    if 2 * events < len(portion):
        raise NotOurEvents(len(portion), events)
    return chain(first, batches)


class _Loading:
    def __init__(self, kafka: KafkaSettings, loaded: Loaded) -> None:
        self.loaded = loaded
        self._kafka = kafka
        self._open: dict[tuple[str, int], Any] = {}
        self._waiting: list[tuple[int, asyncio.Future[Any]]] = []
        self._places: dict[bytes, int] = {}
        self._producer: Any = None

    async def run(
        self,
        log: LogSource,
        batches: Iterator[Records],
        end_tick_ms: int | None,
        told: Callable[[int, float | None], None],
    ) -> None:
        self._producer = AIOKafkaProducer(
            **self._kafka.aiokafka(),
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=self._kafka.max_message_bytes,
            client_id="mot-load",
        )
        try:
            await asyncio.wait_for(self._producer.start(), PATIENCE_MS / 1000)
            done = 0
            for records in batches:
                for raw in records.raws:
                    for outgoing in self._outgoing(raw):
                        await self._add(outgoing)
                done += len(records)
                told(done, log.fraction())
                await self._settle(_UNACKED)
            if end_tick_ms is not None and self.loaded.last_ms is not None:
                self.loaded.end_tick_ms = self.loaded.last_ms + end_tick_ms
                for outgoing in self._tick(encode(Tick(occurred_at=from_ms(self.loaded.end_tick_ms)))):
                    await self._add(outgoing)
            for place in list(self._open):
                await self._send(place)
            await self._settle(0)
        finally:
            await self._producer.stop()

    def _outgoing(self, raw: bytes | Event | DeadLetter) -> Iterator[_Outgoing]:
        """What is to be sent for one record of the log."""
        made = decode(raw) if isinstance(raw, bytes) else raw
        kind, loaded = type(made), self.loaded
        if kind is Tick:
            assert isinstance(raw, bytes)
            yield from self._tick(raw)
        elif kind is not DeadLetter:
            assert isinstance(made, Event)
            loaded.events += 1
            if loaded.last_ms is None or made.occurred_ms > loaded.last_ms:
                loaded.last_ms = made.occurred_ms
            key = made.customer_id.encode()
            yield _Outgoing(loaded.topic, self._place(key), key, raw if isinstance(raw, bytes) else encode(made))
        elif isinstance(raw, bytes):
            loaded.unreadable += 1
            key = _customer(raw)
            yield _Outgoing(loaded.topic, self._place(key) if key else 0, key or None, raw)
        else:
            assert isinstance(made, DeadLetter)
            loaded.dead_letters += 1
            for record in records_of(Delivery(dead_letters=[made]), 0):
                topic = self._kafka.dlq_topic
                yield _Outgoing(topic, partition_of(record.key, loaded.partitions), *record[1:])

    def _tick(self, value: bytes) -> Iterator[_Outgoing]:
        self.loaded.ticks += 1
        for partition in range(self.loaded.partitions):
            yield _Outgoing(self.loaded.topic, partition, None, value)

    def _place(self, key: bytes) -> int:
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= _MAX_KEYS:
                self._places.clear()
            place = self._places[key] = partition_of(key, self.loaded.partitions)
        return place

    async def _add(self, outgoing: _Outgoing) -> None:
        place = (outgoing.topic, outgoing.partition)
        batch = self._open.get(place) or self._opened(place)
        given = {"key": outgoing.key, "value": outgoing.value, "timestamp": None, "headers": list(outgoing.headers)}
        if batch.append(**given) is None:
            await self._send(place)
            if self._opened(place).append(**given) is None:
                raise KafkaFailed(self._kafka.bootstrap, f"a record of {len(outgoing.value)} bytes fits no batch")

    def _opened(self, place: tuple[str, int]) -> Any:
        self._open[place] = batch = self._producer.create_batch()
        return batch

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._open.pop(place)
        count = batch.record_count()
        self._waiting.append((count, await self._producer.send_batch(batch, place[0], partition=place[1])))
        self.loaded.sent += count

    async def _settle(self, leave: int) -> None:
        """Wait for acknowledgements until at most `leave` batches are without."""
        while len(self._waiting) > leave:
            count, future = self._waiting.pop(0)
            await future
            self.loaded.acknowledged += count


class _Named(msgspec.Struct):
    customer_id: str = ""


_named = msgspec.json.Decoder(_Named).decode


def _customer(raw: bytes) -> bytes:
    try:
        return _named(raw).customer_id.encode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return b""


def _partition_count(kafka: KafkaSettings, topic: str) -> int:
    def ask(admin: KafkaAdminClient) -> int:
        if not {topic, kafka.dlq_topic} <= set(admin.list_topics()):
            raise NoSuchTopic(topic, kafka.events)
        return len(admin.describe_topics([topic])[0]["partitions"])

    return administered(kafka, ask)
