"""The customers behind every number: where each link on a number leads.

Links open one panel of this board alone (`viewPanel`), with the time range and choices of the board they come from. The
lists read the same windows as the number; sections are closed, so that opening the board itself asks little.
"""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from collections.abc import Sequence

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import (
    DIMS,
    SEVERITY_COLORS,
    TIER_COLORS,
    latency,
)
from dashboards.grafana.indicators import described
from dashboards.grafana.links import CUSTOMERS, HANDOFFS_PANEL, MOMENTS_PANEL, to_customer, units_panel
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, rows
from dashboards.grafana.texts import DIM_WORDS, STAGE_WORDS, TIER_WORDS, VALENCE_WORDS, Speech
from journeys.formulas import measure_of
from journeys.registry import Indicator, shipped_registry
from schemas.moments import Text

MOST = 500
KEPT = "status != 'retracted'"


def board(say: Speech) -> Board:
    """See the module."""
    sections = [
        Section(Text(zh="关键时刻与转派", en="Moments and handoffs"), [_moments(say), _handoffs(say), latency(say)]),
        *(_stage(say, stage) for stage in (*STAGE_WORDS, None)),
    ]
    return Board(
        uid=CUSTOMERS,
        title=Text(zh="关键时刻 · 数字背后的客户", en="MOT · Customers behind a number"),
        description=Text(
            zh="其他看板上每个数字的链接都到这里：所选时间范围与筛选条件不变，列出数字背后的客户；点击客户进入时间线。"
            "指标名单先列时间范围的最后 2 天，可在“名单范围”改为整个时间范围。",
            en="Every number on the other boards leads here: the customers behind it, with the same time range and "
            "choices; a click on a customer opens the timeline. Lists of indicators begin 2 days before the end of "
            "the time range; “Lists reach back” takes them to its beginning.",
        ),
        sections=[one for one in sections if one.panels],
        variables=(*DIMS, "valence", "detector", "reach"),
        refresh="",
        annotated=False,
    )


def _stage(say: Speech, stage: str | None) -> Section:
    title = Text(zh="跨阶段指标", en="Indicators of all stages")
    if stage is not None:
        name = STAGE_WORDS[stage]
        title = Text(zh=f"指标 · {name.zh}", en=f"Indicators · {name.en}")
    found = [one for one in shipped_registry().computed() if one.stage == stage]
    return Section(title, [_units(say, one) for one in found], collapsed=True)


def _moments(say: Speech) -> Panel:
    asked = (
        "SELECT customer_id, any(tier) AS level, any(region) AS area, count() AS moments, "
        "countIf(valence = 'negative') AS negative, toString(max(severity)) AS worst, max(decided_at) AS latest, "
        "arrayStringConcat(arraySort(groupUniqArray(toString(detector_id))), ' ') AS detectors "
        f"{sql.moments((*DIMS, 'valence', 'detector'), KEPT)} "
        f"GROUP BY customer_id ORDER BY moments DESC, latest DESC LIMIT {MOST}"
    )
    head = Head(
        Text(zh="有关键时刻的客户", en="Customers with moments"),
        Text(
            zh=f"所选时间范围内有关键时刻（不含已撤回）的客户，最多 {MOST} 位。",
            en=f"Customers with moments in the time range, those withdrawn left out; at most {MOST}.",
        ),
    )
    columns = [
        *_who(say),
        Column("moments", Text(zh="关键时刻数", en="Moments"), "locale"),
        Column("negative", VALENCE_WORDS["negative"], "locale"),
        Column("worst", Text(zh="最高严重度", en="Worst severity"), colors=SEVERITY_COLORS),
        Column("latest", Text(zh="最近一次", en="Latest")),
        Column("detectors", Text(zh="探测器", en="Detectors")),
    ]
    return rows(say, head, asked, columns, size=(24, 12), number=MOMENTS_PANEL)


def _handoffs(say: Speech) -> Panel:
    asked = (
        "SELECT customer_id, any(tier) AS level, count() AS handoffs, uniqExact(case_id) AS cases, max(at) AS latest, "
        "argMax(concat(from_desk, ' → ', to_desk), at) AS way FROM handoffs_now WHERE "
        f"$__timeFilter_ms(at){sql.filters(('channel', 'tier'))} GROUP BY customer_id ORDER BY handoffs DESC, latest "
        f"DESC LIMIT {MOST}"
    )
    head = Head(
        Text(zh="被转派的客户", en="Customers passed on"),
        Text(
            zh=f"所选时间范围内诉求被转派的客户，次数多的在前，最多 {MOST} 位。",
            en=f"Customers whose matter was passed on in the time range, most often first; at most {MOST}.",
        ),
    )
    columns = [
        *_who(say)[:2],
        Column("handoffs", Text(zh="转派次数", en="Handoffs"), "locale"),
        Column("cases", Text(zh="诉求数", en="Matters"), "locale"),
        Column("latest", Text(zh="最近一次", en="Latest")),
        Column("way", Text(zh="最近路径", en="Latest way")),
    ]
    return rows(say, head, asked, columns, size=(24, 10), number=HANDOFFS_PANEL)


def _who(say: Speech) -> Sequence[Column]:
    return (
        Column("customer_id", Text(zh="客户", en="Customer"), links=[to_customer(say)], width=150),
        Column("level", DIM_WORDS["tier"], words=TIER_WORDS, colors=TIER_COLORS, width=90),
        Column("area", DIM_WORDS["region"], width=130),
    )


def _units(say: Speech, indicator: Indicator) -> Panel:
    """The customers behind an indicator: where it counts what should be, those who missed it first."""
    measure = measure_of(indicator)
    columns, order = _counted(indicator)
    asked = (
        "SELECT customer_id, anyLast(tier) AS level, anyLast(region) AS area, count() AS units, "
        f"{', '.join(f'{how} AS {column.name}' for column, how in columns)}, max(at) AS latest, "
        "arrayStringConcat(arraySort(groupUniqArrayIf(detail, detail != '')), ' ') AS details "
        f"FROM ({sql.units(indicator)}) WHERE customer_id != "
        f"''{sql.filters(dim for dim in DIMS if dim in measure.by)} "
        f"GROUP BY customer_id ORDER BY {order} DESC, latest DESC LIMIT {MOST}"
    )
    shown = [
        *_who(say),
        Column("units", Text(zh="样本数", en="Units"), "locale"),
        *(column for column, _ in columns),
        Column("latest", Text(zh="最近一次", en="Latest")),
        Column("details", measure.detail or DIM_WORDS["detail"], hidden=measure.detail is None),
    ]
    head = Head(indicator.name, described(say, indicator, DIMS))
    return rows(say, head, asked, shown, size=(24, 10), number=units_panel(indicator))


def _counted(indicator: Indicator) -> tuple[list[tuple[Column, str]], str]:
    """Columns with their SQL, and which one puts the customers in order."""
    kind = measure_of(indicator).kind
    hits = Column("hits", Text(zh="计入数", en="Counted"), "locale")
    if kind == "quantile":
        return [(Column("longest", Text(zh="最大值", en="Largest"), "s"), "max(spread)")], "longest"
    if kind in {"sum", "customers"}:
        return [(hits, "sum(toFloat64(hit))")], "hits"
    missed = Column("missed", Text(zh="未计入数", en="Not counted"), "locale")
    both = [(hits, "sum(toFloat64(hit))"), (missed, "sum(toFloat64(base)) - hits")]
    return both, "missed" if indicator.direction == "up" else "hits"
