"""Stage changes: told at once, corrected when an event arrives late, the same in the end."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.journey import KEPT_TRAIL, MAX_TRAIL, ROOM, START, Journey, Visit, columns_of, trail_of
from journeys.placement import Placement, Placements, stage_of
from journeys.touchpoints import shipped_touchpoints
from schemas.facts import Transition
from streams.engine.partition import event_key
from tests.streams.engine.stories import event

PLACEMENTS = Placements(shipped_touchpoints())
PLACES = [
    PLACEMENTS.place(event(kind, 0)) for kind in ("charge.rated", "bill.issued", "bill.viewed", "complaint.opened")
]
RECORD = len(Visit(0, bytes(8), bytes(5)).key) + 8 + 5

Step = tuple[int, bytes, Placement]
steps = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 10_000).map(lambda n: n.to_bytes(8, "big")), st.sampled_from(PLACES)),
    max_size=30,
    unique_by=lambda step: step[1],
)


def take(journey: Journey, step: Step) -> list[tuple[Transition, bool]]:
    at, key, placement = step
    return [tuple(change) for change in journey.visit("c", at, key, placement, PLACEMENTS.by_code)]


def step(at: int, kind: int = 0) -> Step:
    return (at, (at + 1).to_bytes(8, "big"), PLACES[kind])


def told(order: list[Step]) -> dict[int, Transition]:
    journey, standing = Journey(), {}
    for one in order:
        for transition, deleted in take(journey, one):
            standing[transition.event_key] = transition
            if deleted:
                del standing[transition.event_key]
    return standing


@given(steps.flatmap(lambda log: st.tuples(st.just(log), st.permutations(log))))
def test_any_order_of_arrival_leaves_the_same_changes(drawn: tuple[list[Step], list[Step]]) -> None:
    log, arrived = drawn

    standing = told(arrived)

    ordered = [START, *sorted(Visit(at, key, placement.code) for at, key, placement in log)]
    expected = {
        int.from_bytes(after.key, "big"): (
            stage_of(before.code),
            stage_of(after.code),
            PLACEMENTS.by_code[after.code].touchpoint,
            after.at - before.at if before is not START else 0,
        )
        for before, after in pairwise(ordered)
        if before.code[0] != after.code[0]
    }
    assert {key: (t.from_stage, t.to_stage, t.touchpoint, t.after_ms) for key, t in standing.items()} == expected


@given(steps)
def test_a_restart_between_any_two_events_changes_nothing(log: list[Step]) -> None:
    straight, restarted = Journey(), Journey()
    for one in log:
        assert take(straight, one) == take(restarted, one)
        restarted = Journey(restarted.base, restarted.trail)
    assert (straight.last_at, straight.stage) == (restarted.last_at, restarted.stage)


def test_settled_visits_are_summed_up_and_the_stage_stays() -> None:
    journey = Journey()
    for at in range(10):
        take(journey, step(at))

    journey.settle(before=7)

    assert [visit.at for visit in journey.visits()] == [7, 8, 9]
    assert journey.base.at == 6
    assert journey.stage == "use"


@given(steps)
def test_visits_stand_in_order_whatever_the_order_of_arrival(log: list[Step]) -> None:
    journey = Journey()
    for one in log:
        take(journey, one)

    assert journey.visits() == sorted(Visit(at, key, placement.code) for at, key, placement in log)


@given(st.permutations(range(600)), st.integers(0, 600))
@settings(max_examples=20)
def test_of_a_short_and_of_a_long_trail_is_known_what_was_seen(order: list[int], before: int) -> None:
    keys = [event_key(f"event-{at}") for at in range(601)]
    journey = Journey()
    for at in order:
        take(journey, (at, keys[at], PLACES[0]))
    journey.settle(before)

    for known in (journey, Journey(journey.base, journey.trail)):
        assert [at for at in range(601) if known.has_seen(keys[at])] == list(range(before, 600))
        take(known, (600, keys[600], PLACES[0]))
        assert known.has_seen(keys[600])


def test_history_is_bounded() -> None:
    journey = Journey()
    for at in range(MAX_TRAIL // RECORD + 30):
        take(journey, step(at))

    journey.settle(before=0)

    assert [visit.at for visit in journey.visits()] == list(range(MAX_TRAIL // RECORD + 30))[-KEPT_TRAIL // RECORD :]
    assert journey.room == MAX_TRAIL > KEPT_TRAIL > ROOM


@given(steps)
def test_a_trail_by_columns_is_the_same_trail(log: list[Step]) -> None:
    journey = Journey()
    for one in log:
        take(journey, one)

    assert trail_of(columns_of(journey.trail)) == journey.trail


def test_an_event_before_what_is_settled_changes_nothing() -> None:
    journey = Journey()
    for at in range(5):
        take(journey, step(at))
    journey.settle(before=4)

    assert take(journey, (1, b"another!", PLACES[1])) == []


def test_all_settled_keeps_the_stage_for_the_next_change() -> None:
    journey = Journey()
    take(journey, step(5))
    journey.settle(before=100)

    ((change, deleted),) = take(journey, step(200, 1))

    assert (change.from_stage, change.to_stage, change.after_ms, deleted) == ("use", "pay", 195, False)
