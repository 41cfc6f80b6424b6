"""`mot run sink-clickhouse`: a process beside the worker, stopped by Ctrl-C or SIGTERM, with a line about itself on
standard error every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from prometheus_client import CollectorRegistry

from streams.cli.durations import duration_ms
from streams.cli.kpi import tell
from streams.cli.quiet import quiet_clients
from streams.cli.session import Session
from streams.kafka.settings import load_kafka_settings
from streams.lock import FolderLock
from streams.runners.folder import clickhouse_path
from streams.runners.health import served
from streams.runners.process import instance_name, now_ms, stopped_by_signal
from streams.runners.query_server import QueryServer
from streams.runners.sink_clickhouse import ClickHouseSinkRunner, SinkCollector, SinkProgress
from streams.settings import OperatorSettings, load_settings
from streams.sinks.connect import open_embedded, server_at, with_tables
from streams.sinks.rows import encoded, touchpoint_rows
from streams.sinks.topics import TopicSink
from streams.warehouse.beside import RefreshBeside, upkeep_on
from streams.warehouse.reference import steps_of


@dataclass(frozen=True, slots=True)
class ClickHouseOptions:
    """What `mot run sink-clickhouse` was asked for."""

    kafka: Path | None
    bootstrap: str | None
    clickhouse: str
    settings: Path | None
    port: int | None
    refresh: str | None


FOLDER_REFRESH = "60s"
"""How often the indicators of a folder are computed, when nothing is said: nobody else can while it is held."""


def run_clickhouse(session: Session, options: ClickHouseOptions) -> None:
    """Store what comes by Kafka until stopped. Raises StreamsError."""
    kafka = load_kafka_settings(options.kafka, bootstrap=options.bootstrap, environment=session.environment)
    settings = OperatorSettings() if options.settings is None else load_settings(options.settings)
    quiet_clients(session)
    with ExitStack() as opened:
        if "://" in options.clickhouse:
            server = server_at(options.clickhouse, session.environment)
            where, instance = str(server), instance_name() + (f":{options.port}" if options.port else "")
            connect: Callable[[], Any] = server.connect
        else:
            folder = Path(options.clickhouse)
            opened.enter_context(FolderLock(folder))
            clickhouse_path(folder).mkdir(exist_ok=True)
            opened.callback(QueryServer(folder, clickhouse_path(folder)).close)
            where, instance = str(folder), instance_name(folder)
            connect = partial(open_embedded, clickhouse_path(folder))

        def open_sink() -> TopicSink:
            sink = TopicSink(with_tables(connect()))
            sink.write_rows("touchpoints", encoded(touchpoint_rows(settings.touchpoints())))
            return sink

        lines = _SinkLines(session, where)
        every = options.refresh or ("off" if "://" in options.clickhouse else FOLDER_REFRESH)
        if every != "off":
            opened.callback(_refreshing(session, settings, connect, every).close)
        runner = partial(
            ClickHouseSinkRunner,
            kafka,
            open_sink,
            settings.placements(),
            now_ms=now_ms,
            where=where,
            told=lines.tell,
            instance=instance,
        )
        words = session.say("live.sink_begins", bootstrap=kafka.bootstrap, where=where)
        asyncio.run(_clickhouse(session, runner, words, options.port))


def _refreshing(session: Session, settings: OperatorSettings, connect: Callable[[], Any], every: str) -> RefreshBeside:
    def failed(fault: Exception) -> None:
        reason = str(fault).splitlines()[0][:200]
        session.err.print(session.say("kpi.not_refreshed", reason=reason), style="yellow", markup=False, soft_wrap=True)

    steps = steps_of(settings.catalogue())
    return RefreshBeside(
        upkeep_on(connect, settings.registry(), steps, settings.touchpoints()),
        duration_ms(every) / 1000,
        told=partial(tell, session),
        failed=failed,
    )


async def _clickhouse(
    session: Session, made: Callable[[], ClickHouseSinkRunner], begins: str, port: int | None
) -> None:
    runner = made()
    registry = CollectorRegistry()
    SinkCollector(runner.progress, registry)
    with stopped_by_signal(runner.stop):
        session.err.print(begins, markup=False, soft_wrap=True)
        async with served(port, healthy=runner.healthy, ready=runner.ready, registry=registry) as server:
            if server is not None:
                session.err.print(session.say("live.listening", port=server.port), markup=False, soft_wrap=True)
            await runner.run()
    session.err.print(session.say("live.stopped"), markup=False, soft_wrap=True)


class _SinkLines:
    """One line about the sink at each report; `rows` are those since the line before."""

    def __init__(self, session: Session, where: str) -> None:
        self._session = session
        self._where = where
        self._rows = 0
        self._at = monotonic()

    def tell(self, progress: SinkProgress) -> None:
        """Print the line."""
        session = self._session
        rows, now = progress.rows.total(), monotonic()
        rate = round((rows - self._rows) / max(now - self._at, 0.001))
        lag = "?" if progress.lag is None else f"{progress.lag:,}"
        words = session.say(
            "live.sink_line", rows=f"{rows:,}", rate=f"{rate:,}", lag=lag, behind=f"{progress.behind_ms / 1000:.1f}"
        )
        self._rows, self._at = rows, now
        if progress.refused:
            words += session.say("live.sink_refused", refused=f"{progress.refused:,}")
        session.err.print(words, markup=False, soft_wrap=True)
        if progress.trouble is not None and progress.stalled_since is not None:
            seconds = max(1, round(now - progress.stalled_since))
            words = session.say("live.stalled", seconds=seconds, reason=session.pick(progress.trouble))
            session.err.print(words, style="yellow", markup=False, soft_wrap=True)
