"""Which windows of an indicator newly stored facts can have changed."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from journeys.formulas import NOW
from journeys.registry import Measure
from streams.sinks.literals import in_utc, midnight

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Span(NamedTuple):
    """Event time from `first` to `last`, both included."""

    first: datetime
    last: datetime


class News(NamedTuple):
    """What was stored since a time: by event type, and by table of facts, the span of event time that it covers.

    `front` is the highest event time known now, None in an empty warehouse.
    """

    events: Mapping[str, Span]
    facts: Mapping[str, Span]
    front: datetime | None


_FACTS = {
    # A moment told anew may be decided at another time than it was, but never before its anchor, which stays.
    "moments": ("min(anchor_at)", f"greatest(max(decided_at), {NOW})"),
    "handoffs": ("min(at)", "max(at)"),
    "journey_transitions": ("min(at)", "max(at)"),
    "population": ("min(day)", "max(day)"),
}
"""The span that new rows of a table can touch: its first and its last time."""
_TOKENS = {
    "{moments}": "moments",
    "{handoffs}": "handoffs",
    "{transitions}": "journey_transitions",
    "{population}": "population",
}


def news_since(client: Any, stored_since: str) -> News:
    """Ask the warehouse what was stored since then (an SQL time). Raises ClickHouseError."""
    events = {
        str(kind): Span(in_utc(first), in_utc(last))
        for kind, first, last in client.query(
            "SELECT event_type, min(occurred_at), max(occurred_at) FROM events "
            f"WHERE stored_at >= {stored_since} GROUP BY event_type"
        ).result_rows
    }
    facts = {}
    for table, (begins, ends) in _FACTS.items():
        count, first, last = client.query(
            f"SELECT count(), {begins}, {ends} FROM {table} WHERE stored_at >= {stored_since}"
        ).result_rows[0]
        if count:
            facts[table] = Span(in_utc(first), in_utc(last))
    count, front = client.query("SELECT count(), max(occurred_at) FROM events").result_rows[0]
    return News(events, facts, in_utc(front) if count else None)


def changed(measure: Measure, news: News, front_before: datetime | None) -> Span | None:
    """The days whose rows may be others now, as first and first no longer changed midnight; None when none may.

    A fact of time t matters to units from `ahead_days` before it to `back_days` after it. Where a unit waits for its
    deadline ({now}), units that have ripened since are new too. What hangs on customers as they are now is always new.
    """
    if "{customers}" in measure.units:
        return Span(BEGINNING, END) if news.events or news.facts else None
    spans = [*_touched(measure, news)]
    if not spans and not ("{now}" in measure.units and front_before != news.front):
        return None
    if "{now}" in measure.units and news.front is not None:
        spans.append(Span(news.front if front_before is None else min(front_before, news.front), news.front))
    first = min(span.first for span in spans) - measure.ahead_days * _DAY
    last = max(span.last for span in spans) + measure.back_days * _DAY
    return Span(midnight(first), midnight(last) + _DAY)


def _touched(measure: Measure, news: News) -> Iterable[Span]:
    yield from (news.events[kind] for kind in measure.reads if kind in news.events)
    yield from (news.facts[table] for token, table in _TOKENS.items() if token in measure.units and table in news.facts)
