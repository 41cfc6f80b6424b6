"""`mot topics create|check`: the topics as the settings want them."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text
from typer import Exit

from streams.cli.failures import FAILED
from streams.cli.session import Session
from streams.kafka import topics
from streams.kafka.settings import KafkaSettings, load_kafka_settings


def create(session: Session, kafka: Path | None, bootstrap: str | None, *, as_json: bool) -> None:
    """Create what is missing and say what was. Raises StreamsError."""
    settings = _settings(session, kafka, bootstrap)
    created = topics.create(settings)
    if as_json:
        session.write_json({"created": created, "existing": len(topics.wanted_topics(settings)) - len(created)})
        return
    for name in created:
        words = session.say("topics.created", topic=name, partitions=settings.partitions, copies=settings.replication)
        session.out.print(words, markup=False, soft_wrap=True)
    session.out.print(session.say("topics.done" if created else "topics.nothing"), markup=False, soft_wrap=True)


def check(session: Session, kafka: Path | None, bootstrap: str | None, *, as_json: bool) -> None:
    """List every difference; exit code 1 when there is one. Raises StreamsError."""
    settings = _settings(session, kafka, bootstrap)
    differences = topics.check(settings)
    if as_json:
        session.write_json([one._asdict() for one in differences])
    elif not differences:
        count = len(topics.wanted_topics(settings))
        session.out.print(session.say("topics.same", count=count), markup=False, soft_wrap=True)
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("topic", "what", "wanted", "found"):
            table.add_column(session.say(f"topics.{column}"), overflow="fold")
        for one in differences:
            what = session.say(f"topics.what_{one.what}") if one.what in topics.SHAPE else one.what
            table.add_row(
                Text(one.topic),
                Text(what),
                Text(one.wanted),
                Text(one.found or session.say("topics.missing"), style="red"),
            )
        session.out.print(table)
        session.out.print(session.say("topics.advice"), markup=False, soft_wrap=True)
    if differences:
        raise Exit(FAILED)


def _settings(session: Session, kafka: Path | None, bootstrap: str | None) -> KafkaSettings:
    return load_kafka_settings(kafka, bootstrap=bootstrap, environment=session.environment)
