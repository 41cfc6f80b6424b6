"""F2, F16, F17: workers that come, go, and come back from the dead."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.figures import Chaos
from tests.chaos.owners import one_owner_at_a_time
from tests.chaos.traffic import events, feeding, portions, reached, until
from tests.conftest import KafkaFactory
from tests.live.bed import Bed, bed

SESSION = 6.0
SETTINGS = {"session_timeout": SESSION, "fetch_records": 500}
SMALL = {"session_timeout": SESSION, "fetch_records": 200, "commit_records": 200}


@pytest.fixture
def crowd(kafka: KafkaFactory, tmp_path: Path) -> Iterator[Bed]:
    """A bed of six partitions, for several workers."""
    with bed(kafka(partitions=6), tmp_path) as made:
        yield made


@pytest.mark.fault("F2")
def test_three_workers_restarted_in_turn_end_in_time_and_double_nothing(crowd: Bed, chaos: Chaos) -> None:
    restarts = chaos.size("restarts", 9, 2)
    lines = events(chaos.size("events", 40_000, 8_000), chaos.seed + 3)
    chaos.injected = "SIGTERM to each of 3 workers in turn, under load, started anew"
    names = ["w0", "w1", "w2"]
    exits, firsts = [], []
    # On a busy machine a restart takes long, and who is started anew must find something to do.
    with feeding(crowd, lines, restarts * (10 if chaos.scale >= 0.1 else 60)):
        for name in names:
            crowd.start(name, **SETTINGS)
        until("all work", lambda: all(reached(crowd, "computed", 0, name) for name in names), 60)
        for number in range(restarts):
            name = names[number % 3]
            began = time.monotonic()
            assert crowd.stop(name) == 0, crowd.log_of(name)
            exits.append(time.monotonic() - began)
            began = time.monotonic()
            crowd.start(name, **SETTINGS)
            until(f"{name} works again", lambda n=name, b=began: reached(crowd, "computed", b, n) is not None, 90)
            firsts.append(time.monotonic() - began)
    chaos.figures["drained_s"] = round(crowd.wait(90, alive=names), 1)
    for name in names:
        assert crowd.stop(name) == 0, crowd.log_of(name)
    chaos.times("exit", exits)
    chaos.times("first_applied_after_start", firsts)
    chaos.figures["take_overs"] = one_owner_at_a_time(crowd)
    said = crowd.check()
    chaos.said(said)
    assert max(exits) <= 20


@pytest.mark.thorough
@pytest.mark.fault("F16")
def test_workers_that_join_and_leave_all_the_time_get_on(crowd: Bed, chaos: Chaos) -> None:
    random = chaos.random
    changes = chaos.size("changes", 60, 3)
    chaos.injected = "a worker joins, leaves (SIGTERM) or dies (SIGKILL) every 5 s; 3 to 6 at a time"
    seconds = changes * 5
    counts = {"join": 3, "leave": 0, "kill": 0}
    alive = ["w0", "w1", "w2"]
    began = time.monotonic()
    with feeding(crowd, events(200 * seconds, chaos.seed + 4), seconds + 10):
        for name in alive:
            crowd.start(name, **SETTINGS)
        until("the first works", lambda: any(reached(crowd, "acknowledged", 0, name) for name in alive), 60)
        for number in range(changes):
            due = time.monotonic() + 5
            if len(alive) <= 3 or (len(alive) < 6 and random.random() < 0.5):
                alive.append(f"w{number + 3}")
                crowd.start(alive[-1], **SETTINGS)
                counts["join"] += 1
            else:
                name = alive.pop(random.randrange(len(alive)))
                gently = random.random() < 0.5
                crowd.workers[name].send_signal(signal.SIGTERM if gently else signal.SIGKILL)
                counts["leave" if gently else "kill"] += 1
            for name in alive:
                code = crowd.workers[name].poll()
                assert code is None, f"{name} ended with {code}\n{crowd.log_of(name)}"
            time.sleep(max(0.0, due - time.monotonic()))
    chaos.figures |= counts
    chaos.figures["drained_s"] = round(crowd.wait(120, alive=alive), 1)
    chaos.figures["longest_without_commit_s"] = round(_longest_pause(crowd, began), 1)
    chaos.figures["take_overs"] = one_owner_at_a_time(crowd)
    chaos.said(crowd.check())
    assert chaos.figures["longest_without_commit_s"] <= 60


def _longest_pause(crowd: Bed, began: float) -> float:
    """The longest time (s) without a commit by anyone since `began`."""
    times = sorted(at for name in crowd.workers for word, at in crowd.trace_of(name) if word == "acknowledged")
    return max(after - before for before, after in zip([began, *times], times, strict=False))


@pytest.mark.fault("F17")
@pytest.mark.parametrize("step", ["computed", pytest.param("settled", marks=pytest.mark.thorough)])
def test_a_worker_back_from_the_dead_is_refused_and_ends(live: Bed, chaos: Chaos, step: str) -> None:
    chaos.injected = (
        f"SIGSTOP of a worker at '{step}' for 2 x the session time-out, then SIGCONT; another has taken over"
    )
    parts = portions(events(chaos.size("events", 20_000, 6_000), chaos.seed + 5), 3)
    chaos.figures["stopped_s"] = 2 * SESSION
    live.produce(parts[0])
    live.start("zombie", crash_at=step, after=3, deed="pause", **SMALL)
    until("the zombie stops", lambda: reached(live, "pause", 0, "zombie") is not None, 90)
    stopped = time.monotonic()
    live.start("heir", **SMALL)
    live.produce(parts[1])
    chaos.figures["heir_done_s"] = round(live.wait(120, alive=["heir"]), 1)
    time.sleep(max(0.0, stopped + 2 * SESSION - time.monotonic()))
    resumed = time.monotonic()
    os.kill(live.workers["zombie"].pid, signal.SIGCONT)
    live.produce(parts[2])
    code = live.workers["zombie"].wait(60)
    chaos.figures["zombie_exit_s"] = round(time.monotonic() - resumed, 1)
    assert code == 70, live.log_of("zombie")
    live.wait(60, alive=["heir"])
    assert live.stop("heir") == 0
    chaos.figures["take_overs"] = one_owner_at_a_time(live)
    chaos.said(live.check())
