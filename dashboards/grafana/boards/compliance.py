"""Compliance by policy pack: notices due, sent, delivered, in time; other duties; what cannot be judged yet."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import latency
from dashboards.grafana.indicators import UNITS, Indicators, described, steps
from dashboards.grafana.links import to_units
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, rows
from dashboards.grafana.texts import Speech
from journeys.formulas import measure_of
from schemas.moments import Text

DIMS = ("stage", "touchpoint", "channel", "tier", "department", "region")
NOTICES = ("notices_due", "notices_sent", "notices_delivered", "notified_before_charge")
DUTIES = (
    "complaint_in_5wd", "complaint_proposal_10wd", "complaint_fix_5wd", "billing_complaint_4w", "billing_complaint_6w",
    "closure_7d", "port_in_1wd", "fault_repair_in_time", "reconnect_p95", "answered_90s", "expiry_contacted",
    "refund_on_time", "uk_missed_appointment_compensation", "uk_late_start_compensation", "uk_repair_compensation",
)  # fmt: skip
MISSING = (
    "credit_after_complaint_1w",
    "deposit_refund_45d",
    "urgent_complaint_2wd",
    "contract_information_integrity",
)


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    return Board(
        uid="mot-compliance",
        title=Text(zh="关键时刻 · 政策包合规", en="MOT · Compliance by policy pack"),
        description=Text(
            zh="按政策包查看：应告知、已发出、已送达、按时；投诉、计费、携号等时限义务；以及尚无数据、无法判定的义务。",
            en="By policy pack: notices due, sent, delivered, in time; duties with a time limit for complaints, bills, "
            "porting; and duties that cannot be judged for want of data.",
        ),
        sections=[
            Section(
                Text(zh="告知", en="Notices"),
                [
                    *(shown.number(name) for name in NOTICES),
                    latency(say),
                    _packs(say),
                    shown.trend("notified_before_charge", "detail"),
                    shown.trend("notice_latency_p95", "detail"),
                    shown.trend("notice_failure_rate", "detail"),
                    shown.trend("notified_before_charge", "tier"),
                ],
            ),
            Section(Text(zh="时限义务", en="Duties with a time limit"), [shown.standing(DUTIES, (24, 11))]),
            Section(Text(zh="尚无法判定", en="Not to be judged yet"), [shown.missing(name) for name in MISSING]),
            Section(Text(zh="现行义务", en="Duties in force"), [_steps(say)]),
        ],
        variables=(*DIMS, "pack"),
        since="30d",
        refresh="1m",
    )


def _packs(say: Speech) -> Panel:
    shown = Indicators(say, DIMS)
    due = shown[NOTICES[0]]
    joined = []
    for name in NOTICES:
        one = shown[name]
        windows = sql.for_total(measure_of(one).grains)
        joined.append(
            f"(SELECT toString(detail) AS pack, {sql.value(one)} AS value {sql.rows(one, DIMS, windows)} "
            f"AND $__conditionalAll(detail IN (${{pack:singlequote}}), $pack) GROUP BY pack) AS {name}"
        )
    values = ", ".join(f"{name}.value AS {name}" for name in NOTICES)
    others = " ".join(f"LEFT JOIN {one} USING pack" for one in joined[1:])
    asked = f"SELECT pack, {values} FROM {joined[0]} {others} ORDER BY notified_before_charge, pack"
    columns = [
        Column("pack", Text(zh="政策包", en="Policy pack"), width=220),
        *(
            Column(
                name,
                shown[name].name,
                UNITS[shown[name].unit],
                steps=steps(shown[name]),
                links=[to_units(say, shown[name], DIMS)],
            )
            for name in NOTICES
        ),
    ]
    return rows(
        say,
        Head(Text(zh="各政策包的告知", en="Notices by pack"), described(say, due, DIMS)),
        asked,
        columns,
        size=(24, 7),
    )


def _steps(say: Speech) -> Panel:
    asked = (
        "SELECT pack, clause, metric, purpose, percent, within_ms / 1000 AS within_s, effective_from, effective_to "
        "FROM policy_steps_now WHERE active AND $__conditionalAll(pack IN (${pack:singlequote}), $pack) "
        "ORDER BY pack, clause, percent"
    )
    columns = [
        Column("pack", Text(zh="政策包", en="Policy pack"), width=180),
        Column("clause", Text(zh="条款", en="Clause")),
        Column("metric", Text(zh="监测对象", en="Watches"), width=140),
        Column("purpose", Text(zh="告知内容", en="Notice"), width=140),
        Column("percent", Text(zh="用量档位", en="Step"), "percent", width=100),
        Column("within_s", Text(zh="时限", en="Within"), "s", width=100),
        Column("effective_from", Text(zh="生效", en="From"), width=120),
        Column("effective_to", Text(zh="失效", en="Until"), width=120),
    ]
    head = Head(
        Text(zh="现行告知义务", en="Notices that are owed"),
        Text(
            zh="目前启用的政策包要求的每一次告知：何时触发、须在多长时间内送达。档位 0 表示进入时。",
            en="Every notice that the active packs ask for: when it is due and within what time. Step 0 is the one at "
            "the start.",
        ),
    )
    return rows(say, head, asked, columns, size=(24, 9))
