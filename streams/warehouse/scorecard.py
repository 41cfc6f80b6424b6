"""The scorecard's own values: what every computed indicator came to over a span, in one question."""

# ruff: noqa: S608 - ids and expressions of the registry

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from journeys.formulas import sample_sql, value_sql
from journeys.registry import Indicator
from journeys.scorecard import Own
from streams.warehouse.values import grain_for, span_before
from streams.warehouse.warehouse import Warehouse


def own_values(
    warehouse: Warehouse, indicators: Iterable[Indicator], front: datetime, length_ms: int
) -> dict[str, Own]:
    """The value of each computed indicator over the time of `length_ms` before `front`, by id. Raises StreamsError."""
    questions = [_question(one, front, length_ms) for one in indicators if one.measure is not None]
    if not questions:
        return {}
    rows = warehouse.rows(" UNION ALL ".join(questions))
    return {str(row["name"]): Own(row["result"], row["units"] or 0.0) for row in rows}


def _question(indicator: Indicator, front: datetime, length_ms: int) -> str:
    """Nothing may be called `indicator` here: an alias would stand before the column of that name."""
    grain = grain_for(indicator, "total", length_ms)
    since, until = (f"toDateTime64('{at:%Y-%m-%d %H:%M:%S}', 3, 'UTC')" for at in span_before(front, length_ms, grain))
    return (
        f"SELECT '{indicator.id}' AS name, toNullable(toFloat64({value_sql(indicator)})) AS result, "
        f"toFloat64({sample_sql(indicator)}) AS units FROM indicator_now "
        f"WHERE indicator = '{indicator.id}' AND grain = '{grain}' "
        f"AND window_start >= {since} AND window_start < {until}"
    )
