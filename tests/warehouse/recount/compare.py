"""Values by hand against values by SQL: per window, per dimension, all dimensions together, and over all time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from journeys.formulas import ROW_DIMS, measure_of, sample_sql, value_sql
from journeys.registry import Indicator, Measure
from tests.warehouse.recount import care, journey, leaving, money, network, rules
from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.log import DAY, HOUR, MINUTE, Log
from tests.warehouse.recount.units import Units

Recount = Callable[[Log, Facts], Units]
RECOUNTS: Mapping[str, Recount] = (
    {  # by id; a recount bears the indicator's name, or is named in NAMED
        one.__name__: one for area in (journey, network, money, care, leaving, rules) for one in area.RECOUNTS
    }
    | leaving.NAMED
    | rules.NAMED
)
SIZE = {"minute": MINUTE, "hour": HOUR, "day": DAY, "cycle": DAY}
TOLERANCE = 1e-9
Split = tuple[str, ...]
BySql = Callable[[Indicator, str, Split], pd.DataFrame]
_SHOWN = 3
_NUMBERS = ["value", "sample"]


class Compared(NamedTuple):
    """What came of one indicator: units by hand, values compared, values that differ and the first few of them."""

    units: int
    values: int
    wrong: int
    examples: list[str]


def compare(client: Any, indicators: Sequence[Indicator], log: Log, facts: Facts) -> dict[str, Compared]:
    """Count the indicators by hand and compare every value of every grain."""
    alike: dict[tuple[str, str], list[Indicator]] = defaultdict(list)
    for one in indicators:
        alike[value_sql(one), sample_sql(one)].append(one)
    found = {}
    for formulas, some in alike.items():
        by_sql = _by_sql(client, some, *formulas)
        for one in some:
            found[one.id] = _compared(one, RECOUNTS[one.id](log, facts).frame(), by_sql)
    return found


def _compared(indicator: Indicator, units: pd.DataFrame, by_sql: BySql) -> Compared:
    measure = measure_of(indicator)
    units["hit_customer"] = units["customer_id"].where(units["hit"] > 0)
    values, wrong, examples = 0, 0, []
    for grain in measure.grains:
        at = units["cycle" if grain == "cycle" else "at"]
        units["window"] = at - at % SIZE[grain]
        for split in splits(measure):
            hand = _by_hand(units, measure, split)
            found = _differences(hand, by_sql(indicator, grain, split), split)
            values += len(hand)
            wrong += len(found)
            examples += [f"{grain} by {split}: {row}" for row in found.head(_SHOWN).to_dict("records")]
    return Compared(len(units), values, wrong, examples)


def splits(measure: Measure) -> list[Split]:
    """All time; per window; per window and one dimension; per window and all dimensions."""
    by = tuple(measure.by)
    whole = [("window", *by)] if len(by) > 1 else []
    return [(), ("window",), *(("window", one) for one in by), *whole]


def _by_hand(units: pd.DataFrame, measure: Measure, split: Split) -> pd.DataFrame:
    """The value and how many units it stands on, by `split`."""
    if split:
        groups = units.groupby(list(split), sort=False, observed=True)
        return _values(groups, measure).reset_index()
    whole = units.assign(whole=0).groupby("whole")
    return _values(whole, measure).reset_index(drop=True)


def _values(groups: Any, measure: Measure) -> pd.DataFrame:
    if measure.kind == "ratio":
        sums = groups[["hit", "base"]].sum()
        value = (sums["hit"] / sums["base"].replace(0, np.nan)) * measure.scale
        return pd.DataFrame({"value": value, "sample": sums["base"]})
    if measure.kind == "sum":
        total = groups["hit"].sum()
        return pd.DataFrame({"value": total * measure.scale, "sample": total})
    if measure.kind == "quantile":
        return pd.DataFrame({"value": groups["spread"].quantile(measure.level), "sample": groups.size().astype(float)})
    people = groups["customer_id"].nunique().astype(float)
    if measure.kind == "customers":
        return pd.DataFrame({"value": people, "sample": people})
    hit = groups["hit_customer"].nunique()
    return pd.DataFrame({"value": hit / people, "sample": people})


def _by_sql(client: Any, indicators: Sequence[Indicator], value: str, sample: str) -> BySql:
    """What the formulas make of the rows of indicators that share them, in one query."""
    dims = ("window_start", *ROW_DIMS)
    sets = [(), ("window_start",), *(("window_start", one) for one in ROW_DIMS), dims]
    named = ", ".join(f"'{one.id}'" for one in indicators)
    rows = client.query_df(
        f"SELECT {', '.join(f'toString({name}) AS said_{name}' for name in ('indicator', 'grain', *ROW_DIMS))}, "
        "toInt64(toUnixTimestamp64Milli(window_start)) AS window, "
        f"{', '.join(f'grouping({name})' for name in dims)}, {value} AS value, {sample} AS sample "
        f"FROM indicator_now WHERE indicator IN ({named}) "
        f"GROUP BY GROUPING SETS ({', '.join('(' + ', '.join(('indicator', 'grain', *one)) + ')' for one in sets)})"
    ).rename(columns=lambda name: name.removeprefix("said_"))
    over = [f"grouping({name})" for name in dims]
    parts = dict(iter(rows.groupby(["indicator", "grain", *over])))
    nothing = rows.head(0)

    def part(indicator: Indicator, grain: str, split: Split) -> pd.DataFrame:
        whole = len(split) > 2  # all its dimensions: the others are empty
        key = tuple(int(not whole and name.removesuffix("_start") not in split) for name in dims)
        return parts.get((indicator.id, grain, *key), nothing)[[*split, *_NUMBERS]]

    return part


def _differences(hand: pd.DataFrame, sql: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Rows whose numbers differ; a row that is missing stands for nothing measured."""
    if split:
        both = hand.merge(sql, how="outer", on=list(split), suffixes=("", "_sql"))
    else:
        both = pd.concat([hand, sql.reset_index(drop=True).add_suffix("_sql")], axis=1)
    right = np.ones(len(both), dtype=bool)
    for name in _NUMBERS:
        one = both[name].astype(float).fillna(0.0)
        other = both[f"{name}_sql"].astype(float).fillna(0.0)
        right &= (one - other).abs() <= TOLERANCE * one.abs()
    right &= (both["sample"].fillna(0) == 0) | (both["value"].isna() == both["value_sql"].isna())
    return both[~right]
