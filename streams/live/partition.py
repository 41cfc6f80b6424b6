"""One partition of the live worker: fetch in, effects out, and the commit protocol.

In this order whatever happens: drop what is applied already, decode, compute, send the effects and await their
acknowledgement, write the commit to the hand-over topic, write it to the local file, acknowledge the fetches. A crash
anywhere repeats work whose effects carry the same ids and versions, and a worker that lost the partition is refused at
the hand-over. The next fetches are computed while a commit is under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, NamedTuple

from schemas.deadletters import DeadLetter
from streams.engine.engine import Engine
from streams.live.alignment import Alignment, Round
from streams.live.effects import Acks, EffectsProducer, settled
from streams.live.handover import Handover, TakenOver
from streams.live.intake import Ack, Intake, taken_in
from streams.live.metrics import Metrics
from streams.live.settings import LiveSettings, Step
from streams.sinks.ports import Delivery, too_late_letter
from streams.stores.mirrored import MirroredStore

logger = logging.getLogger(__name__)

_AT_ONCE = 500
"""Records decoded before they are computed: a whole fetch of decoded events would not stay in the processor's cache."""


def survive(step: Step) -> None:
    """Let every step pass."""


class Common(NamedTuple):
    """What all partitions of a worker share. `fault` is called at each step of the protocol; tests end the process
    there."""

    effects: EffectsProducer
    settings: LiveSettings
    metrics: Metrics
    fault: Callable[[Step], None] = survive


class LivePartition:
    """An engine with its store, its hand-over and its place in the log.

    `next` maps each events topic to the first offset not yet applied, `fetched` to the first not yet taken in, which is
    later where several topics are aligned; `progress_at` is the monotonic time at which all was well last: something
    moved, or nothing waited; `taken_at` that of the last records applied. `stamp_ms` is the log's stamp on the last
    record taken in, 0 before the first.
    """

    def __init__(
        self,
        number: int,
        engine: Engine,
        store: MirroredStore,
        handover: Handover,
        taken_over: TakenOver,
        alignment: Alignment | None,
        common: Common,
    ) -> None:
        self.number = number
        self.engine = engine
        self._store = store
        self._handover = handover
        self._mirror = mirror = taken_over.mirror
        self._effects, self._settings, self._metrics, self._fault = common
        self.next = dict(mirror.offsets)
        self.fetched = dict(mirror.offsets)
        self._alignment = alignment
        self._turn = asyncio.Lock()
        self._spoiled = False
        self._rounds: list[Round] = []
        self._planned = 0
        self.applied = store.load().applied
        self._delivery = Delivery()
        self._sent: Acks = []
        self._acks: list[Ack] = []
        self._uncommitted = 0
        self._committed_at = monotonic()
        self.progress_at = self.taken_at = monotonic()
        self.committing = False
        self.stamp_ms = 0

    async def take(self, topic: str, records: Sequence[Any], ack: Ack) -> None:
        """Take in the aiokafka `records` of one fetch of `topic`; `ack` is called when they are committed."""
        self._fault("fetched")
        async with self._working():
            wanted = self.fetched.get(topic, 0)
            if records[0].offset < wanted:
                records = [record for record in records if record.offset >= wanted]
            if not records:
                return  # the fetch that brought them is acknowledged when they are committed
            self._skipped(topic, wanted, records[0].offset)
            self.fetched[topic] = records[-1].offset + 1
            self.stamp_ms = records[-1].timestamp or 0
            origin = f"{topic}-{self.number}"
            if self._alignment is None:
                starts = range(0, len(records), _AT_ONCE)
                portions = (taken_in(origin, records[start : start + _AT_ONCE]) for start in starts)
                await self._feed(portions, {topic: records[-1].offset + 1}, [ack], records[0].timestamp)
            else:
                self._alignment.add(topic, taken_in(origin, records), ack)
                await self._release(self._alignment)

    async def release(self) -> None:
        """Compute what several topics' records no longer have to wait for each other for. Raises RoundsLost."""
        if self._alignment is not None:
            async with self._working():
                await self._release(self._alignment)

    async def _release(self, alignment: Alignment) -> None:
        while (released := alignment.release()) is not None:
            self._rounds.append(released.round)
            reached = {name: after for name, (_, after) in released.round.items()}
            await self._feed([released.records], reached, released.acks)

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """One at a time computes, sends, or takes the checkpoint of a commit: what a checkpoint contains has been
        handed to the producer. After a failure in between nothing may be committed any more."""
        async with self._turn:
            if self._spoiled:
                raise RuntimeError(f"partition {self.number} has failed before")
            try:
                yield
            except BaseException:
                self._spoiled = True
                raise

    def held(self, topic: str) -> int:
        """How many records of a topic wait for those of other topics."""
        return 0 if self._alignment is None else self._alignment.held(topic)

    def _skipped(self, topic: str, wanted: int, found: int) -> None:
        if wanted and found > wanted:
            logger.warning(
                "%s-%d: offsets %d to %d are not in the log: retention was quicker, or they mark transactions",
                topic,
                self.number,
                wanted,
                found - 1,
            )
            self._metrics.skipped_offsets.labels(topic, str(self.number)).inc(found - wanted)

    async def _feed(
        self,
        portions: Iterable[Sequence[Intake]],
        reached: Mapping[str, int],
        acks: Iterable[Ack],
        since_ms: int | None = None,
    ) -> None:
        """Compute, and only then have `reached` these offsets; what matters at once leaves at once."""
        count = 0
        for taken in portions:
            self._compute(taken)
            count += len(taken)
        self.next.update(reached)
        self._acks += acks
        self.applied += count
        self._uncommitted += count
        self.progress_at = self.taken_at = monotonic()
        self._metrics.took_in(count)
        self._fault("computed")
        if self._delivery.moments or self._delivery.dead_letters:
            await self._send(since_ms)

    def _compute(self, taken: Sequence[Intake]) -> None:
        delivery = self._delivery
        accepted = [one for one in taken if type(one.record) is not DeadLetter]
        if len(accepted) < len(taken):
            delivery.dead_letters += [one.record for one in taken if type(one.record) is DeadLetter]
        if accepted:
            events: list[Any] = [one.record for one in accepted]
            effects = self.engine.process(events)
            delivery.add_effects(effects)
            for place, detail in effects.too_late:
                late = accepted[place]
                delivery.dead_letters.append(too_late_letter(late.raw, late.origin, late.offset, detail))

    async def _send(self, since_ms: int | None = None) -> None:
        delivery, self._delivery = self._delivery, Delivery()
        if len(self._rounds) > self._planned:
            self._planned = len(self._rounds)
            await self._handover.plan(self._rounds)
        self._metrics.count(delivery)
        acks = await self._effects.send(delivery, self.number)
        if since_ms is not None and delivery.moments:
            self._metrics.time_alerts(acks, since_ms)
        self._sent += acks
        self._fault("sent")

    def is_due(self) -> bool:
        """Whether there is something to commit and it is time."""
        if self.committing or not self.is_dirty:
            return False
        waited = monotonic() - self._committed_at
        return self._uncommitted >= self._settings.commit_records or waited >= self._settings.commit_seconds

    @property
    def is_overdue(self) -> bool:
        """Whether a commit is under way and so much came since that the next fetches must wait for it."""
        return self.committing and self._uncommitted >= 2 * self._settings.commit_records

    @property
    def is_dirty(self) -> bool:
        """Whether anything taken in is not committed."""
        return bool(self._acks) and not self._spoiled

    def commit(self) -> Coroutine[Any, Any, None]:
        """What makes everything taken in so far durable, in the order of the protocol. One at a time: raises
        RuntimeError at once while another is not done.

        The coroutine raises Fenced, StreamsError or KafkaError; memory is ahead of the state then, and the partition
        must not be used any more.
        """
        if self.committing:
            raise RuntimeError(f"a commit of partition {self.number} is under way")
        self.committing = True
        return self._commit()

    async def _commit(self) -> None:
        began = monotonic()
        async with self._working():
            acks, self._acks = self._acks, []
            rounds = len(self._rounds)
            self._uncommitted, self._committed_at = 0, began
            checkpoint = self.engine.checkpoint()
            applied, offsets = self.applied, dict(self.next)
            self._delivery.kpis.append(checkpoint.kpis)
            await self._send()
            sent, self._sent = self._sent, []
        await settled(sent)
        self._fault("settled")
        mirror = await self._handover.write(
            checkpoint, applied, self._mirror, offsets, lambda: self._rounds[rounds : self._planned]
        )
        self._fault("handed_over")
        self._store.commit_mirrored(checkpoint, applied, mirror)
        self._mirror = mirror
        del self._rounds[:rounds]
        self._planned -= rounds
        self.engine.committed()
        self._fault("committed")
        for ack in acks:
            ack()
        self._fault("acknowledged")
        self.progress_at = monotonic()
        self._metrics.committed(self.number, monotonic() - began)
        self.committing = False

    async def close(self) -> None:
        """Give the partition away. What is not committed is computed again by the next owner."""
        self._store.close()
        await self._handover.close()
