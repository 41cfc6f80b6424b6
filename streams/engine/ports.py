"""What the engine needs from a store: the packed records of customers it does not hold in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class RecordStore(Protocol):
    """Packed customer records as of the last commit."""

    def get(self, customer_id: str) -> bytes | None:
        """The record of one customer, None for one never seen."""

    def get_many(self, customer_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The records of those among `customer_ids` that have one."""
