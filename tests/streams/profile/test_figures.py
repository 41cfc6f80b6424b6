"""Each figure of a profile on a log small enough to count by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streams.profile.profile import Profile, profile_log
from streams.sources.mapping_file import parse_mapping
from tests.streams.sources.small_logs import HEADER, TICKETS


def _profile(tmp_path: Path, asked: str, *rows: str, **changes: str) -> Profile:
    """The profile of rows `case,step,at,customer,topic,team`; `asked` is the mapping's profile section."""
    (tmp_path / "log.csv").write_text(HEADER + "".join(row + "\n" for row in rows))
    text = TICKETS
    for right, wrong in changes.items():
        text = text.replace({"zone": "zone: UTC", "order": "format: csv"}[right], wrong)
    return profile_log(tmp_path / "log.csv", parse_mapping(text + "profile:\n" + asked, "m.yaml"))


def _figures(tmp_path: Path, asked: str, *rows: str, **changes: str) -> dict[str, Any]:
    return _profile(tmp_path, asked, *rows, **changes).as_json()


THREE_CASES = (
    "k1,open,2026-01-01T08:00:00,ann,bill,A",
    "k2,open,2026-01-03T08:00:00,bob,bill,A",
    "k1,work,2026-01-01T20:00:00,ann,bill,B",
    "k1,closed,2026-01-02T08:00:00,ann,bill,A",
    "k3,open,2026-01-08T08:00:00,ann,bill,",
    "k2,closed,2026-01-03T08:00:00,bob,bill,A",
)


def test_what_is_counted_of_every_log(tmp_path: Path) -> None:
    figures = _figures(tmp_path, "  top_variants: 1\n", *THREE_CASES)

    assert figures == {
        "log": "log.csv",
        "mapping": "tickets",
        "events": 6,
        "cases": 3,
        "activities": 3,
        "variants": 3,
        "activity_counts": {"open": 3, "closed": 2, "work": 1},
        "start_activity_counts": {"open": 3},
        "end_activity_counts": {"closed": 2, "open": 1},
        "cases_with": {"open": 3, "closed": 2, "work": 1},
        "top_variants": [[1, "open > work > closed"]],
        "dfg": {"open -> work": 1, "work -> closed": 1, "open -> closed": 1},
        "total_duration_s": 86_400,
        "duration_days": {"n": 3, "mean": 0.333, "median": 0.0},
        "first_ts": "2026-01-01 08:00:00",
        "last_ts": "2026-01-08 08:00:00",
        "range": ["2026-01-01", "2026-01-08"],
        "customers": 2,
        "customers_with_gt1": 1,
        "dead_letters": 0,
    }


def test_handoffs_collapse_neighbours_and_pass_over_what_is_missing(tmp_path: Path) -> None:
    teams = ["A", "A", "", "B", "A", "B", "", "B", "C"]
    rows = [f"k1,s,2026-01-01T10:0{at}:00,c,t,{team}" for at, team in enumerate(teams)]

    figures = _figures(tmp_path, "  teams: {team: team}\n", *rows, "k2,s,2026-01-01,c,t,A")

    assert figures["team"] == {
        "handoffs_total": 4,
        "cases_with_handoff": 1,
        "cases_ge3_handoffs": 1,
        "max_handoffs": 4,
        "pingpong_ABA_cases": 1,
        "pingpong_ABA_total": 2,
        "pingpong_ge2_cases": 1,
        "cases_returning_to_earlier_team": 1,
    }


def test_a_return_by_a_detour_is_no_ping_pong(tmp_path: Path) -> None:
    rows = [f"k1,s,2026-01-01T10:0{at}:00,c,t,{team}" for at, team in enumerate("ABCA")]

    figures = _figures(tmp_path, "  teams: {team: team}\n", *rows)["team"]

    assert (figures["pingpong_ABA_total"], figures["cases_returning_to_earlier_team"]) == (0, 1)


def test_steps_of_the_same_second_stand_in_file_order(tmp_path: Path) -> None:
    rows = [
        "k1,second,2026-01-01T10:00:00,c,t,",
        "k1,third,2026-01-01T10:00:00,c,t,",
        "k1,first,2026-01-01T09:59:59,c,t,",
    ]

    figures = _figures(tmp_path, "  top_variants: 1\n", *rows)

    assert figures["top_variants"] == [[1, "first > second > third"]]


def test_file_order_is_kept_where_the_mapping_says_so(tmp_path: Path) -> None:
    rows = ["k1,second,2026-01-02,c,t,", "k1,first,2026-01-01,c,t,"]

    figures = _figures(tmp_path, "  top_variants: 1\n", *rows, order="format: csv, order: file")

    assert figures["top_variants"] == [[1, "second > first"]]


def test_reopened_after_an_activity_unless_by_another(tmp_path: Path) -> None:
    steps = ["closed", "closed", "open", "closed", "archived", "open"]
    rows = [f"k1,{step},2026-01-01T10:0{at}:00,c,t," for at, step in enumerate(steps)]

    figures = _figures(tmp_path, "  reopen: [{name: back, after: closed, unless: [closed, archived]}]\n", *rows)

    assert (figures["back_transitions"], figures["back_cases"]) == (1, 1)


def test_repeats_within_days_by_customer_and_by_topic(tmp_path: Path) -> None:
    openings = [
        ("k1", "2026-01-01T10:00:00", "bill"),
        ("k2", "2026-01-08T10:00:00", "line"),  # exactly seven days after k1
        ("k3", "2026-01-15T10:00:01", "line"),  # a second more than seven after k2
        ("k4", "2026-01-16T10:00:00", "bill"),
    ]
    rows = [f"{case},open,{at},c,{topic}," for case, at, topic in openings]
    asked = "  repeat: [{name: again, within_days: [7, 30]}, {name: same, within_days: [7, 30], by: topic}]\n"

    figures = _figures(tmp_path, asked, *rows, "k5,open,2026-01-01,other,bill,")

    assert figures["again"] == {"le_7d": 2, "le_30d": 3}
    assert figures["same"] == {"le_7d": 0, "le_30d": 2}


@pytest.mark.parametrize(
    ("clock", "days", "over"),
    [
        ("elapsed", 1.042, 1),  # 25 hours passed: the clocks went back in the night
        ("wall", 1.0, 0),
        ("calendar", 1, 0),
    ],
)
def test_a_delay_on_three_clocks(tmp_path: Path, clock: str, days: float, over: int) -> None:
    rows = ["k1,open,2024-10-26T12:00:00,c,t,", "k1,closed,2024-10-27T12:00:00,c,t,", "k2,open,2024-10-26,c,t,"]
    asked = f"  delays: [{{name: d, from: open, to: closed, clock: {clock}, over: {{days: 1, name: late}}}}]\n"

    figures = _figures(tmp_path, asked, *rows, zone="zone: Europe/Rome")

    assert figures["d"] == {"n": 1, "mean": days, "median": days}
    assert figures["late"] == over


def test_a_calendar_day_passes_at_local_midnight(tmp_path: Path) -> None:
    rows = ["k1,open,2026-01-01T15:59:00Z,c,t,", "k1,closed,2026-01-01T16:01:00Z,c,t,"]  # midnight in Shanghai
    asked = "  delays: [{name: d, from: open, to: closed, clock: calendar}]\n"

    assert _figures(tmp_path, asked, *rows, zone="zone: Asia/Shanghai")["d"]["mean"] == 1
    assert _figures(tmp_path, asked, *rows)["d"]["mean"] == 0


@pytest.mark.parametrize(
    ("where", "cases"),
    [
        ("ever: [work, lost]", 1),
        ("never: closed", 1),
        ("always: [open, closed]", 2),
        ("repeated: open", 0),
        ("field: team, ever: B", 1),
        ("field: team, always: A", 1),
        ("ever: closed, never: work", 1),
        ("ever: open, complete: true", 2),
    ],
)
def test_cases_by_what_happened_in_them(tmp_path: Path, where: str, cases: int) -> None:
    asked = f"  complete: {{ends: closed}}\n  cases_where: [{{name: found, {where}}}]\n"

    assert _figures(tmp_path, asked, *THREE_CASES)["found"] == cases


def test_a_correction_loop_is_a_step_that_came_more_than_once(tmp_path: Path) -> None:
    rows = [f"k1,BILLED,2026-01-0{day},c,t," for day in (1, 2)] + ["k2,BILLED,2026-01-01,c,t,"]

    assert _figures(tmp_path, "  cases_where: [{name: again, repeated: BILLED}]\n", *rows)["again"] == 1


def test_complete_cases_have_figures_of_their_own(tmp_path: Path) -> None:
    figures = _figures(tmp_path, "  complete: {starts: open, ends: closed, edges: 1}\n", *THREE_CASES)

    assert {key: value for key, value in figures.items() if "complete" in key} == {
        "complete_cases": 2,
        "complete_variants": 2,
        "complete_median_days": 0.5,
        "dfg_complete": {"open -> work": 1},
    }


def test_occurrences_are_counted_by_row_and_by_case(tmp_path: Path) -> None:
    rows = [f"k1,call,2026-01-01T10:0{at}:00,c,t,{team}" for at, team in enumerate(["A", "A", "A", ""])]
    condition = "when: [{field: step, equals: call}, {field: team, missing: false}]"
    asked = f"  occurrences: [{{name: calls, unit: calls, {condition}}}, {{name: flat, flat: true, {condition}}}]\n"

    figures = _figures(tmp_path, asked, *rows, "k2,call,2026-01-01,c,t,B")

    assert figures["calls"] == {"calls": 4, "cases": 2, "cases_ge3": 1, "max": 3}
    assert (figures["flat_events"], figures["flat_cases"]) == (4, 2)


def test_figures_of_one_column_and_another_key(tmp_path: Path) -> None:
    asked = (
        "  rename: {events: rows}\n  first_values: [{name: begins, field: team}]\n"
        "  value_counts: [{name: by_team, field: team}]\n  distinct: [{name: teams, field: team}]\n"
    )

    profile = _profile(tmp_path, asked, *THREE_CASES)

    figures = profile.as_json()
    assert profile.title_of("rows").zh == "事件数"
    assert (figures["rows"], "events" in figures) == (6, False)
    assert (figures["begins"], figures["by_team"], figures["teams"]) == ({"A": 2}, {"A": 4, "B": 1}, 2)


def test_rows_that_cannot_be_used_are_counted_and_shown(tmp_path: Path) -> None:
    profile = _profile(tmp_path, "  top_variants: 1\n", *THREE_CASES, "k9,open,noon,c,t,A", "short")

    assert (profile.as_json()["events"], profile.as_json()["dead_letters"]) == (6, 2)
    assert [letter.position for letter in profile.dead_letters] == [8, 9]
    assert profile.ledger.rows == profile.ledger.mapped + profile.ledger.dead == 8


def test_a_log_without_rows_has_no_times(tmp_path: Path) -> None:
    figures = _figures(tmp_path, "  teams: {team: team}\n  complete: {ends: closed}\n")

    assert (figures["events"], figures["first_ts"], figures["duration_days"]["mean"]) == (0, None, None)
    assert figures["team"]["max_handoffs"] == 0


def test_titles_are_the_mappings_own_or_the_usual_ones_in_both_languages(tmp_path: Path) -> None:
    asked = (
        "  reopen: [{name: back, title: {zh: 退回, en: came back}, after: closed, unless: closed}]\n"
        "  delays: [{name: d, title: {zh: 用时, en: time to close}, from: open, to: closed,"
        " over: {days: 3, name: d_gt3}}]\n"
    )

    profile = _profile(tmp_path, asked, *THREE_CASES)

    keys = ("back_cases", "d", "d_gt3", "variants", "pingpong_ABA_total", "x")
    assert [profile.title_of(key).en for key in keys] == [
        "came back: cases", "time to close", "time to close: cases over 3 days", "variants", "ping-pongs (A-B-A)", "x",
    ]  # fmt: skip
    assert profile.title_of("back_transitions").zh == "退回:次数"


def test_progress_is_told_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.profile.profile._TELL_EVERY", 2)
    (tmp_path / "log.csv").write_text(HEADER + "".join(row + "\n" for row in THREE_CASES))
    told: list[tuple[int, float]] = []

    profile_log(tmp_path / "log.csv", parse_mapping(TICKETS, "m.yaml"), lambda rows, part: told.append((rows, part)))

    assert [rows for rows, _ in told] == [2, 4, 6]
    assert told[-1][1] == 1.0
