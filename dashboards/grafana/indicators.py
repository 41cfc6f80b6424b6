"""Panels of indicators: everything they say and show comes from the registry, their values from `journeys.formulas`."""

# ruff: noqa: S608 - nothing but our own words and the registry's SQL

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards.grafana import sql, targets
from dashboards.grafana.links import FIRST_INDICATOR, Link, row, series, to_units, units_panel
from dashboards.grafana.model import Panel
from dashboards.grafana.panels import Column, Head, Look, bars, lines, note, number, rows
from dashboards.grafana.texts import (
    AVAILABILITY_WORDS,
    DEPARTMENT_WORDS,
    DIM_WORDS,
    EXTERNAL_WORDS,
    STAGE_WORDS,
    STANDING_WORDS,
    Speech,
)
from journeys.formulas import measure_of, sample_sql, value_sql
from journeys.registry import Indicator, Unit, shipped_registry
from schemas.moments import Text

UNITS: Mapping[Unit, str] = {
    "share": "percentunit",
    "count": "locale",
    "per_1000": "suffix: ‰",
    "per_10k": "suffix: /10k",
    "per_million": "suffix: /1M",
    "seconds": "s",
    "minor": "locale",
    "score": "none",
    "ratio": "none",
}
"""Units of the registry as Grafana names them."""
COLORS = {"met": "green", "warning": "orange", "breach": "red", "none": "transparent", "unmeasured": "transparent"}


def steps(indicator: Indicator) -> Sequence[Threshold]:
    """Colours from target and warning."""
    return [Threshold(value, color) for value, color in targets.steps(indicator)]


@dataclass(frozen=True)
class Indicators:
    """Makes the panels of a dashboard. `dims` are the variables it has; `say` its language."""

    say: Speech
    dims: Sequence[str]

    def __getitem__(self, name: str) -> Indicator:
        return shipped_registry()[name]

    def number(self, name: str, size: tuple[int, int] = (4, 4)) -> Panel:
        """The value over the time range; words on what is missing where nothing computes it."""
        one = self[name]
        if one.measure is None:
            return self.missing(name, size)
        look = Look(UNITS[one.unit], steps(one), [to_units(self.say, one, self.dims)], size, {"value": one.name})
        return number(self.say, self._head(one), sql.total(one, self.dims), look)

    def trend(self, name: str, by: str | None = None, size: tuple[int, int] = (12, 8)) -> Panel:
        """The value over time, one line for each value of dimension `by`."""
        one = self[name]
        if one.measure is None:
            return self.missing(name, size)
        words = self.say.dim(by) if by else "''"
        links = [to_units(self.say, one, self.dims, series(by) if by in sql.FILTER_DIMS else None)]
        names = None if by else {"value": one.name}
        look = Look(UNITS[one.unit], steps(one), links, size, names)
        asked = sql.trend(one, self.dims, by, words)
        return lines(self.say, self._head(one, by), asked, look, least=sql.finest(measure_of(one).grains))

    def split(self, name: str, by: str, size: tuple[int, int] = (12, 8)) -> Panel:
        """A table: the value by dimension `by`, with the number of units behind it."""
        one = self[name]
        if one.measure is None:
            return self.missing(name, size)
        links = [to_units(self.say, one, self.dims, row(by) if by in sql.FILTER_DIMS else None)]
        columns = [
            Column(by, heading(one, by), hidden=True),
            Column("name", heading(one, by)),
            Column("value", one.name, UNITS[one.unit], steps=steps(one), links=links),
            Column("n", BEHIND, "locale", width=110),
        ]
        asked = sql.broken_down(one, self.dims, by, self.say.dim(by))
        return rows(self.say, self._head(one, by), asked, columns, size=size)

    def split_bars(self, name: str, by: str, size: tuple[int, int] = (12, 8)) -> Panel:
        """Bars: the value by dimension `by`."""
        one = self[name]
        if one.measure is None:
            return self.missing(name, size)
        links = [to_units(self.say, one, self.dims, row(by) if by in sql.FILTER_DIMS else None)]
        look = Look(UNITS[one.unit], steps(one), links, size, {"value": one.name})
        asked = f"SELECT name, value, {by} FROM ({sql.broken_down(one, self.dims, by, self.say.dim(by))})"
        return bars(self.say, self._head(one, by), asked, look)

    def cycles(self, name: str, size: tuple[int, int] = (12, 8)) -> Panel:
        """The value by the day on which bill periods began."""
        one = self[name]
        look = Look(UNITS[one.unit], steps(one), [to_units(self.say, one, self.dims)], size, {"value": one.name})
        said = Head(
            Text(zh=f"{one.name.zh}（按账期）", en=f"{one.name.en} by bill period"),
            described(self.say, one, self.dims),
        )
        return bars(self.say, said, sql.by_cycle(one, self.dims), look, label="cycle")

    def missing(self, name: str, size: tuple[int, int] = (6, 4)) -> Panel:
        """Says of an indicator without data what has to be delivered."""
        one = self[name]
        why = self.say(AVAILABILITY_WORDS[one.availability])
        obtain = one.obtain or Text(zh="", en="")
        words = Text(zh=f"**{why}**\n\n{obtain.zh}", en=f"**{why}**\n\n{obtain.en}")
        return note(self.say, self._head(one), words, size=size)

    def published(self, name: str, size: tuple[int, int] = (12, 6)) -> Panel:
        """What was imported of an indicator that others publish: own, competitors', regulator's, newest first."""
        one = self[name]
        asked = (
            "SELECT period_end, kind, name, value, source FROM external_now "
            f"WHERE indicator = '{name}' ORDER BY period_end DESC, kind, name LIMIT 20"
        )
        columns = [
            Column("period_end", Text(zh="期末", en="Until"), width=110),
            Column("kind", Text(zh="来源类别", en="Whose"), words=EXTERNAL_WORDS, width=110),
            Column("name", Text(zh="名称", en="Name")),
            Column("value", one.name, UNITS[one.unit], steps=steps(one)),
            Column("source", Text(zh="出处", en="Source")),
        ]
        return rows(self.say, self._head(one), asked, columns, size=size)

    def targeted(self) -> list[str]:
        """The computed indicators that have a target."""
        return [one.id for one in shipped_registry().computed() if one.target is not None]

    def all_of_stage(self, stage: str) -> list[Panel]:
        """A table of a stage's computed indicators, and words on each that has no data."""
        here = [one for one in shipped_registry().values() if one.stage == stage]
        computed = [one.id for one in here if one.measure is not None]
        tables = [self.standing(computed, (24, 9))] if computed else []
        return tables + [self.missing(one.id, (8, 5)) for one in here if one.measure is None]

    def standing(self, names: Sequence[str], size: tuple[int, int] = (24, 12)) -> Panel:
        """A table of indicators against their targets, the worst first."""
        columns = [
            Column("id", Text(zh="指标编号", en="Indicator id"), hidden=True),
            Column("panel", Text(zh="明细面板", en="List"), hidden=True),
            Column("name", Text(zh="指标", en="Indicator"), links=[self._to_row()], width=260),
            Column("stage", DIM_WORDS["stage"], words=STAGE_WORDS, width=110),
            Column("shown", Text(zh="当前值", en="Value"), links=[self._to_row()]),
            Column("goal", Text(zh="目标", en="Target")),
            Column("standing", Text(zh="状态", en="Standing"), words=STANDING_WORDS, colors=COLORS, width=100),
            Column("n", BEHIND, "locale", width=110),
            Column("owner", DIM_WORDS["department"], words=DEPARTMENT_WORDS),
            Column("definition", Text(zh="定义", en="Definition"), width=420),
        ]
        return rows(self.say, STANDING_HEAD, self.standing_sql(names), columns, size=size)

    def standing_sql(self, names: Sequence[str]) -> str:
        """One row for each indicator; target and warning as the operator set them.

        Indicators of one formula are read together: a query for each would take most of its time to be planned.
        """
        alike: dict[tuple[str, str, sql.Windows], list[Indicator]] = {}
        for one in (self[name] for name in names if self[name].measure is not None):
            windows = sql.for_total(measure_of(one).grains)
            alike.setdefault((value_sql(one), sample_sql(one), windows), []).append(one)
        found = [
            f"SELECT toString(indicator) AS id, toNullable(toFloat64({value})) AS value, {sample} AS n "
            f"{sql.rows_of(group, self.dims, windows)} GROUP BY indicator"
            for (value, sample, windows), group in alike.items()
        ]
        judged = sql.standing("value", "target", "warning", "direction")
        listed = ", ".join(f"'{one.id}'" for group in alike.values() for one in group)
        return (
            f"SELECT toString(entry.indicator) AS id, {FIRST_INDICATOR} + position AS panel, {self.say.column('name')} "
            f"AS name, stage, {sql.written('value')} AS shown, {sql.written('target')} AS goal, if(value IS NULL, "
            f"'unmeasured', {judged}) AS standing, found.n AS n, owner, {self.say.column('definition')} AS definition "
            f"FROM indicators AS entry LEFT JOIN ({' UNION ALL '.join(found)}) AS found ON found.id = "
            f"toString(entry.indicator) WHERE entry.indicator IN ({listed}) ORDER BY indexOf(['breach', 'warning', "
            "'met', 'unmeasured', 'none'], standing), position"
        )

    def _to_row(self) -> Link:
        link = to_units(self.say, next(iter(shipped_registry().values())), self.dims)
        panel = units_panel(next(iter(shipped_registry().values())))
        return {**link, "url": link["url"].replace(f"panel-{panel}", "panel-${__data.fields.panel}")}

    def _head(self, one: Indicator, by: str | None = None) -> Head:
        title = one.name
        if by is not None:
            dim = heading(one, by)
            title = Text(zh=f"{one.name.zh}（按{dim.zh}）", en=f"{one.name.en} by {dim.en[0].lower()}{dim.en[1:]}")
        return Head(title, described(self.say, one, self.dims))


_MONEY = Text(
    zh="金额单位为货币的主单位（最小单位除以 100）；有多种币种时直接相加，请按币种分别查看。",
    en="Money in whole units of its currency (minor units divided by 100); where there are several currencies they are "
    "added as they stand: look at each by itself.",
)
BEHIND = Text(zh="样本数", en="Units behind it")
STANDING_HEAD = Head(
    Text(zh="指标与目标", en="Indicators against target"),
    Text(
        zh="可计算指标在所选时间范围内的值，与目标、预警值比较；未达标在前，范围内没有数据的标为“无数据”。"
        "目标以登记表为准，运营商可覆盖。点击指标查看背后的客户。",
        en="Computed indicators over the time range beside target and warning, breaches first; those without rows in "
        "it say so. Targets are the registry's, as the operator set them. Click an indicator for the customers behind "
        "it.",
    ),
)


def heading(one: Indicator, by: str) -> Text:
    """What a dimension of an indicator holds."""
    detail = measure_of(one).detail
    return detail if by == "detail" and detail is not None else DIM_WORDS[by]


def described(say: Speech, one: Indicator, dims: Sequence[str]) -> str:
    """What a panel of an indicator says about itself: definition, formula, target, owner, choices without effect."""
    parts = [*targets.words(one)]
    if one.unit == "minor":
        parts.append(_MONEY)
    idle = [DIM_WORDS[dim] for dim in dims if one.measure is not None and dim not in one.measure.by]
    if idle:
        zh, en = "、".join(dim.zh for dim in idle), ", ".join(dim.en.lower() for dim in idle)
        parts.append(Text(zh=f"不受这些筛选影响：{zh}。", en=f"Not filtered by: {en}."))
    return "\n\n".join(say(part) for part in parts)
