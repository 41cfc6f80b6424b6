"""The words detectors are written in, each at its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import Dims, Fact
from detectors.primitives import (
    Waiting,
    baseline,
    chains,
    collision,
    count_in_window,
    deadline,
    first,
    ratio,
    reconcile,
    score,
    sequence,
    soonest,
    state_conflict,
    threshold,
)

DIMS = Dims("normal", "web", "")


def facts(*described: tuple[int, str] | tuple[int, str, int] | tuple[int, str, int, str]) -> list[Fact]:
    """Facts of (at, kind[, value[, note]])."""
    return [Fact(one[0], f"e{place}", one[1], DIMS, *one[2:]) for place, one in enumerate(described)]


def ats(found: Sequence[Fact] | None) -> list[int] | None:
    return None if found is None else [fact.at for fact in found]


# opened ........ due
#   0     50       100
@pytest.mark.parametrize(
    ("at", "now", "expected"),
    [
        (100, 100, "met"),
        (101, 101, "broken"),
        (None, 99, "waits"),
        (None, 100, "broken"),
        (None, 10_000, "broken"),
    ],
)
def test_a_deadline_is_met_at_due_and_broken_from_due_on(at: int | None, now: int, expected: str) -> None:
    known = facts((0, "opened"), *([] if at is None else [(at, "done")]))
    waiting = deadline(known, ("done",), 100, now)
    assert waiting == {
        "met": Waiting(met=known[-1]),
        "broken": Waiting(broken_at=100),
        "waits": Waiting(look_at=100),
    }[expected]  # fmt: skip


def test_a_deadline_ignores_what_was_before_its_anchor() -> None:
    assert deadline(facts((0, "done"), (5, "opened")), ("done",), 10, 10, since=5).broken_at == 10


def test_a_threshold_is_reached_not_passed() -> None:
    spends = facts((0, "c", 40), (1, "c", 59), (2, "c", 1))
    assert [getattr(threshold(spends, limit), "at", None) for limit in (99, 100, 101)] == [1, 2, None]


@pytest.mark.parametrize(("of", "expected"), [("median", 20.0), ("mean", 40.0)])
def test_a_baseline_reads_the_last_values_only(of: str, expected: float) -> None:
    assert baseline([9000, 10, 20, 90], 3, "median" if of == "median" else "mean") == expected
    assert baseline([10, 20], 3) is None


def test_a_ratio_needs_a_positive_baseline() -> None:
    assert [ratio(30, base) for base in (20.0, 0.0, None)] == [1.5, None, None]


def test_a_count_in_a_window_includes_its_bound() -> None:
    at_bound, beyond = facts((0, "c"), (10, "c"), (20, "c")), facts((0, "c"), (10, "c"), (21, "c"))
    assert count_in_window(at_bound, 3, 10) == at_bound[2]
    assert count_in_window(beyond, 3, 10) is None
    assert count_in_window(beyond, 2, 10) == beyond[1]


def test_a_gap_begins_the_count_anew() -> None:
    known = facts((0, "c"), (5, "c"), (50, "c"), (55, "c"), (60, "c"), (61, "c"))
    assert count_in_window(known, 3, 10) == known[4]


def test_chains_break_one_millisecond_after_the_bound() -> None:
    assert [ats(run) for run in chains(facts((0, "c"), (7, "c"), (14, "c"), (22, "c")), 7)] == [[0, 7, 14], [22]]


@given(st.lists(st.integers(0, 100)), st.integers(0, 20))
def test_chains_lose_nothing_and_keep_order(times: list[int], within: int) -> None:
    known = facts(*((at, "c") for at in sorted(times)))
    assert [fact for run in chains(known, within) for fact in run] == known


def test_a_sequence_is_in_order_and_inside_its_window() -> None:
    known = facts((0, "b"), (1, "a"), (2, "c"), (11, "b"), (12, "b"), (13, "a"), (20, "b"))
    assert [ats(pair) for pair in sequence(known, ("a",), ("b",), 10)] == [[1, 11], [13, 20]]
    assert sequence(known, ("b",), ("c",), 1) == []
    assert ats(sequence(known, ("a", "b"), ("b", "c"), 1)[-1]) == [11, 12]


def test_a_state_conflict_needs_the_state_to_hold() -> None:
    disputed = facts((0, "disputed"), (5, "suspended"))
    settled = facts((0, "disputed"), (3, "settled"), (5, "suspended"))
    assert ats(state_conflict(disputed, "disputed", "settled", "suspended")) == [0, 5]
    assert state_conflict(settled, "disputed", "settled", "suspended") is None


def test_reconciling_finds_the_same_record_twice() -> None:
    known = facts((0, "paid", 100), (5, "paid", 200), (10, "paid", 100))
    assert ats(reconcile(known, lambda fact: fact.value, 10)) == [0, 10]
    assert reconcile(known, lambda fact: fact.value, 9) is None


def test_a_collision_is_one_purpose_through_two_channels() -> None:
    known = facts((0, "offer", 0, "sms"), (10, "offer", 0, "sms"), (20, "offer", 0, "call"))
    assert ats(collision(known, 10)) == [10, 20]
    assert collision(known, 9) is None


def test_a_score_counts_spreads_and_never_less_than_the_least() -> None:
    assert score(130.0, 100.0, 10.0, 5.0) == 3.0
    assert score(130.0, 100.0, 0.0, 5.0) == 6.0


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15), st.floats(0, 1e15))
def test_a_score_is_finite(value: float, mean: float, spread: float) -> None:
    assert isfinite(score(value, mean, spread, 1.0))


def test_the_first_and_the_soonest() -> None:
    known = facts((0, "a"), (1, "b"), (2, "a"))
    assert first(known, ("a",), since=1) == known[2]
    assert first(known, ("c",)) is None
    assert (soonest([None, 5, 3]), soonest([None])) == (3, None)
