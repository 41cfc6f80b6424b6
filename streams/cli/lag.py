"""`mot lag`: how far workers and sinks are behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from streams.cli.failures import CliError
from streams.cli.session import Session
from streams.kafka.lag import Lag, lags
from streams.kafka.settings import load_kafka_settings


def run(session: Session, kafka: Path | None, bootstrap: str | None, *, partitions: bool, as_json: bool) -> None:
    """Print the lag of each group in each topic, or in each partition, and the sum.

    Raises StreamsError, CliError when topics are missing.
    """
    settings = load_kafka_settings(kafka, bootstrap=bootstrap, environment=session.environment)
    found = lags(settings)
    read = (*settings.events, *settings.rekey, settings.alerts_topic, settings.facts_topic, settings.dlq_topic)
    missing = [topic for topic in read if topic not in {one.topic for one in found}]
    if as_json:
        session.write_json([one._asdict() for one in found])
    elif found:
        _show(session, found, partitions=partitions)
    if missing:
        raise CliError("lag.no_topics", topics=", ".join(missing), bootstrap=settings.bootstrap)


def _show(session: Session, found: Sequence[Lag], *, partitions: bool) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("group", "topic"):
        table.add_column(session.say(f"lag.{name}"), overflow="fold")
    shown = ("partition", "end", "committed", "lag") if partitions else ("end", "committed", "lag")
    for name in shown:
        table.add_column(session.say(f"lag.{name}"), justify="right")
    before = found[0].group
    for one in found if partitions else by_topic(found):
        if one.group != before:
            table.add_section()
        before = one.group
        committed = Text("-", style="dim") if one.committed is None else Text(f"{one.committed:,}")
        lag = Text(f"{one.lag:,}", style="bold yellow" if one.lag else "dim")
        number = [Text(str(one.partition))] if partitions else []
        table.add_row(Text(one.group), Text(one.topic), *number, Text(f"{one.end:,}"), committed, lag)
    session.out.print(table)
    for group in dict.fromkeys(one.group for one in found):
        total = sum(one.lag for one in found if one.group == group)
        session.out.print(session.say("lag.total", group=group, count=f"{total:,}"), markup=False, soft_wrap=True)


def by_topic(lags: Sequence[Lag]) -> list[Lag]:
    """The partitions of a topic added up, under partition -1."""
    sums: dict[tuple[str, str], Lag] = {}
    for one in lags:
        known = sums.get((one.group, one.topic), Lag(one.group, one.topic, -1, 0, None, 0))
        said = [number for number in (known.committed, one.committed) if number is not None]
        committed = sum(said) if said else None
        sums[one.group, one.topic] = Lag(one.group, one.topic, -1, known.end + one.end, committed, known.lag + one.lag)
    return list(sums.values())
