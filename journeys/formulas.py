"""The one implementation of each formula: from an indicator's entry to the SQL that computes it.

An indicator is measured on units (a contact, a bill). `units_sql` lists them from the facts, `rollup_sql` sums them up
per window and dimensions into rows of table `indicator_rows`, `value_sql` makes the value of any set of such rows. Rows
keep what can be put together again: sums, the customers themselves, all durations; never an average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from journeys.registry import Indicator, Measure, RowDim, RowGrain

ROW_DIMS: tuple[str, ...] = get_args(RowDim)
BEGINNING, END = "toDateTime64('1970-01-01 00:00:00', 3, 'UTC')", "toDateTime64('2200-01-01 00:00:00', 3, 'UTC')"
_WINDOWS: Mapping[str, str] = {
    "minute": "toStartOfMinute(at)",
    "hour": "toStartOfHour(at)",
    "day": "toStartOfDay(at)",
    "cycle": "toStartOfDay(cycle_start + INTERVAL 12 HOUR)",
}
"""A bill period begins at local midnight: the nearest UTC day is the one that is meant, from UTC-12 to UTC+12."""
_TIMES: Mapping[str, str] = {"moments": "decided_at", "handoffs": "at", "transitions": "at"}
NOW = "(SELECT max(occurred_at) FROM events)"
"""Event time: a deadline after it has not passed yet."""


def measure_of(indicator: Indicator) -> Measure:
    """How `indicator` is computed. Raises ValueError for one that is not."""
    if indicator.measure is None:
        raise ValueError(f"indicator {indicator.id} is {indicator.availability}: nothing computes it")
    return indicator.measure


def value_sql(indicator: Indicator) -> str:
    """An aggregate over columns of `indicator_rows` that gives the indicator's value, NULL when nothing was measured.

    Right over any set of windows and dimensions. Raises ValueError for an indicator that is not computed.
    """
    measure = measure_of(indicator)
    scale = f" * {measure.scale!r}" if measure.scale != 1 else ""
    if measure.kind == "ratio":
        return f"sum(numerator) / nullIf(sum(denominator), 0){scale}"
    if measure.kind == "sum":
        return f"if(count() = 0, NULL, sum(numerator){scale})"
    if measure.kind == "customers":
        return f"if(count() = 0, NULL, toFloat64(uniqExactArray(customers)){scale})"
    if measure.kind == "customer_share":
        return f"uniqExactArray(customers) / nullIf(uniqExactArray(base_customers), 0){scale}"
    found = f"quantileExactInclusiveArray({measure.level!r})(spread){scale}"
    return f"if(sum(length(spread)) = 0, NULL, {found})"


def sample_sql(indicator: Indicator) -> str:
    """An aggregate over columns of `indicator_rows`: on how many units (customers, durations) the value stands."""
    return {
        "ratio": "toFloat64(sum(denominator))",
        "sum": "toFloat64(sum(denominator))",
        "customers": "toFloat64(uniqExactArray(customers))",
        "customer_share": "toFloat64(uniqExactArray(base_customers))",
        "quantile": "toFloat64(sum(length(spread)))",
    }[measure_of(indicator).kind]


def units_sql(indicator: Indicator, since: str = BEGINNING, until: str = END) -> str:
    """A SELECT of the units whose `at` lies in `[since, until)` (SQL expressions).

    Its columns: at, customer_id, all seven dimensions ('' where the indicator has none), and what its kind needs.
    """
    measure = measure_of(indicator)
    dims = [f"toString({name}) AS {name}" if name in measure.by else f"'' AS {name}" for name in ROW_DIMS]
    columns = ["at", "customer_id", *dims, *measure.columns]
    return (
        f"SELECT {', '.join(columns)} FROM ({_filled(measure, since, until)}) "  # noqa: S608 - data of the registry
        f"WHERE at >= {since} AND at < {until}"
    )


def rollup_sql(indicator: Indicator, grains: Sequence[RowGrain], since: str, until: str) -> str:
    """A SELECT of the rows of `indicator_rows`, without version, of the units in `[since, until)`, for each grain.

    The bounds must be window bounds, so that every window is whole. The facts are read once for all grains.
    """
    measure = measure_of(indicator)
    given = {
        "hit": "toFloat64(sum(hit))" if measure.kind in {"ratio", "sum"} else "0.",
        "base": {"ratio": "toFloat64(sum(base))", "sum": "toFloat64(countIf(hit != 0))"}.get(measure.kind, "0."),
    }
    people = measure.kind in {"customers", "customer_share"}
    customers = f"arraySort(groupUniqArrayIf({_WHO}, hit > 0))" if people else _NOBODY
    behind = f"arraySort(groupUniqArrayIf({_WHO}, base > 0))" if measure.kind == "customer_share" else _NOBODY
    spread = "arraySort(groupArray(toFloat64(spread)))" if measure.kind == "quantile" else "CAST([], 'Array(Float64)')"
    dims = ", ".join(ROW_DIMS)
    windows = ", ".join(f"('{grain}', toDateTime64({_WINDOWS[grain]}, 3, 'UTC'))" for grain in grains)
    return (
        f"SELECT '{indicator.id}' AS indicator, span.1 AS grain, span.2 AS window_start, {dims}, "  # noqa: S608
        f"{given['hit']} AS numerator, {given['base']} AS denominator, {customers} AS customers, "
        f"{behind} AS base_customers, {spread} AS spread "
        f"FROM ({units_sql(indicator, since, until)}) ARRAY JOIN [{windows}] AS span "
        f"GROUP BY grain, window_start, {dims}"
    )


_NOBODY = "CAST([], 'Array(UInt64)')"
_WHO = "cityHash64(customer_id)"
"""Customers are kept as numbers: four times as fast to count, and two of a million are taken for one once in 30 million
tables."""


def views(indicator: Indicator) -> list[str]:
    """Two views: `indicator_<id>`, the value per grain, window and dimensions, and `units_<id>`, what it stands on."""
    dims = ", ".join(measure_of(indicator).by)
    keys = f"grain, window_start{', ' + dims if dims else ''}"
    return [
        f"CREATE OR REPLACE VIEW indicator_{indicator.id} AS "  # noqa: S608 - ids are checked words
        f"SELECT {keys}, {value_sql(indicator)} AS value, {sample_sql(indicator)} AS units "
        f"FROM indicator_rows FINAL WHERE indicator = '{indicator.id}' GROUP BY {keys}",
        f"CREATE OR REPLACE VIEW units_{indicator.id} AS {units_sql(indicator)}",
    ]


def _filled(measure: Measure, since: str, until: str) -> str:
    """`units` with its tokens replaced."""
    begin = f"({since} - INTERVAL {measure.back_days} DAY)"
    end = f"({until} + INTERVAL {measure.ahead_days} DAY)"
    types = ", ".join(f"'{name}'" for name in measure.reads)
    filled = {
        "{events}": f"(SELECT * FROM events FINAL WHERE event_type IN ({types}) "  # noqa: S608
        f"AND occurred_at >= {begin} AND occurred_at < {end})",
        "{customers}": "customers_now",
        "{steps}": "(SELECT * FROM policy_steps FINAL WHERE active)",
        "{population}": "(SELECT day AS at, tier, region, customers FROM population FINAL "  # noqa: S608
        f"WHERE day >= {since} AND day < {until})",
        "{now}": NOW,
        "{from}": since,
        "{to}": until,
    }
    for name, time in _TIMES.items():
        table = "journey_transitions" if name == "transitions" else name
        filled[f"{{{name}}}"] = f"(SELECT * FROM {table} FINAL WHERE {time} >= {begin} AND {time} < {end})"  # noqa: S608
    text = measure.units
    for name, word in measure.words.items():
        text = text.replace(f"{{{name}}}", word)
    for token, sql in filled.items():
        text = text.replace(token, sql)
    return text
