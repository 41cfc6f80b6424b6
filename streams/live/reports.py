"""How a worker is doing, said now and then on the facts topic for table `pipeline_health`.

These rows are about the process, not about the log: they take no part in the commit protocol, nobody waits for them,
and a replay has none. One that is lost is followed by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

from streams.live.effects import EffectsProducer
from streams.live.metrics import Metrics
from streams.live.partition import LivePartition
from streams.sinks.rows import HealthFigure, HealthMetric
from streams.sinks.wire import health_record


class Reports:
    """Reports about the worker `instance` every `every` seconds. `now_ms` is the wall clock."""

    def __init__(
        self, effects: EffectsProducer, metrics: Metrics, instance: str, every: float, now_ms: Callable[[], int]
    ) -> None:
        self._effects = effects
        self._metrics = metrics
        self._instance = instance
        self._every = every
        self._now_ms = now_ms
        self._due_at = monotonic() + every

    async def report(self, partitions: Iterable[LivePartition], lag: Mapping[int, int]) -> None:
        """Send a report when one is due. `lag` is what LogEnds says. Raises KafkaError when nothing can be sent."""
        if monotonic() < self._due_at:
            return
        self._due_at = monotonic() + self._every
        sent = await self._effects.tell(health_record(self._figures(list(partitions), lag)))
        sent.add_done_callback(_forgotten)

    def _figures(self, partitions: list[LivePartition], lag: Mapping[int, int]) -> list[HealthFigure]:
        """Records not applied in all partitions; the age of the last record taken in where most time is missing, 0 when
        nothing waits; the longest commit, and the longest restoring of a partition, since the last report."""
        at = self._now_ms()
        waiting = [one for one in partitions if lag.get(one.number)]
        behind = [max(0, at - one.stamp_ms) for one in waiting if one.stamp_ms > 0]
        values: dict[HealthMetric, float | None] = {
            "lag_records": sum(lag.get(one.number, 0) for one in partitions),
            "behind_ms": max(behind) if behind else None if waiting else 0,
            "commit_seconds": self._metrics.longest_commit,
            "restore_seconds": self._metrics.longest_restore,
        }
        self._metrics.longest_commit = self._metrics.longest_restore = None
        return [
            HealthFigure(at, "worker", self._instance, metric, value)
            for metric, value in values.items()
            if value is not None
        ]


def _forgotten(sent: asyncio.Future[object]) -> None:
    """Take notice of a failure, so that asyncio does not complain: the next report says more."""
    if not sent.cancelled():
        sent.exception()
