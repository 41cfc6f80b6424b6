"""`mot sql` while a run holds the folder: the running process answers."""

from __future__ import annotations

import contextlib
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from streams.errors import FolderBusy, QueryRefused
from streams.lock import FolderLock, is_held
from streams.runners.embedded import EmbeddedRunner, Settings, Step
from streams.runners.feeds import ListSource
from streams.runners.query_server import query_folder, socket_of
from tests.streams.runners.stories import CATALOGUE, log

ASK = (
    "import sys; from pathlib import Path; from streams.runners.query_server import query_folder\n"
    "print(query_folder(Path(sys.argv[1]), sys.argv[2]).rows)"
)


class HeldRun:
    """A run in a thread that waits, its first commit done, until it is let go."""

    def __init__(self, folder: Path) -> None:
        self._reached, self._go = threading.Event(), threading.Event()
        settings = Settings(batch_records=100, commit_records=100)
        runner = EmbeddedRunner(folder, ListSource(log(400)), CATALOGUE, settings=settings, fault=self._wait)
        self._thread = threading.Thread(target=runner.run)

    def _wait(self, step: Step) -> None:
        if step == "committed" and not self._go.is_set():
            self._reached.set()
            self._go.wait(600)

    def __enter__(self) -> HeldRun:
        self._thread.start()
        assert self._reached.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join(60)


def ask_from_another_process(folder: Path, sql: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder), sql], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_running_process_answers_another_one(tmp_path: Path) -> None:
    with HeldRun(tmp_path):
        assert is_held(tmp_path)
        assert ask_from_another_process(tmp_path, "SELECT count() > 50 FROM events_now") in ("[[True]]", "[[1]]")
        assert "QueryRefused" in ask_from_another_process(tmp_path, "DROP TABLE events")
        with pytest.raises(QueryRefused) as raised:
            query_folder(tmp_path, "SELECT * FROM file('/etc/passwd', 'LineAsString')")
        assert raised.value.said_in("zh").startswith("查询未被执行")
        assert stat.S_IMODE(socket_of(tmp_path).stat().st_mode) == 0o600

    assert not is_held(tmp_path)
    assert not socket_of(tmp_path).exists()
    assert query_folder(tmp_path, "SELECT count() > 300 FROM events_now").rows in ([[True]], [[1]])


def test_a_folder_with_a_very_long_name_has_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 30)
    with HeldRun(folder):
        assert socket_of(folder).parent != folder
        assert query_folder(folder, "SELECT 1").rows == [[1]]


def test_garbage_on_the_socket_does_no_harm(tmp_path: Path) -> None:
    with HeldRun(tmp_path):
        for garbage in (b"\n", b"nonsense\n", b'{"sql": 5}\n', b"{}\n", b""):
            with socket.socket(socket.AF_UNIX) as line, contextlib.closing(line.makefile("rb")) as answer:
                line.connect(str(socket_of(tmp_path)))
                line.sendall(garbage)
                line.shutdown(socket.SHUT_WR)
                assert set(msgspec.json.decode(answer.readline())) == {"zh", "en"}
        assert query_folder(tmp_path, "SELECT 1").rows == [[1]]


def test_whoever_connects_and_says_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent, HeldRun(tmp_path):
        silent.connect(str(socket_of(tmp_path)))
        assert query_folder(tmp_path, "SELECT 1").rows == [[1]]

    assert not is_held(tmp_path)


def test_a_socket_left_by_a_killed_process_is_no_hindrance(tmp_path: Path) -> None:
    EmbeddedRunner(tmp_path, ListSource(log(50)), CATALOGUE).run()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_of(tmp_path)))

    assert query_folder(tmp_path, "SELECT count() > 0 FROM events_now").rows in ([[True]], [[1]])
    assert EmbeddedRunner(tmp_path, ListSource(log(60)), CATALOGUE).run().finished


def test_a_holder_that_does_not_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "clickhouse").mkdir()
    with FolderLock(tmp_path), pytest.raises(FolderBusy):
        query_folder(tmp_path, "SELECT 1")


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QueryRefused):
        query_folder(tmp_path, "SELECT 1")
    assert list(tmp_path.iterdir()) == []
