"""State changes hands through a compacted topic: what one worker committed, the next one finds.

Each commit is one Kafka transaction on `mot.state`: the customers it touched (key `c<id>`), the engine's journal entry
(`j<entry><part>`), and a last record `m` with the engine's position, the offsets applied and the epoch. Compaction
keeps the latest of each key. The transaction is written before the local file's, so the file is a mirror of the topic,
never ahead of it; and it is written under the partition's transactional id, so the broker refuses the writes of a
worker that has lost the partition without noticing.

Taking a partition over: become the owner (which ends the predecessor's open transaction), read the topic from where the
local file ends, write the file, then the first transaction under the new epoch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from schemas.moments import Text
from streams.engine.effects import Checkpoint
from streams.errors import FolderMismatch, StateCorrupted, StreamsError
from streams.kafka.settings import KafkaSettings
from streams.live.alignment import Round
from streams.live.journal_records import PART_BYTES, joined_entries, split_entry
from streams.live.settings import PATIENCE_MS
from streams.stores.mirrored import Mirror, MirroredStore

_MOVED_EVERY = 5_000
_CHUNK = 50_000
"""Customers written to the local file in one go while taking over."""


class _Position(NamedTuple):
    """The record `m`."""

    epoch: int
    worker: str
    applied: int
    offsets: dict[str, int]
    journal: tuple[int, int]
    meta: bytes | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Position).decode
_decode_rounds = msgspec.msgpack.Decoder(list[Round]).decode


class TakenOver(NamedTuple):
    """What an owner begins with: what its file mirrors, and the rounds of several topics that were released before the
    last owner ended and must be released again (see alignment.py)."""

    mirror: Mirror
    rounds: list[Round]


class Fenced(StreamsError):
    """Another worker owns the partition now; what this one has not committed, the other computes itself."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        super().__init__(
            Text(
                zh=f"分区 {partition} 已由另一个工作进程接管;本进程退出,未提交的部分由对方重新计算。",
                en=f"Partition {partition} is owned by another worker now; this one exits, the other computes what was "
                "not committed.",
            )
        )


class TopicBehindState(StreamsError):
    """The hand-over topic, or an events topic, ends before what the state says was read: it was made anew."""

    def __init__(self, topic: str, end: int, expected: int, path: Path) -> None:
        super().__init__(
            Text(
                zh=f"主题 {topic} 只到偏移 {end},而状态文件 {path} 已到 {expected}:主题被重建过。若要从新主题重新开始,"
                "请换一个前缀或消费组,或移走状态目录并清空状态主题。",
                en=f"Topic {topic} ends at offset {end}, but the state in {path} has read up to {expected}: the topic "
                "was made anew. To begin again, take another prefix or group, or move the state folder away and empty "
                "the state topic.",
            )
        )


class Handover:
    """One partition's side of the hand-over topic. `worker` names this process in the records; `moved` is called now
    and then while a long state is read."""

    def __init__(
        self, kafka: KafkaSettings, partition: int, worker: str, moved: Callable[[], None] = lambda: None
    ) -> None:
        self._kafka = kafka
        self._at = TopicPartition(kafka.state_topic, partition)
        self._of = f"{kafka.state_topic}-{partition}"
        self._worker = worker
        self._moved = moved
        self._producer = AIOKafkaProducer(
            **kafka.aiokafka(),
            transactional_id=f"{kafka.state_topic}-{kafka.group}-{partition}",
            transaction_timeout_ms=PATIENCE_MS,
            request_timeout_ms=PATIENCE_MS,
            max_batch_size=PART_BYTES + 64_000,
            max_request_size=PART_BYTES + 128_000,
        )
        self._one_at_a_time = asyncio.Lock()
        self._rounds: list[Round] = []
        self.restore_seconds = 0.0
        self.restored_records = 0

    async def take_over(self, store: MirroredStore, path: Path) -> TakenOver:
        """Become the owner, bring `store` up to date and claim it.

        Raises Fenced when yet another worker became the owner meanwhile, TopicBehindState, StateCorrupted.
        """
        began = monotonic()
        await self._producer.start()
        await self._guarded(self._producer.begin_transaction())
        mirror = store.mirror
        if mirror is not None and mirror.of != self._of:
            raise self._misplaced(path, mirror.of)
        async with _reading(self._kafka, self._at) as reader:
            start, end = await reader.bounds()
            if mirror is not None and mirror.next > end:
                raise TopicBehindState(self._at.topic, end, mirror.next, path)
            if mirror is None or mirror.next < end:
                known = None if mirror is None or mirror.next < start else mirror
                mirror = await self._catch_up(store, path, reader, known, start, end)
        held = store.load()
        claimed = msgspec.structs.replace(mirror, epoch=mirror.epoch + 1)
        rounds = [one for one in self._rounds if any(mirror.offsets.get(t, 0) < after for t, (_, after) in one.items())]
        rows = [self._position(held.applied, claimed, held.meta), *_rounds_record(rounds)]
        claimed = msgspec.structs.replace(claimed, next=max(mirror.next, await self._send(rows, 0) - len(rows)))
        store.advance_mirrored(held.applied, claimed)
        self.restore_seconds = monotonic() - began
        return TakenOver(claimed, rounds)

    def _misplaced(self, path: Path, other: str) -> StreamsError:
        """Files that changed places are damage; a folder of other topics is a mistake to be told."""
        if other.rpartition("-")[0] == self._at.topic:
            return StateCorrupted(path, f"it mirrors {other}, not {self._of}")
        return FolderMismatch(path.parent, "Kafka", other.rpartition("-")[0], self._at.topic)

    async def _catch_up(
        self, store: MirroredStore, path: Path, reader: _Reader, known: Mirror | None, start: int, end: int
    ) -> Mirror:
        store.begin_catching_up(anew=known is None)
        customers: dict[str, bytes | None] = {}
        journal: dict[int, dict[int, bytes]] = {}
        position: _Position | None = None
        async for key, value in reader.records(start if known is None else known.next, end):
            self.restored_records += 1
            if self.restored_records % _MOVED_EVERY == 0:
                self._moved()
            if key.startswith(b"c"):
                customers[key[1:].decode()] = value
                if len(customers) >= _CHUNK:
                    store.put_customers(customers)
                    customers = {}
            elif key == b"m":
                position = None if value is None else _decode(value)
            elif key == b"p":
                self._rounds = [] if value is None else _decode_rounds(value)
            else:
                entry, part = int.from_bytes(key[1:5]), int.from_bytes(key[5:7])
                journal.setdefault(entry, {})[part] = value or b""
        store.put_customers(customers)
        before = store.load() if known is not None else None
        if position is None:  # nothing was committed since: an owner that came and went
            mirror = known or Mirror(self._of, end, 0, {}, (0, 0))
            mirror = msgspec.structs.replace(mirror, next=end)
            store.caught_up(None, None, before.applied if before else 0, mirror)
            return mirror
        mirror = Mirror(self._of, end, position.epoch, position.offsets, position.journal)
        entries = joined_entries(journal, position.journal, known, before.journal if before else (), path)
        store.caught_up(position.meta, entries, position.applied, mirror)
        return mirror

    async def write(
        self,
        checkpoint: Checkpoint,
        applied: int,
        before: Mirror,
        offsets: dict[str, int],
        rounds: Callable[[], list[Round]],
    ) -> Mirror:
        """Write a commit as one transaction. Returns the mirror that the local file is to have.

        `rounds` are those planned beyond this commit at the time of writing. Raises Fenced when the partition is
        another worker's.
        """
        cycle, count = before.journal
        if checkpoint.journal_restarts:
            cycle, count = cycle + 1, 0
        rows: list[tuple[bytes, bytes | None]] = [(b"c" + name.encode(), one) for name, one in checkpoint.customers]
        if checkpoint.journal:
            rows += split_entry(count, checkpoint.journal)
            count += 1
        mirror = msgspec.structs.replace(before, offsets=offsets, journal=(cycle, count))
        rows.append(self._position(applied, mirror, checkpoint.meta))
        async with self._one_at_a_time:
            await self._guarded(self._producer.begin_transaction())
            planned = _rounds_record(rounds())
            following = await self._send(rows + planned, before.next)
        # A restart on the local file has to read the planned rounds again.
        return msgspec.structs.replace(mirror, next=max(before.next, following - len(planned)))

    async def plan(self, rounds: Sequence[Round]) -> None:
        """Write down the rounds released since the last commit, before anything said because of them leaves.

        Raises Fenced.
        """
        if not rounds:
            raise ValueError("no rounds to plan")
        async with self._one_at_a_time:
            await self._guarded(self._producer.begin_transaction())
            await self._send(_rounds_record(rounds), 0)

    def _position(self, applied: int, mirror: Mirror, meta: bytes | None) -> tuple[bytes, bytes]:
        position = _Position(mirror.epoch, self._worker, applied, dict(mirror.offsets), mirror.journal, meta)
        return b"m", _encode(position)

    async def _send(self, rows: Sequence[tuple[bytes, bytes | None]], known: int) -> int:
        """Write the rows and end the transaction. Returns the offset that follows the last of them, or `known` when the
        broker does not say: it had the rows already, from an attempt whose answer was lost."""
        topic, partition = self._at
        batches = self._batches(rows)
        last_count = batches[-1].record_count()
        sent = [await self._producer.send_batch(batch, topic, partition=partition) for batch in batches]
        acks = await self._guarded(asyncio.gather(*sent))
        await self._guarded(self._producer.commit_transaction())
        return known if acks[-1] is None else int(acks[-1].offset + last_count)

    def _batches(self, rows: Sequence[tuple[bytes, bytes | None]]) -> list[Any]:
        """The rows in as few batches as they fit; a record alone costs as much as a batch of thousands."""
        open_batch = self._producer.create_batch()
        batches = [open_batch]
        append = open_batch.append
        for key, value in rows:
            if append(key=key, value=value, timestamp=None) is None:
                open_batch = self._producer.create_batch()
                batches.append(open_batch)
                append = open_batch.append
                append(key=key, value=value, timestamp=None)
        return batches

    async def _guarded(self, work: Awaitable[Any]) -> Any:
        try:
            return await work
        except (ProducerFenced, InvalidProducerEpoch) as fault:
            raise Fenced(self._at.partition) from fault

    async def close(self) -> None:
        """Let go of the connection. What was not committed does not exist."""
        with suppress(Exception):  # closing after a fault must not hide the fault
            await asyncio.wait_for(self._producer.stop(), timeout=5)


def _rounds_record(rounds: Sequence[Round]) -> list[tuple[bytes, bytes | None]]:
    return [(b"p", _encode(rounds))] if rounds else []


class _Reader:
    """Reads committed records of one partition up to an offset."""

    def __init__(self, consumer: AIOKafkaConsumer, at: TopicPartition) -> None:
        self._consumer = consumer
        self._at = at

    async def bounds(self) -> tuple[int, int]:
        """First offset and end of what is committed."""
        start = await self._consumer.beginning_offsets([self._at])
        end = await self._consumer.end_offsets([self._at])
        return start[self._at], end[self._at]

    async def records(self, start: int, end: int) -> AsyncIterator[tuple[bytes, bytes | None]]:
        """Keys and values from `start` up to `end`."""
        self._consumer.seek(self._at, start)
        while await self._consumer.position(self._at) < end:
            for batch in (await self._consumer.getmany(self._at, timeout_ms=500)).values():
                for record in batch:
                    yield record.key, record.value


class _reading:
    """A reader with a consumer of its own, outside any group."""

    def __init__(self, kafka: KafkaSettings, at: TopicPartition) -> None:
        self._consumer = AIOKafkaConsumer(
            **kafka.aiokafka(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20,
            fetch_max_wait_ms=50,
        )
        self._at = at

    async def __aenter__(self) -> _Reader:
        await self._consumer.start()
        self._consumer.assign([self._at])
        return _Reader(self._consumer, self._at)

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
