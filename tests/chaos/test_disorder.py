"""F8 to F11: events that come again, late, from the future, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random  # noqa: TID251 seeded, the seed is printed
from typing import Any

import pytest

from schemas.deadletters import Reason
from streams.simulator.config import STORY_RATES, SimulationConfig
from streams.simulator.simulation import Simulation
from tests.chaos.figures import Chaos
from tests.chaos.oracles import Said, alone, event_of, in_order, said_by
from tests.chaos.traffic import events, until
from tests.conftest import KafkaFactory
from tests.live.bed import Bed, Ledger, bed

MINUTES = 60_000
HOURS = 60 * MINUTES


def delayed(lines: Sequence[bytes], random: Random, share: float, most_ms: int, within_ms: int) -> list[bytes]:
    """All lines within `within_ms` of their time, a share of them up to `most_ms` later."""

    def arrival(line: bytes) -> float:
        late = random.uniform(0, most_ms) if random.random() < share else 0
        return event_of(line).occurred_ms + random.uniform(0, within_ms) + late

    return [line for _, line in sorted(((arrival(line), line) for line in lines), key=lambda pair: pair[0])]


def run(live: Bed, lines: Sequence[bytes], chaos: Chaos, **settings: Any) -> Ledger:
    """Let one worker read all lines; what it said is what the engine says of the same log."""
    live.produce(lines)
    live.start(**settings)
    chaos.figures["drained_s"] = round(live.wait(120 + len(lines) / 2_000), 1)
    assert live.stop() == 0, live.log_of()
    said = live.check()
    chaos.said(said)
    return said


@pytest.mark.fault("F8")
def test_events_sent_up_to_five_times_count_once(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    clean = events(chaos.size("events", 100_000, 5_000), chaos.seed + 8)
    chaos.injected = "each event 1 to 5 times, shuffled within 10 minutes of event time"
    sent = [line for line in clean for _ in range(random.randint(1, 5))]
    chaos.figures["records"] = len(sent)
    said = run(live, delayed(sent, random, 0, 0, 10 * MINUTES), chaos)
    told, expected = said_by(said.alerts.values(), said.kpis), alone(in_order(clean), 2)
    assert told.verdicts == expected.verdicts
    assert told.kpis == expected.kpis


@pytest.mark.fault("F9")
def test_late_events_correct_what_was_said_and_too_late_ones_are_set_aside(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    clean = list(dict.fromkeys(events(chaos.size("events", 100_000, 5_000), chaos.seed + 9)))
    chaos.injected = "shuffled within 10 min, 5 % up to 24 h late, 1 % older than the allowed lateness"
    arriving = delayed(clean, random, 0.05, 24 * HOURS, 10 * MINUTES)
    far_behind = set(random.sample(range(len(arriving) // 2), len(arriving) // 100))
    kept = [line for place, line in enumerate(arriving) if place not in far_behind]
    said = run(live, [*kept, *(arriving[place] for place in far_behind)], chaos)
    chaos.figures["too_late"] = len(said.dead_letters)
    assert set(said.dead_letters.values()) <= {Reason.TOO_LATE.value}
    assert len(said.dead_letters) >= len(far_behind) * 0.9
    set_aside = {json.loads(record.value)["payload"] for record in live.read(live.kafka.dlq_topic)}
    accepted = [line for line in arriving if line.decode() not in set_aside]
    assert len(accepted) == len(arriving) - len(said.dead_letters)
    told, expected = said_by(said.alerts.values(), said.kpis), alone(in_order(accepted), 2)
    assert told.verdicts == expected.verdicts
    assert _of_events(told) == _of_events(expected)


def _of_events(said: Said) -> dict[tuple[Any, ...], int]:
    """The KPIs that do not count late arrivals themselves."""
    return {key: value for key, value in said.kpis.items() if key[0] != "late_events"}


def until_now(count: int, seed: int, ends_ago: timedelta) -> list[bytes]:
    """The last `count` lines that came until `ends_ago`, in the middle of what happens to some customers."""
    now = datetime.now(UTC)  # noqa: TID251 the broker's clock is the machine's
    days = 40
    start = (now - timedelta(days=days / 2)).replace(minute=0, second=0, microsecond=0)
    config = SimulationConfig(
        customers=max(50, count // 10),
        days=days,
        seed=seed % 10_000,
        start=start,
        story_rates=dict.fromkeys(STORY_RATES, 0.07),
        usage_per_day=0.2,
        ordinary_rate=0.5,
        late=0.0,
    )
    held = [line for part in Simulation(config).slices() for line in part.lines]
    edge = int((now - ends_ago).timestamp() * 1000)
    return [line for line in held if event_of(line).recorded_ms < edge][-count:]


WRONG_CLOCKS = {
    "a day ahead": (timedelta(days=1), Reason.FUTURE_TIME),
    "six minutes ahead": (timedelta(minutes=6), Reason.FUTURE_TIME),
    "in 2300": (timedelta(days=365 * 275), Reason.IMPLAUSIBLE_TIME),
    "in 1970": (timedelta(days=-365 * 56), Reason.IMPLAUSIBLE_TIME),
}


@pytest.mark.fault("F10")
def test_wrong_clocks_are_found_and_never_move_time(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    clean = until_now(chaos.size("events", 50_000, 4_000), chaos.seed + 10, timedelta(minutes=10))
    chaos.injected = f"5 % more events whose clock is {', '.join(WRONG_CLOCKS)}, or that state s for ms"
    now = datetime.now(UTC)  # noqa: TID251 the broker's clock is the machine's
    expected: dict[str, int] = {}
    mixed = list(clean)
    for number in range(len(clean) // 20):
        stated = json.loads(random.choice(clean)) | {"event_id": f"skewed-{number}"}
        name = random.choice([*WRONG_CLOCKS, "s for ms"])
        if name == "s for ms":
            reason, at = Reason.IMPLAUSIBLE_TIME, datetime.fromtimestamp(now.timestamp() / 1000, UTC)
        else:
            ahead, reason = WRONG_CLOCKS[name]
            at = now + ahead + timedelta(minutes=3)
        stated |= {"occurred_at": at.isoformat(), "recorded_at": at.isoformat()}
        expected[reason.value] = expected.get(reason.value, 0) + 1
        mixed.insert(random.randrange(len(mixed)), json.dumps(stated).encode())
    said = run(live, mixed, chaos)
    found: dict[str, int] = {}
    for word in said.dead_letters.values():
        found[word] = found.get(word, 0) + 1
    chaos.figures["flagged"] = found
    assert found == expected
    told, undisturbed = said_by(said.alerts.values(), said.kpis), alone([event_of(line) for line in clean], 2)
    assert told.verdicts == undisturbed.verdicts
    assert told.kpis == undisturbed.kpis


@pytest.mark.fault("F11")
def test_silence_is_written_to_the_log_and_deadlines_fall_due(live: Bed, chaos: Chaos) -> None:
    lines = until_now(chaos.size("events", 40_000, 8_000), chaos.seed + 11, timedelta(hours=20))
    chaos.injected = "all sources silent since 20 h; ticks after 2 s"
    live.produce(lines)
    live.start(tick_after=2.0, tick_behind=1.0)
    before = sum(live.ends().values())
    ticked = until("a tick in each partition", lambda: sum(live.ends().values()) >= before + 2, 120, 0.3)
    live.wait()
    assert live.stop() == 0, live.log_of()
    said = live.check()  # the oracle reads the log with its ticks: replay sees the same silence
    chaos.said(said)
    without = alone([event_of(line) for line in lines], 2)
    told = said_by(said.alerts.values(), said.kpis)
    due = {name for name, status in told.verdicts.items() if without.verdicts.get(name) != status}
    chaos.figures |= {"ticks_after_s": round(ticked, 1), "decided_by_silence": len(due)}
    assert due, "nothing fell due in 20 silent hours"


@pytest.mark.thorough
@pytest.mark.fault("F11")
def test_one_silent_topic_of_several_holds_nobody_up(kafka: KafkaFactory, tmp_path: Path, chaos: Chaos) -> None:
    chaos.injected = "1 of 6 events topics has never a record"
    topics = ("orders", "billing", "care", "usage", "network", "retention")
    with bed(kafka(partitions=2, events=topics), tmp_path) as several:
        lines = events(chaos.size("events", 20_000, 3_000), chaos.seed + 12)
        for number, topic in enumerate(several.kafka.events[:-1]):
            several.produce([line for line in lines if _family(line) == number], topic)
        several.start()
        chaos.figures["drained_s"] = round(several.wait(60), 1)
        assert several.stop() == 0, several.log_of()
        said = several.ledger()
        assert said_by(said.alerts.values(), {}).verdicts == alone(in_order(lines), 2).verdicts


def _family(line: bytes) -> int:
    """Which of five topics an event goes to: that of its kind."""
    kind = str(json.loads(line)["event_type"]).partition(".")[0]
    return {
        "order": 0,
        "service": 0,
        "bill": 1,
        "payment": 1,
        "charge": 1,
        "ticket": 2,
        "complaint": 2,
        "usage": 3,
    }.get(kind, 4)
