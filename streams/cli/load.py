"""`mot load LOG`: any log into an events topic."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.times import iso
from streams.cli.durations import duration_ms
from streams.cli.failures import CliError
from streams.cli.progress import advancing
from streams.cli.session import Session
from streams.kafka.loading import Loaded, load
from streams.kafka.settings import load_kafka_settings
from streams.sources.files import must_be_file
from streams.sources.logs import open_log


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What was asked for."""

    log: Path
    mapping: str | None
    topic: str | None
    end_tick: str | None
    kafka: Path | None
    bootstrap: str | None
    force: bool
    as_json: bool


def run(session: Session, options: LoadOptions) -> None:
    """Load and say how much was sent and acknowledged. Raises StreamsError, UsageFault for a duration that is none."""
    end_tick_ms = None if options.end_tick is None else duration_ms(options.end_tick)
    kafka = load_kafka_settings(options.kafka, bootstrap=options.bootstrap, environment=session.environment)
    must_be_file(options.log)
    log = open_log(options.log, options.mapping)
    begun = time.monotonic()
    with advancing(session, session.say("load.running", log=options.log.name)) as advance:
        loaded = load(kafka, log, topic=options.topic, end_tick_ms=end_tick_ms, force=options.force, told=advance)
    if options.as_json:
        seconds = round(time.monotonic() - begun, 3)
        session.write_json({"bootstrap": kafka.bootstrap, **asdict(loaded), "seconds": seconds})
    else:
        _show(session, loaded, kafka.bootstrap, time.monotonic() - begun)
    if loaded.acknowledged != loaded.sent:
        raise CliError("error.not_acknowledged", sent=loaded.sent, acknowledged=loaded.acknowledged)


def _show(session: Session, loaded: Loaded, bootstrap: str, seconds: float) -> None:
    words = session.say(
        "load.counts",
        bootstrap=bootstrap,
        topic=loaded.topic,
        partitions=loaded.partitions,
        events=f"{loaded.events:,}",
        sent=f"{loaded.sent:,}",
        acknowledged=f"{loaded.acknowledged:,}",
        seconds=f"{seconds:.1f}",
        rate=f"{loaded.sent / seconds if seconds else 0:,.0f}",
    )
    session.out.print(words, markup=False, soft_wrap=True)
    if loaded.unreadable:
        session.out.print(session.say("load.unreadable", count=f"{loaded.unreadable:,}"), markup=False, soft_wrap=True)
    if loaded.dead_letters:
        words = session.say("load.dead_letters", count=f"{loaded.dead_letters:,}")
        session.out.print(words, markup=False, soft_wrap=True)
    if loaded.end_tick_ms is not None:
        words = session.say("load.end_tick", at=iso(loaded.end_tick_ms), partitions=loaded.partitions)
        session.out.print(words, markup=False, soft_wrap=True)
