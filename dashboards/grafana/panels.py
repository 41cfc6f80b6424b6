"""The kinds of panel we use, with our defaults: a unit, a description, a source, words for no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    nodegraph,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.text import TextMode

from dashboards.grafana.links import Link
from dashboards.grafana.model import Panel
from dashboards.grafana.query import Query, datasource
from dashboards.grafana.texts import Speech
from schemas.moments import Text

NO_DATA = Text(zh="无数据", en="no data")
PLAIN: Sequence[Threshold] = (Threshold(value=None, color="blue"),)
POINTS = 300
"""So many points at most on a line: what a screen can tell apart, and what keeps a long range fast."""


@dataclass(frozen=True)
class Head:
    """What a panel is called and what it says about itself."""

    title: Text
    description: Text | str


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, the unit of its numbers, words and colours for its codes, where it leads."""

    name: str
    title: Text
    unit: str | None = None
    words: Mapping[str, Text] | None = None
    colors: Mapping[str, str] | None = None
    links: Sequence[Link] = ()
    width: int | None = None
    hidden: bool = False
    steps: Sequence[Threshold] = ()
    bar: bool = False


@dataclass(frozen=True)
class Look:
    """How numbers are shown: unit, thresholds, where a click leads, width and height on the grid; `names` says the
    columns that are numbers and what they are called, `colors` their fixed colours."""

    unit: str = "none"
    steps: Sequence[Threshold] = PLAIN
    links: Sequence[Link] = ()
    size: tuple[int, int] = (12, 8)
    names: Mapping[str, Text] | None = None
    colors: Mapping[str, str] | None = None
    decimals: int | None = None


def number(say: Speech, head: Head, sql: str, look: Look) -> Panel:
    """Large numbers: every numeric column of the one row. Grafana would pick columns by the names they are shown under,
    so a query gives no others."""
    builder = (
        stat.Panel()
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if len(look.names or {}) > 1 else BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    )
    _dress(builder, say, head, [Query(sql)], look)
    return Panel(builder, *look.size)


def lines(
    say: Speech, head: Head, sql: str, look: Look, *, least: str = "1m", stacked: bool = False, more: Sequence[str] = ()
) -> Panel:
    """Numbers over time. `least` is the shortest interval that has rows, `more` are further queries.

    Columns are called as `look.names` says; without names lines are called by the label `name`.
    """
    builder = (
        timeseries.Panel()
        .max_data_points(POINTS)
        .interval(least)
        .draw_style(GraphDrawStyle.BARS if stacked else GraphDrawStyle.LINE)
        .fill_opacity(60 if stacked else 10)
        .line_width(1)
        .show_points(VisibilityMode.NEVER if stacked else VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        builder.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if len(look.steps) > 1:
        builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    asked = [Query(one, "timeseries", ref) for one, ref in zip([sql, *more], "ABCDEF", strict=False)]
    _dress(builder, say, head, asked, look)
    if look.names is None:
        builder.display_name("${__field.labels.name}")
    builder.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    return Panel(builder, *look.size)


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return legend.placement(LegendPlacement.BOTTOM)


def rows(
    say: Speech,
    head: Head,
    sql: str,
    columns: Sequence[Column],
    *,
    size: tuple[int, int] = (24, 9),
    number: int | None = None,
) -> Panel:
    """A table."""
    builder = table.Panel().show_header(True).filterable(True)
    _dress(builder, say, head, [Query(sql)], Look())
    for column in columns:
        builder.override_by_name(column.name, _properties(say, column))
    return Panel(builder, *size, number)


def bars(
    say: Speech, head: Head, sql: str, look: Look, *, label: str = "name", stacked: bool = False, upright: bool = False
) -> Panel:
    """Bars: one group for each row, called by column `label`, one bar for each column that `look` names."""
    builder = (
        barchart.Panel()
        .orientation(VizOrientation.VERTICAL if upright else VizOrientation.HORIZONTAL)
        .x_tick_label_rotation(-60 if upright else 0)
        .x_field(label)
        .stacking(StackingMode.NORMAL if stacked else StackingMode.NONE)
        .show_value(VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    _dress(builder, say, head, [Query(sql)], look)
    if len(look.steps) == 1 and not look.colors:
        builder.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    return Panel(builder, *look.size)


def graph(say: Speech, head: Head, nodes: str, edges: str, look: Look) -> Panel:
    """Places and the ways between them. `nodes` gives id, title, mainstat; `edges` id, source, target, mainstat."""
    builder = nodegraph.Panel()
    _dress(builder, say, head, [Query(nodes, ref_id="A"), Query(edges, ref_id="B")], look)
    return Panel(builder, *look.size)


def states(say: Speech, head: Head, sql: str, names: Mapping[str, Text], words: Mapping[str, Text]) -> Panel:
    """Which state held when: a time column and columns of codes, sorted by time."""
    look = Look(size=(24, 4), names=names)
    builder = statetimeline.Panel().merge_values(True).row_height(0.8)
    _dress(builder, say, head, [Query(sql)], look)
    return Panel(builder.mappings([ValueMap(_said(say, words, {}))]), *look.size)


def note(say: Speech, head: Head, words: Text, *, size: tuple[int, int] = (6, 4)) -> Panel:
    """Words in place of a number."""
    builder = text.Panel().mode(TextMode.MARKDOWN).content(say(words)).title(say(head.title))
    builder.description(_described(say, head))
    return Panel(builder, *size)


def _dress(builder: Any, say: Speech, head: Head, queries: Sequence[Query], look: Look) -> None:
    """What every panel with data has."""
    builder.title(say(head.title)).description(_described(say, head)).datasource(datasource()).unit(look.unit)
    builder.no_value(say(NO_DATA)).thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([*look.steps]))
    builder.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    for query in queries:
        builder.with_target(query)
    for name, said in (look.names or {}).items():
        properties = [DynamicConfigValue("displayName", say(said))]
        if look.colors:
            properties.append(DynamicConfigValue("color", {"mode": "fixed", "fixedColor": look.colors[name]}))
        builder.override_by_name(name, properties)
    if look.decimals is not None:
        builder.decimals(look.decimals)
    if look.links:  # the SDK's links are those of dashboards, with more fields than a data link has
        builder.build().field_config.defaults.links = [*look.links]


def _described(say: Speech, head: Head) -> str:
    return head.description if isinstance(head.description, str) else say(head.description)


def _properties(say: Speech, column: Column) -> list[DynamicConfigValue]:
    found: dict[str, Any] = {"displayName": say(column.title)}
    if column.unit:
        found["unit"] = column.unit
    if column.words or column.colors:
        found["mappings"] = [ValueMap(_said(say, column.words or {}, column.colors or {}))]
    if column.links:
        found["links"] = [*column.links]
    if column.width:
        found["custom.width"] = column.width
    if column.hidden:
        found["custom.hidden"] = True
    if column.steps:
        found["thresholds"] = {"mode": "absolute", "steps": [*column.steps]}
        found["custom.cellOptions"] = {"type": "color-text"}
    elif column.colors:
        found["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    elif column.bar:
        found["custom.cellOptions"] = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    return [DynamicConfigValue(name, value) for name, value in found.items()]


def _said(say: Speech, words: Mapping[str, Text], colors: Mapping[str, str]) -> dict[str, ValueMappingResult]:
    codes = [*dict.fromkeys((*words, *colors))]
    return {
        code: ValueMappingResult(
            text=say(words[code]) if code in words else None, color=colors.get(code), index=position
        )
        for position, code in enumerate(codes)
    }
