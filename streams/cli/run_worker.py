"""`mot run worker`: the live engine, stopped by Ctrl-C or SIGTERM, with a line about itself every few seconds."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from schemas.moments import Text
from streams.cli.quiet import quiet_clients
from streams.cli.session import Session
from streams.errors import StreamsError
from streams.exit_codes import RESTART
from streams.kafka import topics
from streams.kafka.settings import load_kafka_settings
from streams.live.settings import LiveSettings
from streams.lock import FolderLock
from streams.runners.faust_app import LiveApp
from streams.runners.process import instance_name
from streams.runners.worker import Worker
from streams.settings import load_settings

_LINE_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What was asked for."""

    kafka: Path | None
    bootstrap: str | None
    state: Path
    settings: Path | None
    detectors: str | None
    customers: int | None
    port: int | None


class TopicsUnfit(StreamsError):
    """Topics are missing or have another partition count than the settings say."""

    def __init__(self, differences: list[topics.Difference]) -> None:
        zh = ";".join(
            f"{d.topic} " + (f"有 {d.found} 个分区,应为 {d.wanted}" if d.found else "不存在") for d in differences
        )
        en = "; ".join(
            f"{d.topic} " + (f"has {d.found} partitions, not {d.wanted}" if d.found else "does not exist")
            for d in differences
        )
        super().__init__(
            Text(
                zh=f"主题不齐备:{zh}。请先运行 `mot topics create`,或核对 --kafka 文件。",
                en=f"The topics are not as they should be: {en}. Run `mot topics create` first, or correct the --kafka "
                "file.",
            )
        )


def run_worker(session: Session, options: WorkerOptions) -> None:
    """Work until stopped. Raises StreamsError when it cannot begin; a worker that fails later ends with RESTART."""
    kafka = load_kafka_settings(options.kafka, bootstrap=options.bootstrap, environment=session.environment)
    operator = None if options.settings is None else load_settings(options.settings)
    quiet_clients(session)
    with FolderLock(options.state):
        unfit = [one for one in topics.check(kafka) if one.what in {"topic", "partitions"}]
        if unfit:
            raise TopicsUnfit(unfit)
        app = LiveApp(
            kafka,
            options.state,
            operator=operator,
            settings=LiveSettings() if options.customers is None else LiveSettings(max_cached=options.customers),
            detectors=None if options.detectors is None else options.detectors.split(","),
            worker=instance_name(options.state),
            failed=lambda fault: _end(session, fault),
        )
        asyncio.run(_run(session, app, options.port))


async def _run(session: Session, app: LiveApp, port: int | None) -> None:
    def told(address: str) -> None:
        session.err.print(session.say("live.listening", port=address.rsplit(":", 1)[-1]), markup=False)

    session.err.print(session.say("live.worker_begins", bootstrap=app.kafka.bootstrap), markup=False)
    worker = Worker(app, port=port, told=told)
    lines = asyncio.create_task(_lines(session, worker))
    try:
        await worker.run()
    finally:
        lines.cancel()
    session.err.print(session.say("live.stopped"), markup=False)


async def _lines(session: Session, worker: Worker) -> None:
    records, at = 0, monotonic()
    while True:
        await asyncio.sleep(_LINE_EVERY)
        figures, now = worker.figures(), monotonic()
        rate = round((figures.records - records) / (now - at))
        records, at = figures.records, now
        words = session.say(
            "live.worker_line" if worker.ready() else "live.worker_waits",
            records=f"{figures.records:,}",
            rate=f"{rate:,}",
            moments=f"{figures.moments:,}",
            letters=f"{figures.dead_letters:,}",
            lag=f"{figures.lag:,}",
            partitions=figures.partitions,
        )
        session.err.print(words, markup=False, soft_wrap=True)


def _end(session: Session, fault: BaseException) -> None:
    """Say why and end at once, without any cleaning up that could write something."""
    reason = session.pick(fault.text) if isinstance(fault, StreamsError) else f"{type(fault).__name__}: {fault}"
    session.err.print(session.say("live.worker_fails", reason=reason), style="red", markup=False, soft_wrap=True)
    if session.debug:
        logging.getLogger(__name__).error("why the worker ends", exc_info=fault)
    sys.stderr.flush()
    os._exit(RESTART)
