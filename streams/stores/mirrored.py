"""A partition's state file that mirrors its part of the hand-over topic.

The row `mirror` says which records of the topic the file contains. It is written in the same transaction as the state,
so a file that was left behind is brought up to date by reading the topic from there on, and one that was being brought
up to date when the process died has no row: it is emptied and filled anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from streams.engine.effects import Checkpoint
from streams.errors import StateCorrupted
from streams.stores.faults import translated
from streams.stores.seals import seal
from streams.stores.sqlite import FOLD_ROWS, PartitionStore


class Mirror(msgspec.Struct, frozen=True):
    """`of` is the topic-partition mirrored, `next` its first offset not in the file; `epoch` the ownership under which
    the last commit was made; `offsets` the first offset not applied of each events topic; `journal` how often the
    journal was restarted and how many entries it has since."""

    of: str
    next: int
    epoch: int
    offsets: Mapping[str, int]
    journal: tuple[int, int]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Mirror).decode


class MirroredStore(PartitionStore):
    """A PartitionStore with a mirror row."""

    def __init__(
        self, path: Path, *, synchronous: Literal["NORMAL", "FULL"] = "NORMAL", fold_rows: int = FOLD_ROWS
    ) -> None:
        super().__init__(path, synchronous=synchronous, fold_rows=fold_rows)
        try:
            with translated(path):
                self._db.execute(
                    "CREATE TABLE IF NOT EXISTS mirror (one INTEGER PRIMARY KEY CHECK (one = 1), packed BLOB NOT NULL)"
                )
            self.mirror = self._load_mirror()
        except BaseException:
            self._db.close()
            raise

    def _load_mirror(self) -> Mirror | None:
        with translated(self._path):
            row = self._db.execute("SELECT packed FROM mirror").fetchone()
        if row is None:
            return None
        try:
            return _decode(self._unsealed("mirror", row[0]))
        except msgspec.DecodeError as fault:
            raise StateCorrupted(self._path, f"mirror of another format: {fault}") from fault

    def commit_mirrored(self, checkpoint: Checkpoint, applied: int, mirror: Mirror) -> None:
        """Commit a checkpoint and what it mirrors, all or nothing. Raises as `commit` does."""
        self.commit(checkpoint, applied, lambda: self._write_mirror(mirror))
        self.mirror = mirror

    def advance_mirrored(self, applied: int, mirror: Mirror) -> None:
        """Nothing of the state changed, only how far the logs were read."""
        with self._transaction():
            self._move_to(applied)
            self._write_mirror(mirror)
        self.mirror = mirror

    def _write_mirror(self, mirror: Mirror) -> None:
        self._db.execute("REPLACE INTO mirror VALUES (1, ?)", (seal(b"mirror", _encode(mirror)),))

    def begin_catching_up(self, *, anew: bool) -> None:
        """From here until `caught_up` the file is no mirror of anything; `anew` empties it first."""
        self._compact()
        with self._transaction():
            self._db.execute("DELETE FROM mirror")
            if anew:
                for table in ("customers", "journal"):
                    self._db.execute(f"DELETE FROM {table}")  # noqa: S608 two fixed names
                self._db.execute("UPDATE progress SET position = NULL, meta = NULL")

    def put_customers(self, rows: Mapping[str, bytes | None]) -> None:
        """Take over customers as the topic has them (None: forgotten)."""
        with self._transaction():
            self._fold(dict(rows))

    def caught_up(self, meta: bytes | None, journal: Sequence[bytes] | None, applied: int, mirror: Mirror) -> None:
        """The file is a mirror again. Without `meta` and `journal` those it has stay."""
        with self._transaction():
            if meta is not None:
                self._db.execute("UPDATE progress SET meta = ?", (seal(b"meta", meta),))
            if journal is not None:
                self._db.execute("DELETE FROM journal")
                self._db.executemany("INSERT INTO journal VALUES (?, ?)", _numbered(journal))
            self._move_to(applied)
            self._write_mirror(mirror)
        self.mirror = mirror


def _numbered(journal: Sequence[bytes]) -> Iterable[tuple[int, bytes]]:
    return ((entry, seal(f"journal {entry}".encode(), packed)) for entry, packed in enumerate(journal, 1))
