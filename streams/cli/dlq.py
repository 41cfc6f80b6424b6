"""`mot dlq ls|show|retry`: what could not be read, why, and once more after the cause is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from schemas.deadletters import Reason
from schemas.times import iso
from streams.cli.failures import CliError, UsageFault
from streams.cli.progress import advancing
from streams.cli.session import Session
from streams.kafka.deadletters import Letter, Retried, letters, retry
from streams.kafka.settings import KafkaSettings, load_kafka_settings


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to look."""

    kafka: Path | None
    bootstrap: str | None

    def settings(self, session: Session) -> KafkaSettings:
        """Raises SettingsError."""
        return load_kafka_settings(self.kafka, bootstrap=self.bootstrap, environment=session.environment)


def ls(session: Session, cluster: Cluster, reason: str | None, limit: int, *, as_json: bool) -> None:
    """List dead letters, newest first. Raises StreamsError, UsageFault for a reason that is none."""
    _check_reason(reason)
    found = letters(cluster.settings(session), reason=reason, limit=limit)
    if as_json:
        session.write_json([_plain(one) for one in found])
        return
    if not found:
        session.out.print(session.say("dlq.none"), markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("written", "id", "reason", "origin"):
        table.add_column(session.say(f"dlq.{name}"), overflow="fold")
    table.add_column(session.say("dlq.position"), justify="right")
    table.add_column(session.say("dlq.detail"), overflow="fold")
    for one in found:
        table.add_row(
            *map(Text, (iso(one.written_ms)[:19] + "Z", one.id[:12], one.reason, one.origin, str(one.position))),
            Text(str(one.row.get("detail", ""))),
        )
    session.out.print(table)
    if len(found) == limit:
        session.out.print(session.say("dlq.more", limit=limit), style="dim", markup=False)


def show(session: Session, cluster: Cluster, letter_id: str, *, as_json: bool) -> None:
    """Print everything about one letter. Raises StreamsError, CliError when it is none or fits several."""
    found = letters(cluster.settings(session), ids=[letter_id])
    if not found:
        raise CliError("error.no_letter", what=letter_id)
    if len(found) > 1:
        raise CliError("error.many_letters", what=letter_id, count=len(found))
    if as_json:
        session.write_json(_plain(found[0]))
        return
    block = Table.grid(padding=(0, 1))
    block.add_column(no_wrap=True, style="dim")
    block.add_column(overflow="fold")
    for name, value in _plain(found[0]).items():
        block.add_row(Text(f"{name}:"), Text("-" if value in (None, "") else str(value)))
    session.out.print(block)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters to retry: ids (or their beginnings), all of a reason, or all."""

    ids: Sequence[str]
    reason: str | None
    every: bool


def again(session: Session, cluster: Cluster, choice: Choice, *, dry: bool, as_json: bool) -> None:
    """Send the originals once more and say what became of each. Raises StreamsError, UsageFault for no clear choice."""
    if sum((bool(choice.ids), choice.reason is not None, choice.every)) != 1:
        raise UsageFault("error.retry_what")
    _check_reason(choice.reason)
    settings = cluster.settings(session)
    chosen = letters(settings, reason=choice.reason, ids=choice.ids)
    for one in choice.ids:
        if not any(letter.id.startswith(one) for letter in chosen):
            raise CliError("error.no_letter", what=one)
    with advancing(session, session.say("dlq.retrying")) as advance:
        done = retry(settings, chosen, dry=dry, told=lambda count: advance(count, count / len(chosen)))
    if as_json:
        session.write_json([_fate(one) for one in done])
        return
    fates = Counter(one.fate for one in done)
    for fate in ("sent", "would_send", "gone", "no_topic"):
        if fates[fate]:
            session.out.print(session.say(f"dlq.{fate}", count=f"{fates[fate]:,}"), markup=False, soft_wrap=True)
    if not done:
        session.out.print(session.say("dlq.none"), markup=False)


def _check_reason(reason: str | None) -> None:
    known = [one.value for one in Reason]
    if reason is not None and reason not in known:
        raise UsageFault("error.no_reason", what=reason, known=", ".join(known))


def _plain(letter: Letter) -> dict[str, Any]:
    return {**letter.row, "written_at": iso(letter.written_ms)}


def _fate(one: Retried) -> dict[str, Any]:
    return {
        "dead_letter_id": one.letter.id,
        "origin": one.letter.origin,
        "position": one.letter.position,
        "fate": one.fate,
        "topic": one.topic,
        "customer_id": one.customer_id,
    }
