"""The MOT map out of the facts: marked visits and their outcomes counted in SQL, powers computed, rows written.

A unit is a customer at a touchpoint in a calendar month (UTC); repeated alerts of one episode count once.

- *Marked*: the first decision of that valence at the touchpoint in the month, not retracted and not by a model alone.
  Its time is the decision: what came before cannot follow from it.
- *Comparison*: the month's first event at the same touchpoint, by customers without any moment there in the 30 days
  before, nor one of an episode that this event or an earlier one began (its anchor), however late it was decided. Its
  time is that event. What begins later leaves nobody out: an outcome often leads to the next moment, and a comparison
  chosen by its future would be without those who had one (Hernan et al. 2016, on time zero). Later moments of the
  comparison are part of what becomes of those without one now, so a power is, if anything, told too small.
- *Outcome*: an event of `OUTCOMES` in the 30 days after that time. Credits and retention offers are none: they are what
  we do about a moment, not what the customer does.
- *Purged* from both sides, so that no side gains: whoever had such an outcome in the 30 days up to that time (a
  complaint is an input and a label; who has left cannot leave), and units whose outcome is evidence of the moment.
  Touchpoints that are themselves an outcome, such as a complaint, therefore keep their prior.
- *Ripe*: only units whose 30 days have passed by the latest event time.

Repair after an alert is part of what is measured: the power is that of a moment as this operator treats it.
"""

# ruff: noqa: S608 - our own words, the catalogue's checked ids, and quoted values of our own tables

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, get_args

from journeys.power import HORIZON_DAYS, Power, Stratum, ValencePrior, Visits, powers, prior_of
from journeys.touchpoints import Touchpoints
from schemas.moments import Valence
from streams.sinks.literals import quoted, time_sql, time_text
from streams.sinks.rows import encoded
from streams.warehouse.asking import Ask
from streams.warehouse.values import Span

VALENCES: tuple[Valence, ...] = get_args(Valence)
_SCORE = "JSONExtractInt(attributes, 'score')"
_INSTRUMENT = "JSONExtractString(attributes, 'instrument')"
OUTCOMES: Mapping[Valence, tuple[tuple[str, ...], str]] = {
    "negative": (
        (
            "complaint.opened", "complaint.reopened", "complaint.escalated", "regulator.complaint_received",
            "bill.disputed", "cancel.requested", "cancel.confirmed", "port_out.requested", "port_out.completed",
            "churn.confirmed",
        ),
        f"({_INSTRUMENT} = 'nps' AND {_SCORE} <= 6) OR ({_INSTRUMENT} = 'csat' AND {_SCORE} <= 2)",
    ),
    "positive": (("contract.renewed", "referral.recorded"), f"{_INSTRUMENT} = 'nps' AND {_SCORE} >= 9"),
}  # fmt: skip
"""The outcomes of §6.1 that a customer decides on, as event types and the surveys that count (§6.4)."""
_HORIZON = f"INTERVAL {HORIZON_DAYS} DAY"


class Point(NamedTuple):
    """One bar of the map: the power of a touchpoint for one valence. `purged` units were left out."""

    stage: str
    valence: Valence
    power: Power
    purged: int


def ripe_span(front: datetime, back: timedelta) -> Span:
    """The visits of the time `back` before `front` that are ripe. Empty when `back` is not longer than 30 days."""
    until = front.astimezone(UTC) - timedelta(days=HORIZON_DAYS)
    return Span(min(front.astimezone(UTC) - back, until), until)


def mot_map(ask: Ask, touchpoints: Touchpoints, span: Span) -> list[Point]:
    """Both powers of every touchpoint, in the catalogue's order: those without data have their prior.

    Raises what `ask` raises.
    """
    return [point for valence in VALENCES for point in _of_valence(ask, touchpoints, span, valence)]


def _of_valence(ask: Ask, touchpoints: Touchpoints, span: Span, valence: Valence) -> list[Point]:
    strata: dict[str, list[Stratum]] = {}
    purged: dict[str, int] = {}
    for row in _counted(ask, span, valence):
        name = str(row["touchpoint"])
        strata.setdefault(name, []).append(Stratum(*(int(row[field]) for field in Stratum._fields)))
        purged[name] = purged.get(name, 0) + int(row["purged"])
    stages = {name: (one.stage, one.valence_prior) for name, one in touchpoints.items()}
    unknown: tuple[str, ValencePrior] = ("", "both")
    visits = [
        Visits(name, prior_of(valence, stages.get(name, unknown)[1]), strata.get(name, ()))
        for name in (*stages, *(name for name in strata if name not in stages))
    ]
    return [
        Point(stages.get(one.touchpoint, unknown)[0], valence, one, purged.get(one.touchpoint, 0))
        for one in powers(visits)
    ]


def _counted(ask: Ask, span: Span, valence: Valence) -> list[dict[str, Any]]:
    """Counts per touchpoint, tier and month. Only touchpoints with a mark are looked at: the rest have their prior."""
    chosen = f"valence = '{valence}' AND {_marks(span)}"
    marked = [str(row["touchpoint"]) for row in ask(f"SELECT DISTINCT touchpoint FROM moments_now WHERE {chosen}")]
    if not marked:
        return []
    there = f"touchpoint IN ({', '.join(map(quoted, sorted(marked)))})"
    within = _within(span)
    types = [
        str(row["event_type"]) for row in ask(f"SELECT DISTINCT event_type FROM events WHERE {there} AND {within}")
    ]
    return ask(count_sql(span, valence, sorted(marked), sorted(types)))


def count_sql(span: Span, valence: Valence, touchpoints: Sequence[str], event_types: Sequence[str]) -> str:
    """The counts of `Stratum` per touchpoint, tier and month. `event_types` are those found at the touchpoints."""
    there = f"touchpoint IN ({', '.join(map(quoted, touchpoints))})"
    types = f"event_type IN ({', '.join(map(quoted, event_types or ['']))})"
    units = f"{_marked(span, valence, there)} UNION ALL {_comparison(span, f'{types} AND {there}', there)}"
    judged = (
        "SELECT touchpoint, tier, month, is_marked, "
        f"arrayExists(one -> one.1 > at AND one.1 <= at + {_HORIZON}, outcomes) AS hit, "
        f"arrayExists(one -> (one.1 <= at AND one.1 >= at - {_HORIZON}) OR has(evidence, one.2), outcomes) AS gone "
        f"FROM ({units}) AS units LEFT JOIN ({_outcomes(span, valence)}) AS what USING (customer_id)"
    )
    return (
        "SELECT touchpoint, tier, month, countIf(is_marked AND NOT gone) AS marked, "
        "countIf(is_marked AND NOT gone AND hit) AS marked_hits, countIf(NOT is_marked AND NOT gone) AS others, "
        "countIf(NOT is_marked AND NOT gone AND hit) AS others_hits, countIf(is_marked AND gone) AS purged "
        f"FROM ({judged}) GROUP BY touchpoint, tier, month ORDER BY touchpoint, tier, month"
    )


def _marked(span: Span, valence: Valence, there: str) -> str:
    return (
        "SELECT customer_id, touchpoint, toStartOfMonth(decided_at) AS month, min(decided_at) AS at, "
        "argMin(toString(tier), tuple(decided_at, moment_id)) AS tier, 1 AS is_marked, "
        "groupUniqArrayArray(evidence_events) AS evidence "
        f"FROM moments_now WHERE valence = '{valence}' AND {there} AND {_marks(span)} "
        "GROUP BY customer_id, touchpoint, month"
    )


def _comparison(span: Span, events: str, there: str) -> str:
    """Visits without a moment of either valence, nor one that a model alone decided: those are on neither side."""
    visits = (
        "SELECT customer_id, touchpoint, toStartOfMonth(occurred_at) AS month, min(occurred_at) AS at, "
        "argMin(toString(tier), tuple(occurred_at, event_id)) AS tier, 0 AS is_marked, "
        "CAST([], 'Array(String)') AS evidence "
        f"FROM events_now WHERE {events} AND {_within(span)} GROUP BY customer_id, touchpoint, month"
    )
    moments = (
        "SELECT customer_id, touchpoint, groupArray(tuple(anchor_at, decided_at)) AS spans "
        f"FROM moments_now WHERE {there} AND status != 'retracted' GROUP BY customer_id, touchpoint"
    )
    return (
        f"SELECT visits.* FROM ({visits}) AS visits LEFT JOIN ({moments}) AS known USING (customer_id, touchpoint) "
        f"WHERE NOT arrayExists(one -> one.2 >= at - {_HORIZON} AND one.1 <= at, spans)"
    )


def _within(span: Span) -> str:
    return f"occurred_at >= {time_sql(span.since)} AND occurred_at < {time_sql(span.until)}"


def _outcomes(span: Span, valence: Valence) -> str:
    """The outcomes of each customer, from 30 days before the span to 30 days after it."""
    types, surveys = OUTCOMES[valence]
    names = ", ".join(map(quoted, (*types, "survey.answered")))
    return (
        "SELECT customer_id, groupArray(tuple(occurred_at, event_id)) AS outcomes FROM events_now "
        f"WHERE event_type IN ({names}) AND (event_type != 'survey.answered' OR {surveys}) "
        f"AND occurred_at >= {time_sql(span.since)} - {_HORIZON} "
        f"AND occurred_at <= {time_sql(span.until)} + {_HORIZON} "
        "GROUP BY customer_id"
    )


def _marks(span: Span) -> str:
    return (
        "status != 'retracted' AND NOT model_only "
        f"AND decided_at >= {time_sql(span.since)} AND decided_at < {time_sql(span.until)}"
    )


def rows_of(points: Iterable[Point], span: Span, version: int) -> list[dict[str, Any]]:
    """Rows of table `mot_power`."""
    return [
        {
            "touchpoint": one.power.touchpoint,
            "stage": one.stage,
            "valence": one.valence,
            "power": one.power.power,
            "low": one.power.low,
            "high": one.power.high,
            "visits": one.power.visits,
            "raw": one.power.raw,
            "prior": one.power.prior,
            "from_data": one.power.from_data,
            "window_start": time_text(span.since),
            "window_end": time_text(span.until),
            "version": version,
        }
        for one in points
    ]


def store(client: Any, points: Iterable[Point], span: Span) -> None:
    """Write the map under a version above all before. Raises ClickHouseError."""
    version = int(client.query("SELECT max(version) + 1 FROM mot_power").result_rows[0][0])
    client.raw_insert("mot_power", insert_block=b"\n".join(encoded(rows_of(points, span, version))), fmt="JSONEachRow")
