"""One customer: who, what happened, which moments, with their evidence."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import TIER_COLORS, latency, moment_columns
from dashboards.grafana.links import CUSTOMER
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, rows, states
from dashboards.grafana.texts import CHANNEL_WORDS, DEPARTMENT_WORDS, DIM_WORDS, STAGE_WORDS, TIER_WORDS, Speech
from schemas.events import EVENT_TYPES
from schemas.moments import Text

IS_HE = "customer_id = ${customer:singlequote}"
_TYPES = ", ".join(f"'{one}'" for one in EVENT_TYPES)
EVENTS = f"FROM events FINAL WHERE event_type IN ({_TYPES}) AND {IS_HE} AND $__timeFilter_ms(occurred_at)"
"""Naming the types lets ClickHouse go straight to the customer in each of them: the table is sorted by type first."""


def board(say: Speech) -> Board:
    """See the module."""
    return Board(
        uid=CUSTOMER,
        title=Text(zh="关键时刻 · 客户时间线", en="MOT · Customer timeline"),
        description=Text(
            zh="一位客户：资料、所处阶段、事件时间线、关键时刻及其证据。在上方填写客户编号，"
            "或从任何看板的客户编号点击进入。",
            en="One customer: profile, stages, events, moments with their evidence. Enter the customer's id above, or "
            "come here by a click on a customer on any board.",
        ),
        sections=[
            Section(Text(zh="客户", en="Customer"), [_profile(say), latency(say), _stages(say)]),
            Section(Text(zh="关键时刻", en="Moments"), [_moments(say), _evidence(say)]),
            Section(Text(zh="事件", en="Events"), [_events(say), _handoffs(say)]),
        ],
        variables=("customer",),
        since="90d",
        refresh="",
        annotated=False,
    )


def _profile(say: Speech) -> Panel:
    head = Head(
        Text(zh="客户资料", en="Profile"),
        Text(
            zh="最近已知的等级、地区、客户经理与最近一张账单；首次与最近出现、离网时间。",
            en="Latest known tier, region, account manager and last bill; first and last seen, and when he left.",
        ),
    )
    asked = (
        "SELECT customer_id, tier, region, manager, monthly_minor / 100 AS bill, currency, seen_first, seen_last, "
        f"left_at FROM customers_now WHERE {IS_HE}"
    )
    columns = [
        Column("customer_id", Text(zh="客户", en="Customer"), width=130),
        Column("tier", DIM_WORDS["tier"], words=TIER_WORDS, colors=TIER_COLORS, width=90),
        Column("region", DIM_WORDS["region"]),
        Column("manager", Text(zh="客户经理", en="Account manager")),
        Column("bill", Text(zh="最近账单", en="Last bill"), "locale"),
        Column("currency", Text(zh="币种", en="Currency"), width=80),
        Column("seen_first", Text(zh="首次出现", en="First seen"), width=160),
        Column("seen_last", Text(zh="最近出现", en="Last seen"), width=160),
        Column("left_at", Text(zh="离网时间", en="Left"), width=160),
    ]
    return rows(say, head, asked, columns, size=(16, 4))


def _stages(say: Speech) -> Panel:
    head = Head(
        Text(zh="所处阶段", en="Stages"),
        Text(
            zh="客户何时处于哪个生命周期阶段；时间范围开始时所处的阶段一并给出。",
            en="Which stage of the lifecycle the customer was in, and when, and in which before it.",
        ),
    )
    asked = (
        "SELECT time, stage FROM (SELECT at AS time, toString(to_stage) AS stage FROM transitions_now "
        f"WHERE {IS_HE} AND $__timeFilter_ms(at) UNION ALL SELECT toDateTime64($__fromTime_ms, 3, 'UTC') AS time, "
        f"toString(argMax(to_stage, (at, event_key))) AS stage FROM transitions_now WHERE {IS_HE} "
        "AND at < $__fromTime_ms HAVING count() > 0) ORDER BY time"
    )
    return states(say, head, asked, {"stage": DIM_WORDS["stage"]}, STAGE_WORDS)


def _moments(say: Speech) -> Panel:
    head = Head(
        Text(zh="关键时刻", en="Moments of truth"),
        Text(
            zh="该客户在所选时间范围内的全部关键时刻，含已撤回。",
            en="All moments of the customer in the time range, those withdrawn too.",
        ),
    )
    asked = (
        "SELECT decided_at, valence, toString(severity) AS severity, concat(detector_id, ' ', detector_name) AS "
        f"detector, stage, {say.dim('touchpoint')} AS place, channel, department, status, {say.column('explanation')} "
        f"AS explanation, {say.column('recovery')} AS recovery, moment_id {sql.moments((), IS_HE)} ORDER BY decided_at "
        "DESC, moment_id"
    )
    wanted = [one for one in moment_columns(say) if one.name not in {"customer_id", "tier"}]
    return rows(say, head, asked, wanted, size=(24, 8))


def _evidence(say: Speech) -> Panel:
    head = Head(
        Text(zh="证据", en="Evidence"),
        Text(
            zh="每个关键时刻依据的事件，以及未发生的预期、规则条款与判定所用的数值。",
            en="The events each moment rests on, the expected one that did not happen, the clause, and the numbers it "
            "was decided by.",
        ),
    )
    asked = (
        "SELECT moment_id, decided_at, occurred_at, event_type, channel, evidence_missing, evidence_clause, measures, "
        "attributes FROM (SELECT moment_id, decided_at, evidence_missing, evidence_clause, measures, "
        f"arrayJoin(evidence_events) AS event_id {sql.moments((), IS_HE)}) AS told LEFT JOIN (SELECT event_id, "
        f"occurred_at, event_type, channel, attributes FROM events FINAL WHERE event_type IN ({_TYPES}) AND {IS_HE}) "
        "AS seen USING event_id ORDER BY decided_at DESC, moment_id, occurred_at LIMIT 500"
    )
    columns = [
        Column("moment_id", Text(zh="关键时刻", en="Moment"), width=130),
        Column("decided_at", Text(zh="判定时间", en="Decided"), width=160),
        Column("occurred_at", Text(zh="事件时间", en="Event at"), width=160),
        Column("event_type", Text(zh="事件类型", en="Event type"), width=200),
        Column("channel", DIM_WORDS["channel"], words=CHANNEL_WORDS, width=90),
        Column("evidence_missing", Text(zh="未发生", en="Did not happen"), width=180),
        Column("evidence_clause", Text(zh="条款", en="Clause"), width=200),
        Column("measures", Text(zh="判定数值", en="Numbers")),
        Column("attributes", Text(zh="事件内容", en="Event says")),
    ]
    return rows(say, head, asked, columns, size=(24, 9))


def _events(say: Speech) -> Panel:
    head = Head(
        Text(zh="事件时间线", en="Timeline of events"),
        Text(
            zh="该客户在所选时间范围内的事件，新的在前，最多 1000 条；要看其余的请缩小时间范围。",
            en="The customer's events in the time range, newest first, at most a thousand; narrow the range to see "
            "the rest.",
        ),
    )
    asked = (
        f"SELECT occurred_at, event_type, stage, {say.dim('touchpoint')} AS place, channel, department, amount_minor / "
        f"100 AS amount, currency, attributes, event_id {EVENTS} ORDER BY occurred_at DESC, event_id LIMIT 1000"
    )
    columns = [
        Column("occurred_at", Text(zh="时间", en="Time"), width=160),
        Column("event_type", Text(zh="事件类型", en="Event type"), width=220),
        Column("stage", DIM_WORDS["stage"], words=STAGE_WORDS, width=100),
        Column("place", DIM_WORDS["touchpoint"], width=200),
        Column("channel", DIM_WORDS["channel"], words=CHANNEL_WORDS, width=100),
        Column("department", DIM_WORDS["department"], words=DEPARTMENT_WORDS, width=110),
        Column("amount", Text(zh="金额", en="Amount"), "locale", width=90),
        Column("currency", Text(zh="币种", en="Currency"), width=70),
        Column("attributes", Text(zh="内容", en="It says")),
        Column("event_id", Text(zh="编号", en="Id"), width=110),
    ]
    return rows(say, head, asked, columns, size=(24, 14))


def _handoffs(say: Speech) -> Panel:
    head = Head(
        Text(zh="转派", en="Handoffs"),
        Text(zh="该客户的诉求在各岗位之间的转派。", en="How the customer's matters were passed from desk to desk."),
    )
    asked = (
        "SELECT at, case_id, from_desk, to_desk, channel FROM handoffs_now "
        f"WHERE {IS_HE} AND $__timeFilter_ms(at) ORDER BY at DESC"
    )
    columns = [
        Column("at", Text(zh="时间", en="Time"), width=160),
        Column("case_id", Text(zh="诉求", en="Matter")),
        Column("from_desk", Text(zh="转出", en="From")),
        Column("to_desk", Text(zh="转入", en="To")),
        Column("channel", DIM_WORDS["channel"], words=CHANNEL_WORDS),
    ]
    return rows(say, head, asked, columns, size=(24, 7))
