"""Quality of the alerts: how many are taken back, how many come true, how early, how much work they make."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import DIMS, latency
from dashboards.grafana.indicators import UNITS, Indicators, described, steps
from dashboards.grafana.links import MOMENTS_PANEL, to_customer, to_customers, to_units
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, rows
from dashboards.grafana.texts import Speech
from detectors.catalogue import CATALOGUE
from journeys.formulas import measure_of
from schemas.moments import Text

BY_DETECTOR = (
    "moments_negative",
    "customers_with_negative",
    "moment_retraction_rate",
    "moment_outcome_30d",
    "moment_lead_time_p50",
)
MISSING = ("mot_repaired_in_clock", "alert_precision_k", "alerts_per_handler_shift")
NAMES = {one.meta.id: one.meta.title for one in CATALOGUE}


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    top = ("moments_negative", "mot_neg_per_1000", "moment_retraction_rate", "moment_outcome_30d")
    return Board(
        uid="mot-quality",
        title=Text(zh="关键时刻 · 预警质量", en="MOT · Quality of alerts"),
        description=Text(
            zh="撤回率、应验率、提前量、每千客户时刻数，按探测器；处理结果尚未回写的指标如实标明缺数据。",
            en="Retraction, outcome, lead time and moments per thousand customers, by detector; indicators that need "
            "outcomes of case work say so honestly.",
        ),
        sections=[
            Section(Text(zh="概况", en="Overview"), [*(shown.number(name) for name in top), latency(say)]),
            Section(Text(zh="按探测器", en="By detector"), [_detectors(say)]),
            Section(
                Text(zh="随时间", en="Over time"),
                [
                    shown.trend("moments_negative", "detail"),
                    shown.trend("moment_retraction_rate", "detail"),
                    shown.trend("mot_neg_per_1000", "tier"),
                    shown.trend("mot_ratio", "stage"),
                    shown.number("moment_lead_time_p50", (6, 4)),
                    shown.number("mot_ratio", (6, 4)),
                    shown.number("moments_positive", (6, 4)),
                    shown.number("customers_with_negative", (6, 4)),
                ],
            ),
            Section(
                Text(zh="缺数据的指标", en="Indicators without data"), [shown.missing(name, (8, 6)) for name in MISSING]
            ),
            Section(Text(zh="探测器故障", en="Detectors that failed"), [_failures(say)]),
        ],
        variables=(*DIMS, "detector"),
        since="30d",
        refresh="5m",
    )


def _detectors(say: Speech) -> Panel:
    """A row for each detector: what it said and what became of it."""
    shown = Indicators(say, DIMS)
    parts = []
    for name in BY_DETECTOR:
        one = shown[name]
        windows = sql.for_total(measure_of(one).grains)
        parts.append(
            f"(SELECT toString(detail) AS code, {sql.value(one)} AS value {sql.rows(one, DIMS, windows)} "
            f"AND $__conditionalAll(detail IN (${{detector:singlequote}}), $detector) GROUP BY code) AS {name}"
        )
    values = ", ".join(f"{name}.value AS {name}" for name in BY_DETECTOR)
    others = " ".join(f"LEFT JOIN {one} USING code" for one in parts[1:])
    asked = (
        f"SELECT code, {say.words('code', NAMES)} AS name, {values} FROM {parts[0]} {others} "
        "ORDER BY moments_negative DESC, code"
    )
    said = to_customers(say, MOMENTS_PANEL, DIMS, {"detector": "${__data.fields.code}"})
    columns = [
        Column("code", Text(zh="探测器", en="Detector"), links=[said], width=90),
        Column("name", Text(zh="名称", en="Name"), links=[said]),
        *(
            Column(
                name,
                shown[name].name,
                UNITS[shown[name].unit],
                steps=steps(shown[name]),
                links=[to_units(say, shown[name], DIMS)],
            )
            for name in BY_DETECTOR
        ),
    ]
    text = described(say, shown["moment_outcome_30d"], DIMS)
    return rows(say, Head(Text(zh="各探测器的质量", en="Quality by detector"), text), asked, columns, size=(24, 10))


def _failures(say: Speech) -> Panel:
    asked = (
        "SELECT detector_id, count() AS failures, uniqExact(customer_id) AS customers, max(at) AS latest, "
        "argMax(error, at) AS said, argMax(customer_id, at) AS customer FROM detector_failures FINAL "
        "WHERE $__timeFilter_ms(at) AND $__conditionalAll(detector_id IN (${detector:singlequote}), $detector) "
        "GROUP BY detector_id ORDER BY failures DESC"
    )
    columns = [
        Column("detector_id", Text(zh="探测器", en="Detector")),
        Column("failures", Text(zh="故障次数", en="Failures"), "locale"),
        Column("customers", Text(zh="涉及客户", en="Customers"), "locale"),
        Column("latest", Text(zh="最近一次", en="Latest")),
        Column("said", Text(zh="错误", en="Error")),
        Column("customer", Text(zh="最近客户", en="Latest customer"), links=[to_customer(say, "customer")]),
    ]
    head = Head(
        Text(zh="探测器故障", en="Failures of detectors"),
        Text(
            zh="抛出错误的探测器对该客户停用，其余照常；为空即无故障。",
            en="A detector that raised an error is set aside for that customer, the others go on. Empty means none "
            "failed.",
        ),
    )
    return rows(say, head, asked, columns, size=(24, 6))
