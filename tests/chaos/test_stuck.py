"""F32: a worker that lives and does nothing is ended by its watchdog, unready before, and the next one goes on."""

from __future__ import annotations

import time

import pytest

from tests.chaos.figures import Chaos
from tests.chaos.traffic import events, portions, until
from tests.live.bed import Bed

PATIENCE = 12.0
SETTINGS = {"stuck_after": PATIENCE, "unready_after": 2.0, "fetch_records": 300, "commit_records": 300}
DEEDS = {
    "freeze": "the agent's coroutine never returns",
    "block": "the event loop is blocked",
    "silence": "the consumer's thread is dead",
}


@pytest.mark.fault("F32")
@pytest.mark.parametrize(
    "deed",
    ["freeze", pytest.param("block", marks=pytest.mark.thorough), pytest.param("silence", marks=pytest.mark.thorough)],
)
def test_a_worker_that_does_nothing_ends_itself(live: Bed, chaos: Chaos, deed: str) -> None:
    chaos.injected = f"{DEEDS[deed]}; stuck_after {PATIENCE:.0f} s (60 s by default)"
    parts = portions(events(chaos.size("events", 8_000, 4_000), chaos.seed + 32), 2)
    live.produce(parts[0])
    process = live.start(crash_at="computed", after=4, deed=deed, **SETTINGS)
    until("ready", lambda: live.asked("/readyz")[0] == 200 or deed in dict(live.trace_of()), 90)
    until(deed, lambda: deed in dict(live.trace_of()), 90)
    began = dict(live.trace_of())[deed]
    live.produce(parts[1])
    unready = None
    while process.poll() is None and time.monotonic() - began < 60:
        if unready is None and live.asked("/readyz")[0] != 200:
            unready = time.monotonic() - began
        time.sleep(0.1)
    chaos.figures |= {"unready_s": unready and round(unready, 1), "exit_s": round(time.monotonic() - began, 1)}
    assert process.poll() == 70, live.log_of()
    live.start(**SETTINGS | {"stuck_after": 60.0})
    live.wait()
    assert live.stop() == 0, live.log_of()
    chaos.said(live.check())
    assert unready is not None
    assert chaos.figures["exit_s"] <= PATIENCE + 30
