"""Panels that several boards have: how old the data are, moments as a table."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards.grafana import sql
from dashboards.grafana.links import to_customer
from dashboards.grafana.model import Panel
from dashboards.grafana.panels import Column, Head, Look, number, rows
from dashboards.grafana.texts import (
    CHANNEL_WORDS,
    DEPARTMENT_WORDS,
    DIM_WORDS,
    STAGE_WORDS,
    STATUS_WORDS,
    TIER_WORDS,
    VALENCE_WORDS,
    Speech,
)
from schemas.moments import Text

DIMS = sql.FILTER_DIMS
FRESH = (Threshold(None, "green"), Threshold(120, "orange"), Threshold(600, "red"))
SEVERITY_COLORS = {"5": "dark-red", "4": "red", "3": "orange", "2": "yellow", "1": "green"}
VALENCE_COLORS = {"negative": "red", "positive": "green"}
TIER_COLORS = {"diamond": "purple", "gold": "yellow", "silver": "blue", "normal": "transparent"}


def latency(say: Speech, size: tuple[int, int] = (8, 4)) -> Panel:
    """How old the data on the board are: a stale screen must not look live."""
    names = {
        "newest_event": Text(zh="最新事件", en="Newest event"),
        "newest_counter": Text(zh="最新计数", en="Newest counter"),
        "newest_refresh": Text(zh="最新指标", en="Newest indicators"),
    }
    head = Head(
        Text(zh="数据时延", en="Age of the data"),
        Text(
            zh="当前时间减去：最新事件的发生时间、最新计数行的写入时间、指标最近一次刷新的时间。超过 2 分钟变橙，超过 "
            "10 分钟变红：此时屏幕上的数字不是现状。历史日志或演示数据会显示很长的时延。",
            en="Now minus: when the newest event occurred, when the newest counter was written, when indicators were "
            "last refreshed. Orange from 2 minutes, red from 10: the numbers are then not the present. An old log or a "
            "demo shows a long time here.",
        ),
    )
    return number(say, head, sql.LATENCY, Look("s", FRESH, (), size, names))


def moment_columns(say: Speech) -> Sequence[Column]:
    """The columns of `moment_rows`."""
    customer = [to_customer(say)]
    return (
        Column("decided_at", Text(zh="判定时间", en="Decided"), width=160),
        Column("customer_id", Text(zh="客户", en="Customer"), links=customer, width=120),
        Column("tier", DIM_WORDS["tier"], words=TIER_WORDS, colors=TIER_COLORS, width=80),
        Column("valence", Text(zh="正负", en="Valence"), words=VALENCE_WORDS, colors=VALENCE_COLORS, width=80),
        Column("severity", Text(zh="严重度", en="Severity"), colors=SEVERITY_COLORS, width=80),
        Column("detector", Text(zh="探测器", en="Detector"), width=190),
        Column("stage", DIM_WORDS["stage"], words=STAGE_WORDS, width=100),
        Column("place", DIM_WORDS["touchpoint"], width=150),
        Column("channel", DIM_WORDS["channel"], words=CHANNEL_WORDS, width=90),
        Column("department", DIM_WORDS["department"], words=DEPARTMENT_WORDS, width=110),
        Column("status", Text(zh="状态", en="Status"), words=STATUS_WORDS, width=90),
        Column("explanation", Text(zh="说明", en="What happened")),
        Column("recovery", Text(zh="建议挽回", en="Recommended recovery")),
        Column("moment_id", Text(zh="编号", en="Id"), width=110),
    )


def moment_sql(say: Speech, dims: Sequence[str], *conditions: str, most: int = 100) -> str:
    """The moments of the time range, newest first."""
    return (
        "SELECT decided_at, customer_id, tier, valence, toString(severity) AS severity, concat(detector_id, ' ', "
        f"detector_name) AS detector, stage, {say.dim('touchpoint')} AS place, channel, department, status, "
        f"{say.column('explanation')} AS explanation, {say.column('recovery')} AS recovery, moment_id "
        f"{sql.moments(dims, *conditions)} ORDER BY decided_at DESC, moment_id LIMIT {most}"
    )


def moment_rows(
    say: Speech, head: Head, dims: Sequence[str], *conditions: str, size: tuple[int, int] = (24, 10), most: int = 100
) -> Panel:
    """Moments as a table; each customer leads to his timeline."""
    return rows(say, head, moment_sql(say, dims, *conditions, most=most), moment_columns(say), size=size)
