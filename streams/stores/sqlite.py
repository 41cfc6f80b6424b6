"""State of one partition in one SQLite file: customers, the engine's own state, its journal and the applied position.

Writing 20,000 scattered rows into a large table costs a page each. So a commit appends its customers as **one** packed
entry to the table `recent` and keeps them at hand in memory; once `fold_rows` rows have gathered they are folded into
`customers`, sorted by key, each customer once however often he was touched. Reads look at the recent rows first.
All tables change in the same transaction, so a crash at any point leaves the state of the last commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from streams.engine.effects import Checkpoint
from streams.errors import FolderBusy, StateCorrupted, StateTooNew, StreamsError
from streams.stores.faults import translated
from streams.stores.ports import Loaded, nothing
from streams.stores.seals import BrokenSeal, seal, unseal

FORMAT = 1
"""Version of the tables below; raised when an older release could misread them."""
FOLD_ROWS = 65_536
_APPLICATION = 0x4D4F5453  # "MOTS": tells our file from any other SQLite file
_CHUNK = 500  # bound parameters per IN list
_TABLES = """
CREATE TABLE customers (customer TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE recent (entry INTEGER PRIMARY KEY, customers INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE journal (entry INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE progress (one INTEGER PRIMARY KEY CHECK (one = 1), position BLOB, meta BLOB);
INSERT INTO progress VALUES (1, NULL, NULL);
"""
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[str, bytes | None]]).decode
_unpack_position = msgspec.msgpack.Decoder(int).decode


class PartitionStore:
    """The StateStore of one partition, held exclusively by this process.

    `synchronous` NORMAL survives a killed process and loses at most the last commits on power loss (they are recomputed
    from the log); FULL syncs every commit. Raises FolderBusy, FolderNotWritable, DiskFull, StateCorrupted, StateTooNew.
    """

    def __init__(
        self, path: Path, *, synchronous: Literal["NORMAL", "FULL"] = "NORMAL", fold_rows: int = FOLD_ROWS
    ) -> None:
        self._path = path
        self._fold_rows = fold_rows
        self._recent: dict[str, bytes | None] = {}
        self._recent_rows = 0
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
            try:
                self._open(synchronous)
            except BaseException:
                self._db.close()
                raise

    def _open(self, synchronous: str) -> None:
        db = self._db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        found = _one(db, "PRAGMA user_version")
        if found > FORMAT:
            raise StateTooNew(self._path, found, FORMAT)
        if _one(db, "PRAGMA application_id") not in (0, _APPLICATION):
            raise StateCorrupted(self._path, "not a state file of this product")
        try:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect on a new file only
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {synchronous}")
            db.execute("PRAGMA cache_size = -32000")
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise FolderBusy(self._path.parent, None) from fault
            raise
        if found == 0:
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("COMMIT")
        self._read_recent()
        self.load()  # so that a damaged file is found now

    def _read_recent(self) -> None:
        rows = self._db.execute("SELECT entry, customers, packed FROM recent ORDER BY entry").fetchall()
        for entry, customers, packed in rows:
            self._recent.update(_unpack(self._unsealed(f"recent {entry}", packed)))
            self._recent_rows += customers

    def load(self) -> Loaded:
        """See StateStore."""
        with translated(self._path):
            position, meta = self._db.execute("SELECT position, meta FROM progress").fetchone()
            entries = self._db.execute("SELECT entry, packed FROM journal ORDER BY entry").fetchall()
        journal = [self._unsealed(f"journal {entry}", packed) for entry, packed in entries]
        applied = 0 if position is None else _unpack_position(self._unsealed("position", position))
        return Loaded(applied, None if meta is None else self._unsealed("meta", meta), journal)

    def get(self, customer_id: str) -> bytes | None:
        """See StateStore."""
        if customer_id in self._recent:
            return self._recent[customer_id]
        with translated(self._path):
            row = self._db.execute("SELECT record FROM customers WHERE customer = ?", (customer_id,)).fetchone()
        return None if row is None else self._unsealed(customer_id, row[0])

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, bytes]:
        """See StateStore."""
        recent = self._recent
        found: dict[str, bytes] = {}
        elsewhere: list[str] = []
        for customer_id in customer_ids:
            if customer_id not in recent:
                elsewhere.append(customer_id)
            elif (record := recent[customer_id]) is not None:
                found[customer_id] = record
        with translated(self._path):
            for start in range(0, len(elsewhere), _CHUNK):
                chunk = elsewhere[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT customer, record FROM customers WHERE customer IN ({marks})"  # noqa: S608 question marks only
                for customer_id, sealed in self._db.execute(query, chunk):
                    found[customer_id] = self._unsealed(customer_id, sealed)
        return found

    def commit(self, checkpoint: Checkpoint, applied: int, once: Callable[[], object] = nothing) -> None:
        """See StateStore. One transaction; on any error nothing of it remains."""
        db = self._db
        folds = self._recent_rows + len(checkpoint.customers) >= self._fold_rows
        with self._transaction():
            if folds:
                self._fold(self._recent | dict(checkpoint.customers))
            elif checkpoint.customers:
                entry = 1 + _one(db, "SELECT coalesce(max(entry), 0) FROM recent")
                packed = seal(f"recent {entry}".encode(), _pack(checkpoint.customers))
                db.execute("INSERT INTO recent VALUES (?, ?, ?)", (entry, len(checkpoint.customers), packed))
            self._append(checkpoint)
            db.execute("UPDATE progress SET meta = ?", (seal(b"meta", checkpoint.meta),))
            self._move_to(applied)
            once()
        if folds:
            self._recent.clear()
            self._recent_rows = 0
        else:
            self._recent.update(checkpoint.customers)
            self._recent_rows += len(checkpoint.customers)

    def advance(self, applied: int) -> None:
        """See StateStore."""
        with self._transaction():
            self._move_to(applied)

    def close(self) -> None:
        """See StateStore. A clean end leaves a compact file; a courtesy, so a full disk does not matter here."""
        with suppress(StreamsError):
            self._compact()
        self._db.close()

    def _compact(self) -> None:
        """Fold the recent rows and give unused pages and the write-ahead log back to the disk."""
        if self._recent_rows:
            with self._transaction():
                self._fold(self._recent)
            self._recent.clear()
            self._recent_rows = 0
        with translated(self._path):
            # execute() would step the vacuum once, which frees one page
            self._db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def _fold(self, rows: dict[str, bytes | None]) -> None:
        """Write all unfolded customers into the table in key order, neighbours on one page together."""
        db = self._db
        kept = [(name, seal(name.encode(), record)) for name, record in sorted(rows.items()) if record is not None]
        db.executemany("REPLACE INTO customers VALUES (?, ?)", kept)
        db.executemany(
            "DELETE FROM customers WHERE customer = ?", [(n,) for n, record in rows.items() if record is None]
        )
        db.execute("DELETE FROM recent")

    def _append(self, checkpoint: Checkpoint) -> None:
        if checkpoint.journal_restarts:
            self._db.execute("DELETE FROM journal")
        if checkpoint.journal:
            entry = 1 + _one(self._db, "SELECT coalesce(max(entry), 0) FROM journal")
            sealed = seal(f"journal {entry}".encode(), checkpoint.journal)
            self._db.execute("INSERT INTO journal VALUES (?, ?)", (entry, sealed))

    def _move_to(self, applied: int) -> None:
        position = seal(b"position", _pack(applied))
        self._db.execute("UPDATE progress SET position = ?", (position,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may already have rolled back
                    self._db.execute("ROLLBACK")
                raise

    def _unsealed(self, name: str, sealed: bytes) -> bytes:
        try:
            return unseal(name.encode(), sealed)
        except BrokenSeal as fault:
            raise StateCorrupted(self._path, f"checksum of '{_anonymous(name)}'") from fault


def _anonymous(name: str) -> str:
    """Table names may be shown; a customer's id may not stand in an error message or log."""
    ours = name in ("meta", "position", "mirror") or name.startswith(("journal ", "recent "))
    return name if ours else "customer record"


def _one(db: sqlite3.Connection, query: str) -> int:
    row: tuple[Any, ...] = db.execute(query).fetchone()
    return int(row[0])
