"""The SQLite store: what outlives the process, what is found damaged, what is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random  # noqa: TID251

import pytest

from streams.errors import FolderBusy, StateCorrupted, StateTooNew
from streams.stores.sqlite import FORMAT, PartitionStore
from tests.streams.stores.test_state_store_contract import checkpoint


def filled(path: Path, fold_rows: int = 4) -> None:
    store = PartitionStore(path, fold_rows=fold_rows)
    for number in range(10):
        customers = [(f"c{number}", b"record %d" % number), (f"c{number - 1}", b"again %d" % number)]
        store.commit(checkpoint(*customers, journal=b"j%d" % number, meta=b"m%d" % number), number + 1)
    store._db.close()  # as a killed process leaves it


@pytest.mark.parametrize("fold_rows", [1, 4, 1_000])
def test_everything_committed_is_there_after_opening_again(tmp_path: Path, fold_rows: int) -> None:
    filled(tmp_path / "p.sqlite", fold_rows)

    store = PartitionStore(tmp_path / "p.sqlite", fold_rows=fold_rows)

    applied, meta, journal = store.load()
    assert (applied, meta, len(journal)) == (10, b"m9", 10)
    assert store.get("c9") == b"record 9"
    assert store.get("c3") == b"again 4"
    store.close()


def test_a_clean_end_leaves_a_compact_file(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    store = PartitionStore(path)
    for number in range(50):
        store.commit(checkpoint(*((f"c{name}", b"x" * 300) for name in range(200))), number)
    grown = path.stat().st_size + path.with_name("p.sqlite-wal").stat().st_size
    store.close()

    assert path.stat().st_size < 200 * 600 < grown
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p.sqlite"]
    store = PartitionStore(path)
    assert store.get("c7") == b"x" * 300
    store.close()


def test_a_failed_commit_leaves_the_one_before(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "p.sqlite")
    store.commit(checkpoint(("anna", b"A1"), journal=b"one"), 1)

    with pytest.raises(TypeError):
        store.commit(checkpoint(("anna", b"A2"), journal="not bytes", meta=b"m2"), 2)  # type: ignore[arg-type]

    assert store.get("anna") == b"A1"
    assert (store.load().applied, list(store.load().journal)) == (1, [b"one"])
    store.commit(checkpoint(("anna", b"A3")), 2)
    assert store.get("anna") == b"A3"
    store.close()


def test_a_commit_outlives_kill_dash_nine(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from streams.stores.sqlite import PartitionStore\n"
        "from tests.streams.stores.test_state_store_contract import checkpoint\n"
        "store = PartitionStore(Path(sys.argv[1]))\n"
        "store.commit(checkpoint(('anna', b'A1')), 41)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "p.sqlite")], check=False, timeout=30)

    store = PartitionStore(tmp_path / "p.sqlite")
    assert (store.load().applied, store.get("anna")) == (41, b"A1")
    store.close()


@pytest.mark.parametrize("fold_rows", [1, 1_000])
@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_in_a_stored_blob_is_found(tmp_path: Path, seed: int, fold_rows: int) -> None:
    path = tmp_path / "p.sqlite"
    filled(path, fold_rows)
    dice = Random(seed)
    table, key, column = dice.choice(
        [
            ("customers", "customer", "record") if fold_rows == 1 else ("recent", "entry", "packed"),
            ("progress", "one", "meta"),
            ("progress", "one", "position"),
            ("journal", "entry", "packed"),
        ]
    )
    with sqlite3.connect(path) as db:
        key_value, blob = dice.choice(db.execute(f"SELECT {key}, {column} FROM {table}").fetchall())
        at = dice.randrange(len(blob))
        flipped = blob[:at] + bytes([blob[at] ^ (1 << dice.randrange(8))]) + blob[at + 1 :]
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (flipped, key_value))
    db.close()

    with pytest.raises(StateCorrupted) as raised:
        read_all(path)
    assert str(path) in str(raised.value)
    assert "backup" in raised.value.said_in("en")
    assert "备份" in raised.value.said_in("zh")


def read_all(path: Path) -> None:
    store = PartitionStore(path)
    try:
        store.load()
        store.get_many([f"c{number}" for number in range(-1, 10)])
    finally:
        store.close()


def test_two_records_that_changed_places_are_found(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    filled(path, fold_rows=1)
    with sqlite3.connect(path) as db:
        db.execute(
            "UPDATE customers SET record = (SELECT record FROM customers WHERE customer = 'c2') WHERE customer = 'c3'"
        )
    db.close()

    with pytest.raises(StateCorrupted) as raised:
        read_all(path)
    assert "c3" not in str(raised.value).replace(str(path), "")  # a customer's id stays out of messages


def test_a_truncated_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    filled(path)
    path.write_bytes(path.read_bytes()[:5_000])

    with pytest.raises(StateCorrupted):
        read_all(path)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    path.write_bytes(b"certainly not SQLite" * 500)

    with pytest.raises(StateCorrupted):
        PartitionStore(path)
    assert path.read_bytes() == b"certainly not SQLite" * 500


def test_a_file_of_a_later_release_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    db.close()
    before = path.read_bytes()

    with pytest.raises(StateTooNew) as raised:
        PartitionStore(path)

    assert path.read_bytes() == before
    assert "upgrade" in raised.value.said_in("en")
    assert "升级" in raised.value.said_in("zh")


def test_a_second_opening_of_the_same_file_is_refused(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "p.sqlite")

    with pytest.raises(FolderBusy):
        PartitionStore(tmp_path / "p.sqlite")

    store.commit(checkpoint(("anna", b"A1")), 1)
    store.close()
