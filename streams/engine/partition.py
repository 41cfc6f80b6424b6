"""Which partition a customer belongs to: the same answer in every runner, on every machine."""

from __future__ import annotations

import xxhash


def event_key(event_id: str) -> bytes:
    """The 64-bit key of an event id, for deduplication and as a row key."""
    return xxhash.xxh3_64_digest(event_id.encode())


def partition_of(customer_id: str, partitions: int) -> int:
    """The partition of a customer among `partitions`."""
    return xxhash.xxh3_64_intdigest(customer_id.encode()) % partitions
