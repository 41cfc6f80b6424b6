"""State in memory, for replay and tests: the same contract, gone with the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streams.engine.effects import Checkpoint
from streams.stores.ports import Loaded, nothing


class MemoryStore:
    """A StateStore without a file."""

    def __init__(self) -> None:
        self._customers: dict[str, bytes] = {}
        self._journal: list[bytes] = []
        self._meta: bytes | None = None
        self._applied = 0

    def load(self) -> Loaded:
        """See StateStore."""
        return Loaded(self._applied, self._meta, tuple(self._journal))

    def get(self, customer_id: str) -> bytes | None:
        """See StateStore."""
        return self._customers.get(customer_id)

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, bytes]:
        """See StateStore."""
        known = self._customers
        return {customer_id: known[customer_id] for customer_id in customer_ids if customer_id in known}

    def commit(self, checkpoint: Checkpoint, applied: int, once: Callable[[], object] = nothing) -> None:
        """See StateStore."""
        once()
        for customer_id, record in checkpoint.customers:
            if record is None:
                self._customers.pop(customer_id, None)
            else:
                self._customers[customer_id] = record
        if checkpoint.journal_restarts:
            self._journal.clear()
        if checkpoint.journal:
            self._journal.append(checkpoint.journal)
        self._meta = checkpoint.meta
        self._applied = applied

    def advance(self, applied: int) -> None:
        """See StateStore."""
        self._applied = applied

    def close(self) -> None:
        """See StateStore."""
