"""`mot explain MOMENT|CUSTOMER`: the timeline and why each detector fired or did not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from detectors.base import Fact
from schemas.envelope import Event
from schemas.moments import Moment
from schemas.times import from_ms, iso
from streams.cli.detectors import find
from streams.cli.results import open_results
from streams.cli.session import Session
from streams.explain import CaseReading, Explanation, explain
from streams.settings import load_settings

_STYLE = {"fired": "bold red", "withdrawn": "yellow", "waiting": "cyan", "silent": "green", "failed": "bold magenta"}
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")
ORDER = ("failed", "fired", "withdrawn", "waiting", "silent")
"""What is told first."""
_IDS = (
    "order_id",
    "bill_id",
    "ticket_id",
    "interaction_id",
    "trip_id",
    "outage_id",
    "payment_id",
    "line_id",
)


def run(
    session: Session, target: str, folder: Path, detector: str | None, settings: Path | None, *, as_json: bool
) -> None:
    """Explain a moment or a customer of a result folder, with the run's settings or those of the file `settings`.

    Raises CliError when the folder knows neither, SettingsError for a file that is wrong.
    """
    only = None if detector is None else find(detector).meta.id
    results = open_results(folder)
    asked = results.settings() if settings is None else load_settings(settings)
    catalogue = [one for one in asked.catalogue() if only in (None, one.meta.id)]
    moment = results.moment(target)
    customer = target if moment is None else moment.customer_id
    explanation = explain(customer, results.events_of(customer), catalogue, results.until_ms())
    if moment is not None:
        explanation = _only_case(explanation, moment)
    if as_json:
        session.write_json(as_data(explanation))
        return
    session.out.print(Group(*_page(session, explanation)))


def _only_case(explanation: Explanation, moment: Moment) -> Explanation:
    """The part of an explanation that is about one moment: its case, and the events of that case."""
    mine = tuple(
        case for case in explanation.cases if case.detector.meta.id == moment.detector_id and case.scope == moment.scope
    )
    read = {fact.event_id for case in mine for fact in case.facts}
    events = tuple(event for event in explanation.events if event.event_id in read)
    return explanation._replace(cases=mine, events=events, without_facts=())


def as_data(explanation: Explanation) -> dict[str, Any]:
    """The explanation for a program: times as RFC 3339 in UTC, texts in both languages."""
    return {
        "customer_id": explanation.customer_id,
        "until": iso(explanation.until_ms),
        "timeline": [event.model_dump(mode="json", exclude_none=True) for event in explanation.events],
        "cases": [_case_data(case) for case in explanation.cases],
        "without_facts": [detector.meta.id for detector in explanation.without_facts],
    }


def _case_data(case: CaseReading) -> dict[str, Any]:
    return {
        "detector": case.detector.meta.id,
        "name": case.detector.meta.name,
        "scope": case.scope,
        "outcome": case.outcome,
        "facts": [_fact_data(fact) for fact in case.facts],
        "moments": [moment.model_dump(mode="json") for moment in case.moments],
        "look_at": None if case.look_at is None else iso(case.look_at),
        "satisfied_by": [_fact_data(fact) for fact in case.satisfied_by],
        "would_fire_with": [[turn._asdict() for turn in turns] for turns in case.turns],
        "parameters": case.detector.params.model_dump(mode="json"),
        "error": case.error or None,
    }


def _fact_data(fact: Fact) -> dict[str, Any]:
    due = iso(fact.due) if fact.due else None
    return {"at": iso(fact.at), "event_id": fact.event_id, "kind": fact.kind} | {
        "value": fact.value,
        "note": fact.note,
        "due": due,
    }


def _page(session: Session, explanation: Explanation) -> Iterator[RenderableType]:
    events = explanation.events
    if events:
        yield Text(
            session.say(
                "explain.customer",
                customer=explanation.customer_id,
                tier=session.say(f"tier.{events[-1].tier}"),
                count=len(events),
                first=_day(events[0].occurred_ms),
                last=_day(events[-1].occurred_ms),
                until=_minute(explanation.until_ms),
            ),
            style="bold",
        )
    yield Text()
    yield Rule(session.say("explain.timeline"), align="left", style="dim")
    yield _timeline(session, explanation)
    for case in sorted(explanation.cases, key=lambda case: ORDER.index(case.outcome)):
        yield Text()
        yield from _case(session, case)
    if explanation.without_facts:
        yield Text()
        yield Text(session.say("explain.no_facts"), style="dim")
        for detector in explanation.without_facts:
            named = f"{detector.meta.id} {session.pick(detector.meta.title)}"
            needs = session.say("explain.needs", events=", ".join(detector.meta.consumes))
            yield Padding(
                Text(f"{named} {needs}" if len(explanation.without_facts) == 1 else named, style="dim"), (0, 2)
            )


def _timeline(session: Session, explanation: Explanation) -> RenderableType:
    read = {fact.event_id for case in explanation.cases for fact in case.facts}
    table = Table.grid(padding=(0, 1))
    for no_wrap in (True, True, False):
        table.add_column(no_wrap=no_wrap, overflow="fold")
    skipped: list[Event] = []
    for event in explanation.events:
        if event.event_id not in read:
            skipped.append(event)
            continue
        _skip(session, table, skipped)
        skipped = []
        words = Text.assemble(event.event_type, ("  " + _details(event), "dim"))
        table.add_row(Text("◆", style="cyan"), Text(_minute(event.occurred_ms), style="dim"), words)
    _skip(session, table, skipped)
    return table


def _skip(session: Session, table: Table, skipped: Sequence[Event]) -> None:
    if not skipped:
        return
    types = ", ".join(
        f"{name} {count}" for name, count in Counter(event.event_type for event in skipped).most_common(3)
    )
    words = session.say("explain.skipped", count=len(skipped), types=types)
    table.add_row("", Text(_minute(skipped[0].occurred_ms), style="dim"), Text(words, style="dim"))


def _details(event: Event) -> str:
    """What distinguishes an event: its correlation ids, its amount and what else it says."""
    parts = [f"{name.removesuffix('_id')} {getattr(event, name)}" for name in _IDS if getattr(event, name)]
    if event.amount_minor is not None:
        parts.append(f"{event.amount_minor / 100:.2f} {event.currency or ''}".strip())
    said = event.attributes.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    parts.extend(f"{name}={TIME.sub(_short_time, str(value))}" for name, value in said.items())
    return ", ".join(parts)


def _short_time(found: re.Match[str]) -> str:
    return f"{found[1]} {found[2]}Z"


def _case(session: Session, case: CaseReading) -> Iterator[RenderableType]:
    meta = case.detector.meta
    head = Table.grid(expand=True)
    head.add_column(ratio=1, overflow="fold")
    head.add_column(no_wrap=True, justify="right")
    name = Text.assemble(
        (f"{meta.id} {session.pick(meta.title)}", "bold"),
        ("  " + session.say("explain.case", scope=case.scope), "dim"),
    )
    head.add_row(name, Text(session.say(f"explain.{case.outcome}"), style=_STYLE[case.outcome]))
    yield head
    for line in [*_moment_lines(session, case), *_reasons(session, case)]:
        yield Padding(line, (0, 2))
    yield Padding(
        Text(session.say("explain.parameters", what=_pairs(case.detector.params.model_dump())), style="dim"), (0, 2)
    )
    yield Padding(Group(Text(session.say("explain.facts"), style="dim"), _facts(session, case.facts)), (0, 2))


def _moment_lines(session: Session, case: CaseReading) -> Iterator[Text]:
    for moment in case.moments:
        yield Text(session.pick(moment.explanation))
        parts = [
            session.say(
                "explain.decided",
                at=_minute(int(moment.decided_at.timestamp() * 1000)),
                severity=moment.severity,
                department=session.say(f"department.{moment.department}"),
            )
        ]
        if moment.retracted_at is not None:
            parts.append(session.say("explain.retracted", at=_minute(int(moment.retracted_at.timestamp() * 1000))))
        evidence = moment.evidence
        if evidence.missing:
            parts.append(session.say("explain.missing", what=evidence.missing))
        if evidence.clause:
            parts.append(session.say("explain.clause", what=evidence.clause))
        yield Text(" · ".join(parts), style="dim")
        yield Text(session.say("explain.measures", what=_pairs(_in_language(session, evidence.measures))), style="dim")
        if moment.status != "retracted":
            yield Text(session.say("explain.recovery", what=session.pick(moment.recovery)), style="green")


def _reasons(session: Session, case: CaseReading) -> Iterator[Text]:
    if case.outcome == "fired":
        return
    if case.error:
        yield Text(session.say("explain.because_failed", what=case.error))
        return
    for fact in case.satisfied_by:
        yield Text(session.say("explain.because_satisfied", kind=fact.kind, at=_minute(fact.at), event=fact.event_id))
    if case.outcome == "waiting" and case.look_at is not None:
        yield Text(session.say("explain.because_waiting", at=_minute(case.look_at)))
    for turns in case.turns:
        now = session.say("explain.and").join(f"{turn.parameter} = {_number(turn.value)}" for turn in turns)
        then = session.say("explain.and").join(f"{turn.parameter} = {_number(turn.fires_at)}" for turn in turns)
        yield Text(session.say("explain.because_threshold", now=now, then=then))
    if case.outcome == "silent" and not case.satisfied_by and not case.turns:
        yield Text(session.say("explain.because_nothing"))


def _facts(session: Session, facts: Sequence[Fact]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    for _ in range(4):
        table.add_column(overflow="fold")
    for fact in facts:
        said = [str(fact.value)] if fact.value else []
        said += [fact.note.replace("\x1f", " · ")] if fact.note else []
        said += [session.say("explain.promised", at=_minute(fact.due))] if fact.due else []
        table.add_row(
            Text(_minute(fact.at), style="dim"),
            Text(fact.kind, style="cyan"),
            Text(", ".join(said)),
            Text(fact.event_id, style="dim"),
        )
    return table


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_number(value)}" for name, value in values.items()) or "-"


def _in_language(session: Session, measures: Mapping[str, Any]) -> dict[str, Any]:
    """The measures without the words that are for the other language (`why_zh` in an English page)."""
    other = "_en" if session.language == "zh" else "_zh"
    return {
        name.removesuffix(f"_{session.language}"): value for name, value in measures.items() if not name.endswith(other)
    }


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _minute(ms: int) -> str:
    return from_ms(ms).strftime("%Y-%m-%d %H:%MZ")


def _day(ms: int) -> str:
    return from_ms(ms).strftime("%Y-%m-%d")
