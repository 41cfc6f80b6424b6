"""One process per folder; a dead holder never blocks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.errors import FolderBusy
from streams.lock import LOCK_NAME, FolderLock, holder_of, is_held

HOLD = (
    "import sys, time; from pathlib import Path; from streams.lock import FolderLock\n"
    "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_start_is_refused_within_two_seconds_and_names_the_first(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        begun = time.monotonic()
        with pytest.raises(FolderBusy) as raised:
            FolderLock(tmp_path)
        assert time.monotonic() - begun < 10  # half a second, and a busy machine

        assert raised.value.exit_code == 75
        assert raised.value.pid == process.pid
        assert str(process.pid) in raised.value.said_in("zh")
        assert str(process.pid) in raised.value.said_in("en")
        assert is_held(tmp_path)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("attempt", range(5))
def test_the_lock_of_a_killed_process_does_not_block(tmp_path: Path, attempt: int) -> None:
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert not is_held(tmp_path)
    with FolderLock(tmp_path):
        assert holder_of(tmp_path) == os.getpid()


def test_a_stale_lock_file_with_any_content_does_not_block(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text("not a pid, and rather long")

    with FolderLock(tmp_path):
        assert holder_of(tmp_path) == os.getpid()
    assert not is_held(tmp_path)


def test_a_released_folder_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(3):
        with FolderLock(tmp_path):
            assert is_held(tmp_path)
