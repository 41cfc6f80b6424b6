"""kill -9 at random times and at every protocol step: after the restarts the folder says what a run without faults
says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from random import Random  # noqa: TID251 seeded, the seed is printed
from typing import get_args

import pytest

from streams.runners.embedded import Step
from tests.streams.runners.stories import ledger

SIZE = 8_000
PARTITIONS = 2
RANDOM_KILLS = 20
LONGEST_SECONDS = 0.8
STEPS = get_args(Step)


def start(folder: Path, step: str = "never", nth: int = 1) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.chaos.embedded_child",
        str(folder),
        str(SIZE),
        str(PARTITIONS),
        step,
        str(nth),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def finish(folder: Path) -> None:
    said, complaint = start(folder).communicate(timeout=60)
    assert "finished True" in said, complaint


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("oracle")
    finish(folder)
    said = ledger(folder)
    assert all(said.values())
    return said


def compare(folder: Path, oracle: dict[str, list[str]]) -> None:
    said = ledger(folder)
    for name, rows in oracle.items():
        expected, found = Counter(rows), Counter(said[name])
        assert found - expected == Counter(), f"spurious or doubled in {name}"
        assert expected - found == Counter(), f"missing in {name}"


@pytest.mark.slow
def test_kills_at_random_times_lose_and_double_nothing(
    tmp_path: Path, oracle: dict[str, list[str]], request: pytest.FixtureRequest
) -> None:
    seed = int(os.environ.get("MOT_CHAOS_SEED", "20261122"))
    dice = Random(seed)
    print(f"chaos seed {seed} (MOT_CHAOS_SEED)")
    kills = completed = 0
    folder = tmp_path / "run-0"
    while kills < RANDOM_KILLS:
        process = start(folder)
        assert process.stdout is not None
        process.stdout.readline()  # the first records are fetched
        killer = threading.Timer(dice.uniform(0.0, LONGEST_SECONDS), process.kill)
        killer.start()
        process.communicate(timeout=60)
        killer.cancel()
        if process.returncode == -signal.SIGKILL:
            kills += 1
        else:
            assert process.returncode == 0
            compare(folder, oracle)
            completed += 1
            folder = tmp_path / f"run-{completed}"
    finish(folder)
    compare(folder, oracle)
    print(f"{kills} kills over {completed + 1} runs")


@pytest.mark.slow
def test_a_kill_at_each_protocol_step_loses_and_doubles_nothing(tmp_path: Path, oracle: dict[str, list[str]]) -> None:
    dice = Random(1)
    for step in STEPS:
        process = start(tmp_path, step, 1 if step == "finished" else dice.randrange(1, 4))
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, (step, complaint)
    finish(tmp_path)
    compare(tmp_path, oracle)
