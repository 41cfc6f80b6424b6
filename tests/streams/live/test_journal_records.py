"""The journal in the hand-over topic: long entries are cut, keys are used again, nothing old is taken for new."""

from __future__ import annotations

import pytest

from streams.errors import StateCorrupted
from streams.live.journal_records import PART_BYTES, joined_entries, split_entry
from streams.stores.mirrored import Mirror

LONG = bytes(range(256)) * 10_000  # four parts
SHORT = b"short"


def compacted(*entries: list[tuple[bytes, bytes | None]]) -> dict[int, dict[int, bytes]]:
    """What a reader finds after compaction kept the latest of each key."""
    found: dict[int, dict[int, bytes]] = {}
    for records in entries:
        for key, value in records:
            found.setdefault(int.from_bytes(key[1:5]), {})[int.from_bytes(key[5:7])] = value or b""
    return found


def mirror(cycle: int, count: int) -> Mirror:
    return Mirror("x", 7, 1, {}, (cycle, count))


def test_a_long_entry_is_cut_and_joined() -> None:
    records = split_entry(0, LONG)
    assert len(records) == 4
    assert all(len(value or b"") <= PART_BYTES + 2 for _, value in records)
    assert joined_entries(compacted(records), (0, 1), None, ()) == [LONG]


def test_parts_of_an_older_longer_entry_are_not_taken_for_its_own() -> None:
    found = compacted(split_entry(0, LONG), split_entry(1, LONG), split_entry(0, SHORT))
    assert joined_entries(found, (1, 1), None, ()) == [SHORT]


def test_what_a_local_file_holds_of_the_same_journal_is_taken_from_it() -> None:
    found = compacted(split_entry(2, SHORT))
    assert joined_entries(found, (3, 3), mirror(3, 2), [b"a", b"b"]) == [b"a", b"b", SHORT]


def test_what_a_local_file_holds_of_another_journal_is_not() -> None:
    found = compacted(split_entry(0, SHORT))
    assert joined_entries(found, (4, 1), mirror(3, 2), [b"a", b"b"]) == [SHORT]
    with pytest.raises(StateCorrupted):
        joined_entries(found, (4, 2), mirror(3, 2), [b"a", b"b"])
