"""Tiers, coverage of valued customers, and the load of account managers (seed B1-B3): silver has its own line."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import TIER_COLORS, latency
from dashboards.grafana.indicators import UNITS, Indicators, described, steps
from dashboards.grafana.links import row, to_units
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import Column, Head, rows
from dashboards.grafana.texts import DIM_WORDS, TIER_WORDS, Speech
from journeys.formulas import measure_of
from schemas.moments import Text

DIMS = ("stage", "touchpoint", "channel", "tier", "region")
COVERAGE = "vip_contact_coverage_30d"


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    kept = ("vip_contact_coverage_30d", "vip_contact_coverage_60d", "vip_contact_coverage_90d", "manager_book")
    by_tier = ("mot_neg_per_1000", "complaint_rate", "churn_per_1000", "nps", "csat", "fcr_7d")
    return Board(
        uid="mot-tiers",
        title=Text(zh="关键时刻 · 客户等级与客户经理", en="MOT · Tiers and account managers"),
        description=Text(
            zh="各等级客户的体验（银卡单列，不并入贵宾）、贵宾触达覆盖、客户经理名下客户数与负荷。",
            en="How each tier fares (silver on its own, never merged into VIP), coverage of valued customers, books "
            "and load of account managers.",
        ),
        sections=[
            Section(
                Text(zh="覆盖", en="Coverage"),
                [*(shown.number(name) for name in kept), latency(say), shown.trend(COVERAGE, "tier"), _tiers(say)],
            ),
            Section(Text(zh="各等级体验", en="How tiers fare"), [shown.trend(name, "tier") for name in by_tier]),
            Section(
                Text(zh="客户经理", en="Account managers"),
                [_managers(say), shown.trend("manager_contacts", "tier"), shown.split_bars("manager_book", "detail")],
            ),
        ],
        variables=DIMS,
        since="90d",
        refresh="15m",
    )


def _by(say: Speech, name: str, dim: str) -> str:
    one = Indicators(say, DIMS)[name]
    windows = sql.for_total(measure_of(one).grains)
    return f"SELECT toString({dim}) AS code, {sql.value(one)} AS value {sql.rows(one, DIMS, windows)} GROUP BY code"


_TIERS = Head(
    Text(zh="各等级概况", en="The tiers"),
    Text(
        zh="时间范围末日的客户数；范围内的账单金额、每千客户每日负面时刻、有风险的收入、30 天触达覆盖。银卡单独一行。",
        en="Customers on the last day of the time range; what was billed in it, negative moments per 1,000 "
        "customers and day, revenue at risk, coverage within 30 days. Silver has its own row.",
    ),
)


def _tiers(say: Speech) -> Panel:
    """A row for each tier: how many, what they pay, what goes wrong."""
    shown = Indicators(say, DIMS)
    names = ("bill_amount", "mot_neg_per_1000", "revenue_at_risk", COVERAGE)
    joined = " ".join(f"LEFT JOIN ({_by(say, name, 'tier')}) AS {name} ON {name}.code = known.tier" for name in names)
    values = ", ".join(f"{name}.value AS {name}" for name in names)
    asked = (
        "SELECT known.tier AS tier, known.people AS people, known.people / sum(known.people) OVER () AS of_people, "
        f"{values}, bill_amount.value / sum(bill_amount.value) OVER () AS of_bills FROM ("
        "SELECT toString(tier) AS tier, sum(customers) AS people FROM population FINAL WHERE day = ("
        "SELECT max(day) FROM population WHERE day <= $__toTime)"
        f"{sql.filters(('tier', 'region'))} GROUP BY tier) AS known {joined} "
        f"ORDER BY indexOf({[*TIER_WORDS]}, tier)"
    )
    columns = [
        Column("tier", DIM_WORDS["tier"], words=TIER_WORDS, colors=TIER_COLORS, width=90),
        Column("people", Text(zh="客户数", en="Customers"), "locale"),
        Column("of_people", Text(zh="客户占比", en="Share of customers"), "percentunit"),
        *(
            Column(
                name,
                shown[name].name,
                UNITS[shown[name].unit],
                steps=steps(shown[name]),
                links=[to_units(say, shown[name], DIMS, row("tier"))],
            )
            for name in names
        ),
        Column("of_bills", Text(zh="账单占比", en="Share of bills"), "percentunit"),
    ]
    return rows(say, _TIERS, asked, columns, size=(12, 8))


def _managers(say: Speech) -> Panel:
    """A row for each account manager: book, contacts, who was not reached."""
    shown = Indicators(say, DIMS)
    book, contacts, covered = shown["manager_book"], shown["manager_contacts"], shown[COVERAGE]
    asked = (
        "SELECT book.code AS manager, book.value AS book, contacts.value AS contacts, contacts.value / book.value AS "
        f"per_customer, covered.value AS {COVERAGE} FROM ({_by(say, book.id, 'detail')}) AS book LEFT JOIN "
        f"({_by(say, contacts.id, 'detail')}) AS contacts ON contacts.code = book.code LEFT JOIN "
        f"({_by(say, covered.id, 'detail')}) AS covered ON covered.code = book.code ORDER BY book DESC, manager"
    )
    columns = [
        Column("manager", Text(zh="客户经理", en="Account manager")),
        Column("book", book.name, "locale", links=[to_units(say, book, DIMS)], bar=True),
        Column("contacts", contacts.name, "locale", links=[to_units(say, contacts, DIMS)]),
        Column("per_customer", Text(zh="每客户触达", en="Contacts per customer"), "none"),
        Column(COVERAGE, covered.name, "percentunit", steps=steps(covered), links=[to_units(say, covered, DIMS)]),
    ]
    return rows(
        say, Head(Text(zh="客户经理负荷", en="Load of account managers"), described(say, book, DIMS)), asked, columns
    )
