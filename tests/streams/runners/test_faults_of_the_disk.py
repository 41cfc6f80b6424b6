"""A full disk and a folder that cannot be written: a clear word, nothing broken, and it goes on once mended."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from streams.errors import DiskFull, FolderNotWritable, ResultsReadOnly, StreamsError
from streams.lock import FolderLock
from streams.runners.embedded import EmbeddedRunner, Settings
from streams.runners.feeds import ListSource
from streams.runners.query_server import query_folder
from streams.stores.sqlite import PartitionStore
from tests.streams.runners.stories import CATALOGUE, ledger, log
from tests.streams.stores.test_state_store_contract import checkpoint

LOG = log(3_000)
SETTINGS = Settings(batch_records=100, commit_records=300, send_events=300)


def mount(*arguments: str) -> None:
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("mounting a file system of a given size needs root")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine does not mount: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system of a size in memory; its first use decides the size."""
    where = tmp_path / "disk"
    where.mkdir()

    def make(size: str) -> Path:
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where))
        return where

    yield make
    subprocess.run(["umount", "-l", str(where)], capture_output=True, check=False)


def run(folder: Path) -> None:
    EmbeddedRunner(folder, ListSource(LOG), CATALOGUE, settings=SETTINGS).run()


def speaks_both_languages(fault: StreamsError, folder: Path) -> None:
    for language in ("zh", "en"):
        assert str(folder) in fault.said_in(language)
    assert fault.exit_code == 1


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(
    small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    run(tmp_path / "straight")
    disk = small_disk("96m")
    folder = disk / "run"
    failures = 0
    for free_kb in (900, 2_500, 4_500):
        ballast = disk / "ballast"
        ballast.unlink(missing_ok=True)
        free = os.statvfs(disk)
        ballast.write_bytes(b"x" * (free.f_bavail * free.f_frsize - free_kb * 1_024))
        try:
            run(folder)
        except DiskFull as fault:
            speaks_both_languages(fault, disk)
            failures += 1
    ballast.unlink()
    assert failures >= 2

    run(folder)
    assert ledger(folder) == ledger(tmp_path / "straight")


def test_a_full_disk_leaves_the_state_of_the_last_commit(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("2m")
    store = PartitionStore(disk / "p.sqlite")
    with pytest.raises(DiskFull):
        commit_for_ever(store)
    committed = store.load().applied
    assert 0 < committed < 10
    store.close()

    again = PartitionStore(disk / "p.sqlite")
    assert again.load().applied == committed
    assert len(again.get_many([f"c{number}" for number in range(100)])) == committed
    again.close()


def commit_for_ever(store: PartitionStore) -> None:
    for number in count():
        store.commit(checkpoint((f"c{number}", b"x" * 200_000)), number + 1)


def test_a_read_only_folder_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder, seen_as = tmp_path / "run", tmp_path / "read-only"
    run(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    seen_as.mkdir()
    mount("--bind", str(folder), str(seen_as))
    try:
        mount("-o", "remount,ro,bind", str(seen_as))
        with pytest.raises(FolderNotWritable) as raised:
            run(seen_as)
        speaks_both_languages(raised.value, seen_as)
        with pytest.raises(FolderNotWritable):
            PartitionStore(seen_as / "state" / "partition-000.sqlite")
        with pytest.raises(FolderNotWritable):
            FolderLock(seen_as / "new")
        with pytest.raises(ResultsReadOnly) as unread:
            query_folder(seen_as, "SELECT 1")
        speaks_both_languages(unread.value, seen_as)
        assert f"cp -r {seen_as}" in unread.value.text.en
    finally:
        subprocess.run(["umount", "-l", str(seen_as)], capture_output=True, check=False)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_full_folder_for_temporary_files_is_said_too(
    small_disk: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk("16k")))

    with pytest.raises(DiskFull):
        run(tmp_path / "run")
    monkeypatch.setattr(tempfile, "tempdir", None)
    run(tmp_path / "run")
