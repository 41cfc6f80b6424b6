"""One partition of the live worker: fetch in, effects out, and the commit protocol.

In this order whatever happens: drop what is applied already, decode, compute, send the effects and await their
acknowledgement, write the commit to the hand-over topic, write it to the local file, acknowledge the fetches. A crash
anywhere repeats work whose effects carry the same ids and versions, and a worker that lost the partition is refused at
the hand-over. The next fetches are computed while a commit is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from schemas.codec import FUTURE_TOLERANCE_MS, dead_letter, decode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event, Tick
from streams.engine.engine import Engine
from streams.errors import StateCorrupted
from streams.kafka.wire import event_bytes
from streams.live.effects import Acks, EffectsProducer, settled
from streams.live.handover import Handover
from streams.live.metrics import Metrics
from streams.live.settings import LiveSettings, Step
from streams.sinks.ports import Delivery
from streams.stores.mirrored import Mirror, MirroredStore

_LOG_APPEND_TIME = 1
_WRONG_KEY = (
    "the record's key is not its customer_id, so it lies in a partition of other customers; "
    "`mot dlq retry` sends it to the right one"
)
_FUTURE = "is more than 5 minutes after the broker took the record in; set the clock of the source right"

Ack = Callable[[], object]


def survive(step: Step) -> None:
    """Let every step pass."""


@dataclass(slots=True)
class _Decoded:
    """The records of a fetch that the engine is to see, with their bytes and offsets: three aligned lists."""

    raws: list[bytes] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    records: list[Event | Tick] = field(default_factory=list)


class Common(NamedTuple):
    """What all partitions of a worker share. `fault` is called at each step of the protocol; tests end the process
    there."""

    effects: EffectsProducer
    settings: LiveSettings
    metrics: Metrics
    fault: Callable[[Step], None] = survive


class LivePartition:
    """An engine with its store, its hand-over and its place in the log.

    `next` maps each events topic to the first offset not yet taken in; `progress_at` and `taken_at` are the monotonic
    times of the last progress of any kind and of the last records taken in.
    """

    def __init__(
        self, number: int, engine: Engine, store: MirroredStore, handover: Handover, mirror: Mirror, common: Common
    ) -> None:
        self.number = number
        self.engine = engine
        self._store = store
        self._handover = handover
        self._mirror = mirror
        self._effects, self._settings, self._metrics, self._fault = common
        self.next = dict(mirror.offsets)
        self.applied = store.load().applied
        self._delivery = Delivery()
        self._sent: Acks = []
        self._acks: list[Ack] = []
        self._uncommitted = 0
        self._committed_at = monotonic()
        self.progress_at = self.taken_at = monotonic()
        self.committing = False

    async def take(self, topic: str, records: Sequence[Any], ack: Ack) -> None:
        """Compute the aiokafka `records` of one fetch of `topic`; `ack` is called when they are committed."""
        self._fault("fetched")
        wanted = self.next.get(topic, 0)
        if records[0].offset < wanted:
            records = [record for record in records if record.offset >= wanted]
        self._acks.append(ack)
        if records:
            self._skipped(topic, wanted, records[0].offset)
            self._compute(f"{topic}-{self.number}", records)
            self.next[topic] = records[-1].offset + 1
            self.applied += len(records)
            self._uncommitted += len(records)
            self.progress_at = self.taken_at = monotonic()
            self._metrics.took_in(len(records))
            self._fault("computed")
            if self._delivery.moments or self._delivery.dead_letters:
                await self._send(records[0].timestamp)

    def _skipped(self, topic: str, wanted: int, found: int) -> None:
        if wanted and found > wanted:
            self._metrics.skipped_offsets.labels(topic, str(self.number)).inc(found - wanted)

    def _compute(self, origin: str, records: Sequence[Any]) -> None:
        decoded = self._decode(origin, records)
        if not decoded.records:
            return
        effects = self.engine.process(decoded.records)
        delivery = self._delivery
        delivery.add_effects(effects)
        delivery.add_late(decoded.raws, decoded.offsets, effects.too_late, origin)

    def _decode(self, origin: str, records: Sequence[Any]) -> _Decoded:
        decoded = _Decoded()
        raws, offsets, events = decoded.raws, decoded.offsets, decoded.records
        for record in records:
            raw = record.value
            if record.headers or (raw is not None and b'"specversion"' in raw):
                raw = event_bytes(raw, record.headers, record.key)
            event = decode(raw, origin, record.offset)
            if type(event) is not DeadLetter:
                flaw = None if type(event) is Tick else _misplaced(event, record)
                if flaw is None:
                    raws.append(raw)
                    offsets.append(record.offset)
                    events.append(event)
                    continue
                event = dead_letter(raw or b"", origin, record.offset, flaw[0], flaw[1], field=flaw[2])
            self._delivery.dead_letters.append(event)
        return decoded

    async def _send(self, since_ms: int | None = None) -> None:
        delivery, self._delivery = self._delivery, Delivery()
        self._metrics.count(delivery)
        acks = await self._effects.send(delivery, self.number)
        if since_ms is not None and delivery.moments:
            self._metrics.time_alerts(acks, since_ms)
        self._sent += acks
        self._fault("sent")

    def is_due(self) -> bool:
        """Whether there is something to commit and it is time."""
        if self.committing or not self._acks:
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
        return bool(self._acks)

    async def commit(self) -> None:
        """Make everything taken in so far durable, in the order of the protocol. One at a time.

        Raises Fenced, StreamsError or KafkaError; the process must end then, its memory is ahead of its state.
        """
        self.committing = True
        began = monotonic()
        acks, self._acks = self._acks, []
        self._uncommitted, self._committed_at = 0, began
        checkpoint = self.engine.checkpoint()
        applied, offsets = self.applied, dict(self.next)
        self._delivery.kpis.append(checkpoint.kpis)
        await self._send()
        sent, self._sent = self._sent, []
        await settled(sent)
        self._fault("settled")
        mirror = await self._handover.write(checkpoint, applied, self._mirror, offsets)
        self._fault("handed_over")
        self._store.commit_mirrored(checkpoint, applied, mirror)
        self._mirror = mirror
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


def _misplaced(event: Event, record: Any) -> tuple[Reason, str, str] | None:
    """What is wrong with where and when an event came: reason, advice, field."""
    if record.key != event.customer_id.encode():
        return Reason.WRONG_KEY, _WRONG_KEY, "customer_id"
    if record.timestamp_type == _LOG_APPEND_TIME and event.occurred_ms > record.timestamp + FUTURE_TOLERANCE_MS:
        return Reason.FUTURE_TIME, _FUTURE, "occurred_at"
    return None


def restored(engine: Engine, store: MirroredStore, path: Path) -> bool:
    """Put the stored state into a new engine. Returns whether it was made with the same detectors and settings.

    Raises StateCorrupted.
    """
    loaded = store.load()
    if loaded.meta is None:
        return True
    try:
        return engine.restore(loaded.meta, loaded.journal)
    except msgspec.DecodeError as fault:
        raise StateCorrupted(path, f"engine state of another format: {fault}") from fault
