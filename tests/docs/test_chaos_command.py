"""`make chaos` runs the suite outside of `make test`, with other plugins: that it starts is tested here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_chaos_command_finds_its_tests_and_says_when_none_is_asked_for() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "1", "--only", "no-such-fault"]
    ended = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "INTERNALERROR" not in ended.stdout + ended.stderr
    assert ended.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, ended.stdout[-2000:]
    assert "seed 1, size 1.0" in ended.stdout
