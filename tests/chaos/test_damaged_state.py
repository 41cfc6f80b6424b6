"""F20: the state file of a partition is damaged, exchanged or gone; the hand-over topic has it all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random  # noqa: TID251 seeded, the seed is printed

import pytest

from tests.chaos.figures import Chaos
from tests.chaos.traffic import events, portions
from tests.live.bed import Bed

Deed = Callable[[Path, Random], None]


def _state(folder: Path, partition: int = 0) -> Path:
    return folder / f"partition-{partition:03d}.sqlite"


def _bits_flipped(folder: Path, random: Random) -> None:
    """One bit in each of some pages."""
    path = _state(folder)
    raw = bytearray(path.read_bytes())
    for _ in range(max(8, len(raw) // 4096 // 8)):
        raw[random.randrange(100, len(raw))] ^= 1 << random.randrange(8)
    path.write_bytes(raw)


def _one_bit_of_a_record(folder: Path, random: Random) -> None:
    """A bit within a customer's record: the database itself is sound."""
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(_state(folder)) as db:
        name, packed = random.choice(db.execute("SELECT * FROM customers").fetchall())
        spoiled = bytearray(packed)
        spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
        column = [row[1] for row in db.execute("PRAGMA table_info(customers)")]
        db.execute(f"UPDATE customers SET {column[1]} = ? WHERE {column[0]} = ?", (bytes(spoiled), name))
    db.close()


def _header_gone(folder: Path, random: Random) -> None:
    path = _state(folder)
    path.write_bytes(random.randbytes(100) + path.read_bytes()[100:])


def _truncated(folder: Path, random: Random) -> None:
    path = _state(folder)
    path.write_bytes(path.read_bytes()[: random.randrange(1, path.stat().st_size)])


def _emptied(folder: Path, random: Random) -> None:
    _state(folder).write_bytes(b"")


def _swapped(folder: Path, random: Random) -> None:
    one, other, aside = _state(folder), _state(folder, 1), folder / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _deleted(folder: Path, random: Random) -> None:
    _state(folder).unlink()


def _all_gone(folder: Path, random: Random) -> None:
    shutil.rmtree(folder)


DEEDS: dict[str, Deed] = {
    "bits flipped": _bits_flipped,
    "one bit of a record flipped": _one_bit_of_a_record,
    "header overwritten": _header_gone,
    "truncated": _truncated,
    "emptied": _emptied,
    "two partitions' files exchanged": _swapped,
    "deleted": _deleted,
    "folder deleted": _all_gone,
}


HARMLESS = {"bits flipped", "truncated", "one bit of a record flipped", "emptied", "deleted", "folder deleted"}
"""What may go unnoticed: an empty file is filled without words, and what lay in unread pages hurts nobody. The ledger
decides."""


@pytest.mark.fault("F20")
def test_a_damaged_state_file_is_noticed_and_filled_anew(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    rounds = chaos.size("rounds", 5, 1)
    always = ["one bit of a record flipped", "two partitions' files exchanged"]
    names = list(DEEDS) if chaos.scale >= 0.1 else always
    plan = [name for _ in range(rounds) for name in names]
    parts = portions(events(1_200 * (len(plan) + 1), chaos.seed + 6), len(plan) + 1)
    chaos.injected = f"the state file between two runs: {', '.join(names)}"
    live.produce(parts[0])
    live.start()
    live.wait()
    rebuilt, restarts = 0, 0
    noticed: dict[str, int] = dict.fromkeys(names, 0)
    for name, part in zip(plan, parts[1:], strict=True):
        assert live.stop() == 0, live.log_of()
        DEEDS[name](live.folder / "w1", random)
        live.produce(part)
        ended, found = _run(live)
        restarts += ended
        rebuilt += found
        noticed[name] += bool(ended or found)
    assert live.stop() == 0, live.log_of()
    chaos.figures |= {"damages": len(plan), "noticed": noticed, "rebuilt_at_start": rebuilt, "exits_70": restarts}
    chaos.said(live.check())
    for name in names:
        assert noticed[name] == rounds or name in HARMLESS, f"{name} went unnoticed"


def _run(live: Bed) -> tuple[int, int]:
    """Run to the end of the log, starting anew after a fail-stop. Returns how often it ended and what it rebuilt."""
    for ended in range(4):
        process = live.start()
        try:
            live.wait()
        except AssertionError:
            if process.poll() != 70:
                raise
            continue
        metrics = live.asked("/metrics", patience=60)[1]
        found = re.search(r"^mot_worker_state_rebuilt_total ([\d.]+)", metrics, re.MULTILINE)
        return ended, int(float(found[1])) if found else 0
    raise AssertionError(f"ended again and again\n{live.log_of()}")
