"""The lifecycle: how many customers reach which stage, how they move between stages, and how each stage stands."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import latency
from dashboards.grafana.indicators import UNITS, Indicators, described
from dashboards.grafana.links import row, to_units
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, Look, graph, rows
from dashboards.grafana.texts import DIM_WORDS, STAGE_WORDS, Speech
from journeys.formulas import measure_of
from schemas.moments import Text

DIMS = ("stage", "touchpoint", "tier", "region")
_START = Text(zh="首次出现", en="First seen")
_WORDS = {"start": _START, **STAGE_WORDS}


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    stages = [
        Section(
            Text(zh=f"指标 · {name.zh}", en=f"Indicators · {name.en}"),
            shown.all_of_stage(stage),
            collapsed=True,
        )
        for stage, name in STAGE_WORDS.items()
    ]
    return Board(
        uid="mot-lifecycle",
        title=Text(zh="关键时刻 · 生命周期与漏斗", en="MOT · Lifecycle and funnel"),
        description=Text(
            zh="客户在七个生命周期阶段中的到达、流转与停顿，以及各阶段的指标。",
            en="How customers reach the seven stages of the lifecycle, move between them and pause, and how each stage "
            "stands.",
        ),
        sections=[
            Section(
                Text(zh="漏斗", en="Funnel"),
                [_funnel(say), shown.trend("stage_customers", "stage", (8, 8)), latency(say, (5, 8))],
            ),
            Section(Text(zh="流转", en="Moves"), [_graph(say), _moves(say)]),
            Section(
                Text(zh="停顿与评价", en="Pauses and opinions"),
                [
                    shown.split_bars("stage_dwell_p50", "stage", (8, 8)),
                    shown.split("nps", "stage", (8, 8)),
                    shown.split("csat", "stage", (8, 8)),
                ],
            ),
            *stages,
        ],
        variables=DIMS,
        since="30d",
        refresh="5m",
    )


def _funnel(say: Speech) -> Panel:
    shown = Indicators(say, DIMS)
    one = shown["stage_customers"]
    reached = sql.broken_down(one, DIMS, "stage", say.dim("stage"))
    asked = (
        "SELECT stage, name, value, value / max(value) OVER () AS of_largest, "
        "value / nullIf(lagInFrame(value) OVER (ORDER BY place), 0) AS of_before "
        f"FROM (SELECT *, indexOf({[*STAGE_WORDS]}, stage) AS place FROM ({reached})) ORDER BY place"
    )
    links = [to_units(say, one, DIMS, row("stage"))]
    columns = [
        Column("stage", DIM_WORDS["stage"], hidden=True),
        Column("name", DIM_WORDS["stage"], width=120),
        Column("value", one.name, "locale", links=links, bar=True),
        Column("of_largest", Text(zh="占最大阶段", en="Of the largest stage"), "percentunit", width=130),
        Column("of_before", Text(zh="比上一阶段", en="Of the stage before"), "percentunit", width=130),
    ]
    return rows(say, Head(one.name, described(say, one, DIMS)), asked, columns, size=(11, 8))


def _by_way(say: Speech, name: str) -> str:
    """An indicator's value for each pair of stages."""
    one = Indicators(say, DIMS)[name]
    windows = sql.for_total(measure_of(one).grains)
    return (
        "SELECT toString(detail) AS way, splitByChar('>', way)[1] AS source, splitByChar('>', way)[2] AS target, "
        f"{sql.value(one)} AS value {sql.rows(one, DIMS, windows)} GROUP BY way"
    )


def _graph(say: Speech) -> Panel:
    moves = _by_way(say, "stage_moves")
    nodes = (
        f"SELECT id, {say.words('id', _WORDS)} AS title, toString(toUInt64(sum(value))) AS mainstat FROM "
        f"(SELECT arrayJoin([source, target]) AS id, if(id = target, value, 0) AS value FROM ({moves})) "
        "GROUP BY id ORDER BY id"
    )
    edges = f"SELECT way AS id, source, target, toUInt64(value) AS mainstat FROM ({moves}) ORDER BY value DESC LIMIT 60"
    head = Head(
        Text(zh="阶段流转图", en="Graph of moves"),
        Text(
            zh="圆点是阶段，数字是进入次数；连线是阶段之间的迁移，数字是次数。",
            en="A circle is a stage with the number of entries; a line is a way between stages with the number of "
            "moves.",
        ),
    )
    people = [to_units(say, Indicators(say, DIMS)["stage_moves"], DIMS)]
    return graph(say, head, nodes, edges, Look(links=people, size=(12, 13)))


def _moves(say: Speech) -> Panel:
    shown = Indicators(say, DIMS)
    one, dwell = shown["stage_moves"], shown["stage_dwell_p50"]
    asked = (
        f"SELECT way, {say.words('moved.source', _WORDS)} AS from_stage, {say.words('moved.target', _WORDS)} AS "
        "to_stage, moved.value AS value, moved.value / sum(moved.value) OVER (PARTITION BY moved.source) AS share, "
        f"paused.value AS pause FROM ({_by_way(say, 'stage_moves')}) AS moved LEFT JOIN "
        f"({_by_way(say, 'stage_dwell_p50')}) AS paused USING way ORDER BY value DESC"
    )
    columns = [
        Column("way", Text(zh="路径", en="Way"), hidden=True),
        Column("from_stage", Text(zh="原阶段", en="From")),
        Column("to_stage", Text(zh="新阶段", en="To")),
        Column("value", one.name, "locale", links=[to_units(say, one, DIMS)]),
        Column("share", Text(zh="占原阶段流出", en="Of what leaves the stage"), "percentunit"),
        Column("pause", dwell.name, UNITS[dwell.unit], links=[to_units(say, dwell, DIMS)]),
    ]
    description = described(say, one, DIMS) + "\n\n" + say(dwell.name) + say(_COLON) + say(dwell.definition)
    return rows(say, Head(one.name, description), asked, columns, size=(12, 13))


_COLON = Text(zh="：", en=": ")
