"""Kafka's topics into ClickHouse: a consumer that moves its position on only when the rows are stored.

While one batch is being inserted the next is collected, and no further: when ClickHouse is away, nothing is fetched and
the lag grows in Kafka, not here. An insert is tried again until it succeeds, whatever the reason, save for rows that
ClickHouse cannot take, which become dead letters. A crash or a rebalance before the position is stored repeats rows;
they are keyed and versioned, so that a repeat changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from journeys.placement import Placements
from schemas.moments import Text
from streams.kafka.settings import KafkaSettings
from streams.runners.consuming import Consumer, Fetched, pause
from streams.runners.process import instance_name
from streams.sinks.faults import Verdict, held_up, meaning, verdict
from streams.sinks.pacing import Backoff
from streams.sinks.rows import HealthFigure, encoded, health_row
from streams.sinks.threads import on_thread
from streams.sinks.topics import RecordKind, TopicBatch, TopicSink, Written

_STEP_RECORDS = 2_000
"""Records decoded before the event loop gets its turn."""
_STEP_MS = 200
_OWN_ROWS = 2_000
"""Rows about the sink itself that are kept while ClickHouse is away: those of the last hours."""
_STILL_SECONDS = 300.0
"""Without a sign of life for so long, the process counts as stuck."""


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """When a batch is full, how long to wait between tries, how long a batch in hand may still take when the process
    is asked to stop or loses its partitions, how often the sink's own figures are told and stored. Seconds and
    bytes."""

    max_rows: int = 50_000
    max_bytes: int = 32 << 20
    max_seconds: float = 1.0
    first_wait: float = 0.2
    longest_wait: float = 30.0
    grace_seconds: float = 8.0
    report_seconds: float = 10.0


@dataclass(slots=True)
class SinkProgress:
    """What the sink has done since it started, and how far it is behind.

    `rows` that came by Kafka and are stored, by table; `undecodable` events skipped; `lag` records not yet stored, None
    when Kafka did not answer; `behind_ms` the age of the oldest record in hand. `trouble` is what holds it up, since
    `stalled_since` (monotonic seconds).
    """

    rows: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    refused: int = 0
    undecodable: int = 0
    retries: int = 0
    lag: int | None = None
    behind_ms: int = 0
    trouble: Text | None = None
    stalled_since: float | None = None


@dataclass(slots=True, eq=False)
class _InHand:
    """A batch being stored with rows about the sink itself. `dropped` when its partitions went to another: it is not
    tried again nor committed."""

    batch: TopicBatch
    own: list[bytes]
    dropped: bool = False


def kinds_of(kafka: KafkaSettings) -> dict[str, RecordKind]:
    """What each topic that the sink reads holds."""
    kinds: dict[str, RecordKind] = dict.fromkeys(kafka.events, "events")
    return {**kinds, kafka.alerts_topic: "alerts", kafka.facts_topic: "facts", kafka.dlq_topic: "dlq"}


class ClickHouseSinkRunner:
    """Reads the topics of `kafka` into the sink that `open_sink` opens; one `run` per object, made on the event loop.

    `open_sink` is called on a thread, again after it failed. `told` hears of the progress every few seconds; `now_ms`
    is the wall clock; `instance` names the process in table `pipeline_health`, the machine's name when empty.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        open_sink: Callable[[], TopicSink],
        placements: Placements,
        *,
        now_ms: Callable[[], int],
        where: str = "ClickHouse",
        settings: SinkSettings | None = None,
        told: Callable[[SinkProgress], None] | None = None,
        instance: str = "",
    ) -> None:
        self._kinds = kinds_of(kafka)
        self._consumer = Consumer(kafka, kafka.clickhouse_group, list(self._kinds), on_revoked=self._revoked)
        self._open_sink = open_sink
        self._placements = placements
        self._now_ms = now_ms
        self._where = where
        self._settings = settings or SinkSettings()
        self._told = told
        self._instance = instance or instance_name()
        self._own: deque[bytes] = deque(maxlen=_OWN_ROWS)
        self._stop = asyncio.Event()
        self._sink: TopicSink | None = None
        self._collecting: TopicBatch | None = None
        self._collecting_since = 0.0
        self._in_hand: _InHand | None = None
        self._storing: asyncio.Task[None] | None = None
        self._stored: dict[tuple[str, int], int] = {}
        self._uncommitted = False
        self._trouble: Text | None = None
        self._well_at = monotonic()
        self._beat = monotonic()
        self.progress = SinkProgress()

    def stop(self) -> None:
        """Ask `run` to finish the batch in hand, or to give it up, and return. From the event loop's thread only."""
        self._stop.set()

    def healthy(self) -> bool:
        """Whether the process moves; it may well be waiting for ClickHouse."""
        return monotonic() - self._beat < _STILL_SECONDS

    def ready(self) -> bool:
        """Whether rows are being stored."""
        return self._sink is not None and self._consumer.owning and self._trouble is None

    async def run(self) -> SinkProgress:
        """Run until `stop`. Raises SinkFailed when ClickHouse does not let this user in, KafkaRefused, KafkaFailed."""
        reports = asyncio.create_task(self._reports())
        try:
            if await self._until_open() and await self._consumer.start(self._stop):
                await self._follow()
        finally:
            reports.cancel()
            await self._leave()
        return self.progress

    async def _until_open(self) -> bool:
        """Open the sink, however long it takes; False when asked to stop first. What the operator has to mend is said
        at once."""
        backoff = Backoff(self._settings.first_wait, self._settings.longest_wait)
        while not self._stop.is_set():
            self._beat = monotonic()
            try:
                self._sink = await on_thread(self._open_sink)
            except (ClickHouseError, OSError) as fault:
                if isinstance(fault, ClickHouseError) and verdict(fault) is Verdict.SETUP:
                    raise meaning(self._where, fault) from fault
                self._fails(fault)
                await pause(self._stop, backoff.failed())
            else:
                self._flows()
                return True
        return False

    async def _follow(self) -> None:
        while not self._stop.is_set():
            await self._collect()
            await self._until_stored()
            batch, self._collecting = self._collecting, None  # none when our partitions went to another meanwhile
            if batch is None and self._own:
                batch = self._empty()
            if batch is not None and not self._stop.is_set():
                self._in_hand = _InHand(batch, list(self._own))
                self._own.clear()
                self._storing = asyncio.create_task(self._store(self._in_hand))
            elif self._uncommitted:
                self._uncommitted = not await self._consumer.commit(self._stored)

    async def _until_stored(self) -> None:
        """Wait for the batch in hand, or until asked to stop. Raises what no retry can mend."""
        while self._storing is not None and not self._stop.is_set():
            await asyncio.wait({self._storing}, timeout=_STEP_MS / 1000)
            if self._storing.done():
                self._storing.result()
                self._storing = self._in_hand = None

    async def _collect(self) -> None:
        """Fetch until there is a batch, or for a second without one."""
        limits = self._settings
        until = monotonic() + limits.max_seconds
        while not self._stop.is_set():
            self._beat = now = monotonic()
            batch = self._collecting
            if batch is None and now >= until:
                return
            if batch is not None:
                until = self._collecting_since + limits.max_seconds
                if now >= until or batch.records >= limits.max_rows or batch.bytes >= limits.max_bytes:
                    return
            wait_ms = int(min(_STEP_MS, max(1, (until - now) * 1000)))
            room = limits.max_rows - (batch.records if batch is not None else 0)
            await self._consumer.fetch(self._take, min(_STEP_RECORDS, room), wait_ms)
            await asyncio.sleep(0)

    def _take(self, found: Fetched) -> None:
        if self._collecting is None:
            self._collecting = self._empty()
            self._collecting_since = monotonic()
        for records in found.values():
            self._collecting.add(records)

    def _empty(self) -> TopicBatch:
        return TopicBatch(self._kinds, self._placements)

    async def _store(self, hand: _InHand) -> None:
        """Insert a batch, try after try, then move the position on."""
        sink = self._sink
        assert sink is not None
        backoff = Backoff(self._settings.first_wait, self._settings.longest_wait)
        while True:
            self._beat = monotonic()
            try:
                written = await on_thread(partial(_written, sink, hand))
            except (ClickHouseError, OSError) as fault:
                self.progress.retries += 1
                self._fails(fault)
                if not hand.dropped:
                    await pause(self._stop, backoff.failed())
            else:
                self._flows()
                self._count(hand.batch, written)
                break
            if hand.dropped or self._stop.is_set():
                return
        if not hand.dropped and hand.batch.positions:
            self._stored.update(hand.batch.positions)
            self._uncommitted = not await self._consumer.commit(self._stored)

    def _count(self, batch: TopicBatch, written: Written) -> None:
        progress = self.progress
        progress.rows.update(written.rows)
        progress.batches += bool(batch.records)
        progress.refused += len(written.refused)
        progress.undecodable += batch.undecodable

    def _fails(self, fault: Exception) -> None:
        """ClickHouse does not take what it should."""
        self._trouble = held_up(self._where, fault)
        self._stall(self._trouble, monotonic())

    def _flows(self) -> None:
        self._trouble = None
        self._stall(None, monotonic())

    def _stall(self, trouble: Text | None, since: float) -> None:
        progress = self.progress
        progress.trouble = trouble
        if trouble is None:
            self._well_at, progress.stalled_since = monotonic(), None
        elif progress.stalled_since is None:
            progress.stalled_since = since

    async def _revoked(self) -> None:
        """Let the batch in hand be finished if it can, and forget what was fetched beyond it."""
        self._collecting = None
        if self._storing is not None and not self._storing.done() and self._in_hand is not None:
            if self._trouble is None:
                await asyncio.wait({self._storing}, timeout=self._settings.grace_seconds)
            self._in_hand.dropped = True
        self._stored.clear()
        self._uncommitted = False

    async def _leave(self) -> None:
        if self._storing is not None:
            await asyncio.wait({self._storing}, timeout=self._settings.grace_seconds)
        stuck = self._storing is not None and not self._storing.done()
        await self.measure()
        await self._consumer.stop()
        if stuck and self._storing is not None:
            self._storing.cancel()  # the thread may wait for an answer that never comes; it ends with the process
        elif self._sink is not None:
            self._sink.close()
        self._tell()

    async def _reports(self) -> None:
        while True:
            await asyncio.sleep(self._settings.report_seconds)
            await self.measure()
            self._note()
            self._tell()

    def _note(self) -> None:
        """Keep what was measured for `pipeline_health`."""
        progress, at = self.progress, self._now_ms()
        figures = [HealthFigure(at, "sink-clickhouse", self._instance, "behind_ms", progress.behind_ms)]
        if progress.lag is not None:
            figures.append(HealthFigure(at, "sink-clickhouse", self._instance, "lag_records", progress.lag))
        self._own += encoded(map(health_row, figures))

    async def measure(self) -> None:
        """Bring `lag` and `behind_ms` of the progress up to date."""
        progress, kafka = self.progress, self._consumer
        progress.lag = await kafka.lag(self._stored) if kafka.owning else None
        unreached = kafka.trouble or (kafka.unreachable() if kafka.owning and progress.lag is None else None)
        self._stall(self._trouble or (unreached.text if unreached is not None else None), self._well_at)
        batches = [self._collecting, self._in_hand.batch if self._in_hand is not None else None]
        oldest = [batch.oldest_ms for batch in batches if batch is not None and batch.oldest_ms is not None]
        progress.behind_ms = max(0, self._now_ms() - min(oldest)) if oldest and progress.lag != 0 else 0

    def _tell(self) -> None:
        if self._told is not None:
            self._told(self.progress)


def _written(sink: TopicSink, hand: _InHand) -> Written:
    """What `hand` brought, stored. Called on a thread."""
    written = sink.write(hand.batch)
    sink.write_rows("pipeline_health", hand.own)
    return written


class SinkCollector:
    """The progress of a runner as metrics of Prometheus; names begin with `mot_sink_`."""

    def __init__(self, progress: SinkProgress, registry: CollectorRegistry) -> None:
        self._progress = progress
        registry.register(self)

    def collect(self) -> Iterator[Any]:
        """Asked by the registry at every scrape."""
        said = self._progress
        rows = CounterMetricFamily("mot_sink_rows", "Rows stored in ClickHouse", labels=["table"])
        for table, count in sorted(said.rows.items()):
            rows.add_metric([table], count)
        yield rows
        yield CounterMetricFamily("mot_sink_batches", "Batches stored", value=said.batches)
        yield CounterMetricFamily("mot_sink_refused", "Rows that became dead letters here", value=said.refused)
        yield CounterMetricFamily("mot_sink_undecodable", "Events skipped, left to the worker", value=said.undecodable)
        yield CounterMetricFamily("mot_sink_retries", "Inserts that failed and were tried again", value=said.retries)
        yield GaugeMetricFamily("mot_sink_lag_records", "Records not stored yet", value=said.lag or 0)
        yield GaugeMetricFamily("mot_sink_behind_seconds", "Age of the oldest in hand", value=said.behind_ms / 1000)
        stalled = 0.0 if said.stalled_since is None else monotonic() - said.stalled_since
        yield GaugeMetricFamily("mot_sink_stalled_seconds", "How long nothing could be stored", value=stalled)
