"""The supervision wall: what goes wrong now, where, for whom, and how the indicators stand."""

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import DIMS, SEVERITY_COLORS, TIER_COLORS, latency, moment_rows
from dashboards.grafana.indicators import Indicators
from dashboards.grafana.links import MOMENTS_PANEL, Link, series, to_customer, to_customers
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import PLAIN, Column, Head, Look, lines, number, rows
from dashboards.grafana.texts import DIM_WORDS, TIER_WORDS, Speech
from schemas.moments import Text

RATE = "suffix: /min"
NEGATIVE, POSITIVE = "moments_negative", "moments_positive"
BAD = ("valence = 'negative'", "status != 'retracted'")


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    return Board(
        uid="mot-wall",
        title=Text(zh="关键时刻 · 监督墙", en="MOT · Supervision wall"),
        description=Text(
            zh="服务监督人员的实时总览：每分钟负面与正面关键时刻、当前受影响最重的客户、指标与目标、最新关键时刻。",
            en="The live view of service supervision: moments of truth per minute, the customers hit hardest now, "
            "indicators against target, the latest moments.",
        ),
        sections=[
            Section(Text(zh="现在", en="Now"), [_now(say), _flow(say), latency(say)]),
            Section(
                Text(zh="每分钟关键时刻", en="Moments per minute"),
                [_rate(say, NEGATIVE, dim) for dim in ("stage", "tier", "channel", "department", "touchpoint")]
                + [_rate(say, POSITIVE, "stage")],
            ),
            Section(Text(zh="客户", en="Customers"), [_top_customers(say)]),
            Section(Text(zh="指标", en="Indicators"), [shown.standing(shown.targeted())]),
            Section(Text(zh="最新", en="Latest"), [moment_rows(say, _LATEST, DIMS, "status != 'retracted'")]),
        ],
        variables=DIMS,
        since="24h",
        refresh="30s",
    )


def _customers(say: Speech, valence: str | None = None, narrowed: str | None = None) -> Link:
    said = dict(series(narrowed)) if narrowed else {}
    return to_customers(say, MOMENTS_PANEL, DIMS, {**said, **({"valence": valence} if valence else {})})


def _now(say: Speech) -> Panel:
    windows = sql.for_total(sql.COUNTER_GRAINS)
    counters = (NEGATIVE, POSITIVE, "moments_retracted")
    sums = ", ".join(f"sumIf(value, indicator = '{one}') AS {one}" for one in counters)
    head = Head(
        Text(zh="关键时刻", en="Moments of truth"),
        Text(
            zh="所选时间范围内判定的负面、正面关键时刻数，以及被后续事实推翻的数量；按判定的事件时间。点击查看客户。",
            en="Negative and positive moments decided in the time range, and those withdrawn by later facts, by event "
            "time of the decision. Click for the customers.",
        ),
    )
    names = {
        NEGATIVE: Text(zh="负面", en="Negative"),
        POSITIVE: Text(zh="正面", en="Positive"),
        "moments_retracted": Text(zh="撤回", en="Withdrawn"),
    }
    look = Look("locale", PLAIN, [_customers(say)], (8, 4), names)
    return number(say, head, f"SELECT {sums} {sql.counter(counters, DIMS, windows)}", look)


def _flow(say: Speech) -> Panel:
    windows = sql.for_total(sql.COUNTER_GRAINS)
    head = Head(
        Text(zh="事件流", en="Stream of events"),
        Text(
            zh="所选时间范围内接受的事件数与超过允许迟到时间而搁置的事件数。",
            en="Events accepted in the time range, and events set aside because they came later than allowed.",
        ),
    )
    names = {"events": Text(zh="事件", en="Events"), "late": Text(zh="过迟", en="Too late")}
    asked = (
        "SELECT sumIf(value, indicator = 'events') AS events, sumIf(value, indicator = 'late_events') AS late "
        f"{sql.counter(('events', 'late_events'), DIMS, windows)}"
    )
    return number(say, head, asked, Look("locale", PLAIN, (), (8, 4), names))


def _rate(say: Speech, counter: str, by: str) -> Panel:
    """Moments per minute, one line for each value of `by`; touchpoints are many, so the ten with the most."""
    windows = sql.for_trend(sql.COUNTER_GRAINS)
    source = sql.counter([counter], DIMS, windows)
    most = ""
    if by == "touchpoint":
        most = f" AND {by} IN (SELECT {by} {source} GROUP BY {by} ORDER BY sum(value) DESC LIMIT 10)"
    asked = (
        f"SELECT {sql.bucket('window_start')} AS time, toString({by}) AS {by}, {say.dim(by)} AS name, "
        f"{sql.per_minute('sum(value)')} AS value {source}{most} GROUP BY time, {by}, name ORDER BY time"
    )
    valence = counter.removeprefix("moments_")
    kind = Text(zh="负面", en="Negative") if counter == NEGATIVE else Text(zh="正面", en="Positive")
    dim = DIM_WORDS[by]
    head = Head(
        Text(zh=f"每分钟{kind.zh}关键时刻（按{dim.zh}）", en=f"{kind.en} moments per minute by {dim.en.lower()}"),
        Text(
            zh=f"判定的{kind.zh}关键时刻，折算为每分钟；数据粒度随时间范围取分钟、小时或天。点击线条查看背后的客户。",
            en=f"{kind.en} moments decided, per minute; read from minutes, hours or days as the time range asks. Click "
            "a line for the customers behind it.",
        ),
    )
    return lines(say, head, asked, Look(RATE, PLAIN, [_customers(say, valence, by)], (12, 7)), stacked=True)


def _top_customers(say: Speech) -> Panel:
    asked = (
        "SELECT customer_id, any(tier) AS level, count() AS moments, toString(max(severity)) AS worst, "
        "max(decided_at) AS latest, argMax(concat(detector_id, ' ', detector_name), decided_at) AS detector, "
        f"argMax({say.column('explanation')}, decided_at) AS explanation "
        f"{sql.moments(DIMS, *BAD)} "
        "GROUP BY customer_id ORDER BY sum(exp2(severity)) DESC, latest DESC LIMIT 20"
    )
    head = Head(
        Text(zh="当前受影响最重的客户", en="Customers hit hardest"),
        Text(
            zh="所选时间范围内负面关键时刻最重的 20 位客户；严重度每高一级，权重加倍。点击客户查看时间线。",
            en="The twenty customers with the gravest negative moments of the time range; each degree of severity "
            "weighs double. Click a customer for the timeline.",
        ),
    )
    columns = [
        Column("customer_id", Text(zh="客户", en="Customer"), links=[to_customer(say)], width=130),
        Column("level", DIM_WORDS["tier"], words=TIER_WORDS, colors=TIER_COLORS, width=90),
        Column("moments", Text(zh="负面时刻数", en="Negative moments"), "locale", width=130),
        Column("worst", Text(zh="最高严重度", en="Worst severity"), colors=SEVERITY_COLORS, width=120),
        Column("latest", Text(zh="最近一次", en="Latest"), width=160),
        Column("detector", Text(zh="探测器", en="Detector"), width=220),
        Column("explanation", Text(zh="说明", en="What happened")),
    ]
    return rows(say, head, asked, columns, size=(24, 9))


_LATEST = Head(
    Text(zh="最新关键时刻", en="Latest moments"),
    Text(
        zh="所选时间范围内最新的 100 个关键时刻（不含已撤回），含说明与建议挽回。点击客户查看时间线。",
        en="The latest hundred moments of the time range, without those withdrawn, with what happened and the "
        "recommended recovery. Click a customer for the timeline.",
    ),
)
