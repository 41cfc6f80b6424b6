"""The production runner: Faust carries the records, the engine decides, Kafka keeps the effects.

`mot run worker` starts it with health, metrics, ticks and a watchdog; `faust -A streams.runners.faust_app worker`
starts the same app under Faust's own command, configured by MOT_KAFKA (settings file), MOT_STATE (folder) and
MOT_SETTINGS.

Faust is asked for group membership, fetching, flow control and the group's commits. Its tables, windows, `take` and
web server stay unused, see "Decisions" in streams/README.md. An agent never raises: whatever is unexpected ends the
process, and the supervisor starts it anew from the last commit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import faust
import faust._cython.streams
from faust.types import TP
from mode import Service

from detectors.base import AnyDetector
from schemas.moments import Text
from streams.errors import StateCorrupted, StreamsError
from streams.exit_codes import RESTART, USAGE
from streams.kafka.settings import KafkaSettings, load_kafka_settings
from streams.live.effects import EffectsProducer
from streams.live.fetches import Transport
from streams.live.handover import Fenced, TopicBehindState
from streams.live.metrics import Metrics
from streams.live.ownership import Ownership, put_aside
from streams.live.partition import Common, LivePartition, survive
from streams.live.rekeying import forward
from streams.live.reports import Reports
from streams.live.settings import LiveSettings, Step
from streams.live.silence import LogEnds, Ticker
from streams.runners.process import instance_name, now_ms
from streams.settings import OperatorSettings, load_settings

_UPKEEP_SECONDS = 0.5
_PATIENCE = 5.0
"""Seconds the broker has to say where its logs end."""
_FETCH_BYTES = 8 << 20
"""Of a partition at once. With less a busy worker waits for the broker now and then: aiokafka asks for more when it has
handed out what it had."""
_HELD_BACK = 50_000
"""Records of a topic that may wait for those of other topics."""

logger = logging.getLogger(__name__)


def fail_stop(fault: BaseException) -> None:
    """End this process at once, without any cleaning up that could write something."""
    logger.critical("the worker ends itself: %s", fault, exc_info=not isinstance(fault, StreamsError) and fault)
    sys.stderr.flush()
    os._exit(RESTART)


def chosen(catalogue: Sequence[AnyDetector], names: Sequence[str] | None) -> tuple[AnyDetector, ...]:
    """Those of `catalogue` with one of `names` (id or name), all for None. Raises NoSuchDetector."""
    known = {name for one in catalogue for name in (one.meta.id, one.meta.name)}
    for name in names or ():
        if name not in known:
            raise NoSuchDetector(name, [one.meta.id for one in catalogue])
    return tuple(one for one in catalogue if names is None or one.meta.id in names or one.meta.name in names)


class NoSuchDetector(StreamsError):
    """A detector was asked for that is not in the catalogue."""

    exit_code = USAGE

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(
            Text(
                zh=f"没有探测器 {name}。现有:{'、'.join(known)}。",
                en=f"There is no detector {name}. There are {', '.join(known)}.",
            )
        )


class LiveApp(faust.App):
    """A Faust app on our transport, with the engine's partitions behind its agent.

    `detectors` are the ids or names of those that work, all when None. `fault` is called at every step of the commit
    protocol (tests end the process there); `failed` is told of what must end the process.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        folder: Path,
        *,
        operator: OperatorSettings | None = None,
        settings: LiveSettings | None = None,
        detectors: Sequence[str] | None = None,
        worker: str = "",
        fault: Callable[[Step], None] = survive,
        failed: Callable[[BaseException], None] = fail_stop,
    ) -> None:
        self.kafka = kafka
        self.settings = settings or LiveSettings()
        self.metrics = Metrics(now_ms)
        self.effects = EffectsProducer(kafka)
        common = Common(self.effects, self.settings, self.metrics, fault)
        operator = operator or OperatorSettings()
        self.ownership = Ownership(
            kafka,
            folder,
            operator,
            chosen(operator.catalogue(), detectors),
            worker or f"pid-{os.getpid()}",
            common,
            self._is_at_end,
        )
        self.failed = failed
        self._commits: dict[int, asyncio.Task[None]] = {}
        self._paused: set[TP] = set()
        self._forwarded: dict[TP, int] = {}
        self._folder = folder
        self.ends = LogEnds(kafka, self.metrics, folder, self._read_up_to)
        self._ticker: Ticker | None = None
        instance = worker or instance_name(folder)
        self._reports = Reports(self.effects, self.metrics, instance, self.settings.report_seconds, now_ms)
        self.reading = False
        self.stopping = False
        super().__init__(kafka.group, **self._configuration(worker, folder))
        self.agent(self.topic(*kafka.events, value_type=bytes, value_serializer="raw"), name="events")(self._events)
        if kafka.rekey:
            self.agent(self.topic(*kafka.rekey, value_type=bytes, value_serializer="raw"), name="rekey")(self._rekeyed)
        self.on_rebalance_complete.connect(self._assigned)
        self.on_partitions_revoked.connect(self._revoked)

    def _configuration(self, worker: str, folder: Path) -> dict[str, Any]:
        timeout = self.settings.session_timeout
        return {
            "broker": [f"kafka://{address}" for address in self.kafka.bootstrap.split(",")],
            "broker_credentials": self.kafka.faust_credentials(),
            "autodiscover": False,
            "datadir": folder / "faust",
            "web_enabled": False,
            "topic_allow_declare": False,
            "topic_disable_leader": True,
            "value_serializer": "raw",
            "key_serializer": "raw",
            "stream_buffer_maxsize": 16,
            "stream_wait_empty": False,
            "broker_commit_interval": 1.0,
            "broker_session_timeout": timeout,
            "broker_heartbeat_interval": timeout / 4,
            "broker_rebalance_timeout": max(30.0, timeout),
            "broker_max_poll_records": self.settings.fetch_records,
            "broker_max_poll_interval": 3600.0,
            "consumer_auto_offset_reset": "earliest",
            "consumer_max_fetch_size": max(_FETCH_BYTES, self.kafka.max_message_bytes),
            "consumer_group_instance_id": worker or None,
        }

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    @property
    def partitions(self) -> Mapping[int, LivePartition]:
        """The partitions owned now."""
        return self.ownership.partitions

    async def on_first_start(self) -> None:
        """Connect the effects' producer before anything is read."""
        self.conf.datadir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()
        await self.effects.start()

    async def where_to_read(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> Mapping[TP, int]:
        """The first offset not taken in of each assigned topic-partition; the first there is for a new one.

        Where we only forward, nothing is kept and the group's `committed` offset counts.
        """
        known = {tp: at for tp, at in committed.items() if at is not None and tp.topic in self.kafka.rekey}
        for tp in assigned:
            owned = self.partitions.get(tp.partition)
            if owned is not None and tp.topic in owned.fetched:
                known[tp] = owned.fetched[tp.topic]
        ends = await self.consumer.highwaters(*known) if known else {}
        for tp, end in ends.items():
            if end < known[TP(tp.topic, tp.partition)]:
                fault = TopicBehindState(tp.topic, end, known[TP(tp.topic, tp.partition)], self._folder)
                self._end(fault)
                raise fault
        fresh = [tp for tp in assigned if tp not in known]
        found = {**known, **(await self.consumer.earliest_offsets(*fresh) if fresh else {})}
        for tp in fresh:
            if (owned := self.partitions.get(tp.partition)) is not None and tp.topic in self.kafka.events:
                owned.fetched.setdefault(tp.topic, found[tp])
        self._forwarded = {tp: at for tp, at in found.items() if tp.topic in self.kafka.rekey}
        return found

    def _read_up_to(self, partition: LivePartition, topic: str) -> int:
        consumer: Any = self.consumer
        return int(consumer.read_up_to(TP(topic, partition.number), partition.fetched.get(topic, 0)))

    def _is_at_end(self, partition: int, topic: str, fetched: int) -> bool:
        consumer: Any = self.consumer
        tp = TP(topic, partition)
        end = consumer.highwater(tp)
        return end is not None and consumer.read_up_to(tp, fetched) >= end

    def _assigned_now(self) -> set[int]:
        return {tp.partition for tp in self.consumer.assignment() if tp.topic in self.kafka.events}

    async def _assigned(self, *_: Any, **__: Any) -> None:
        try:
            assigned = self._assigned_now()
            running = [self._commits[n] for n in self.partitions if n not in assigned and n in self._commits]
            if running:  # the courtesy of _revoked may have taken too long
                await asyncio.wait(running, timeout=self.settings.session_timeout / 2)
            try:
                await self.ownership.become(assigned)
            except Fenced as fault:
                if fault.partition in self._assigned_now():
                    raise
                return  # the group went on while we read its state; Faust will tell what is ours now
            self._paused.clear()  # Faust resumes everything that is assigned
            self.reading = True
            self.metrics.ready.set(1)
        except BaseException as fault:
            self._end(fault)
            raise

    async def _revoked(self, *_: Any, **__: Any) -> None:
        """A rebalance begins: commit what is computed, so that the next owner need not repeat it. A courtesy."""
        self.reading = False
        self.metrics.ready.set(0)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.commit_all()), timeout=self.settings.session_timeout / 2)

    async def _events(self, stream: Any) -> None:
        """The agent. It never raises."""
        try:
            async for event in stream.noack().events():
                await self._take(event)
        except Exception as fault:  # not CancelledError: that is Faust stopping us
            self._end(fault)

    async def _rekeyed(self, stream: Any) -> None:
        """The agent of topics keyed otherwise. It never raises either."""
        consumer: Any = self.consumer
        try:
            async for event in stream.noack().events():
                tp, fetch = TP(event.message.topic, event.message.partition), event.message.value
                wanted = self._forwarded.get(tp)
                if wanted is not None and fetch.continues(wanted):
                    await forward(fetch.records, self.effects.producer, self.kafka.events[0])
                    self._forwarded[tp] = fetch.records[-1].offset + 1
                    event.ack()
                elif wanted is not None:
                    await consumer.read_again(tp, wanted)
        except Exception as fault:
            self._end(fault)

    async def _take(self, event: Any) -> None:
        message = event.message
        partition = self.partitions.get(message.partition)
        if partition is None or self.stopping:
            return  # not ours any more: never acknowledged, so read again by whoever owns it
        wanted = partition.fetched.get(message.topic, 0)
        if not message.value.continues(wanted):
            consumer: Any = self.consumer  # ours; Faust's types know its own only
            await consumer.read_again(TP(message.topic, message.partition), wanted)
            return
        await partition.take(message.topic, message.value.records, event.ack)
        self._steer(partition)
        if partition.is_overdue:
            await self._commits[partition.number]
        if partition.is_due():
            self._begin_commit(partition)

    def _steer(self, partition: LivePartition) -> None:
        """Fetch no more of a topic whose records wait for those of others, until some are gone."""
        for topic in self.kafka.events if len(self.kafka.events) > 1 else ():
            tp, held = TP(topic, partition.number), partition.held(topic)
            if held >= _HELD_BACK and tp not in self._paused:
                self._paused.add(tp)
                self.consumer.pause_partitions({tp})
            elif held <= _HELD_BACK // 2 and tp in self._paused:
                self._paused.discard(tp)
                self.consumer.resume_partitions({tp})

    def _begin_commit(self, partition: LivePartition) -> asyncio.Task[None]:
        """The commit under way, or a new one."""
        if partition.committing:
            return self._commits[partition.number]
        work = self._commit(partition, partition.commit())
        task = asyncio.create_task(work, name=f"commit-{partition.number}")
        self._commits[partition.number] = task
        return task

    async def _commit(self, partition: LivePartition, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as fault:
            number = partition.number
            if self.partitions.get(number) is not partition:
                return  # given away meanwhile: the next owner computes it
            if isinstance(fault, Fenced) and number not in self._assigned_now():
                await self.ownership.give_away(number)
                return
            self._end(fault)
            raise

    @Service.task
    async def _upkeep(self) -> None:
        """Commit in time, look how far the logs reach, tick the silent ones."""
        asking: asyncio.Task[None] | None = None
        try:
            while not self.stopping and not self.should_stop:
                await self._commit_due()
                if asking is None or asking.done():
                    asking = asyncio.create_task(self._ask())
                await asyncio.sleep(_UPKEEP_SECONDS)
        except Exception as fault:
            self._end(fault)
        if asking is not None:
            asking.cancel()

    async def _ask(self) -> None:
        partitions = list(self.partitions.values())
        try:
            await self.ends.ask(partitions, _PATIENCE)
            if self._ticker is None:
                self._ticker = Ticker(self.kafka, self.effects.producer, self.settings, self.metrics, now_ms)
            await self._ticker.tick(partitions, self.ends.lag)
            await self._reports.report(partitions, self.ends.lag)
        except StreamsError as fault:
            self._end(fault)
        except Exception as fault:  # whatever it is, the watchdog must see that nothing answers
            logger.warning("the broker does not answer: %r", fault)

    async def _commit_due(self) -> None:
        """Compute and commit what has waited long enough though no fetch came."""
        consumer: Any = self.consumer
        for partition in list(self.partitions.values()):
            for topic in self.kafka.events if self.reading else ():
                at, wanted = TP(topic, partition.number), partition.fetched.get(topic, 0)
                await consumer.find_lost(at, wanted, partition.taken_at)
            await partition.release()
            self._steer(partition)
            if partition.is_due():
                self._begin_commit(partition)

    async def commit_all(self) -> None:
        """Commit everything that was taken in."""
        for partition in list(self.partitions.values()):
            if partition.committing:
                await self._begin_commit(partition)
            if partition.is_dirty:
                await self._begin_commit(partition)

    def _end(self, fault: BaseException) -> None:
        if isinstance(fault, asyncio.CancelledError):
            return
        if isinstance(fault, StateCorrupted):  # the next start fills a new file from the hand-over topic
            with suppress(OSError):
                put_aside(fault.path)
        self.failed(fault)

    def _crash(self, reason: BaseException) -> None:
        """Faust marks one of its services as failed, from the fetcher to the app: nothing would go on, and nobody
        would be told."""
        super()._crash(reason)
        if not self.stopping:
            cancelled = isinstance(reason, asyncio.CancelledError)
            self._end(RuntimeError(f"Faust gave up a service of its own: {reason!r}") if cancelled else reason)

    async def on_stop(self) -> None:
        """Stop taking in, commit, write the group's offsets, give the partitions away."""
        self.stopping = True
        await self.commit_all()
        await super().on_stop()
        await self.ownership.close()
        await self.ends.close()
        await self.effects.close()


def _from_environment() -> LiveApp:
    """The app as Faust's own command starts it."""
    environ = os.environ
    kafka = load_kafka_settings(Path(environ["MOT_KAFKA"]) if "MOT_KAFKA" in environ else None)
    operator = load_settings(Path(environ["MOT_SETTINGS"])) if "MOT_SETTINGS" in environ else None
    return LiveApp(kafka, Path(environ.get("MOT_STATE", "mot-state")), operator=operator)


def __getattr__(name: str) -> Any:
    """`app` is made when Faust's command asks for it, not when the module is imported."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = made = _from_environment()
    return made
