"""One worker and one log: what is said is what the engine says, however the worker ends."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka.partitioner import DefaultPartitioner

from detectors.catalogue import CATALOGUE
from schemas.codec import decode
from streams.engine.engine import Engine
from streams.kafka.settings import KafkaSettings
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from streams.sinks.rows import moment_row
from streams.sinks.wire import block_of
from tests.chaos.traffic import until
from tests.live.bed import Bed, bed, customer_of


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    held: list[bytes] = []
    for part in Simulation(
        SimulationConfig(customers=450, days=130, seed=3, usage_per_day=0.05, ordinary_rate=0.3)
    ).slices():
        held += part.lines
    return held


@pytest.fixture
def live(kafka: Callable[..., KafkaSettings], tmp_path: Path) -> Iterator[Bed]:
    with bed(kafka(partitions=2), tmp_path) as made:
        yield made


def test_a_worker_says_what_the_engine_says_and_ends_when_asked(live: Bed, lines: list[bytes]) -> None:
    live.produce(lines)
    live.start()
    live.wait()
    assert live.stop() == 0, live.log_of()
    said = live.check()
    assert len(said.alerts) > 50
    assert said.facts
    assert said.kpis
    assert said.repeats == 0


def test_a_worker_reports_how_it_is_doing_beside_its_effects(live: Bed, lines: list[bytes]) -> None:
    live.produce(lines)
    live.start(report_seconds=0.1)
    live.wait()
    until("a report after the last commit", lambda: figures(live)["lag_records"][-1:] == [0], 60)
    assert live.stop() == 0, live.log_of()
    said = figures(live)
    assert said.keys() == {"lag_records", "behind_ms", "commit_seconds", "restore_seconds"}
    assert said["behind_ms"][-1] == 0
    assert all(0 < seconds < 20 for seconds in said["commit_seconds"] + said["restore_seconds"])
    assert 1 <= len(said["restore_seconds"]) <= live.kafka.partitions  # a report may come between two
    live.check()


def figures(live: Bed) -> dict[str, list[float]]:
    """What the workers reported, oldest first; all under one name."""
    found = defaultdict(list)
    for record in live.read(live.kafka.facts_topic):
        block = block_of("facts", record.value, record.headers)
        if block.table == "pipeline_health":
            for row in map(json.loads, block.data.splitlines()):
                assert (row["component"], row["instance"]) == ("worker", "w1")
                found[row["metric"]].append((row["at"], row["value"]))
    return defaultdict(list, {metric: [value for _, value in sorted(rows)] for metric, rows in found.items()})


def test_a_killed_worker_goes_on_from_its_last_commit(live: Bed, lines: list[bytes]) -> None:
    live.produce(lines[:10_000])
    live.start(crash_at="computed", after=3, fetch_records=500)
    assert live.workers["w1"].wait(40) == -signal.SIGKILL
    live.produce(lines[10_000:])
    live.start()
    live.wait()
    live.check()


def test_another_worker_takes_over_from_the_topic_alone(live: Bed, lines: list[bytes]) -> None:
    live.produce(lines[:10_000])
    live.start("first")
    live.wait(alive=["first"])
    live.kill("first")
    live.produce(lines[10_000:])
    live.start("second")
    live.wait(alive=["second"])
    assert live.stop("second") == 0, live.log_of("second")
    live.check()


def test_topics_keyed_otherwise_are_forwarded_under_the_right_key(
    kafka: Callable[..., KafkaSettings], tmp_path: Path, lines: list[bytes]
) -> None:
    with bed(kafka(partitions=2, rekey=("crm",)), tmp_path) as live:
        live.produce([(b"store-17", line) for line in lines[:4_000]], live.kafka.rekey[0])
        live.start()
        live.wait_for_events(4_000)
        live.wait()
        assert live.stop() == 0, live.log_of()
        said = live.check()
        assert said.dead_letters == {}
        live.start()  # what was forwarded is not forwarded again
        live.produce([(b"store-18", lines[4_000])], live.kafka.rekey[0])
        live.wait_for_events(4_001)


def test_several_topics_are_one_log_that_can_be_told_again(
    kafka: Callable[..., KafkaSettings], tmp_path: Path, lines: list[bytes]
) -> None:
    with bed(kafka(partitions=2, events=("orders", "care", "usage")), tmp_path) as live:
        for topic, part in zip(live.kafka.events, by_family(lines), strict=True):
            live.produce(part, topic)
        for nth in range(1, 4):
            live.start(crash_at="sent", after=nth, fetch_records=700)
            assert live.workers["w1"].wait(40) == -signal.SIGKILL
        live.start(fetch_records=700)
        live.wait()
        assert live.stop() == 0, live.log_of()
        said = live.ledger()  # asserts that no id and version is said in two ways
        assert len(said.alerts) > 50
        assert last_words(said.alerts.values()) == last_words(aligned_oracle(lines, live.kafka.partitions))


def by_family(lines: list[bytes]) -> tuple[list[bytes], ...]:
    orders = [line for line in lines if b'"event_type":"order.' in line or b'"event_type":"service.' in line]
    usage = [line for line in lines if b'"event_type":"usage.' in line]
    apart = {*orders, *usage}
    return orders, [line for line in lines if line not in apart], usage


def last_words(alerts: Iterable[bytes]) -> dict[str, tuple[str, str]]:
    """Status and decision of each moment at the end, those that were only misreadings of an order of arrival apart."""
    last: dict[str, dict[str, object]] = {}
    for alert in alerts:
        row = json.loads(alert)
        if row["version"] >= last.get(row["moment_id"], row)["version"]:
            last[row["moment_id"]] = row
    return {
        name: (row["status"], row["decided_at"])
        for name, row in last.items()
        if row["status"] != "retracted" or row["retracted_at"] is not None
    }


def aligned_oracle(lines: list[bytes], partitions: int) -> list[bytes]:
    """What the engine says when the lines come in the order of their event times."""
    said: list[bytes] = []
    choose, numbers = DefaultPartitioner(), list(range(partitions))
    for number in numbers:
        engine = Engine(CATALOGUE, partition=number, strict=True)
        mine = [line for line in lines if choose(customer_of(line), numbers, numbers) == number]
        events = sorted((decode(line) for line in mine), key=lambda event: event.occurred_ms)
        said += [msgspec.json.encode(moment_row(one)) for one in engine.process(events).moments]
    return said
