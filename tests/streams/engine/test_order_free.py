"""The last word on a log is the same however it arrives.

Shuffled, repeated, cut in batches, partitioned, interrupted.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Event
from schemas.times import HOUR, MINUTE
from streams.engine.effects import Effects
from streams.engine.engine import Engine
from streams.engine.partition import partition_of
from streams.stores.memory import MemoryStore
from tests.streams.engine.stories import detector, event, final

KINDS = ("order.submitted", "order.acknowledged", "order.amended", "order.state_changed", "web.page_viewed")


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """A log in order of occurrence, and the same with delays up to the allowance (1 h) and repeats."""
    minutes = st.one_of(st.integers(0, 40), st.integers(0, 60 * 24 * 60))  # now and then more than a case is kept
    steps = draw(st.lists(minutes, min_size=1, max_size=25))
    log, at = [], 0
    for number, step in enumerate(steps):
        at += step * MINUTE
        kind = draw(st.sampled_from(KINDS))
        customer, order = draw(st.sampled_from("abc")), draw(st.sampled_from(("o1", "o2")))
        log.append(event(kind, at, id=f"e{number}", customer=customer, order_id=order))
    delay = st.one_of(st.integers(0, HOUR), st.just(HOUR))
    delays = draw(st.lists(delay, min_size=len(log), max_size=len(log)))
    arrival = sorted(range(len(log)), key=lambda place: (log[place].occurred_ms + delays[place], place))
    repeats = draw(st.lists(st.booleans(), min_size=len(log), max_size=len(log)))
    arrived = [one for place in arrival for one in [log[place]] * (2 if repeats[place] else 1)]
    return log, arrived


def run(log: list[Event], *, batch: int = 1000, partitions: int = 1) -> list[str]:
    engines = [Engine([detector()], partition=number, strict=True) for number in range(partitions)]
    effects = []
    for number, engine in enumerate(engines):
        own = [one for one in log if partition_of(one.customer_id, partitions) == number]
        effects += [engine.process(own[start : start + batch]) for start in range(0, len(own), batch)]
    return final(engines, effects)


@given(logs())
@settings(max_examples=300, deadline=None)
def test_shuffles_within_lateness_and_repeats_change_nothing(drawn: tuple[list[Event], list[Event]]) -> None:
    log, arrived = drawn

    assert run(arrived) == run(log)


@given(logs(), st.integers(1, 7), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_batches_and_partitions_change_nothing(
    drawn: tuple[list[Event], list[Event]], batch: int, partitions: int
) -> None:
    _, arrived = drawn

    assert run(arrived, batch=batch, partitions=partitions) == run(arrived)


def run_with_restarts(log: list[Event], every: int) -> tuple[list[str], list[Effects]]:
    store = MemoryStore()
    effects: list[Effects] = []
    engine = Engine([detector()], records=store, strict=True, max_cached=1)
    for start in range(0, len(log), every):
        effects.append(engine.process(log[start : start + every]))
        store.commit(engine.checkpoint(), start)
        engine.committed()
        engine = Engine([detector()], records=store, strict=True, max_cached=1)
        stored = store.load()
        assert stored.meta is not None
        assert engine.restore(stored.meta, stored.journal)
    return final([engine], effects), effects


@given(logs(), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_restarts_change_nothing(drawn: tuple[list[Event], list[Event]], every: int) -> None:
    _, arrived = drawn

    moments, effects = run_with_restarts(arrived, every)

    assert moments == run(arrived)
    plain = Engine([detector()], strict=True)
    expected = [plain.process(arrived[start : start + every]) for start in range(0, len(arrived), every)]
    assert [one.moments for one in effects] == [one.moments for one in expected]
    assert [one.transitions for one in effects] == [one.transitions for one in expected]
    assert [one.placements for one in effects] == [one.placements for one in expected]
