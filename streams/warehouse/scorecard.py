"""The scorecard's own values: what every computed indicator came to over a span, in one question."""

# ruff: noqa: S608 - ids and expressions of the registry

from __future__ import annotations

from collections.abc import Iterable

from journeys.formulas import sample_sql, value_sql
from journeys.registry import Indicator
from journeys.scorecard import Own
from streams.sinks.literals import time_sql
from streams.warehouse.values import Reach, grain_for, whole
from streams.warehouse.warehouse import Warehouse


def own_values(warehouse: Warehouse, indicators: Iterable[Indicator], reach: Reach) -> dict[str, Own]:
    """The value of each computed indicator over `reach`, by id, as `mot kpi show` has it. Raises StreamsError."""
    questions = [_question(one, reach) for one in indicators if one.measure is not None]
    if not questions:
        return {}
    rows = warehouse.rows(" UNION ALL ".join(questions))
    return {str(row["name"]): Own(row["result"], row["units"] or 0.0) for row in rows}


def _question(indicator: Indicator, reach: Reach) -> str:
    """Nothing may be called `indicator` here: an alias would stand before the column of that name."""
    grain = grain_for(indicator, "total", reach)
    since, until = map(time_sql, whole(reach, grain))
    return (
        f"SELECT '{indicator.id}' AS name, toNullable(toFloat64({value_sql(indicator)})) AS result, "
        f"toFloat64({sample_sql(indicator)}) AS units FROM indicator_now "
        f"WHERE indicator = '{indicator.id}' AND grain = '{grain}' "
        f"AND window_start >= {since} AND window_start < {until}"
    )
