"""Pieces of SQL that the panels share: which windows, which customers, how old the data are.

Rows of windows are chosen by grain before anything else, so that a year reads days and an hour reads minutes. A total
takes whole windows: the first one that holds the beginning of the time range to the last one that has begun.

Minutes are kept for 60 days from their storing, so a short time range long ago reads hours: whether minutes are still
there is asked of the rows themselves, as a log of last year that is read today has them.
"""

# ruff: noqa: S608 - nothing but our own words; what people choose comes quoted by Grafana

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from journeys.formulas import NOW, measure_of, sample_sql, units_sql, value_sql
from journeys.registry import Indicator, RowGrain
from schemas.envelope import Tier
from schemas.moments import Stage

FILTER_DIMS = ("stage", "touchpoint", "channel", "tier", "department", "region")
"""Dimensions that people choose from, in the order of the variables."""
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_LONG = {"hour": 3 * 3600, "day": 3 * 86400}
"""Time ranges (seconds) from which totals read hours, and days."""
_BEGIN = {"minute": "toStartOfMinute", "hour": "toStartOfHour", "day": "toStartOfDay"}
COUNTER_GRAINS: tuple[RowGrain, ...] = ("minute", "hour", "day")
RANGE = "($__toTime - $__fromTime)"


class Windows(NamedTuple):
    """Which rows to read: SQL for the grain and the half-open bounds of the windows' starts."""

    grain: str
    since: str
    until: str

    def chosen(self) -> str:
        """The condition on a table of windows."""
        return f"grain = {self.grain} AND window_start >= {self.since} AND window_start < {self.until}"


def _sizes(grains: Iterable[RowGrain]) -> list[str]:
    """The grains of clock time, coarsest first."""
    return [one for one in ("day", "hour", "minute") if one in grains]


def for_total(grains: Sequence[RowGrain]) -> Windows:
    """Windows for one number of the whole time range: the coarser, the longer the range."""
    return _windows(_sizes(grains), [f"{RANGE} >= {_LONG[one]}" for one in _sizes(grains)[:-1]])


def for_trend(grains: Sequence[RowGrain]) -> Windows:
    """Windows for a line: the coarsest that fits into the interval of the points."""
    return _windows(_sizes(grains), [f"$__interval_s >= {SECONDS[one]}" for one in _sizes(grains)[:-1]])


def _first(grain: str) -> str:
    """The hour of the first window with events, of the hours that the time range touches; NULL without any."""
    return (
        f"(SELECT toStartOfHour(window_start) FROM kpis WHERE indicator = 'events' AND grain = '{grain}' "
        "AND window_start >= toStartOfHour(toDateTime($__fromTime, 'UTC')) "
        "AND window_start < toStartOfHour(toDateTime($__toTime, 'UTC')) + toIntervalSecond(3600) "
        "ORDER BY window_start LIMIT 1)"
    )


_EXPIRED = f"ifNull({_first('hour')} < {_first('minute')}, {_first('hour')} IS NOT NULL)"
"""Whether minutes of the time range are no more, oldest first; a row of each grain is read."""


def _windows(sizes: Sequence[str], longer: Sequence[str]) -> Windows:
    """`longer` says for each size but the last when it is the one."""
    conditions = [*longer]
    if sizes[-2:] == ["hour", "minute"]:
        conditions[-1] = f"{longer[-1]} OR {_EXPIRED}"

    def choose(values: Sequence[str]) -> str:
        if len(values) == 1:
            return values[0]
        pairs = ", ".join(f"{condition}, {value}" for condition, value in zip(conditions, values, strict=False))
        return f"multiIf({pairs}, {values[-1]})"

    begin = [f"{_BEGIN[one]}(toDateTime($__fromTime, 'UTC'))" for one in sizes]
    end = [f"{_BEGIN[one]}(toDateTime($__toTime, 'UTC')) + toIntervalSecond({SECONDS[one]})" for one in sizes]
    return Windows(choose([f"'{one}'" for one in sizes]), choose(begin), choose(end))


def per_minute(counted: str) -> str:
    """SQL for a rate: what was counted in an interval of points, which is at least as long as the rows it reads."""
    size = "any(transform(toString(grain), ['minute', 'hour', 'day'], [60, 3600, 86400], 60))"
    return f"{counted} * 60 / greatest($__interval_s, {size})"


def finest(grains: Sequence[RowGrain]) -> str:
    """The shortest interval of points that has rows, as Grafana writes it."""
    return {"minute": "1m", "hour": "1h", "day": "1d"}[_sizes(grains)[-1]]


def filters(dims: Iterable[str], prefix: str = "") -> str:
    """Conditions that keep what the variables of the same names ask for; empty text without dimensions."""
    wanted = {*dims}
    columns = {**{dim: dim for dim in (*FILTER_DIMS, "valence")}, "detector": "detector_id"}
    return "".join(
        f" AND $__conditionalAll({prefix}{column} IN (${{{dim}:singlequote}}), ${dim})"
        for dim, column in columns.items()
        if dim in wanted
    )


def counter(indicators: Sequence[str], dims: Iterable[str], windows: Windows) -> str:
    """FROM and WHERE of the engine's counters."""
    named = ", ".join(f"'{one}'" for one in indicators)
    return f"FROM kpi_now WHERE indicator IN ({named}) AND {windows.chosen()}{filters(dims)}"


def moments(dims: Iterable[str], *conditions: str) -> str:
    """FROM and WHERE of the moments decided in the time range."""
    more = "".join(f" AND {one}" for one in conditions)
    return f"FROM moments_now WHERE $__timeFilter_ms(decided_at){filters(dims)}{more}"


def rows(indicator: Indicator, dims: Iterable[str], windows: Windows) -> str:
    """FROM and WHERE of an indicator's rows; only dimensions it has can be chosen from."""
    by = measure_of(indicator).by
    kept = filters(dim for dim in dims if dim in by)
    return f"FROM indicator_now WHERE indicator = '{indicator.id}' AND {windows.chosen()}{kept}"


def rows_of(indicators: Sequence[Indicator], dims: Iterable[str], windows: Windows) -> str:
    """FROM and WHERE of several indicators' rows; a choice leaves alone those that have not its dimension."""
    named = ", ".join(f"'{one.id}'" for one in indicators)
    kept = "".join(_where_it_has(dim, indicators) for dim in FILTER_DIMS if dim in {*dims})
    return f"FROM indicator_now WHERE indicator IN ({named}) AND {windows.chosen()}{kept}"


def _where_it_has(dim: str, indicators: Sequence[Indicator]) -> str:
    without = ", ".join(f"'{one.id}'" for one in indicators if dim not in measure_of(one).by)
    others = f" OR indicator IN ({without})" if without else ""
    return f" AND $__conditionalAll(({dim} IN (${{{dim}:singlequote}}){others}), ${dim})"


def value(indicator: Indicator) -> str:
    """The indicator's value as people read it: money in whole units of its currency."""
    return f"({value_sql(indicator)}) / 100" if indicator.unit == "minor" else value_sql(indicator)


def shown(indicator: Indicator, number: float) -> float:
    """A target as people read it."""
    return number / 100 if indicator.unit == "minor" else number


def total(indicator: Indicator, dims: Iterable[str]) -> str:
    """One row: the value over the time range."""
    windows = for_total(measure_of(indicator).grains)
    return f"SELECT {value(indicator)} AS value {rows(indicator, dims, windows)}"


def trend(indicator: Indicator, dims: Iterable[str], by: str | None = None, words: str = "''") -> str:
    """The value over time, one line for each value of dimension `by`; `words` is SQL that says it."""
    windows = for_trend(measure_of(indicator).grains)
    split = f"toString({by}) AS {by}, {words} AS name, " if by else ""
    keys = f"time, {by}, name" if by else "time"
    return (
        f"SELECT {bucket('window_start', _least(indicator))} AS time, {split}{value(indicator)} AS value "
        f"{rows(indicator, dims, windows)} GROUP BY {keys} ORDER BY time"
    )


def bucket(time: str, least: int = 60) -> str:
    """SQL for the start of the interval of points that `time` lies in; intervals have at least so many seconds."""
    return f"toStartOfInterval({time}, toIntervalSecond(greatest($__interval_s, {least})))"


def _least(indicator: Indicator) -> int:
    return SECONDS[_sizes(measure_of(indicator).grains)[-1]]


def broken_down(indicator: Indicator, dims: Iterable[str], by: str, words: str) -> str:
    """One row for each value of dimension `by`: its code, its name, the value and on how many units it stands."""
    windows = for_total(measure_of(indicator).grains)
    return (
        f"SELECT toString({by}) AS {by}, {words} AS name, {value(indicator)} AS value, {sample_sql(indicator)} AS n "
        f"{rows(indicator, dims, windows)} GROUP BY {by}, name ORDER BY {_order(by)}"
    )


def _order(by: str) -> str:
    """Stages and tiers in their own order, others by the units behind them."""
    codes = get_args({"stage": Stage, "tier": Tier}[by]) if by in {"stage", "tier"} else ()
    return f"indexOf({[*codes]}, {by})" if codes else f"n DESC, {by}"


def by_cycle(indicator: Indicator, dims: Iterable[str]) -> str:
    """The value by the day on which bill periods began."""
    by = measure_of(indicator).by
    kept = filters(dim for dim in dims if dim in by)
    return (
        f"SELECT window_start AS cycle, {value(indicator)} AS value FROM indicator_now "
        f"WHERE indicator = '{indicator.id}' AND grain = 'cycle' AND window_start < $__toTime "
        f"AND window_start >= $__fromTime - toIntervalDay(62){kept} GROUP BY cycle ORDER BY cycle"
    )


def units(indicator: Indicator) -> str:
    """The units behind `total`: the same windows, as many days before their end, or that of the data, as variable
    `reach` says."""
    windows = for_total(measure_of(indicator).grains)
    since, until = (f"toDateTime64({one}, 3, 'UTC')" for one in (windows.since, windows.until))
    return units_sql(indicator, f"greatest({since}, least({until}, {NOW}) - toIntervalDay($reach))", until)


def standing(value: str, target: str, warning: str, direction: str) -> str:
    """How a value stands to its target, as `Indicator.standing` says it."""
    sign = f"if({direction} = 'up', 1, -1)"
    return (
        f"multiIf({value} IS NULL OR {target} IS NULL OR {direction} = 'none', 'none', "
        f"{sign} * {value} >= {sign} * {target}, 'met', "
        f"{sign} * {value} >= {sign} * ifNull({warning}, {target}), 'warning', 'breach')"
    )


def written(number: str) -> str:
    """SQL that writes a number with its unit (column `unit` of the registry), for tables that hold several units."""
    periods = ((2 * 86400, 86400, "d"), (2 * 3600, 3600, "h"), (120, 60, "min"), (0, 1, "s"))
    cases = [("unit = 'share'", f"{number} * 100", "%")]
    cases += [
        (f"unit = 'seconds' AND {number} >= {least}", f"{number} / {size}", name) for least, size, name in periods
    ]
    cases += [("unit = 'minor'", f"{number} / 100", ""), ("unit = 'per_1000'", number, "‰")]
    cases += [("unit = 'per_10k'", number, "/10k"), ("unit = 'per_million'", number, "/1M")]
    said = "".join(f"{when}, concat(toString(round({what}, 2)), ' {mark}'), " for when, what, mark in cases)
    return f"ifNull(trimRight(multiIf({said}toString(round({number}, 2)))), '–')"


LATENCY = """SELECT
  dateDiff('second', (SELECT max(occurred_at) AS newest FROM events HAVING count() > 0), now64(3)) AS newest_event,
  dateDiff('second', (
    SELECT max(stored_at) AS newest FROM kpis WHERE indicator = 'events' AND grain = 'minute'
    AND window_start > (SELECT max(window_start) FROM kpis) - toIntervalHour(1) HAVING count() > 0
  ), now()) AS newest_counter,
  dateDiff('second', (
    SELECT max(read_until) AS newest FROM indicator_marks WHERE indicator != '*' HAVING count() > 0
  ), now()) AS newest_refresh"""
"""How old the data are, in seconds; NULL where there are none. The mark `*` is no indicator's."""
