"""A whole round on a real broker, with the one contender that needs no environment of the peers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.benchmarks.peers.contenders import CONTENDERS, LOOP
from tests.benchmarks.peers.job import reference
from tests.benchmarks.peers.rounds import print_differences, run_all
from tests.benchmarks.peers.tally import Task
from tests.benchmarks.peers.traffic import delete, lines, load, split
from tests.kafka.broker import Broker


def test_the_plain_loop_finds_the_alerts_of_the_reference(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    parts = split(lines(20_000), 2)
    expected = reference([line for _, line in part] for part in parts)
    loop = next(one for one in CONTENDERS if one.name == LOOP)._replace(python=Path(sys.executable))
    topic = f"peers-test-{os.getpid()}"
    asyncio.run(load(broker.bootstrap, topic, parts))
    try:
        results = run_all([loop], Task(broker.bootstrap, topic, 2, 20_000, topic, Path(), ""), rounds=1)
    finally:
        asyncio.run(delete(broker.bootstrap, [topic]))
    (found,) = results[LOOP]
    assert found.events == 20_000
    assert found.alerts == expected
    assert print_differences(results, expected, [loop]) == {}
    assert print_differences(results, expected[1:], [loop])[LOOP] == [{"more": expected[:1], "missing": []}]
    assert "DIFFERENT" in capsys.readouterr().out
