"""`mot dlq ls|show|retry`: what could not be read, why, and once more after the cause is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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


def ls(
    session: Session, cluster: Cluster, reason: str | None, limit: int | None, *, retried: bool, as_json: bool
) -> None:
    """List dead letters, newest first: as JSON all of them, for people 20, unless `limit` says how many; then count
    all by reason. Those sent again are listed with `retried` only. Raises StreamsError, UsageFault for a reason that
    is none."""
    _check_reason(reason)
    settings = cluster.settings(session)
    if as_json:
        session.write_json([_plain(one) for one in letters(settings, reason=reason, retried=retried)[:limit]])
        return
    found, counts, hidden = newest(settings, limit or _SHOWN, reason=reason, retried=retried)
    if not found:
        session.out.print(session.say("dlq.none"), markup=False)
    else:
        _list(session, found)
        _count(session, len(found), counts)
    if hidden:
        words = session.say("dlq.hidden", count=f"{hidden:,}")
        session.out.print(words, style="dim", markup=False, soft_wrap=True)


def _count(session: Session, shown: int, counts: Counter[str]) -> None:
    words = session.say("dlq.counts", count=f"{counts.total():,}", reasons=_counted(counts))
    session.out.print(words, markup=False, soft_wrap=True)
    if shown < counts.total():
        words = session.say("dlq.more", limit=shown)
        session.out.print(words, style="dim", markup=False, soft_wrap=True)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _list(session: Session, shown: Sequence[Letter]) -> None:
    """One line per letter: what names it is never cut, the detail gets what is left of the width, if that is enough."""
    cells = [(_minute(one.written_ms), one.id[:12], one.reason, f"{one.origin}-{one.position}") for one in shown]
    heads = tuple(session.say(f"dlq.{name}") for name in ("written", "id", "reason", "place"))
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    left = session.out.width - sum(widths) - _GAP * len(widths)
    details = [session.say("dlq.detail"), *(_detail(session, one) for one in shown)]
    dim = {line for line, one in enumerate(shown, 1) if one.retried_ms is not None}
    for line, (words, detail) in enumerate(zip([heads, *cells], details, strict=True)):
        text = "".join(set_cell_size(word, width + _GAP) for word, width in zip(words, widths, strict=True))
        if left >= _DETAIL:
            text += detail if cell_len(detail) <= left else set_cell_size(detail, left - 1).rstrip() + "…"
        session.out.print(Text(text.rstrip()), style="dim" if line in dim else "" if line else "bold", soft_wrap=True)


def _detail(session: Session, one: Letter) -> str:
    detail = session.why(" ".join(str(one.row.get("detail", "")).split()))
    if one.retried_ms is None:
        return detail
    return session.say("dlq.was_retried", at=_minute(one.retried_ms), detail=detail)


def _minute(at_ms: int) -> str:
    return iso(at_ms)[5:16].replace("T", " ") + "Z"


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
    told = _plain(found[0])
    told["detail"] = session.why(str(told.get("detail", "")))
    for name, value in told.items():
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
    left_out = {one.id: fate for one in found if (fate := _left_out(one, choice)) is not None}
    chosen = [one for one in found if one.id not in left_out]
    for one in choice.ids:
        if not any(letter.id.startswith(one) for letter in chosen):
            raise CliError("error.no_letter", what=one)
    with advancing(session, session.say("dlq.retrying")) as advance:
        done = retry(settings, chosen, dry=dry, told=lambda count: advance(count, count / len(chosen)))
    if as_json:
        not_done = [Retried(one, left_out[one.id]) for one in found if one.id in left_out]
        session.write_json([_fate(one) for one in [*done, *not_done]])
        return
    _tell_fates(session, settings, done)
    for fate in ("hopeless", "earlier"):
        reasons = Counter(one.reason for one in found if left_out.get(one.id) == fate)
        if reasons:
            words = session.say(f"dlq.{fate}", count=f"{reasons.total():,}", reasons=_counted(reasons))
            session.out.print(words, markup=False, soft_wrap=True)
    if not found:
        session.out.print(session.say("dlq.none"), markup=False)


def _left_out(letter: Letter, choice: Choice) -> Literal["hopeless", "earlier"] | None:
    """Why a letter is not retried unless it is named."""
    if choice.every and letter.reason in HOPELESS:
        return "hopeless"
    return "earlier" if letter.retried_ms is not None and not choice.ids else None


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
    retried_at = None if letter.retried_ms is None else iso(letter.retried_ms)
    return {**letter.row, "written_at": iso(letter.written_ms), "retried_at": retried_at}


def _fate(one: Retried) -> dict[str, Any]:
    return {
        "dead_letter_id": one.letter.id,
        "origin": one.letter.origin,
        "position": one.letter.position,
        "fate": one.fate,
        "topic": one.topic,
        "customer_id": one.customer_id,
    }
