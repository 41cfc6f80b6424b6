"""Handoffs and complaints: how customers' matters wander between channels and desks, get lost, and come back."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from collections.abc import Mapping

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import DIMS, latency
from dashboards.grafana.indicators import UNITS, Indicators, described
from dashboards.grafana.links import HANDOFFS_PANEL, to_customers, to_units
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, Look, graph, rows
from dashboards.grafana.texts import CHANNEL_WORDS, Speech
from journeys.formulas import measure_of
from schemas.moments import Text

SOURCE, TARGET = Text(zh="从", en="From"), Text(zh="到", en="To")


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    return Board(
        uid="mot-handoffs",
        title=Text(zh="关键时刻 · 交接与投诉", en="MOT · Handoffs and complaints"),
        description=Text(
            zh="跨渠道与跨岗位的交接：流向、时延、丢失、退回；客户联系、投诉时长与重开。",
            en="Handoffs between channels and desks: ways, delay, loss, return; contacts, time to settle complaints, "
            "complaints that come back.",
        ),
        sections=[
            Section(Text(zh="概况", en="Overview"), _overview(shown, say)),
            Section(Text(zh="渠道之间", en="Between channels"), _channels(say)),
            Section(Text(zh="岗位之间", en="Between desks"), _desks(say, shown)),
            Section(Text(zh="联系", en="Contacts"), _contacts(shown)),
            Section(Text(zh="投诉", en="Complaints"), _complaints(shown)),
        ],
        variables=DIMS,
        since="30d",
        refresh="5m",
    )


def _overview(shown: Indicators, say: Speech) -> list[Panel]:
    first = ("handoffs", "handoff_loss", "handoff_return_rate", "channel_switches")
    second = ("contacts", "fcr_7d", "repeat_contact_7d", "transfer_rate", "complaints", "complaint_reopen_30d")
    return [*(shown.number(name) for name in first), latency(say), *(shown.number(name) for name in second)]


def _ways(say: Speech, name: str) -> str:
    """An indicator's value for each pair of places."""
    one = Indicators(say, DIMS)[name]
    windows = sql.for_total(measure_of(one).grains)
    ends = "arrayMap(x -> trimBoth(x), splitByChar('>', way))"
    return (
        f"SELECT toString(detail) AS way, {ends}[1] AS source, {ends}[2] AS target, {sql.value(one)} AS value "
        f"{sql.rows(one, DIMS, windows)} GROUP BY way"
    )


def _graph(say: Speech, head: Head, name: str, words: Mapping[str, Text]) -> Panel:
    """Places as circles with what comes in and goes out, ways as lines."""
    ways = _ways(say, name)
    nodes = (
        f"SELECT id, {say.words('id', words) if words else 'id'} AS title, toUInt64(sum(arrived)) AS mainstat, "
        "toUInt64(sum(gone)) AS secondarystat FROM (SELECT target AS id, value AS arrived, 0 AS gone "
        f"FROM ({ways}) UNION ALL SELECT source, 0, value FROM ({ways})) GROUP BY id ORDER BY id"
    )
    edges = (
        f"SELECT way AS id, source, target, toUInt64(value) AS mainstat FROM ({ways}) ORDER BY value DESC, id LIMIT 100"
    )
    people = [to_units(say, Indicators(say, DIMS)[name], DIMS)]
    return graph(say, head, nodes, edges, Look(links=people, size=(12, 13)))


def _channels(say: Speech) -> list[Panel]:
    shown = Indicators(say, DIMS)
    count, delay = shown["channel_switches"], shown["channel_switch_delay_p50"]
    head = Head(
        Text(zh="渠道流转图", en="Graph of channels"),
        described(say, count, DIMS)
        + say(
            Text(
                zh="\n\n圆点上的数字：转入与转出次数；连线：切换次数。",
                en="\n\nOn a circle: arrivals and departures; on a line: switches.",
            )
        ),
    )
    asked = (
        f"SELECT way, {say.words('moved.source', CHANNEL_WORDS)} AS from_channel, "
        f"{say.words('moved.target', CHANNEL_WORDS)} AS to_channel, moved.value AS value, waited.value AS delay "
        f"FROM ({_ways(say, count.id)}) AS moved LEFT JOIN ({_ways(say, delay.id)}) AS waited USING way "
        "ORDER BY value DESC, way"
    )
    columns = [
        Column("way", Text(zh="路径", en="Way"), hidden=True),
        Column("from_channel", SOURCE),
        Column("to_channel", TARGET),
        Column("value", count.name, "locale", links=[to_units(say, count, DIMS)]),
        Column("delay", delay.name, UNITS[delay.unit], links=[to_units(say, delay, DIMS)]),
    ]
    table_head = Head(Text(zh="渠道之间的切换与时延", en="Switches and their delay"), described(say, delay, DIMS))
    return [
        _graph(say, head, count.id, CHANNEL_WORDS),
        rows(say, table_head, asked, columns, size=(12, 13)),
        shown.trend("handoff_loss", "channel"),
        shown.split("handoff_loss", "detail", (12, 8)),
    ]


def _desks(say: Speech, shown: Indicators) -> list[Panel]:
    count, back = shown["handoffs"], shown["handoff_return_rate"]
    head = Head(
        Text(zh="岗位流转图", en="Graph of desks"),
        described(say, count, DIMS),
    )
    asked = (
        "SELECT way, moved.source AS from_desk, moved.target AS to_desk, moved.value AS value, returned.value AS back "
        f"FROM ({_ways(say, count.id)}) AS moved LEFT JOIN ({_ways(say, back.id)}) AS returned USING way ORDER BY "
        "value DESC, way"
    )
    people = [to_customers(say, HANDOFFS_PANEL, ("channel", "tier"))]
    columns = [
        Column("way", Text(zh="路径", en="Way"), hidden=True),
        Column("from_desk", SOURCE),
        Column("to_desk", TARGET),
        Column("value", count.name, "locale", links=people),
        Column("back", back.name, UNITS[back.unit], links=[to_units(say, back, DIMS)]),
    ]
    table_head = Head(Text(zh="岗位之间的转派与退回", en="Handoffs and returns"), described(say, back, DIMS))
    return [
        _graph(say, head, count.id, {}),
        rows(say, table_head, asked, columns, size=(12, 13)),
        shown.trend("handoffs", "department"),
        _times(say),
    ]


def _times(say: Speech) -> Panel:
    """How long a matter lay at a desk before it was passed on."""
    source = f"FROM handoffs_now WHERE $__timeFilter_ms(at){sql.filters(('channel', 'tier'))}"
    asked = (
        "SELECT toString(from_desk) AS desk, count() AS handoffs, uniqExact(case_id) AS cases, "
        "quantileExactIf(0.5)(held, held > 0) AS held_p50, max(held) AS held_max FROM (SELECT from_desk, case_id, "
        "dateDiff('second', lagInFrame(toNullable(at)) OVER (PARTITION BY customer_id, case_id ORDER BY at, event_id "
        f"ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), at) AS held {source}) GROUP BY desk ORDER BY handoffs DESC, desk "
        "LIMIT 100"
    )
    head = Head(
        Text(zh="岗位停留时间", en="Time at a desk"),
        Text(
            zh="同一诉求相邻两次转派之间的时间，即诉求在该岗位停留多久才被转走；第一次转派之前的时间不知，不计。",
            en="Time between two handoffs of one matter: how long it lay at the desk before it was passed on. What "
            "lies before the first handoff is not known and left out.",
        ),
    )
    people = [to_customers(say, HANDOFFS_PANEL, ("channel", "tier"))]
    columns = [
        Column("desk", Text(zh="岗位", en="Desk")),
        Column("handoffs", Text(zh="转出次数", en="Passed on"), "locale", links=people),
        Column("cases", Text(zh="诉求数", en="Matters"), "locale", links=people),
        Column("held_p50", Text(zh="停留中位数", en="Held (median)"), "s"),
        Column("held_max", Text(zh="最长停留", en="Held longest"), "s"),
    ]
    return rows(say, head, asked, columns, size=(12, 8))


def _contacts(shown: Indicators) -> list[Panel]:
    return [
        shown.trend("contacts", "channel"),
        shown.trend("fcr_7d", "channel"),
        shown.split("repeat_contact_7d", "detail", (12, 8)),
        shown.split("transfer_rate", "department", (12, 8)),
        shown.number("answered_90s", (6, 4)),
        shown.number("answer_wait_p95", (6, 4)),
        shown.number("support_accessibility", (6, 4)),
        shown.number("helpline_professionality", (6, 4)),
    ]


def _complaints(shown: Indicators) -> list[Panel]:
    clocks = ("complaint_time_p50", "complaint_time_p90", "complaint_time_operator_p50", "complaint_time_operator_p90")
    return [
        *(shown.number(name, (6, 4)) for name in clocks),
        shown.trend("complaints", "detail"),
        shown.trend("complaint_rate", "tier"),
        shown.trend("complaint_time_p90", "tier"),
        shown.trend("complaint_reopen_30d", "tier"),
        shown.split("complaint_reopen_30d", "detail", (12, 8)),
        shown.split("complaint_time_p90", "department", (12, 8)),
        shown.number("complaint_escalation_rate", (6, 4)),
        shown.number("appeals", (6, 4)),
        shown.number("appeals_per_million_daily", (6, 4)),
        shown.published("appeal_rate_per_million", (6, 4)),
    ]
