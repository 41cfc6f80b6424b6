"""What a runner asks of a state store, whatever keeps the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.engine.effects import Checkpoint


class Loaded(NamedTuple):
    """A partition as it was last committed.

    `applied` is the position of the first record that is not applied yet; `meta` the engine's own state, None in a
    fresh store; `journal` its entries in the order they were appended.
    """

    applied: int
    meta: bytes | None
    journal: Sequence[bytes]


def nothing() -> None:
    """Wait for nothing."""


class StateStore(Protocol):
    """State of one partition. All of a commit becomes visible, or nothing of it."""

    def load(self) -> Loaded:
        """The last commit. Raises StateCorrupted when it does not check out."""
        ...

    def get(self, customer_id: str) -> bytes | None:
        """The record of one customer, None for a stranger. Raises StateCorrupted."""
        ...

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, bytes]:
        """The records of those customers that are known. Raises StateCorrupted."""
        ...

    def commit(self, checkpoint: Checkpoint, applied: int, once: Callable[[], object] = nothing) -> None:
        """Write a checkpoint and the position it stands for, both or neither. Raises DiskFull, FolderNotWritable.

        `once` is called when all is written and before it counts: it returns when the effects are safe, and when it
        raises nothing is committed.
        """
        ...

    def advance(self, applied: int) -> None:
        """Write the position only: nothing of this partition changed. Raises DiskFull, FolderNotWritable."""
        ...

    def close(self) -> None:
        """Give the file free. Uncommitted work does not exist, so nothing is lost."""
        ...
