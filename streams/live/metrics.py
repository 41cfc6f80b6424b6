"""What a worker says about itself, for Prometheus. Names begin with `mot_worker_`; times are in seconds."""

from __future__ import annotations

import asyncio
from collections import Counter as TotalsCounter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.sinks.ports import Delivery

_LATENCY = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)


class Metrics:
    """The worker's metrics in `registry`. `now_ms` is the wall clock, for the age of an event at its alert.

    `longest_commit` and `longest_restore` (seconds, None for none) are since whoever reports them set them to None.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.registry = registry = CollectorRegistry()
        self._now_ms = now_ms
        self.totals: TotalsCounter[str] = TotalsCounter()
        self.longest_commit: float | None = None
        self.longest_restore: float | None = None
        self.records = Counter("mot_worker_records", "Records taken in", registry=registry)
        self.alerts = Counter("mot_worker_alerts", "Moments said, with every change", ["detector"], registry=registry)
        self.dead_letters = Counter("mot_worker_dead_letters", "Records set aside", ["reason"], registry=registry)
        self.failures = Counter(
            "mot_worker_detector_failures", "Detectors quarantined for a customer", ["detector"], registry=registry
        )
        self.skipped_offsets = Counter(
            "mot_worker_skipped_offsets",
            "Offsets that the log no longer had when it was read: retention, or markers of transactions",
            ["topic", "partition"],
            registry=registry,
        )
        self.latency = Histogram(
            "mot_worker_alert_latency_seconds",
            "From the broker's stamp on the oldest record of the fetch to the acknowledged alert",
            buckets=_LATENCY,
            registry=registry,
        )
        self.commit_seconds = Histogram("mot_worker_commit_seconds", "Length of a commit", registry=registry)
        self.checkpoint_at = Gauge(
            "mot_worker_checkpoint_timestamp_seconds", "Time of the last commit", ["partition"], registry=registry
        )
        self.restore_seconds = Gauge(
            "mot_worker_restore_seconds", "How long taking a partition over took", ["partition"], registry=registry
        )
        self.restored_records = Gauge(
            "mot_worker_restored_records", "Records read from the hand-over topic", ["partition"], registry=registry
        )
        self.rebuilt = Counter(
            "mot_worker_state_rebuilt", "State files that were damaged and restored from the topic", registry=registry
        )
        self.lag = Gauge("mot_worker_lag_records", "Records in the log not applied", ["partition"], registry=registry)
        self.ticks = Counter("mot_worker_ticks", "Ticks written into silent partitions", registry=registry)
        self.ready = Gauge("mot_worker_ready", "1 while the worker reads on", registry=registry)

    def took_in(self, records: int) -> None:
        """So many records were computed."""
        self.records.inc(records)
        self.totals["records"] += records

    def count(self, delivery: Delivery) -> None:
        """Count what leaves."""
        self.totals["moments"] += len(delivery.moments)
        self.totals["dead_letters"] += len(delivery.dead_letters)
        for said in delivery.moments:
            self.alerts.labels(said.moment.detector_id).inc()
        for reason, count in TotalsCounter(letter.reason for letter in delivery.dead_letters).items():
            self.dead_letters.labels(reason.value).inc(count)
        for failure in delivery.failures:
            self.failures.labels(failure.detector_id).inc()

    def time_alerts(self, acks: Sequence[Awaitable[Any]], since_ms: int) -> None:
        """Observe how old the oldest event of a fetch is when its alerts are acknowledged."""

        def observe(done: asyncio.Future[Any]) -> None:
            if not done.cancelled() and done.exception() is None:
                self.latency.observe(max(0.0, (self._now_ms() - since_ms) / 1000))

        asyncio.ensure_future(acks[-1]).add_done_callback(observe)

    def committed(self, partition: int, seconds: float) -> None:
        """A commit is done."""
        self.commit_seconds.observe(seconds)
        self.longest_commit = max(seconds, self.longest_commit or 0.0)
        self.checkpoint_at.labels(str(partition)).set(self._now_ms() / 1000)

    def forget(self, partition: int) -> None:
        """The partition is another worker's now: old figures of it would be added to that one's."""
        for gauge in (self.lag, self.checkpoint_at, self.restore_seconds, self.restored_records):
            with suppress(KeyError):
                gauge.remove(str(partition))

    def taken_over(self, partition: int, seconds: float, records: int) -> None:
        """A partition was taken over."""
        self.restore_seconds.labels(str(partition)).set(seconds)
        self.longest_restore = max(seconds, self.longest_restore or 0.0)
        self.restored_records.labels(str(partition)).set(records)
