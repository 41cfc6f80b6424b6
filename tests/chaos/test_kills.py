"""F1 and F3: kill -9 at random times and at every step between two awaits of the commit protocol."""

from __future__ import annotations

import signal
import time
from typing import get_args

import pytest

from streams.live.settings import Step
from tests.chaos.figures import Chaos
from tests.chaos.traffic import events, feeding, portions, reached, until
from tests.live.bed import Bed

STEPS = get_args(Step)
SESSION = 6.0
SETTINGS = {"session_timeout": SESSION, "commit_seconds": 0.2, "commit_records": 2_000, "fetch_records": 500}


@pytest.mark.fault("F1")
def test_kill_9_at_random_times_loses_and_doubles_nothing(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    lines = events(chaos.size("events", 100_000, 10_000), chaos.seed)
    parts = portions(lines, chaos.size("kills", 100, 2) + 1)
    chaos.injected = "kill -9 of the worker at random times, started anew at once"
    firsts = []
    for part in parts[:-1]:
        live.produce(part)
        began = time.monotonic()
        live.start(**SETTINGS)
        until("first record applied", lambda began=began: reached(live, "computed", began) is not None, 90, 0.02)
        first = reached(live, "computed", began)
        assert first is not None
        firsts.append(first - began)
        time.sleep(random.uniform(0, 0.6))
        live.kill()
    live.produce(parts[-1])
    live.start(**SETTINGS)
    chaos.figures["kills"] = len(firsts)
    chaos.times("first_applied_after_kill", firsts)
    live.wait(90)
    assert live.stop() == 0
    chaos.said(live.check())
    if chaos.scale >= 0.1:  # a small size is one of many tests on a busy machine
        assert sorted(firsts)[len(firsts) // 2] <= SESSION + 5


@pytest.mark.fault("F3")
def test_kill_9_at_every_step_of_the_protocol_loses_and_doubles_nothing(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    rounds = chaos.size("rounds", 50, 1)
    chaos.injected = f"the process kills itself at the {len(STEPS)} steps between two awaits"
    each = len(STEPS) if chaos.scale >= 0.1 else 4
    chaos.sizes["steps"] = f"{each} of {len(STEPS)}"
    plan = [step for _ in range(rounds) for step in random.sample(STEPS, each)]
    parts = portions(events(1_500 * len(plan), chaos.seed + 1), len(plan) + 1)
    firsts = []
    for step, part in zip(plan, parts, strict=False):
        live.produce(part)
        began = time.monotonic()
        process = live.start(crash_at=step, after=random.randint(1, 3), **SETTINGS)
        try:
            code = process.wait(15)
        except Exception:  # the step was not reached so often with so few records
            live.kill()
            code = -signal.SIGKILL
        assert code == -signal.SIGKILL, f"{step}: ended with {code}\n{live.log_of()}"
        if (first := reached(live, "fetched", began)) is not None:
            firsts.append(first - began)
    live.produce(parts[-1])
    live.start(**SETTINGS)
    live.wait(90)
    chaos.figures["kills"] = len(plan)
    chaos.times("first_fetch_after_kill", firsts)
    chaos.said(live.check())


@pytest.mark.thorough
@pytest.mark.fault("F1")
def test_another_worker_goes_on_within_the_session_timeout_when_one_is_killed(live: Bed, chaos: Chaos) -> None:
    """The killed worker does not come back: its partition is the other's."""
    random = chaos.random
    rounds = chaos.size("kills ", 10, 1)
    chaos.injected = "kill -9 of one of two workers that stays away; the other takes its partition over"
    seconds = 60 * rounds
    gaps = []
    lines = events(300 * seconds, chaos.seed + 2)
    with feeding(live, lines, seconds):
        live.start("w0", **SETTINGS)
        live.start("w1", **SETTINGS)
        until("both work", lambda: all(reached(live, "acknowledged", 0, name) for name in ("w0", "w1")), 40)
        for number in range(rounds):
            time.sleep(random.uniform(0.5, 2))
            left = f"w{number + 1}"
            live.kill(f"w{number}")
            gaps.append(until_all_read_on(live, left, time.monotonic()))
            live.start(f"w{number + 2}", **SETTINGS)
            until("the new one works", lambda n=number: reached(live, "acknowledged", 0, f"w{n + 2}"), 40)
    names = [f"w{rounds}", f"w{rounds + 1}"]
    live.wait(60, alive=names)
    chaos.figures["kills"] = rounds
    chaos.times("all_partitions_read_on", gaps)
    chaos.said(live.check())
    assert max(gaps) <= 20


def until_all_read_on(live: Bed, name: str, since: float) -> float:
    """Seconds until every partition's committed position has moved on beyond what it was at `since`."""
    before = live.committed()

    def moved() -> bool:
        now = live.committed()
        return all(now.get(at, 0) > offset for at, offset in before.items()) and bool(before)

    until(f"{name} reads on everywhere", moved, 30, 0.3)
    return time.monotonic() - since
