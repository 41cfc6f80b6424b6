"""Several topics as one log.

orders  ──1────4────────9──        released: 1 2 3 4 | waits for `care` to reach 9
care    ────2──3──5───────         (read up to 5, and there is more)
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Tick
from schemas.times import from_ms
from streams.live.alignment import Alignment, Round
from streams.live.intake import Intake

TICK = Tick(occurred_at=from_ms(1_760_000_000_000))
TOPICS = ("orders", "care", "usage")


def intake(topic: str, offset: int, at: int) -> Intake:
    return Intake(f"{topic}-0", offset, b"{}", TICK, at)


class Logs:
    """Topics with event times, fetched bit by bit into an Alignment."""

    def __init__(self, times: dict[str, list[int]], planned: Sequence[Round] = ()) -> None:
        self.times = times
        self.read = dict.fromkeys(times, 0)
        self.acked: list[tuple[str, int]] = []
        self.alignment = Alignment(tuple(times), {}, planned, lambda topic, fetched: fetched >= len(times[topic]))

    def fetch(self, topic: str, count: int) -> None:
        start = self.read[topic]
        part = [intake(topic, start + n, at) for n, at in enumerate(self.times[topic][start : start + count])]
        if part:
            self.read[topic] += len(part)
            self.alignment.add(topic, part, lambda: self.acked.append((topic, part[-1].offset)))

    def released(self) -> tuple[list[Round], list[tuple[str, int]]]:
        rounds, seen = [], []
        while (one := self.alignment.release()) is not None:
            rounds.append(one.round)
            seen += [(record.origin.removesuffix("-0"), record.offset) for record in one.records]
            [ack() for ack in one.acks]
        return rounds, seen


def test_records_wait_for_the_slowest_topic_that_has_more() -> None:
    logs = Logs({"orders": [1, 4, 9], "care": [2, 3, 5, 11]})
    logs.fetch("orders", 3)
    assert logs.released() == ([], [])
    logs.fetch("care", 3)
    rounds, seen = logs.released()
    assert rounds == [{"orders": (0, 2), "care": (0, 3)}]
    assert seen == [("orders", 0), ("care", 0), ("care", 1), ("orders", 1), ("care", 2)]
    assert logs.acked == [("care", 2)]  # the fetch of orders is not all released yet
    logs.fetch("care", 1)
    assert logs.released()[1] == [("orders", 2), ("care", 3)]
    assert logs.acked == [("care", 2), ("orders", 2), ("care", 3)]


def test_a_topic_read_to_its_end_is_not_waited_for() -> None:
    logs = Logs({"orders": [1, 2], "care": []})
    logs.fetch("orders", 2)
    assert logs.released()[1] == [("orders", 0), ("orders", 1)]


def test_a_topic_of_unknown_length_is_waited_for() -> None:
    alignment = Alignment(("orders", "care"), {}, (), lambda topic, fetched: topic != "care" and fetched >= 1)
    alignment.add("orders", [intake("orders", 0, 5)], lambda: None)
    assert alignment.release() is None


steps = st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(1, 5)), min_size=1, max_size=60)
logs_of_times = st.fixed_dictionaries({topic: st.lists(st.integers(0, 50), max_size=15) for topic in TOPICS})


def play(logs: Logs, fetches: Sequence[tuple[str, int]]) -> tuple[list[Round], list[tuple[str, int]]]:
    rounds: list[Round] = []
    seen: list[tuple[str, int]] = []
    for topic, count in [*fetches, *((topic, 100) for topic in TOPICS)]:
        logs.fetch(topic, count)
        more = logs.released()
        rounds += more[0]
        seen += more[1]
    return rounds, seen


@given(logs_of_times, steps)
def test_everything_is_released_once_and_acknowledged(
    times: dict[str, list[int]], fetches: list[tuple[str, int]]
) -> None:
    logs = Logs(times)
    _, seen = play(logs, fetches)
    assert sorted(seen) == sorted((topic, n) for topic in TOPICS for n in range(len(times[topic])))
    for topic in TOPICS:
        if times[topic]:
            assert (topic, len(times[topic]) - 1) in logs.acked


@given(logs_of_times, steps, steps)
def test_planned_rounds_give_the_same_order_whatever_arrives_first(
    times: dict[str, list[int]], fetches: list[tuple[str, int]], others: list[tuple[str, int]]
) -> None:
    rounds, seen = play(Logs(times), fetches)
    assert play(Logs(times, planned=rounds), others) == (rounds, seen)
