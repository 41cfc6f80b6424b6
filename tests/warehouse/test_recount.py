"""Every indicator and every live counter equals a recount of the log by hand: at once, after stops, after a replay."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

import pytest

from journeys.registry import shipped_registry
from tests.warehouse.recount import world
from tests.warehouse.recount.compare import RECOUNTS

CUSTOMERS = int(os.environ.get("MOT_RECOUNT_CUSTOMERS", "900"))
MADE_UP = int(os.environ.get("MOT_RECOUNT_MADE_UP", "400"))


def test_every_computed_indicator_has_a_recount() -> None:
    assert set(RECOUNTS) == {one.id for one in shipped_registry().computed()}


@pytest.mark.slow
def test_indicators_equal_the_recount_after_stops_and_after_a_replay(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    began = monotonic()

    def lap(what: str) -> None:
        print(f"{monotonic() - began:7.1f} s  {what}")

    lines = world.written(log, customers=CUSTOMERS, made_up=MADE_UP)
    lap(f"{len(lines)} events written")
    folder = tmp_path / "run"
    stopped = world.run(folder, log, until=len(lines) * 2 // 3)
    lap(f"stopped at {stopped}")
    client = world.opened(folder)
    try:
        lap(f"refreshed in {world.refresh(client).seconds:.1f} s")
        world.check(client, lines[:stopped], whole=False)
        lap("checked")
    finally:
        client.close()

    world.run(folder, log)
    lap("run to the end")
    client = world.opened(folder)
    try:
        world.put_moments(client, world.Log(lines))
        lap(f"refreshed in {world.refresh(client).seconds:.1f} s")
        print(world.check(client, lines))
        lap("checked")
    finally:
        client.close()

    world.forget(folder)
    world.run(folder, log)
    lap("replayed")
    client = world.opened(folder)
    try:
        lap(f"refreshed in {world.refresh(client).seconds:.1f} s")
        world.check(client, lines)
        lap("checked")
    finally:
        client.close()
