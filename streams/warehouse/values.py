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
from streams.sinks.literals import midnight, quoted, time_sql
from streams.warehouse.asking import Ask
from streams.warehouse.warehouse import Warehouse, paged

Window = Literal["total", "minute", "hour", "day", "week", "month", "quarter", "cycle"]
_COARSER: Mapping[str, str] = {
    "week": "toStartOfWeek(window_start, 1)",
    "month": "toStartOfMonth(window_start)",
    "quarter": "toStartOfQuarter(window_start)",
}
_STEP: Mapping[str, timedelta] = {
    grain: timedelta(milliseconds=size)
    for grain, size in (("minute", MINUTE), ("hour", HOUR), ("day", DAY), ("cycle", DAY))
}
_LONG: Mapping[str, timedelta] = {"day": timedelta(days=3), "hour": timedelta(hours=3)}
"""From so long on a total is read from rows of this grain; the boards do the same."""
_EVENT = timedelta(milliseconds=1)


class Span(NamedTuple):
    """`[since, until)`, aware."""

    since: datetime
    until: datetime


class Reach(NamedTuple):
    """A span as it is asked for, before it is made of whole windows.

    `since` is a time, which is the bound itself, or how far back to go from the end. `until` is not part of it; `open`
    when nobody named it and it is where the data end.
    """

    since: datetime | timedelta
    until: datetime
    open: bool = False

    @property
    def length(self) -> timedelta:
        """How long it is; below zero when it ends before it begins."""
        return self.since if isinstance(self.since, timedelta) else self.until - self.since

    def are_bounds(self, grain: RowGrain) -> bool:
        """Whether the times that were named are bounds of windows of `grain`."""
        named = [*([] if isinstance(self.since, timedelta) else [self.since]), *([] if self.open else [self.until])]
        return all(_floor(one, _STEP[grain]) == one for one in named)


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
                zh=f"指标 {indicator.id} 不能按 {what} 划分；可用：{'、'.join(there) or '无'}。",
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


def known_span(ask: Ask) -> Span | None:
    """From the lowest event time to just after the highest; None without events. Raises what `ask` raises."""
    row = ask("SELECT count() AS events, min(occurred_at) AS first, max(occurred_at) AS front FROM events")[0]
    if not row["events"]:
        return None
    return Span(datetime.fromisoformat(row["first"]), after(datetime.fromisoformat(row["front"])))


def after(front: datetime) -> datetime:
    """The end of a span that an event at `front` is part of."""
    return front + _EVENT


def whole(reach: Reach, grain: RowGrain) -> Span:
    """`reach` as whole windows of `grain`: those that a bound lies within are part of it.

    An end that is a bound of windows stays the end: until 2026-05-08 is without that day.
    """
    step = _STEP[grain]
    until = _floor(reach.until + step - _EVENT, step)
    since = until - reach.since if isinstance(reach.since, timedelta) else reach.since
    return Span(_floor(since, step), until)


def grain_for(indicator: Indicator, window: Window, reach: Reach) -> RowGrain:
    """The rows to read: those of the window itself; days for what is put together from days. For a total the coarsest
    that `reach` is long enough for and whose windows its bounds are; of an indicator not kept so fine, the finest.

    Raises NoSuchSplit for a window the indicator is not kept in.
    """
    grains = measure_of(indicator).grains
    if window == "total" or (window in _COARSER and "day" not in grains):
        there: list[RowGrain] = [grain for grain in ("day", "hour", "minute") if grain in grains]
        fitting = [grain for grain in there if reach.length >= _LONG.get(grain, _STEP["minute"])]
        return next((grain for grain in fitting if reach.are_bounds(grain)), (fitting or there or grains)[-1])
    if window in _COARSER:
        return "day"
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
        f"window_start >= {time_sql(asked.span.since)}",
        f"window_start < {time_sql(asked.span.until)}",
        *(f"{name} IN ({', '.join(map(quoted, wanted))})" for name, wanted in asked.where.items()),
    ]
    named = [key.rsplit(" AS ", 1)[-1] for key in keys]
    grouped = f" GROUP BY {', '.join(named)} ORDER BY {', '.join(named)}" if named else ""
    rows = paged(
        warehouse.rows,
        f"SELECT {''.join(f'{key}, ' for key in keys)}{value_sql(indicator)} AS result, "
        f"{sample_sql(indicator)} AS units FROM indicator_now WHERE {' AND '.join(chosen)}{grouped}",
    )
    return [
        Value(row.get("at"), tuple(row[name] for name in asked.by), row["result"], row["units"] or 0.0) for row in rows
    ]


def _floor(moment: datetime, step: timedelta) -> datetime:
    begins = midnight(moment)
    return begins + (moment - begins) // step * step


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
