"""Repeat contact, complaint reopened, ping-pong: episodes, and the definitions they can be set to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.examples import about, when
from schemas.envelope import Event
from schemas.times import DAY, to_ms
from tests.detectors.stories import detector, told

call = about(reason="bill")
case = about(category="bill", ticket_id="k-1")
ticket = about(ticket_id="k-1")


def contacts(*days: float) -> list[Event]:
    """One contact per day given, in minutes of a day's fraction; the first marked resolved."""
    return [
        call(
            "interaction.contact_completed",
            f"{int(day)} {int(day % 1 * 24):02d}:00",
            resolved=place == 0,
            event_id=f"e-{place}",
        )
        for place, day in enumerate(days)
    ]


def transfers(*path: str, hours: Sequence[int] | None = None) -> list[Event]:
    """Transfers along a path of desks, an hour apart unless `hours` says otherwise."""
    at = hours or range(len(path) - 1)
    return [
        ticket(
            "interaction.transferred",
            f"{hour // 24} {hour % 24:02d}:00",
            from_desk=one,
            to_desk=two,
            event_id=f"e-{place}",
        )
        for place, (one, two, hour) in enumerate(zip(path, path[1:], at, strict=False))
    ]


def test_later_contacts_of_an_episode_add_to_its_one_moment() -> None:
    (moment,) = told(detector("N28"), contacts(0, 3, 6, 12, 18))
    assert (moment.measures["contacts"], moment.measures["repeats"]) == (5, 4)
    assert moment.decided_at == to_ms(when("6 00:00"))
    assert moment.anchor.event_id == "e-0"
    assert moment.events == ("e-0", "e-1", "e-2", "e-3", "e-4")


def test_two_episodes_of_one_reason_are_two_moments() -> None:
    (first, second) = told(detector("N28", require_resolved=False), contacts(0, 3, 6, 30, 31, 32))
    assert (first.anchor.event_id, second.anchor.event_id) == ("e-0", "e-3")


def test_the_contact_that_completes_may_itself_be_the_first_resolved_one() -> None:
    story = contacts(1, 2)[1:] + [
        call("interaction.contact_completed", f"{day} 10:00", resolved=day == 4) for day in (3, 4)
    ]
    assert told(detector("N28"), story) == []
    (moment,) = told(detector("N28"), [*story, call("interaction.contact_completed", "5 10:00")])
    assert moment.decided_at == to_ms(when("5 10:00"))


# day 0 resolved .... 5 .... 9: nine days after the solution, four after the contact before
def test_the_window_moves_on_with_every_contact() -> None:
    (moment,) = told(detector("N28"), contacts(0, 5, 9))
    assert moment.decided_at == to_ms(when("9 00:00"))
    assert told(detector("N28"), contacts(0, 5, 13)) == []


def test_outbound_calls_are_not_the_customers() -> None:
    outbound = [call("interaction.contact_completed", f"{day} 12:00", direction="outbound") for day in (1, 2, 3)]
    assert told(detector("N28"), [*contacts(0), *outbound]) == []
    counted = detector("N28", count_outbound=True)
    assert told(counted, [*contacts(0), *outbound])[0].measures["contacts"] == 4


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30), st.sampled_from([7, 14, 30]))
def test_repeats_add_up_to_the_public_definition(hours: list[int], days: int) -> None:
    """D4: a case opened at most W days after the same customer's previous opening."""
    opened = sorted(hours)
    clocks = [f"{hour // 24} {hour % 24:02d}:00" for hour in opened]
    story = [call("interaction.contact_completed", at, event_id=f"e-{place:02d}") for place, at in enumerate(clocks)]
    expected = sum(later - earlier <= days * 24 for earlier, later in pairwise(opened))
    moments = told(detector("N28", min_contacts=2, require_resolved=False, within_days=days), story)
    assert sum(int(str(moment.measures["repeats"])) for moment in moments) == expected


def test_a_complaint_resolved_counts_like_one_closed() -> None:
    story = [case("complaint.resolved", "0 10:00"), case("complaint.opened", "9 10:00", ticket_id="k-2")]
    (moment,) = told(detector("N29"), story)
    assert moment.measures["tickets"] == "k-1,k-2"


def test_new_complaints_can_be_left_out() -> None:
    story = [case("complaint.resolved", "0 10:00"), case("complaint.opened", "9 10:00", ticket_id="k-2")]
    assert told(detector("N29", count_new_complaints=False), story) == []


def test_a_complaint_without_category_is_read_by_its_ticket() -> None:
    bare = about(ticket_id="k-9")
    story = [bare("complaint.closed", "0 10:00"), bare("complaint.reopened", "1 10:00")]
    assert told(detector("N29"), story)[0].measures["reopenings"] == 1
    assert told(detector("N29"), [about()("complaint.reopened", "1 10:00")]) == []


def test_a_second_opening_without_a_settlement_is_no_return() -> None:
    assert told(detector("N29"), [case("complaint.opened", "0 10:00"), case("complaint.opened", "1 10:00")]) == []


def test_after_a_quiet_month_a_new_return_is_a_new_moment() -> None:
    story = [
        case("complaint.closed", "0 10:00"),
        case("complaint.reopened", "1 10:00"),
        case("complaint.closed", "2 10:00"),
        case("complaint.reopened", "40 10:00"),
    ]
    assert [moment.measures["reopenings"] for moment in told(detector("N29"), story)] == [1, 1]
    assert [moment.measures["reopenings"] for moment in told(detector("N29", within_days=60), story)] == [2]


@pytest.mark.parametrize(
    ("path", "measures"),
    [
        ("aab", (1, 0, 2)),
        ("aba", (2, 1, 2)),
        ("abab", (3, 2, 2)),
        ("abcab", (4, 0, 3)),
        ("abca", (3, 0, 3)),
        ("aabbccbb", (3, 1, 3)),
    ],
)
def test_path_figures_follow_the_public_definitions(path: str, measures: tuple[int, int, int]) -> None:
    """D1: changes of desk after collapsing equal ones; D2: r[i] == r[i+2] in the collapsed list."""
    everything = detector("N30", min_transfers=1, return_within_hours=None)
    (moment,) = told(everything, transfers(*path))
    assert (moment.measures["transfers"], moment.measures["returns"], moment.measures["departments"]) == measures


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.text("abc", min_size=2, max_size=14))
def test_path_figures_agree_with_a_count_by_hand(path: str) -> None:
    collapsed = [desk for place, desk in enumerate(path) if place == 0 or desk != path[place - 1]]
    moments = told(detector("N30", min_transfers=1, return_within_hours=None), transfers(*path))
    assert sum(int(str(m.measures["transfers"])) for m in moments) == len(collapsed) - 1
    returns = sum(one == two for one, two in zip(collapsed, collapsed[2:], strict=False))
    assert sum(int(str(m.measures["returns"])) for m in moments) == returns


def test_a_handoff_that_two_systems_tell_of_is_one() -> None:
    told_twice = transfers("a", "b", "b", "c", "c", hours=[0, 1, 2, 3])
    (moment,) = told(detector("N30"), told_twice)
    assert (moment.measures["transfers"], moment.measures["path"]) == (2, "a → b → c")
    assert moment.events == ("e-0", "e-2")


def test_each_limit_can_be_switched_off() -> None:
    off = {"min_transfers": None, "min_returns": None, "min_departments": None}
    for on, path, fires in (
        ({"min_transfers": 3}, "abab", True),
        ({"min_transfers": 3}, "aba", False),
        ({"min_returns": 1}, "aba", True),
        ({"min_returns": 1}, "abca", False),
        ({"min_departments": 3}, "abc", True),
        ({"min_departments": 3}, "abab", False),
        ({}, "abcabcab", False),
    ):
        assert bool(told(detector("N30", **{**off, **on}), transfers(*path))) is fires, (on, path)


def test_the_time_limit_of_a_return_counts_from_leaving() -> None:
    slow = transfers("a", "b", "a", hours=[0, 73])
    assert told(detector("N30"), slow) == []
    assert told(detector("N30", return_within_hours=None), slow)[0].measures["returns"] == 1


def test_the_moment_falls_with_the_transfer_that_completes_it() -> None:
    (moment,) = told(detector("N30"), transfers("a", "b", "c", "d"))
    assert moment.decided_at == to_ms(when("0 01:00"))
    assert moment.measures["path"] == "a → b → c → d"


def test_after_a_month_of_quiet_the_count_begins_anew() -> None:
    story = transfers("x/1", "x/2", "x/3", "x/4", hours=[0, 1, 24 * 40])
    assert told(detector("N30"), story) == []
    assert told(detector("N30", pause_days=60), story)[0].measures["transfers"] == 3
    assert detector("N30", pause_days=60).meta.keep_ms == 60 * DAY
