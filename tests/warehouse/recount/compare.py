"""Values by hand against values by SQL: per window, per dimension, all dimensions together, and over all time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
BySql = Mapping[tuple[str, str, Split], pd.DataFrame]
_FINE, _COARSE = ("minute", "hour"), ("day", "cycle")
_PRIME = np.uint64(1_000_000_007)
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
        by_sql = {**_by_sql(client, some, _FINE, *formulas), **_by_sql(client, some, _COARSE, *formulas)}
        for one in some:
            found[one.id] = _compared(one, RECOUNTS[one.id](log, facts).frame(), by_sql)
    return found


def _compared(indicator: Indicator, units: pd.DataFrame, by_sql: BySql) -> Compared:
    measure = measure_of(indicator)
    units["hit_customer"] = units["customer_id"].where(units["hit"] > 0)
    units["counted"] = (units["hit"] != 0).astype(float)
    nothing = pd.DataFrame(columns=["window", *ROW_DIMS, *_NUMBERS])
    values, wrong, examples = 0, 0, []
    for grain in measure.grains:
        at = units["cycle"] + DAY // 2 if grain == "cycle" else units["at"]
        units["window"] = at - at % SIZE[grain]
        for split in splits(measure.by, grain):
            hand = _by_hand(units, measure, split)
            sql = by_sql.get((indicator.id, grain, _known_as(split, grain)), nothing)
            values += len(hand)
            if not _same(hand, sql, split):
                found = _differences(hand, sql, split)
                wrong += len(found)
                examples += [f"{grain} by {split}: {row}" for row in found.head(_SHOWN).to_dict("records")]
    return Compared(len(units), values, wrong, examples)


def splits(by: Sequence[str], grain: str) -> list[Split]:
    """All time; per window; per window and all dimensions; for whole days also per window and each dimension."""
    single = [("window", one) for one in by] if grain in _COARSE else []
    whole = [("window", *by)] if len(by) > 1 or not single else []
    return [(), ("window",), *single, *(one for one in whole if len(one) > 1)]


def _known_as(split: Split, grain: str) -> Split:
    """A split by all dimensions of an indicator is one by all there are: the others are empty."""
    return ("window", *ROW_DIMS) if len(split) > (1 if grain in _FINE else 2) else split


def _by_hand(units: pd.DataFrame, measure: Measure, split: Split) -> pd.DataFrame:
    """The value and how many units it stands on, by `split`."""
    if split:
        return _values(units.groupby(list(split), sort=False, observed=True), measure).reset_index()
    return _values(units.assign(whole=0).groupby("whole"), measure).reset_index(drop=True)


def _values(groups: Any, measure: Measure) -> pd.DataFrame:
    if measure.kind == "ratio":
        sums = groups[["hit", "base"]].sum()
        value = (sums["hit"] / sums["base"].replace(0, np.nan)) * measure.scale
        return pd.DataFrame({"value": value, "sample": sums["base"]})
    if measure.kind == "sum":
        total = groups["hit"].sum()
        return pd.DataFrame({"value": total * measure.scale, "sample": groups["counted"].sum()})
    if measure.kind == "quantile":
        return pd.DataFrame({"value": groups["spread"].quantile(measure.level), "sample": groups.size().astype(float)})
    people = groups["customer_id"].nunique().astype(float)
    if measure.kind == "customers":
        return pd.DataFrame({"value": people, "sample": people})
    hit = groups["hit_customer"].nunique()
    return pd.DataFrame({"value": hit / people, "sample": people})


def _by_sql(client: Any, indicators: Sequence[Indicator], grains: Sequence[str], value: str, sample: str) -> BySql:
    """What the formulas make of the rows of indicators that share them, in one query; by indicator, grain and split."""
    wanted = splits(ROW_DIMS, grains[0])
    dims = ("window", *ROW_DIMS)
    sets = [", ".join(("indicator", "grain", *one)).replace("window", "window_start") for one in wanted]
    rows = client.query_df(
        f"SELECT {', '.join(f'toString({name}) AS said_{name}' for name in ('indicator', 'grain', *ROW_DIMS))}, "
        "toInt64(toUnixTimestamp64Milli(window_start)) AS window, "
        f"{', '.join(f'grouping({name}) AS no_{name}' for name in ROW_DIMS)}, grouping(window_start) AS no_window, "
        f"{value} AS value, {sample} AS sample FROM indicator_now "
        f"WHERE indicator IN ({_quoted(one.id for one in indicators)}) AND grain IN ({_quoted(grains)}) "
        f"GROUP BY GROUPING SETS ({', '.join(f'({one})' for one in sets)})"
    ).rename(columns=lambda name: name.removeprefix("said_"))
    split_of = {tuple(int(name not in split) for name in dims): split for split in wanted}
    over = [f"no_{name}" for name in dims]
    return {(name, grain, split_of[tuple(no)]): part for (name, grain, *no), part in _parts(rows, over)}


def _parts(rows: pd.DataFrame, over: list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    return iter(rows.groupby(["indicator", "grain", *over], sort=False)) if len(rows) else iter(())


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _same(hand: pd.DataFrame, sql: pd.DataFrame, split: Split) -> bool:
    """Whether the two say the same, found quickly: the rows under one number each, sorted by it."""
    one, other = _sorted(hand, split), _sorted(sql, split)
    if len(one[0]) != len(other[0]) or not np.array_equal(one[0], other[0]):
        return False
    return all(
        np.allclose(a, b, rtol=TOLERANCE, atol=0, equal_nan=True) for a, b in zip(one[1:], other[1:], strict=True)
    )


def _sorted(rows: pd.DataFrame, split: Split) -> tuple[Any, ...]:
    """Keys, values and samples of the rows in which something was measured."""
    rows = rows[rows["sample"].astype(float) != 0]
    key = np.zeros(len(rows), dtype=np.uint64)
    for name in split:
        column = rows[name]
        numbers = column.to_numpy(dtype="int64").astype(np.uint64) if name == "window" else _hashed(column)
        key = key * _PRIME + numbers
    order = np.argsort(key, kind="stable")
    return key[order], *(rows[name].to_numpy(dtype=float)[order] for name in _NUMBERS)


def _hashed(words: pd.Series) -> Any:
    codes, known = pd.factorize(words.astype(object))
    return pd.util.hash_array(np.asarray(known, dtype=object), categorize=False)[codes]


def _differences(hand: pd.DataFrame, sql: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Rows whose numbers differ; a row that is missing stands for nothing measured."""
    if split:
        keys = list(split)
        hand = hand.astype(dict.fromkeys(keys[1:], "str"))
        sql = sql[[*keys, *_NUMBERS]].astype({"window": "int64", **dict.fromkeys(keys[1:], "str")})
        both = hand.merge(sql, how="outer", on=keys, suffixes=("", "_sql"))
    else:
        both = pd.concat([hand, sql[_NUMBERS].reset_index(drop=True).add_suffix("_sql")], axis=1)
    right = np.ones(len(both), dtype=bool)
    for name in _NUMBERS:
        one = both[name].astype(float).fillna(0.0)
        other = both[f"{name}_sql"].astype(float).fillna(0.0)
        right &= (one - other).abs() <= TOLERANCE * one.abs()
    right &= (both["sample"].fillna(0) == 0) | (both["value"].isna() == both["value_sql"].isna())
    return both[~right]
