"""Entries of the engine's journal as records of the hand-over topic, and back.

An entry may be larger than a record may be, so it is cut. Keys are used again each time the journal restarts: the topic
keeps one journal per partition, not all there ever were.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streams.errors import StateCorrupted
from streams.stores.mirrored import Mirror

PART_BYTES = 800_000
"""Longest value of a record, but for two bytes."""


def split_entry(entry: int, packed: bytes) -> list[tuple[bytes, bytes | None]]:
    """An entry as records. Each says of how many parts the entry is made: keys are used again when the journal
    restarts, and an older, longer entry may have left parts behind."""
    parts = [packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES)]
    of = len(parts).to_bytes(2)
    return [(b"j" + entry.to_bytes(4) + number.to_bytes(2), of + part) for number, part in enumerate(parts)]


def joined_entries(
    found: dict[int, dict[int, bytes]],
    counting: tuple[int, int],
    known: Mirror | None,
    before: Sequence[bytes],
    path: Path = Path("mot.state"),
) -> list[bytes]:
    """The journal's entries in order: those just read, and the local file's where it holds the same journal.

    Raises StateCorrupted naming `path` when one is missing.
    """
    cycle, count = counting
    held = before if known is not None and known.journal[0] == cycle else ()
    entries = []
    for number in range(count):
        parts = found.get(number, {})
        of = int.from_bytes(parts.get(0, b"")[:2])
        if of and all(part in parts for part in range(of)):
            entries.append(b"".join(parts[part][2:] for part in range(of)))
        elif number < len(held):
            entries.append(held[number])
        else:
            raise StateCorrupted(path, f"journal entry {number} is missing")
    return entries
