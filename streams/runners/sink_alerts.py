"""Alerts from Kafka to people: each target reads at its own pace, so that a dead one delays only itself.

Every partition has a lane in which alerts go out one after the other, which keeps each customer's in order. A target
that fails is tried by one lane at a time, after waits that grow; an alert that cannot be delivered is set aside in a
file in the end. The position moves on when alerts are delivered or set aside. Delivery is at least once: what a crash
or a rebalance repeats carries the same id. One process sends nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import msgspec
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from schemas.moments import Text
from schemas.times import iso
from streams.kafka.settings import KafkaSettings
from streams.runners.consuming import Consumer, Fetched, pause
from streams.sinks.alert_files import append_lines, appending
from streams.sinks.alerts import Alert, AlertTarget, Choice, Chooser, Undelivered, alert_of
from streams.sinks.pacing import Backoff
from streams.sinks.threads import on_thread

_STEP_MS = 200
_LANE_RECORDS = 1_000
"""Records a lane holds; its partition is not read on before it has room."""
_TRIES_AT_FAULT = 5
"""So often a target may complain about one alert before it is set aside."""
_TRIES_ALONE = 12
"""So often one alert may fail while others get through."""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Which alerts go out and how long to try; seconds. `start_at` is where a target begins that is new to Kafka."""

    choice: Choice = field(default_factory=Choice)
    start_at: Literal["beginning", "now"] = "now"
    first_wait: float = 1.0
    longest_wait: float = 300.0
    give_up_seconds: float = 86_400.0
    grace_seconds: float = 11.0


@dataclass(slots=True)
class AlertProgress:
    """What a target was sent since this process started. `waiting` alerts are in hand, `lag` records are in Kafka.

    `trouble` is why nothing goes out, since `failing_since` (monotonic seconds); `gone` when the target wants no more.
    """

    target: str
    sent: int = 0
    left_out: int = 0
    set_aside: int = 0
    unreadable: int = 0
    failures: int = 0
    waiting: int = 0
    lag: int | None = None
    trouble: Text | None = None
    failing_since: float | None = None
    gone: bool = False


class SetAside:
    """A file of alerts that could not be delivered: one JSON object per line with the alert, where it stood and why.

    A file and not the topic of dead letters: sinks need no right to write to Kafka, the alert is kept whole, and it was
    no bad input. It can be sent again from here by hand, and is in the alerts topic for as long as that is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, target: str, place: str, offset: int, alert: Alert, reason: str, now_ms: int) -> None:
        """Keep one alert, synced to the disk. Raises OSError."""
        entry = {
            "target": target,
            "origin": place,
            "position": offset,
            "message_id": alert.message_id,
            "given_up_at": iso(now_ms),
            "reason": reason,
            "alert": msgspec.Raw(alert.raw),
        }
        with appending(self.path) as file:
            append_lines(file, [msgspec.json.encode(entry)])


@dataclass(slots=True)
class _Lane:
    """One partition on its way to a target: what was fetched and not yet dealt with, and the position reached."""

    place: Any
    records: deque[Any] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    position: int | None = None
    task: asyncio.Task[None] | None = None


class _StoredFromTheFirst(Consumer):
    """A consumer whose group has a stored position in every partition before it reads the first record.

    Without one, a start from the beginning that delivers nothing would leave no trace, and the next start from now on
    would skip everything. `resumed` hears when the group has a position already, and goes on there.
    """

    resumed: Callable[[], None] | None = None

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """See ConsumerRebalanceListener."""
        if self._start_at == "beginning":
            await self._store_beginnings(list(assigned))
        await super().on_partitions_assigned(assigned)

    async def _store_beginnings(self, assigned: list[Any]) -> None:
        while True:
            try:
                standing = {place: await self._consumer.committed(place) for place in assigned}
                new = [place for place, offset in standing.items() if offset is None]
                if new:
                    await self._consumer.commit(await self._consumer.beginning_offsets(new))
            except (KafkaError, OSError):
                await asyncio.sleep(_STEP_MS / 1000)
            else:
                if len(new) < len(assigned) and self.resumed is not None:
                    self.resumed()
                self.resumed = None  # from now on the positions are our own
                return


class AlertRunner:
    """Sends the alerts of `kafka` to one target; one `run` per object, made on the event loop.

    `now_ms` is the wall clock; `resumed` hears that a target told to begin at the beginning has a position already.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        target: AlertTarget,
        set_aside: SetAside,
        *,
        now_ms: Callable[[], int],
        settings: AlertSettings | None = None,
        resumed: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings or AlertSettings()
        self._consumer = _StoredFromTheFirst(
            kafka,
            kafka.alerts_group(target.name),
            [kafka.alerts_topic],
            on_revoked=self._revoked,
            start_at=self._settings.start_at,
        )
        self._consumer.resumed = resumed
        self._target = target
        self._set_aside = set_aside
        self._now_ms = now_ms
        self._started_ms = now_ms()
        self._chooser = Chooser(self._settings.choice)
        self._lanes: dict[Any, _Lane] = {}
        self._stop = asyncio.Event()
        self._halt = asyncio.Event()
        self._turn = asyncio.Lock()
        self._backoff = Backoff(self._settings.first_wait, self._settings.longest_wait)
        self._not_before = 0.0
        self._well_at = monotonic()
        self._committed: dict[tuple[str, int], int] = {}
        self.progress = AlertProgress(target.name)

    def stop(self) -> None:
        """Ask `run` to return when what is being sent has been answered. From the event loop's thread only."""
        self._stop.set()
        self._halt.set()

    def ready(self) -> bool:
        """Whether alerts go out."""
        return self._consumer.owning and self.progress.trouble is None and not self.progress.gone

    async def run(self) -> AlertProgress:
        """Send until `stop`, or until the target wants no more. Raises KafkaRefused, KafkaFailed."""
        try:
            if await self._consumer.start(self._stop):
                await self._follow()
        finally:
            await self._halted()
            await self.measure()
            await self._consumer.stop()
            await self._target.close()
        return self.progress

    async def _follow(self) -> None:
        while not self._stop.is_set():
            free = [
                place
                for place in self._consumer.partitions
                if place not in self._lanes or len(self._lanes[place].records) < _LANE_RECORDS
            ]
            if free or not self._consumer.owning:
                await self._consumer.fetch(self._take, _LANE_RECORDS, _STEP_MS, free)
            else:
                await pause(self._stop, _STEP_MS / 1000)
            self._raise_of_lanes()
            await self._commit()

    def _take(self, found: Fetched) -> None:
        for place, records in found.items():
            lane = self._lanes.get(place)
            if lane is None:
                lane = self._lanes[place] = _Lane(place)
                lane.task = asyncio.create_task(self._drive(lane))
            lane.records.extend(records)
            lane.arrived.set()

    async def _drive(self, lane: _Lane) -> None:
        """Deal with a lane's records in order until told to halt."""
        while not self._halt.is_set():
            if not lane.records:
                lane.arrived.clear()
                await lane.arrived.wait()
                continue
            records = [lane.records[at] for at in range(min(len(lane.records), self._target.at_once))]
            if not await self._dealt_with(records):
                return
            for _ in records:
                lane.records.popleft()
            lane.position = records[-1].offset + 1

    async def _dealt_with(self, records: Sequence[Any]) -> bool:
        """Send those of `records` that are wanted, or set them aside; False when told to halt before."""
        wanted: list[tuple[Any, Alert]] = []
        for record in records:
            alert = alert_of(record.value, record.timestamp or 0)
            if alert is None:
                self.progress.unreadable += record.value is not None
            elif self._chooser.wants(alert):
                wanted.append((record, alert))
                self._chooser.heard(alert, sent=True)
            else:
                self._chooser.heard(alert, sent=False)
                self.progress.left_out += 1
        delivered = False
        try:
            delivered = not wanted or await self._delivered(wanted)
        finally:
            if not delivered:
                self._chooser.forget([alert for _, alert in wanted])
        return delivered

    async def _delivered(self, wanted: Sequence[tuple[Any, Alert]]) -> bool:
        alerts = [alert for _, alert in wanted]
        tries, sent_before = 0, self.progress.sent
        deadline_ms = (
            max(self._started_ms, min(alert.at_ms for alert in alerts)) + self._settings.give_up_seconds * 1000
        )
        while True:
            async with self._my_turn() as mine:
                if not mine:
                    return False
                try:
                    await self._target.send(alerts)
                except Undelivered as fault:
                    self._failed(fault)
                    trouble = fault
                else:
                    self._succeeded(len(alerts))
                    return True
            tries += 1
            alone = tries >= _TRIES_ALONE and self.progress.sent > sent_before
            if self._now_ms() >= deadline_ms or alone or (trouble.at_fault and tries >= _TRIES_AT_FAULT):
                await self._give_up(wanted, trouble)
                return True

    @contextlib.asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[bool]:
        """A turn to try: at once while all is well, else one lane at a time and not before the wait is over."""
        if not self._backoff.failures:
            yield not self._halt.is_set()
            return
        async with self._turn:
            await pause(self._halt, max(0.0, self._not_before - monotonic()))
            yield not self._halt.is_set()

    def _failed(self, fault: Undelivered) -> None:
        self._not_before = monotonic() + max(self._backoff.failed(), fault.wait_seconds)
        progress = self.progress
        progress.failures += 1
        progress.trouble = fault.text
        if progress.failing_since is None:
            progress.failing_since = monotonic()
        if fault.gone:
            progress.gone = True
            self.stop()

    def _succeeded(self, count: int) -> None:
        self._backoff.succeeded()
        self.progress.sent += count
        self.progress.trouble = self.progress.failing_since = None

    async def _give_up(self, wanted: Sequence[tuple[Any, Alert]], fault: Undelivered) -> None:
        """Set alerts aside; on a full disk that too is tried until it works."""
        for record, alert in wanted:
            place, reason = f"{record.topic}-{record.partition}", fault.text.en
            backoff = Backoff(self._settings.first_wait, self._settings.longest_wait)
            while True:
                add = partial(self._set_aside.add, self._target.name, place, record.offset, alert, reason)
                try:
                    await on_thread(partial(add, self._now_ms()))
                    break
                except OSError:
                    await asyncio.sleep(backoff.failed())
            self.progress.set_aside += 1

    def _raise_of_lanes(self) -> None:
        for lane in self._lanes.values():
            if lane.task is not None and lane.task.done() and not lane.task.cancelled():
                lane.task.result()

    async def _commit(self) -> None:
        reached = {
            (place.topic, place.partition): lane.position
            for place, lane in self._lanes.items()
            if lane.position is not None
        }
        if reached != self._committed and await self._consumer.commit(reached):
            self._committed = reached

    async def _revoked(self) -> None:
        """Let what is being sent be answered, store how far we came, and forget the rest."""
        await self._halted()
        self._lanes.clear()
        self._committed = {}
        if not self._stop.is_set():
            self._halt.clear()

    async def _halted(self) -> None:
        self._halt.set()
        for lane in self._lanes.values():
            lane.arrived.set()
        tasks = {lane.task for lane in self._lanes.values() if lane.task is not None}
        if tasks:
            _, hanging = await asyncio.wait(tasks, timeout=self._settings.grace_seconds)
            for task in hanging:
                task.cancel()
            await self._commit()

    async def measure(self) -> None:
        """Bring `lag`, `waiting` and Kafka's trouble in the progress up to date."""
        progress, kafka = self.progress, self._consumer
        progress.waiting = sum(len(lane.records) for lane in self._lanes.values())
        progress.lag = await kafka.lag(self._committed) if kafka.owning else None
        if kafka.trouble is not None:
            progress.trouble = kafka.trouble.text
        elif not self._backoff.failures:
            progress.trouble = kafka.unreachable().text if kafka.owning and progress.lag is None else None
        if progress.trouble is None:
            self._well_at, progress.failing_since = monotonic(), None
        elif progress.failing_since is None:
            progress.failing_since = self._well_at


class AlertCollector:
    """The progress of all targets as metrics of Prometheus; names begin with `mot_alerts_`."""

    def __init__(self, progresses: Sequence[AlertProgress], registry: CollectorRegistry) -> None:
        self._progresses = progresses
        registry.register(self)

    def collect(self) -> Iterator[Any]:
        """Asked by the registry at every scrape."""
        for name, words in (
            ("sent", "Alerts delivered"),
            ("left_out", "Alerts that were not to be sent"),
            ("set_aside", "Alerts given up and kept in a file"),
            ("unreadable", "Records that were no alerts"),
            ("failures", "Tries that failed"),
        ):
            counter = CounterMetricFamily(f"mot_alerts_{name}", words, labels=["target"])
            for said in self._progresses:
                counter.add_metric([said.target], getattr(said, name))
            yield counter
        lag = GaugeMetricFamily("mot_alerts_lag_records", "Alerts not dealt with yet", labels=["target"])
        failing = GaugeMetricFamily("mot_alerts_failing_seconds", "How long nothing goes out", labels=["target"])
        for said in self._progresses:
            lag.add_metric([said.target], said.lag or 0)
            failing.add_metric([said.target], 0 if said.failing_since is None else monotonic() - said.failing_since)
        yield lag
        yield failing
