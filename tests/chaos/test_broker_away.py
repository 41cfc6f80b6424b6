"""F4: the broker is stopped, hangs, or is started anew; workers wait and go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.kafka import topics
from streams.kafka.settings import KafkaSettings
from tests.chaos.figures import Chaos
from tests.chaos.traffic import events, portions, reached, until
from tests.kafka.broker import Broker
from tests.live.bed import Bed, bed

SETTINGS = {"session_timeout": 6.0, "fetch_records": 500}


@pytest.fixture
def own(start_broker: Callable[..., Broker], tmp_path: Path) -> Iterator[tuple[Broker, Bed]]:
    """A broker of this test's own and a bed on it."""
    broker = start_broker()
    settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=2)
    topics.create(settings)
    with bed(settings, tmp_path / "bed") as made:
        yield broker, made


def _stopped(broker: Broker, seconds: float) -> None:
    broker.stop(gently=True)
    time.sleep(seconds)
    broker.restart()


def _killed(broker: Broker, seconds: float) -> None:
    broker.kill()
    time.sleep(seconds)
    broker.restart()


def _hung(broker: Broker, seconds: float) -> None:
    broker.pause()
    time.sleep(seconds)
    broker.resume()


def _restarted(broker: Broker, seconds: float) -> None:
    broker.restart()


AWAY = {"stopped": (_stopped, 60), "killed": (_killed, 20), "hung (SIGSTOP)": (_hung, 90), "restarted": (_restarted, 0)}


@pytest.mark.fault("F4")
def test_a_broker_that_goes_and_comes_back_is_waited_for(own: tuple[Broker, Bed], chaos: Chaos) -> None:
    broker, live = own
    away = AWAY if chaos.scale >= 0.1 else {name: AWAY[name] for name in ("hung (SIGSTOP)",)}
    parts = portions(events(chaos.size("events", 80_000, 8_000), chaos.seed + 4), 2 * len(away) + 1)
    chaos.injected = f"the broker, under load: {', '.join(away)}"
    process = live.start(**SETTINGS)
    live.produce(parts[0])
    live.wait()
    for number, (name, (deed, full)) in enumerate(away.items()):
        seconds = chaos.size(f"{name} s", full, min(full, 9))
        live.produce(parts[2 * number + 1])  # much of it is not applied yet
        deed(broker, seconds)
        back = time.monotonic()
        assert process.poll() is None, f"{name}: {live.log_of()}"
        live.produce(parts[2 * number + 2])
        until(f"{name}: reads on", lambda back=back: reached(live, "acknowledged", back) is not None, 120)
        resumed = reached(live, "acknowledged", back)
        assert resumed is not None
        chaos.figures[f"{name}_resumed_s"] = round(resumed - back, 1)
        live.wait()
    assert live.stop() == 0, live.log_of()
    chaos.said(live.check())
    longest = 15 if chaos.scale >= 0.1 else 60
    assert all(value <= longest for name, value in chaos.figures.items() if name.endswith("resumed_s")), chaos.figures
