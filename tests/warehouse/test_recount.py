"""Every indicator and every live counter equals a recount of the log by hand: at once, after stops, after a replay.

`make test` does it on some 100,000 events. On a million (six minutes on two busy cores):
`MOT_RECOUNT_CUSTOMERS=12000 pytest -s tests/warehouse/test_recount.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import pytest

from journeys.registry import shipped_registry
from tests.warehouse.recount import world
from tests.warehouse.recount.compare import RECOUNTS
from tests.warehouse.recount.log import Log

CUSTOMERS = int(os.environ.get("MOT_RECOUNT_CUSTOMERS", "900"))
MADE_UP = int(os.environ.get("MOT_RECOUNT_MADE_UP", "400"))
_BEGAN = monotonic()


def lap(what: str) -> None:
    print(f"{monotonic() - _BEGAN:7.1f} s  {what}")


def test_every_computed_indicator_has_a_recount() -> None:
    assert set(RECOUNTS) == {one.id for one in shipped_registry().computed()}


def refreshed_and_checked(folder: Path, lines: Sequence[bytes], *, whole: bool = True, put: bool = False) -> None:
    client = world.opened(folder)
    try:
        if put:
            world.put_moments(client, Log(lines))
        done = world.refresh(client)
        lap(f"refreshed {done.computed} of {done.indicators} indicators in {done.seconds:.1f} s")
        print(world.check(client, lines, whole=whole))
        lap("checked")
    finally:
        client.close()


@pytest.mark.slow
def test_indicators_equal_the_recount_after_stops_and_after_a_replay(tmp_path: Path) -> None:
    log, folder = tmp_path / "log.jsonl", tmp_path / "run"
    lines = world.written(log, customers=CUSTOMERS, made_up=MADE_UP)
    lap(f"{len(lines)} events written")

    stopped = world.run(folder, log, until=len(lines) * 2 // 3)
    lap(f"stopped after {stopped} events")
    refreshed_and_checked(folder, lines[:stopped], whole=False)

    world.run(folder, log)
    lap("a new runner went on to the end")
    refreshed_and_checked(folder, lines, put=True)

    world.forget(folder)
    world.run(folder, log)
    lap("all of it replayed onto the same facts")
    refreshed_and_checked(folder, lines)
