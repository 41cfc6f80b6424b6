"""`mot lag`: how far workers and sinks are behind."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from streams.cli.session import Session
from streams.kafka.lag import lags
from streams.kafka.settings import load_kafka_settings


def run(session: Session, kafka: Path | None, bootstrap: str | None, *, as_json: bool) -> None:
    """Print the lag of each group in each partition, and the sum. Raises StreamsError."""
    found = lags(load_kafka_settings(kafka, bootstrap=bootstrap, environment=session.environment))
    if as_json:
        session.write_json([one._asdict() for one in found])
        return
    if not found:
        session.out.print(session.say("lag.no_topics"), markup=False, soft_wrap=True)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("group", "topic"):
        table.add_column(session.say(f"lag.{name}"), overflow="fold")
    for name in ("partition", "end", "committed", "lag"):
        table.add_column(session.say(f"lag.{name}"), justify="right")
    before = found[0].group
    for one in found:
        if one.group != before:
            table.add_section()
        before = one.group
        committed = Text("-", style="dim") if one.committed is None else Text(f"{one.committed:,}")
        lag = Text(f"{one.lag:,}", style="bold yellow" if one.lag else "dim")
        table.add_row(Text(one.group), Text(one.topic), Text(str(one.partition)), Text(f"{one.end:,}"), committed, lag)
    session.out.print(table)
    for group in dict.fromkeys(one.group for one in found):
        total = sum(one.lag for one in found if one.group == group)
        session.out.print(session.say("lag.total", group=group, count=f"{total:,}"), markup=False, soft_wrap=True)
