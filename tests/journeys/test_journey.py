"""Stage changes: told at once, corrected when an event arrives late, the same in the end."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from journeys.journey import MAX_VISITS, START, Journey, Visit
from schemas.facts import Transition

visits = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 10_000), st.sampled_from(("use", "pay", "resolve")), st.just("t")),
    max_size=30,
    unique_by=lambda visit: visit[1],
)


def told(order: list[Visit]) -> dict[int, Transition]:
    journey, standing = Journey(), {}
    for visit in order:
        for transition, deleted in journey.visit("c", visit):
            standing[transition.event_key] = transition
            if deleted:
                del standing[transition.event_key]
    return standing


@given(visits.flatmap(lambda log: st.tuples(st.just(log), st.permutations(log))))
def test_any_order_of_arrival_leaves_the_same_changes(drawn: tuple[list[Visit], list[Visit]]) -> None:
    log, arrived = drawn

    standing = told(arrived)

    ordered = [START, *sorted(log)]
    assert {key: (one.from_stage, one.to_stage) for key, one in standing.items()} == {
        after[1]: (before[2], after[2]) for before, after in pairwise(ordered) if before[2] != after[2]
    }
    assert all(
        standing[after[1]].after_ms == (after[0] - before[0] if before is not START else 0)
        for before, after in pairwise(ordered)
        if after[1] in standing
    )


def test_settled_visits_are_summed_up_and_the_stage_stays() -> None:
    journey = Journey()
    for at in range(10):
        journey.visit("c", (at, at + 1, "use", "t"))

    journey.settle(before=7)

    assert [visit[0] for visit in journey.recent.values()] == [7, 8, 9]
    assert journey.base[0] == 6
    assert journey.stage == "use"


def test_history_is_bounded() -> None:
    journey = Journey()
    for at in range(MAX_VISITS + 30):
        journey.visit("c", (at, at + 1, "use", "t"))

    journey.settle(before=0)

    assert len(journey.recent) == MAX_VISITS


def test_an_event_before_what_is_settled_changes_nothing() -> None:
    journey = Journey()
    for at in range(5):
        journey.visit("c", (at, at + 1, "use", "t"))
    journey.settle(before=4)

    assert not journey.visit("c", (1, 99, "pay", "t"))
