"""`mot run worker` as a process: the Faust app with signals, health, metrics and a watchdog around it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from streams.live.watchdog import Beats, Watchdog
from streams.runners.collecting import long_lived_state
from streams.runners.faust_app import LiveApp, fail_stop
from streams.runners.health import serve

_BEAT_SECONDS = 0.5
_STOP_WITHIN = 18.0


class WorkerFigures(NamedTuple):
    """Since this start: records taken in, alerts sent; now: records waiting, partitions owned (as text)."""

    records: int
    moments: int
    lag: int
    partitions: str


class Worker:
    """Runs a LiveApp until a signal. `port` 0 takes any free one, None serves nothing; `told` hears the address."""

    def __init__(self, app: LiveApp, *, port: int | None = None, told: Callable[[str], None] | None = None) -> None:
        self.app = app
        self._port = port
        self._told = told
        self._loop_at = self._calm_at = monotonic()
        self._stop = asyncio.Event()

    def ready(self) -> bool:
        """Whether records are being read: partitions assigned and restored, broker answering, loop turning, and what
        waits is being worked off."""
        now, patience, beats = monotonic(), self.app.settings.unready_after, self.beats()
        moves = now - beats.loop < patience and (not beats.waiting or now - beats.progress < patience)
        return self.app.reading and moves and now - beats.broker < patience

    def healthy(self) -> bool:
        """Whether the process does what it should; the watchdog ends it soon when not."""
        return monotonic() - self._loop_at < self.app.settings.stuck_after

    def figures(self) -> WorkerFigures:
        """What a line about the worker needs."""
        metrics, owned = self.app.metrics, sorted(self.app.partitions)
        return WorkerFigures(
            metrics.totals["records"], metrics.totals["moments"], sum(self.app.ends.lag.values()), _ranges(owned)
        )

    def beats(self) -> Beats:
        """What the watchdog looks at. When nothing waited, all was well until then, however long ago the last record
        came."""
        progress = max([self._calm_at, *(one.progress_at for one in list(self.app.partitions.values()))])
        return Beats(self._loop_at, self.app.ends.answered_at, progress, self._waiting())

    def _waiting(self) -> bool:
        dirty = any(one.is_dirty for one in list(self.app.partitions.values()))
        return self.app.reading and (dirty or any(self.app.ends.lag.values()))

    def stop(self) -> None:
        """Ask a running `run` to commit and return."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`, SIGTERM or SIGINT; then commit and give everything away.

        Raises StreamsError or KafkaError when it could not begin.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        app = self.app
        server = None
        watchdog = Watchdog(self.beats, app.settings.stuck_after, fail_stop)
        with long_lived_state() as settle:
            try:
                await app.start()
                if self._port is not None:
                    server = await serve(
                        self._port, healthy=self.healthy, ready=self.ready, registry=app.metrics.registry
                    )
                    if self._told is not None:
                        self._told(f"http://127.0.0.1:{server.port}")
                watchdog.start()
                await self._work(settle)
            finally:
                watchdog.stop()
                await asyncio.wait_for(app.stop(), timeout=_STOP_WITHIN)
                if server is not None:
                    await server.close()

    async def _work(self, settle: Callable[[], None]) -> None:
        beating = asyncio.create_task(self._beat())
        while not self._stop.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), timeout=self.app.settings.commit_seconds)
            settle()
        beating.cancel()

    async def _beat(self) -> None:
        """Show that the event loop turns, also while something waits for a broker that is away."""
        while True:
            self._loop_at = monotonic()
            if not self._waiting():
                self._calm_at = self._loop_at
            await asyncio.sleep(_BEAT_SECONDS)


def _ranges(numbers: list[int]) -> str:
    """`0-3,6` for 0, 1, 2, 3, 6; a dash for none."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts) or "-"
