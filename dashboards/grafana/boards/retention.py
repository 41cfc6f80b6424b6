"""Revenue at risk and the retention queue: who is to be called first, why, with what, and how long he has waited."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import DIMS, SEVERITY_COLORS, TIER_COLORS, latency
from dashboards.grafana.indicators import Indicators
from dashboards.grafana.links import to_customer
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, rows
from dashboards.grafana.texts import DEPARTMENT_WORDS, DIM_WORDS, STAGE_WORDS, TIER_WORDS, Speech
from schemas.moments import Text

_OPEN = ("valence = 'negative'", "status IN ('pending', 'confirmed', 'acknowledged', 'acting')")
_WAIT = (Threshold(None, "green"), Threshold(24 * 3600, "orange"), Threshold(72 * 3600, "red"))
_TIER_WEIGHT = "transform(level, ['diamond', 'gold', 'silver'], [4, 3, 2], 1)"


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    top = ("revenue_at_risk", "customers_with_negative", "retention_save_rate", "expiry_contacted")
    return Board(
        uid="mot-retention",
        title=Text(zh="关键时刻 · 收入风险与挽留队列", en="MOT · Revenue at risk and retention queue"),
        description=Text(
            zh="挽留团队的排序队列：严重度、等级、客户价值、原因、建议挽回、已等待时间；以及有风险的收入、离网与挽留。",
            en="The ranked queue of the retention teams: severity, tier, value, reason, recommended recovery, time "
            "waited; and revenue at risk, churn and customers kept.",
        ),
        sections=[
            Section(Text(zh="风险", en="Risk"), [*(shown.number(name) for name in top), latency(say)]),
            Section(Text(zh="队列", en="Queue"), [_queue(say)]),
            Section(
                Text(zh="何处有风险", en="Where it is at risk"),
                [
                    shown.trend("revenue_at_risk", "tier"),
                    shown.split("revenue_at_risk", "stage"),
                    shown.split("revenue_at_risk", "touchpoint"),
                    shown.split("revenue_at_risk", "department"),
                ],
            ),
            Section(
                Text(zh="离网与挽留", en="Leaving and staying"),
                [
                    shown.trend("churn_per_1000", "tier"),
                    shown.trend("retention_save_rate", "tier"),
                    shown.trend("expiry_contacted", "tier"),
                    shown.split("churn_per_1000", "region"),
                ],
            ),
        ],
        variables=DIMS,
        since="7d",
        refresh="30s",
    )


def _queue(say: Speech) -> Panel:
    told = sql.moments(DIMS, *_OPEN)
    latest = "(severity, decided_at)"
    queue = (
        f"SELECT customer_id, any(tier) AS level, max(severity) AS worst, count() AS moments, argMax(stage, {latest}) "
        f"AS phase, argMax(department, {latest}) AS owner, argMax({say.column('explanation')}, {latest}) AS reason, "
        f"argMax({say.column('recovery')}, {latest}) AS remedy, dateDiff('second', min(decided_at), now64(3)) AS "
        f"waited {told} GROUP BY customer_id"
    )
    asked = (
        "SELECT customer_id, level, toString(worst) AS severity, moments, value, currency, waited, reason, remedy, "
        f"phase, owner FROM ({queue}) AS told LEFT JOIN (SELECT customer_id, monthly_minor / 100 AS value, currency "
        f"FROM customers_now WHERE customer_id IN (SELECT customer_id {told})) AS known USING customer_id ORDER BY "
        f"exp2(worst) * {_TIER_WEIGHT} * (1 + log2(1 + greatest(value, 0))) DESC, customer_id LIMIT 200"
    )
    head = Head(
        Text(zh="挽留队列", en="Retention queue"),
        Text(
            zh="所选时间范围内有未了结负面关键时刻的客户，最多 200 位。排序 = 2 的严重度次方 × 等级权重（钻石 4、金卡 "
            "3、银卡 2、普通 1）×（1 + log2(1 + 最近账单)）。账单按数额比较，不作汇率换算：币种不同的客户请分地区查看。"
            "等待时间自第一个未了结时刻的判定起算，24 小时变橙，72 小时变红。",
            en="Customers with an open negative moment in the time range, at most 200. Rank: two to the severity, "
            "times the tier's weight (diamond 4, gold 3, silver 2, normal 1), times 1 + log2(1 + last bill). Bills are "
            "compared as they stand, without exchange rates: where regions have several currencies, look at one region "
            "at a time. They wait since the first open moment was decided: orange from 24 hours, red from 72.",
        ),
    )
    return rows(say, head, asked, _columns(say), size=(24, 16))


def _columns(say: Speech) -> Sequence[Column]:
    return [
        Column("customer_id", Text(zh="客户", en="Customer"), links=[to_customer(say)], width=120),
        Column("level", DIM_WORDS["tier"], words=TIER_WORDS, colors=TIER_COLORS, width=80),
        Column("severity", Text(zh="严重度", en="Severity"), colors=SEVERITY_COLORS, width=80),
        Column("moments", Text(zh="时刻数", en="Moments"), "locale", width=80, links=[to_customer(say)]),
        Column("value", Text(zh="最近账单", en="Last bill"), "locale", width=100, links=[to_customer(say)]),
        Column("currency", Text(zh="币种", en="Currency"), width=70),
        Column("waited", Text(zh="已等待", en="Waiting"), "s", width=110, steps=_WAIT, links=[to_customer(say)]),
        Column("reason", Text(zh="原因", en="Reason")),
        Column("remedy", Text(zh="建议挽回", en="Recommended recovery")),
        Column("phase", DIM_WORDS["stage"], words=STAGE_WORDS, width=110),
        Column("owner", DIM_WORDS["department"], words=DEPARTMENT_WORDS, width=110),
    ]
