"""`mot dlq ls|show|retry`: what could not be read, why, and once more after the cause is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from schemas.deadletters import Reason
from schemas.times import iso
from streams.cli.failures import CliError, UsageFault
from streams.cli.progress import advancing
from streams.cli.session import Session
from streams.kafka.deadletters import HOPELESS, Letter, Retried, letters, newest, retry
from streams.kafka.settings import KafkaSettings, load_kafka_settings

_SHOWN = 20
_GAP = 2
"""Cells between two columns."""
_DETAIL = 16
"""Less than this many cells of a detail say nothing."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to look."""

    kafka: Path | None
    bootstrap: str | None

    def settings(self, session: Session) -> KafkaSettings:
        """Raises SettingsError."""
        return load_kafka_settings(self.kafka, bootstrap=self.bootstrap, environment=session.environment)


def ls(session: Session, cluster: Cluster, reason: str | None, limit: int | None, *, as_json: bool) -> None:
    """List dead letters, newest first: as JSON all of them, for people 20, unless `limit` says how many; then count
    all by reason. Raises StreamsError, UsageFault for a reason that is none."""
    _check_reason(reason)
    settings = cluster.settings(session)
    if as_json:
        session.write_json([_plain(one) for one in letters(settings, reason=reason)[:limit]])
        return
    found, counts = newest(settings, limit or _SHOWN, reason=reason)
    if not found:
        session.out.print(session.say("dlq.none"), markup=False)
        return
    _list(session, found)
    words = session.say("dlq.counts", count=f"{counts.total():,}", reasons=_counted(counts))
    session.out.print(words, markup=False, soft_wrap=True)
    if len(found) < counts.total():
        words = session.say("dlq.more", limit=len(found))
        session.out.print(words, style="dim", markup=False, soft_wrap=True)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _list(session: Session, shown: Sequence[Letter]) -> None:
    """One line per letter: what names it is never cut, the detail gets what is left of the width, if that is enough."""
    cells = [
        (iso(one.written_ms)[5:16].replace("T", " ") + "Z", one.id[:12], one.reason, f"{one.origin}-{one.position}")
        for one in shown
    ]
    heads = tuple(session.say(f"dlq.{name}") for name in ("written", "id", "reason", "place"))
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    left = session.out.width - sum(widths) - _GAP * len(widths)
    details = [session.say("dlq.detail"), *(" ".join(str(one.row.get("detail", "")).split()) for one in shown)]
    for line, (words, detail) in enumerate(zip([heads, *cells], details, strict=True)):
        text = "".join(set_cell_size(word, width + _GAP) for word, width in zip(words, widths, strict=True))
        if left >= _DETAIL:
            text += detail if cell_len(detail) <= left else set_cell_size(detail, left - 1).rstrip() + "…"
        session.out.print(Text(text.rstrip()), style="" if line else "bold", soft_wrap=True)


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
    found = letters(settings, reason=choice.reason, ids=choice.ids)
    hopeless = [one for one in found if choice.every and one.reason in HOPELESS]
    chosen = [one for one in found if not (choice.every and one.reason in HOPELESS)]
    for one in choice.ids:
        if not any(letter.id.startswith(one) for letter in chosen):
            raise CliError("error.no_letter", what=one)
    with advancing(session, session.say("dlq.retrying")) as advance:
        done = retry(settings, chosen, dry=dry, told=lambda count: advance(count, count / len(chosen)))
    if as_json:
        session.write_json([_fate(one) for one in [*done, *(Retried(one, "hopeless") for one in hopeless)]])
        return
    _tell_fates(session, settings, done)
    if hopeless:
        reasons = _counted(Counter(one.reason for one in hopeless))
        words = session.say("dlq.hopeless", count=f"{len(hopeless):,}", reasons=reasons)
        session.out.print(words, markup=False, soft_wrap=True)
    if not found:
        session.out.print(session.say("dlq.none"), markup=False)


def _tell_fates(session: Session, settings: KafkaSettings, done: Sequence[Retried]) -> None:
    """What became of the letters, and to which topics they went."""
    topics = Counter(one.topic for one in done if one.topic)
    places = _counted(topics)
    fates = Counter(one.fate for one in done)
    for fate in ("sent", "would_send", "gone", "no_topic"):
        if fates[fate]:
            words = session.say(f"dlq.{fate}", count=f"{fates[fate]:,}", where=places, bootstrap=settings.bootstrap)
            session.out.print(words, markup=False, soft_wrap=True)


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
