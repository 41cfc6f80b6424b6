"""Before and after with a control group, out of the facts: the units of an indicator, summed up by customer in SQL.

The units come from `journeys.formulas.units_sql`, the one implementation of each formula; what is done with them stands
in `journeys.effect`. A customer's units stay together: sums and their products go over customers. For quantiles each
draw of the bootstrap gives every customer a Poisson(1) weight out of a hash of seed, draw and customer id: it needs no
generator, and the same facts give the same interval wherever and in whatever order they are read.

Only time of which there are data counts: both windows are cut to that from the first event to the last, of a rate per
customer and day to the whole UTC days whose facts are complete. What is in both groups is treated, and not in the
control group.
"""

# ruff: noqa: S608 - our own words, the registry's SQL, and quoted values

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import exp, factorial
from typing import Any, NamedTuple

from journeys.effect import (
    REPLICATES,
    Cell,
    Effect,
    Estimate,
    Sums,
    Windows,
    by_bootstrap,
    by_delta,
    enough,
    expected,
    is_total,
    values,
)
from journeys.formulas import measure_of, units_sql
from journeys.registry import Indicator, Measure
from schemas.moments import Text
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.sinks.faults import translated
from streams.sinks.literals import midnight, quoted, time_sql
from streams.warehouse.asking import asking
from streams.warehouse.values import NoSuchSplit, Span, known_span
from streams.warehouse.warehouse import Warehouse

_WEIGHTS = 5_000_000
"""So many weights of bootstrap draws at most are made by one query: each draw keeps its own distribution in memory."""
_LONGEST_READ = 200_000
"""Bytes: ClickHouse parses no longer query (256 KiB) unless told so, which needs a client that may set things."""
_NOBODY = re.compile(r"''\s+AS\s+customer_id\b", re.IGNORECASE)
"""In the SQL of a rate per customer and day: its base is the population, which is no customer's."""
_DAY = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)
_DISTINCT = {"customers", "customer_share"}


class Members(NamedTuple):
    """Who belongs to a group: values allowed of dimensions, or the customers themselves.

    Of a rate per customer and day all known days of listed customers are the base: they are to be customers throughout.
    """

    where: Mapping[str, Sequence[str]]
    customers: Sequence[str] | None = None


class GroupsOverlap(StreamsError):
    """Customers are in both lists."""

    exit_code = USAGE

    def __init__(self, shared: Sequence[str]) -> None:
        some = ", ".join(shared[:3])
        super().__init__(
            Text(
                zh=f"{len(shared)} 个客户同时在处理组与对照组中（例如 {some}）。请从其中一组删除。",
                en=f"{len(shared)} customers are in both groups ({some}, for example). Take them out of one.",
            )
        )


def effect(
    warehouse: Warehouse, indicator: Indicator, windows: Windows, groups: tuple[Members, Members], seed: int = 1
) -> Effect:
    """The effect on `indicator` of what was done at `windows.at` to the first of `groups`; the second is the control.

    Raises NoSuchSplit for a dimension the indicator does not have, GroupsOverlap for two lists that name the same
    customer, and what `Warehouse` raises.
    """
    _check(indicator, groups)
    measure = measure_of(indicator)
    span = known_span(warehouse.rows) or Span(windows.at, windows.at)
    ripe = span.until - timedelta(days=measure.ahead_days)
    if _is_daily(measure):
        known = windows.within(midnight(span.since + _DAY - _MILLISECOND), midnight(ripe))
    else:
        known = windows.within(*span)
    cells, estimate, wanted, shared = _between(warehouse, indicator, known, groups, seed)
    half = (known.at - known.start) / 2
    middle = known.start + (half // _DAY * _DAY if _is_daily(measure) else half)
    _, trend, _, _ = _between(warehouse, indicator, Windows(known.start, middle, known.at), groups, seed)
    return Effect(cells, estimate, wanted, trend, known, early=windows.end > ripe, shared=shared)


def _is_daily(measure: Measure) -> bool:
    """Whether it is a rate per customer and day, divided by the population."""
    return "{population}" in measure.units and _NOBODY.search(measure.units) is not None


def _check(indicator: Indicator, groups: tuple[Members, Members]) -> None:
    there = measure_of(indicator).by
    for name in (name for group in groups for name in group.where):
        if name not in there:
            raise NoSuchSplit(indicator, name, there)
    named = [set(group.customers or ()) for group in groups]
    if shared := named[0] & named[1]:
        raise GroupsOverlap(sorted(shared))


def _between(
    warehouse: Warehouse, indicator: Indicator, windows: Windows, groups: tuple[Members, Members], seed: int
) -> tuple[list[Cell], Estimate | None, float | None, int]:
    """Cells, estimate, expected value and customers in both groups, for one pair of windows."""
    measure = measure_of(indicator)
    units = _units(indicator, windows, groups)
    row = _answer(warehouse, _counts_sql(measure, units))[0]
    counted, shared = row["units"] or [0] * 4, int(row["both"])  # without any unit sums of arrays are empty
    if measure.kind == "quantile":
        found = _numbers(row["found"], measure.scale)
        draws = _draws(warehouse, measure, units, (seed, sum(counted))) if None not in found else ()
        estimate = by_bootstrap(found, draws)
    else:
        sums = Sums(row["totals"] or [0.0] * 8, row["products"] or [0.0] * 64, int(row["people"]))
        if _is_daily(measure):
            sums, shared = _with_days(warehouse, sums, windows, groups)
        found = values(measure.kind, sums, measure.scale)
        estimate = by_delta(measure.kind, sums, measure.scale)
    cells = [Cell(*cell) for cell in zip(found, counted, row["customers"] or [0] * 4, strict=True)]
    told = enough(cells, empty_may_be=is_total(measure.kind) or _is_daily(measure))
    return cells, estimate if told else None, expected(measure.kind, found), shared


def _units(indicator: Indicator, windows: Windows, groups: tuple[Members, Members]) -> str:
    """The units of both groups, each with the cells it lies in: eight flags fold to `cells`, four of 0 and 1."""
    treated, control = (_belongs(group) for group in groups)
    since, at, until = (time_sql(moment) for moment in windows)
    columns = {"ratio": "hit, base", "customer_share": "hit, base", "quantile": "spread"}
    kept = columns.get(measure_of(indicator).kind, "hit")
    return (
        f"SELECT customer_id, {kept}, both, [treated AND at < {at}, treated AND at >= {at}, "
        f"control AND at < {at}, control AND at >= {at}] AS cells "
        f"FROM (SELECT *, {treated} AS treated, {control} AS claimed, claimed AND NOT treated AS control, "
        f"claimed AND treated AS both FROM ({units_sql(indicator, since, until)})) "
        "WHERE treated OR control"
    )


def _belongs(group: Members) -> str:
    tests = [f"{name} IN ({_list(wanted)})" for name, wanted in group.where.items()]
    if group.customers is not None:
        tests.append(f"customer_id IN ({_list(group.customers)})")
    return f"({' AND '.join(tests) or '1'})"


def _list(words: Sequence[str]) -> str:
    return ", ".join(map(quoted, words)) or "''"


def _counts_sql(measure: Measure, units: str) -> str:
    """One row: units and customers per cell; for a quantile its values, else the sums of `journeys.effect.Sums`."""
    per_cell = "sumForEachIf(cells, customer_id != '') AS units"
    if measure.kind == "quantile":
        found = ", ".join(
            f"if(countIf(cells[{cell}]) = 0, NULL, quantileExactInclusiveIf({measure.level!r})(spread, cells[{cell}]))"
            for cell in range(1, 5)
        )
        people = ", ".join(f"uniqExactIf(customer_id, cells[{cell}])" for cell in range(1, 5))
        both = "uniqExactIf(customer_id, both AND customer_id != '') AS both"
        return f"SELECT {per_cell}, {both}, [{people}] AS customers, [{found}] AS found FROM ({units})"
    return (
        "SELECT sumForEach(counted) AS units, sumForEachIf(arrayMap(one -> toUInt64(one > 0), counted), named) "
        "AS customers, sumForEach(given) AS totals, countIf(named) AS people, countIf(named AND shared) AS both, "
        "sumForEachIf(arrayFlatten(arrayMap(one -> arrayMap(other -> one * other, given), given)), named) AS products "
        f"FROM (SELECT customer_id != '' AS named, sumForEachIf(cells, customer_id != '') AS counted, "
        f"max(both) AS shared, [{_given(measure)}] AS given FROM ({units}) GROUP BY customer_id)"
    )


def _given(measure: Measure) -> str:
    """A customer's eight numbers: hit and base in each cell; who counts once has 0 or 1."""
    based = measure.kind in {"ratio", "customer_share"}
    numbers = []
    for cell in range(1, 5):
        for name, there in (("hit", True), ("base", based)):
            if not there:
                numbers.append("0.")
            elif measure.kind in _DISTINCT:
                numbers.append(f"toFloat64(countIf({name} > 0 AND cells[{cell}]) > 0)")
            else:
                numbers.append(f"toFloat64(sumIf({name}, cells[{cell}]))")
    return ", ".join(numbers)


def _with_days(warehouse: Warehouse, sums: Sums, windows: Windows, groups: tuple[Members, Members]) -> tuple[Sums, int]:
    """Of a rate per customer and day the base is the population; of groups named one by one it is their days.

    Who is in both groups is taken out of the control group's base too. Gives how many these are.
    """
    shared, *shared_days = _both(warehouse, windows, groups)
    days = [(windows.at - windows.start) / _DAY, (windows.end - windows.at) / _DAY]
    totals = list(sums.totals)
    listed = [None if group.customers is None else len(set(group.customers)) for group in groups]
    for window in range(2):
        treated, control = 2 * window + 1, 2 * window + 5
        if listed[0] is not None:
            totals[treated] = listed[0] * days[window]
        if listed[1] is not None:
            totals[control] = (listed[1] - shared) * days[window]
        elif listed[0] is not None:  # the population knows no lists
            totals[control] = max(0.0, totals[control] - shared_days[window])
    return sums._replace(totals=totals), shared


def _both(warehouse: Warehouse, windows: Windows, groups: tuple[Members, Members]) -> tuple[int, float, float]:
    """The customers in both groups, and how many of their days the population counts before and after."""
    since, at, until = (f"toDateTime('{midnight(one + _DAY - _MILLISECOND):%Y-%m-%d}', 'UTC')" for one in windows)
    seen, gone = "toStartOfDay(seen_first)", "ifNull(toStartOfDay(left_at), toDateTime('2105-01-01', 'UTC'))"
    days = ", ".join(
        f"sum(greatest(0, dateDiff('day', greatest({seen}, {begin}), least({gone}, {end})))) AS {name}"
        for name, begin, end in (("before", since, at), ("after", at, until))
    )
    where = " AND ".join(map(_belongs, groups))
    row = _answer(warehouse, f"SELECT count() AS people, {days} FROM customers_now WHERE {where}")[0]
    return int(row["people"]), float(row["before"] or 0), float(row["after"] or 0)


def _draws(warehouse: Warehouse, measure: Measure, units: str, seeded: tuple[int, int]) -> Iterator[list[float | None]]:
    """The quantile in each cell in every draw of the bootstrap; `seeded` is the seed and how many units there are."""
    seed, count = seeded
    step = max(1, min(REPLICATES, _WEIGHTS // max(1, count)))
    share = f"sipHash64({int(seed)}, draw, customer_id) / 18446744073709551616"
    weight = f"arrayCount(limit -> {share} >= limit, {_poisson_limits()})"
    for first in range(0, REPLICATES, step):
        chosen = ", ".join(
            f"if(sumIf(weight, cells[{cell}]) = 0, NULL, "
            f"quantileExactWeightedIf({measure.level!r})(spread, weight, cells[{cell}]))"
            for cell in range(1, 5)
        )
        numbers = f"arrayJoin(range({first}, {min(first + step, REPLICATES)})) AS draw"
        weighted = f"SELECT {numbers}, spread, cells, {weight} AS weight FROM ({units})"
        rows = _answer(warehouse, f"SELECT draw, [{chosen}] AS found FROM ({weighted}) GROUP BY draw ORDER BY draw")
        yield from (_numbers(row["found"], measure.scale) for row in rows)


def _poisson_limits() -> list[float]:
    """Where a uniform number passes from one Poisson(1) count to the next."""
    shares = [exp(-1) / factorial(count) for count in range(10)]
    return [sum(shares[: count + 1]) for count in range(10)]


def _answer(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    """The rows of a read, however long its list of customers is."""
    if len(sql.encode()) < _LONGEST_READ:
        return warehouse.rows(sql)
    with warehouse.writing() as client, translated(str(warehouse)):
        return asking(client, max_query_size=4 * len(sql.encode()), max_ast_elements=10_000_000)(sql)


def _numbers(found: Sequence[Any], scale: float) -> list[float | None]:
    return [None if one is None else scale * float(one) for one in found]
