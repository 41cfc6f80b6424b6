"""One worker and one log: what is said is what the engine says, however the worker ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.kafka.settings import KafkaSettings
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from tests.live.bed import Bed, bed

SIZE = 20_000


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    held: list[bytes] = []
    for part in Simulation(SimulationConfig(customers=80, days=130, seed=3)).slices():
        held += part.lines
    return held[:SIZE]


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
    assert said.alerts
    assert said.facts
    assert said.kpis
    assert said.repeats == 0


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
