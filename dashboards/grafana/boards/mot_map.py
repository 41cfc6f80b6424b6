"""The MOT map: how far each touchpoint can raise or lower what customers do, along the lifecycle."""

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import VALENCE_COLORS, latency
from dashboards.grafana.links import MOMENTS_PANEL, row, to_customers
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import PLAIN, Column, Head, Look, bars, number, rows
from dashboards.grafana.texts import DIM_WORDS, STAGE_WORDS, VALENCE_WORDS, Speech
from schemas.moments import Text

DIMS = ("stage", "touchpoint")
BASIS_WORDS = {
    "data": Text(zh="数据", en="data"),
    "prior": Text(zh="先验（样本不足 50）", en="prior (fewer than 50)"),
}
_STAGE_ORDER = f"indexOf({[*STAGE_WORDS]}, toString(stage))"
_FROM = f"FROM mot_power_now WHERE 1 = 1{sql.filters(DIMS)}"
_MEANING = Text(
    zh="负面力 = 被标记负面的访问在 30 天内出现不良结果的比例，减去同触点、同等级、同月的其他访问；正面力同理，"
    "用良好结果。数值向先验收缩，带 95% 区间；有效样本不足 50 时只显示先验。",
    en="Negative power: the share of visits marked negative with a bad outcome within 30 days, less that of other "
    "visits of the same touchpoint, tier and month; positive power likewise with good outcomes. Shrunk towards a "
    "prior, with a 95 % interval; below 50 visits the prior stands alone.",
)


def board(say: Speech) -> Board:
    """See the module."""
    return Board(
        uid="mot-map",
        title=Text(zh="关键时刻 · 触点地图", en="MOT · Map of touchpoints"),
        description=Text(
            zh="沿生命周期的每个触点：向上是提升感知的力量，向下是降低感知的力量，均由数据测得，样本不足处标明为先验。",
            en="Each touchpoint along the lifecycle: up is the power to raise perception, down the power to lower it, "
            "both measured; where there are too few visits the prior is shown and marked.",
        ),
        sections=[
            Section(Text(zh="概况", en="Overview"), [_basis(say), latency(say, (10, 4))]),
            Section(Text(zh="地图", en="Map"), [_map(say)]),
            Section(Text(zh="明细", en="In figures"), [_figures(say)]),
        ],
        variables=DIMS,
        since="90d",
        refresh="15m",
        annotated=False,
    )


def _basis(say: Speech) -> Panel:
    asked = f"SELECT countIf(from_data) AS measured, countIf(NOT from_data) AS assumed {_FROM}"
    names = {
        "measured": Text(zh="由数据测得", en="Measured"),
        "assumed": Text(zh="仅有先验", en="Prior only"),
    }
    head = Head(Text(zh="触点数", en="Touchpoints"), _MEANING)
    return number(say, head, asked, Look("locale", PLAIN, [_customers(say)], (14, 4), names))


def _customers(say: Speech, *narrowed: str) -> dict[str, object]:
    return to_customers(say, MOMENTS_PANEL, DIMS, row(*narrowed))


def _map(say: Speech) -> Panel:
    """Four bars to a touchpoint, two of which are empty: measured and assumed, up and down."""
    names = {
        "positive": Text(zh="正面力（数据）", en="Positive power (data)"),
        "positive_prior": Text(zh="正面力（先验）", en="Positive power (prior)"),
        "negative": Text(zh="负面力（数据）", en="Negative power (data)"),
        "negative_prior": Text(zh="负面力（先验）", en="Negative power (prior)"),
    }
    colors = {
        "positive": "green",
        "positive_prior": "super-light-green",
        "negative": "red",
        "negative_prior": "super-light-red",
    }
    asked = (
        f"SELECT concat({say.dim('stage')}, ' · ', {say.dim('touchpoint')}) AS name, sumIf(power, valence = 'positive' "
        "AND from_data) AS positive, sumIf(power, valence = 'positive' AND NOT from_data) AS positive_prior, "
        "-sumIf(power, valence = 'negative' AND from_data) AS negative, -sumIf(power, valence = 'negative' AND NOT "
        f"from_data) AS negative_prior, toString(touchpoint) AS touchpoint {_FROM} GROUP BY stage, touchpoint, name "
        f"ORDER BY {_STAGE_ORDER}, touchpoint"
    )
    head = Head(Text(zh="触点的正面力与负面力", en="Power of the touchpoints"), _MEANING)
    look = Look("percentunit", PLAIN, [_customers(say, "touchpoint")], (24, 16), names, colors)
    return bars(say, head, asked, look, stacked=True, upright=True)


def _figures(say: Speech) -> Panel:
    asked = (
        f"SELECT stage, toString(touchpoint) AS touchpoint, {say.dim('touchpoint')} AS name, valence, power, low, "
        f"high, visits, raw, prior, if(from_data, 'data', 'prior') AS basis, window_start, window_end {_FROM} ORDER BY "
        f"{_STAGE_ORDER}, touchpoint, valence"
    )
    links = [_customers(say, "touchpoint", "valence")]
    share = "percentunit"
    columns = [
        Column("stage", DIM_WORDS["stage"], words=STAGE_WORDS, width=110),
        Column("touchpoint", DIM_WORDS["touchpoint"], hidden=True),
        Column("name", DIM_WORDS["touchpoint"], links=links),
        Column("valence", Text(zh="方向", en="Valence"), words=VALENCE_WORDS, colors=VALENCE_COLORS, width=90),
        Column("power", Text(zh="力", en="Power"), share, links=links, width=90),
        Column("low", Text(zh="区间下限", en="Interval from"), share, width=100),
        Column("high", Text(zh="区间上限", en="Interval to"), share, width=100),
        Column("visits", Text(zh="样本 n", en="Visits n"), "locale", links=links, width=90),
        Column("raw", Text(zh="收缩前", en="Before shrinking"), share, width=110),
        Column("prior", Text(zh="先验", en="Prior"), share, width=90),
        Column("basis", Text(zh="依据", en="Rests on"), words=BASIS_WORDS, width=150),
        Column("window_start", Text(zh="窗口起", en="Window from"), width=160),
        Column("window_end", Text(zh="窗口止", en="Window to"), width=160),
    ]
    return rows(say, Head(Text(zh="力的数值", en="Powers in figures"), _MEANING), asked, columns, size=(24, 14))
