"""What people choose from at the top of a dashboard. All may stand at All, and take several values."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders.dashboard import CustomVariable, QueryVariable, TextBoxVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from dashboards.grafana.query import datasource
from dashboards.grafana.sql import COUNTER_GRAINS, FILTER_DIMS, for_total
from dashboards.grafana.texts import DIM_WORDS, STAGE_WORDS, TIER_WORDS, VALENCE_WORDS, Speech
from schemas.moments import Text

_ALL = VariableOption(text=["All"], value=["$__all"])
EXTRA_WORDS: Mapping[str, Text] = {
    "valence": Text(zh="正面或负面", en="Negative or positive"),
    "detector": Text(zh="探测器", en="Detector"),
    "component": Text(zh="组件", en="Component"),
    "pack": Text(zh="政策包", en="Policy pack"),
    "customer": Text(zh="客户编号", en="Customer id"),
    "reach": Text(zh="名单范围", en="Lists reach back"),
}
REACHES: Mapping[str, Text] = {
    "2": Text(zh="时间范围的最后 2 天", en="last 2 days of the time range"),
    "7": Text(zh="时间范围的最后 7 天", en="last 7 days of the time range"),
    "9999": Text(zh="整个时间范围", en="the whole time range"),
}
"""How many days before the end of the time range lists of customers begin. They read facts, not rows of windows: over a
quarter of 100 million facts a whole list takes seconds."""


def _listed(say: Speech, words: Mapping[str, Text]) -> str:
    codes = ", ".join(f"'{one}'" for one in words)
    return f"SELECT code, {say.words('code', words)} AS name FROM (SELECT arrayJoin([{codes}]) AS code)"


def _touchpoints(say: Speech) -> str:
    stages = ", ".join(f"'{one}'" for one in STAGE_WORDS)
    return (
        f"SELECT toString(touchpoint) AS code, {say.column('name')} AS name FROM touchpoints FINAL "
        "WHERE $__conditionalAll(stage IN (${stage:singlequote}), $stage) "
        f"ORDER BY indexOf([{stages}], toString(stage)), touchpoint"
    )


def _seen(dim: str) -> Callable[[Speech], str]:
    """Values of a dimension that events of the time range had."""

    def sql(say: Speech) -> str:
        windows = for_total(COUNTER_GRAINS)
        return (
            f"SELECT DISTINCT toString({dim}) AS code, {say.dim(dim)} AS name FROM kpis "
            f"WHERE indicator = 'events' AND {windows.chosen()} ORDER BY code"
        )

    return sql


_QUERIES: Mapping[str, Callable[[Speech], str]] = {
    "stage": lambda say: _listed(say, STAGE_WORDS),
    "touchpoint": _touchpoints,
    "channel": _seen("channel"),
    "tier": lambda say: _listed(say, TIER_WORDS),
    "department": _seen("department"),
    "region": _seen("region"),
    "valence": lambda say: _listed(say, VALENCE_WORDS),
    "detector": lambda say: (
        "SELECT toString(detector_id) AS code, concat(detector_id, ' ', any(detector_name)) AS name FROM moments "
        "GROUP BY detector_id ORDER BY code"
    ),
    "component": lambda say: (
        "SELECT DISTINCT toString(component) AS code, code AS name FROM pipeline_health ORDER BY code"
    ),
    "pack": lambda say: (
        "SELECT DISTINCT toString(pack) AS code, code AS name FROM policy_steps_now WHERE active ORDER BY code"
    ),
}
ORDER = (*FILTER_DIMS, "valence", "detector", "component", "pack")


def variables(say: Speech, names: Sequence[str]) -> list[Any]:
    """The variables of a dashboard in the order in which they may use each other."""
    made: list[Any] = [_chosen(say, name) for name in ORDER if name in names]
    if "customer" in names:
        box = TextBoxVariable("customer").label(say(EXTRA_WORDS["customer"])).default_value("")
        made.insert(0, box.current(VariableOption(text="", value="")))
    if "reach" in names:
        made.append(_reach(say))
    return made


def _reach(say: Speech) -> CustomVariable:
    offered = [VariableOption(text=say(words), value=days) for days, words in REACHES.items()]
    values = ", ".join(f"{say(words)} : {days}" for days, words in REACHES.items())
    return (
        CustomVariable("reach")
        .label(say(EXTRA_WORDS["reach"]))
        .allow_custom_value(False)
        .values(values)
        .options(offered)
        .current(offered[0])
    )


def _chosen(say: Speech, name: str) -> QueryVariable:
    words = DIM_WORDS.get(name) or EXTRA_WORDS[name]
    sql = _QUERIES[name](say)
    return (
        QueryVariable(name)
        .label(say(words))
        .datasource(datasource())
        .query(sql)
        .multi(True)
        .include_all(True)
        .current(_ALL)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.DISABLED)
    )
