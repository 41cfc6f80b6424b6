"""Values of indicators out of their rows: over a span, per window, by dimensions."""

# ruff: noqa: S608 - ids and dimensions are checked words, values are quoted

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from journeys.formulas import measure_of, sample_sql, value_sql
from journeys.registry import Indicator, RowGrain
from schemas.moments import Text
from schemas.times import DAY, HOUR, MINUTE
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.warehouse.asking import Ask
from streams.warehouse.warehouse import Warehouse

Window = Literal["total", "minute", "hour", "day", "week", "month", "quarter", "cycle"]
_COARSER: Mapping[str, str] = {
    "week": "toStartOfWeek(window_start, 1)",
    "month": "toStartOfMonth(window_start)",
    "quarter": "toStartOfQuarter(window_start)",
}
_LENGTH_MS: Mapping[str, int] = {"minute": MINUTE, "hour": HOUR, "day": DAY, "cycle": DAY}


class Span(NamedTuple):
    """`[since, until)`, aware."""

    since: datetime
    until: datetime


class Asked(NamedTuple):
    """What is asked of an indicator: which span, split by which window and dimensions, for whom.

    `where` holds the values allowed of a dimension.
    """

    span: Span
    window: Window = "total"
    by: tuple[str, ...] = ()
    where: Mapping[str, Sequence[str]] = {}


class Value(NamedTuple):
    """A value with the window and dimensions it is for; `units` is how many units it stands on."""

    window_start: str | None
    dims: tuple[str, ...]
    value: float | None
    units: float


class NoSuchSplit(StreamsError):
    """The indicator has no rows of that kind."""

    exit_code = USAGE

    def __init__(self, indicator: Indicator, what: str, there: Sequence[str]) -> None:
        known = ", ".join(there)
        super().__init__(
            Text(
                zh=f"指标 {indicator.id} 不能按 {what} 划分;可用:{known or '无'}。",
                en=f"Indicator {indicator.id} cannot be split by {what}; there are: {known or 'none'}.",
            )
        )


def front_of(warehouse: Warehouse) -> datetime | None:
    """The highest event time in the warehouse, None in an empty one. Raises StreamsError."""
    return latest_event(warehouse.rows)


def latest_event(ask: Ask) -> datetime | None:
    """The same of whoever answers `ask`."""
    row = ask("SELECT count() AS events, max(occurred_at) AS front FROM events")[0]
    return datetime.fromisoformat(row["front"]) if row["events"] else None


def span_before(front: datetime, length_ms: int, grain: RowGrain) -> Span:
    """The span of about `length_ms` that ends with `front`, as whole windows of `grain`."""
    step = timedelta(milliseconds=_LENGTH_MS[grain])
    until = _floor(front, step) + step
    since = _floor(until - timedelta(milliseconds=length_ms), step)
    return Span(since, until)


def grain_for(indicator: Indicator, window: Window, length_ms: int) -> RowGrain:
    """The rows to read: those of the window itself; for a total or what is put together from days, the coarsest
    that fit into `length_ms`. Raises NoSuchSplit for a window the indicator is not kept in."""
    grains = measure_of(indicator).grains
    if window in _COARSER or window == "total":
        fitting = [grain for grain in ("day", "hour", "minute") if grain in grains and _LENGTH_MS[grain] <= length_ms]
        return next(iter(fitting), grains[0])
    if window not in grains:
        raise NoSuchSplit(indicator, window, [*grains, *(_COARSER if "day" in grains else ())])
    return window


def values(warehouse: Warehouse, indicator: Indicator, asked: Asked, grain: RowGrain) -> list[Value]:
    """The values asked for, by window and dimensions. Raises NoSuchSplit and what `Warehouse.rows` raises."""
    there = measure_of(indicator).by
    for name in (*asked.by, *asked.where):
        if name not in there:
            raise NoSuchSplit(indicator, name, there)
    at = _COARSER.get(asked.window, "window_start")
    keys = [*([] if asked.window == "total" else [f"toString({at}) AS at"]), *asked.by]
    chosen = [
        f"indicator = '{indicator.id}'",
        f"grain = '{grain}'",
        f"window_start >= {_sql(asked.span.since)}",
        f"window_start < {_sql(asked.span.until)}",
        *(f"{name} IN ({', '.join(map(quoted, wanted))})" for name, wanted in asked.where.items()),
    ]
    named = [key.rsplit(" AS ", 1)[-1] for key in keys]
    grouped = f" GROUP BY {', '.join(named)} ORDER BY {', '.join(named)}" if named else ""
    rows = warehouse.rows(
        f"SELECT {''.join(f'{key}, ' for key in keys)}{value_sql(indicator)} AS result, "
        f"{sample_sql(indicator)} AS units FROM indicator_now WHERE {' AND '.join(chosen)}{grouped}"
    )
    return [
        Value(row.get("at"), tuple(row[name] for name in asked.by), row["result"], row["units"] or 0.0) for row in rows
    ]


def quoted(text: str) -> str:
    """`text` as a ClickHouse string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _floor(moment: datetime, step: timedelta) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step


def _sql(moment: datetime) -> str:
    return f"toDateTime64('{moment:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"


def as_json(found: Sequence[Value], by: Sequence[str]) -> list[dict[str, Any]]:
    """Values for a program."""
    return [
        {
            **({} if one.window_start is None else {"window_start": one.window_start}),
            **dict(zip(by, one.dims, strict=True)),
            "value": one.value,
            "units": one.units,
        }
        for one in found
    ]
