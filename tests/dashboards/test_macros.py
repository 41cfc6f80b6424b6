"""The expander against what the plugin and Grafana are documented to do, each case written out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.dashboards.macros import ALL, Dashboard, MacroError, Variable, Window, expanded, time_expanded

WINDOW = Window(
    since=datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC),
    until=datetime(2026, 3, 3, 9, 30, 15, 875_000, tzinfo=UTC),
    interval=timedelta(seconds=20),
)
SINCE, UNTIL = 1_772_352_000, 1_772_530_215

TIME = [
    ("$__timeFilter(at)", f"at >= toDateTime({SINCE}) AND at <= toDateTime({UNTIL})"),
    ("$__timeFilter( at )", f"at >= toDateTime({SINCE}) AND at <= toDateTime({UNTIL})"),
    (
        "$__timeFilter(cast(at AS DateTime))",
        f"cast(at AS DateTime) >= toDateTime({SINCE}) AND cast(at AS DateTime) <= toDateTime({UNTIL})",
    ),
    (
        "$__timeFilter(toTimeZone(at, 'UTC'))",
        f"toTimeZone(at, 'UTC') >= toDateTime({SINCE}) AND toTimeZone(at, 'UTC') <= toDateTime({UNTIL})",
    ),
    (
        "$__timeFilter_ms(at)",
        f"at >= fromUnixTimestamp64Milli({SINCE}250) AND at <= fromUnixTimestamp64Milli({UNTIL}875)",
    ),
    ("$__dateFilter(day)", "day >= toDate('2026-03-01') AND day <= toDate('2026-03-03')"),
    (
        "$__dateTimeFilter(day, at)",
        "(day >= toDate('2026-03-01') AND day <= toDate('2026-03-03'))"
        f" AND (at >= toDateTime({SINCE}) AND at <= toDateTime({UNTIL}))",
    ),
    (
        "$__dt(day,at)",
        "(day >= toDate('2026-03-01') AND day <= toDate('2026-03-03'))"
        f" AND (at >= toDateTime({SINCE}) AND at <= toDateTime({UNTIL}))",
    ),
    ("$__timeFrom(at)", f"at >= toDateTime({SINCE})"),
    ("$__timeTo(at)", f"at <= toDateTime({UNTIL})"),
    ("$__fromTime", f"toDateTime({SINCE})"),
    ("$__toTime", f"toDateTime({UNTIL})"),
    ("$__fromTime()", f"toDateTime({SINCE})"),
    ("$__fromTime_ms", f"fromUnixTimestamp64Milli({SINCE}250)"),
    ("$__toTime_ms", f"fromUnixTimestamp64Milli({UNTIL}875)"),
    ("($__fromTime) + ($__toTime)", f"(toDateTime({SINCE})) + (toDateTime({UNTIL}))"),
    ("$__timeInterval(at)", "toStartOfInterval(toDateTime(at), INTERVAL 20 second)"),
    ("$__timeInterval_ms(at)", "toStartOfInterval(toDateTime64(at, 3), INTERVAL 20000 millisecond)"),
    ("$__timeGroup(at, 5m)", "toStartOfInterval(toDateTime(at), INTERVAL 300 second)"),
    ("$__timeGroup(at, '1h30m')", "toStartOfInterval(toDateTime(at), INTERVAL 5400 second)"),
    ("INTERVAL $__interval_s second", "INTERVAL 20 second"),
    ("$__unknown(at)", "$__unknown(at)"),
    ("'--' AS x, $__interval_s", "'--' AS x, 20"),
    ("SELECT 1 -- $__timeFilter(", "SELECT 1  "),
    ("SELECT /* $__timeFilter( */ 1", "SELECT   1"),
    ("`a--b` > $__fromTime", f"`a--b` > toDateTime({SINCE})"),
]


@pytest.mark.parametrize(("sql", "expected"), TIME, ids=[sql for sql, _ in TIME])
def test_time_macros(sql: str, expected: str) -> None:
    assert time_expanded(sql, WINDOW) == expected
    assert expanded(sql, Dashboard(window=WINDOW)) == expected


def test_an_interval_is_never_shorter_than_a_second() -> None:
    short = Window(since=WINDOW.since, until=WINDOW.until, interval=timedelta(milliseconds=100))
    assert time_expanded("$__timeInterval(at) $__interval_s", short).endswith("INTERVAL 1 second) 1")
    assert "INTERVAL 100 millisecond" in time_expanded("$__timeInterval_ms(at)", short)


@pytest.mark.parametrize(
    "sql",
    [
        "$__timeFilter()",
        "$__timeFilter(a, b)",
        "$__timeFilter_ms",
        "$__dateTimeFilter(a)",
        "$__timeGroup(at)",
        "$__timeGroup(at, soon)",
        "$__timeGroup(at, 0s)",
        "$__timeInterval(at",
        "$__conditionalAll(x IN ($v))",
        "$__conditionalAll(x IN ($v), tier)",
    ],
)
def test_wrong_arguments_are_errors(sql: str) -> None:
    with pytest.raises(MacroError):
        expanded(sql, Dashboard(window=WINDOW))


TIERS = ("gold", "o'clock", "钻石")

VARIABLES = [
    # value, options, text in the query, what comes out
    ("gold", "x = '$tier'", "x = 'gold'"),
    ("gold", "x = '${tier}'", "x = 'gold'"),
    ("gold", "${tier:singlequote}", "'gold'"),
    (("gold", "钻石"), "${tier:singlequote}", "'gold','钻石'"),
    (("o'clock",), "${tier:singlequote}", r"'o\'clock'"),
    (("o'clock",), "${tier:sqlstring}", "'o''clock'"),
    (("gold", "钻石"), "${tier:csv}", "gold,钻石"),
    (("gold", "钻石"), "${tier:pipe}", "gold|钻石"),
    (("gold", "钻石"), "${tier:doublequote}", '"gold","钻石"'),
    (("gold", "钻石"), "${tier:json}", '["gold", "钻石"]'),
    (("a.b", "c"), "${tier:regex}", r"(a\.b|c)"),
    (("gold", "钻石"), "IN ($tier)", "IN ('gold','钻石')"),
    (("gold", "钻石"), "${tier:nonsense}", "{gold,钻石}"),
    (ALL, "${tier:singlequote}", r"'gold','o\'clock','钻石'"),
    ((ALL,), "${tier:csv}", "gold,o'clock,钻石"),
    ("gold", "$tiers ${other} $__all $", "$tiers ${other} $__all $"),
]


@pytest.mark.parametrize(("value", "sql", "expected"), VARIABLES, ids=[f"{v}-{s}" for v, s, _ in VARIABLES])
def test_variables(value: str | tuple[str, ...], sql: str, expected: str) -> None:
    board = Dashboard(window=WINDOW, variables={"tier": Variable(value=value, options=TIERS)})
    assert expanded(sql, board) == expected


def test_all_with_a_value_of_its_own_is_put_in_as_it_is() -> None:
    board = Dashboard(window=WINDOW, variables={"tier": Variable(value=ALL, options=TIERS, all_value=".*")})
    assert expanded("${tier:singlequote}", board) == ".*"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ALL, "WHERE 1=1 AND y"),
        ((ALL,), "WHERE 1=1 AND y"),
        ("", "WHERE 1=1 AND y"),
        ((), "WHERE 1=1 AND y"),
        ("gold", "WHERE tier IN ('gold') AND y"),
        (("gold", "钻石"), "WHERE tier IN ('gold','钻石') AND y"),
    ],
)
@pytest.mark.parametrize("bare", ["$tier", "${tier}"])
def test_conditional_all(value: str | tuple[str, ...], expected: str, bare: str) -> None:
    board = Dashboard(window=WINDOW, variables={"tier": Variable(value=value, options=TIERS)})
    assert expanded(f"WHERE $__conditionalAll(tier IN (${{tier:singlequote}}), {bare}) AND y", board) == expected


def test_conditions_stand_in_each_other() -> None:
    board = Dashboard(window=WINDOW, variables={"a": Variable(value=ALL), "b": Variable(value="2")})
    sql = "$__conditionalAll((y = $b OR $__conditionalAll(x = $a, $a)), $b)"
    assert expanded(sql, board) == "(y = 2 OR 1=1)"


def test_ad_hoc_filters() -> None:
    sql = "SELECT 1 SETTINGS $__adHocFilters('moments')"
    assert expanded(sql, Dashboard(window=WINDOW)) == "SELECT 1 SETTINGS additional_table_filters={}"
    given = Dashboard(window=WINDOW, ad_hoc=[("tier", "=", "gold")])
    assert expanded(sql, given) == r"SELECT 1 SETTINGS additional_table_filters={'moments': ' tier = \'gold\' '}"


def test_what_grafana_itself_knows() -> None:
    board = Dashboard(window=WINDOW, uid="mot-wall")
    sql = "$__from ${__to} ${__from:date:iso} ${__from:date:seconds} $__interval $__interval_ms $__range_s $__dashboard"
    assert expanded(sql, board) == (f"{SINCE}250 {UNTIL}875 2026-03-01T08:00:00.250Z {SINCE} 20s 20000 178216 mot-wall")
    wide = Window(since=WINDOW.since, until=WINDOW.until, interval=timedelta(hours=2))
    assert expanded("$__timeGroup(at, $__interval)", Dashboard(window=wide)) == (
        "toStartOfInterval(toDateTime(at), INTERVAL 7200 second)"
    )


def test_the_moments_written_here_are_what_they_say() -> None:
    assert datetime.fromtimestamp(SINCE, UTC) == WINDOW.since.replace(microsecond=0)
    assert datetime.fromtimestamp(UNTIL, UTC) == WINDOW.until.replace(microsecond=0)
