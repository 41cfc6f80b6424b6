"""`mot run worker` as a process: the Faust app with signals, health, metrics and a watchdog around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from schemas.moments import Text
from streams.errors import StreamsError
from streams.live.partition import LivePartition
from streams.live.watchdog import Beats, Stuck, Watchdog
from streams.runners.collecting import long_lived_state
from streams.runners.faust_app import LiveApp
from streams.runners.health import HealthServer, serve
from streams.runners.process import stopped_by_signal

_BEAT_SECONDS = 0.5
_STOP_WITHIN = 18.0


class WorkerFigures(NamedTuple):
    """Since this start: records taken in, alerts sent, dead letters; now: records waiting, partitions owned."""

    records: int
    moments: int
    dead_letters: int
    lag: int
    partitions: str


class Worker:
    """Runs a LiveApp until a signal. `port` 0 takes any free one, None serves nothing; `told` hears the address."""

    def __init__(self, app: LiveApp, *, port: int | None = None, told: Callable[[str], None] | None = None) -> None:
        self.app = app
        self._port = port
        self._told = told
        self._loop_at = self._reading_at = monotonic()
        self._stop = asyncio.Event()

    def ready(self) -> bool:
        """Whether records are being read: partitions assigned and restored, broker answering, loop turning, and what
        waits is being worked off."""
        now, patience, beats = monotonic(), self.app.settings.unready_after, self.beats()
        moves = now - beats.loop < patience and (not beats.waiting or now - beats.progress < patience)
        return self.app.reading and moves and now - beats.broker < patience

    def healthy(self) -> bool:
        """Whether the event loop turns; the watchdog ends a process soon in which it does not."""
        return monotonic() - self._loop_at < self.app.settings.stuck_after

    def figures(self) -> WorkerFigures:
        """What a line about the worker needs."""
        metrics, owned = self.app.metrics, sorted(self.app.partitions)
        return WorkerFigures(
            metrics.totals["records"],
            metrics.totals["moments"],
            metrics.totals["dead_letters"],
            sum(self.app.ends.lag.values()),
            _ranges(owned),
        )

    def beats(self) -> Beats:
        """What the watchdog looks at. Each partition counts for itself: one that moves hides none that stands."""
        app = self.app
        if not app.reading:  # joining, or restoring state
            return Beats(
                self._loop_at, app.ends.answered_at, max(self._reading_at, app.ownership.moved_at), not app.stopping
            )
        waiting = [one.progress_at for one in list(app.partitions.values()) if self._waits(one)]
        return Beats(self._loop_at, app.ends.answered_at, min(waiting, default=self._loop_at), bool(waiting))

    def _waits(self, partition: LivePartition) -> bool:
        return partition.is_dirty or bool(self.app.ends.lag.get(partition.number))

    def stop(self) -> None:
        """Ask a running `run` to commit and return."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`, SIGTERM or SIGINT; then commit and give everything away.

        Raises StreamsError or KafkaError when it could not begin.
        """
        app = self.app
        watchdog = Watchdog(self.beats, app.settings.stuck_after, app.failed)
        starting: asyncio.Task[None] | None = None
        stopped = asyncio.create_task(self._stop.wait())
        beating = asyncio.create_task(self._beat())
        with stopped_by_signal(self.stop), long_lived_state() as settle:
            server = await self._serve()
            try:
                watchdog.start()
                starting = asyncio.create_task(app.start())  # a long restore is part of it
                await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if starting.done():
                    starting.result()
                    await self._work(settle)
            finally:
                beating.cancel()
                await self._give_up(starting)
                watchdog.stop()
                if server is not None:
                    await server.close()

    async def _serve(self) -> HealthServer | None:
        if self._port is None:
            return None
        metrics = self.app.metrics.registry
        try:
            server = await serve(self._port, healthy=self.healthy, ready=self.ready, registry=metrics)
        except OSError as fault:
            raise PortTaken(self._port, fault.strerror or str(fault)) from fault
        if self._told is not None:
            self._told(f"http://127.0.0.1:{server.port}")
        return server

    async def _work(self, settle: Callable[[], None]) -> None:
        while not self._stop.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), timeout=self.app.settings.commit_seconds)
            settle()

    async def _give_up(self, starting: asyncio.Task[None] | None) -> None:
        """Stop the app; what hangs then is ended, its last commit stands."""
        if starting is not None and not starting.done():
            starting.cancel()
        try:
            await asyncio.wait_for(self.app.stop(), timeout=_STOP_WITHIN)
        except TimeoutError:
            text = Text(zh=f"{_STOP_WITHIN:.0f} 秒内未能停下", en=f"it did not stop within {_STOP_WITHIN:.0f} s")
            self.app.failed(Stuck(text))

    async def _beat(self) -> None:
        """Show that the event loop turns, and that all is well where nothing waits."""
        while True:
            self._loop_at = monotonic()
            if self.app.reading:
                self._reading_at = self._loop_at
                for partition in self.app.partitions.values():
                    if not self._waits(partition):
                        partition.progress_at = self._loop_at
            await asyncio.sleep(_BEAT_SECONDS)


class PortTaken(StreamsError):
    """The port for health and metrics cannot be listened on."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(
            Text(
                zh=f"无法在 127.0.0.1:{port} 监听({reason})。请用 --port 换一个端口,0 表示任意空闲端口。",
                en=f"Cannot listen on 127.0.0.1:{port} ({reason}). Name another with --port; 0 takes any free one.",
            )
        )


def _ranges(numbers: list[int]) -> str:
    """`0-3,6` for 0, 1, 2, 3, 6; a dash for none."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts) or "-"
