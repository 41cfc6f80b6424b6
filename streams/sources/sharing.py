"""Several readers of one log, each with its own customers."""

from __future__ import annotations

from typing import NamedTuple

from schemas.codec import decode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event, Tick
from streams.engine.partition import partition_of

_CUSTOMER_KEY = b'"customer_id"'
_CUSTOMER = _CUSTOMER_KEY + b':"'


class Share(NamedTuple):
    """What one of several readers takes: the customers of partition `number` among `of`, and every tick. What names no
    customer goes to the first."""

    number: int = 0
    of: int = 1

    def takes(self, raw: bytes | Event | DeadLetter) -> bool:
        """Whether a record belongs to this share; most need no decoding for that."""
        if self.of == 1:
            return True
        if isinstance(raw, bytes):
            start = raw.find(_CUSTOMER) + len(_CUSTOMER)
            name = raw[start : raw.find(b'"', start)]
            if start >= len(_CUSTOMER) and raw.count(_CUSTOMER_KEY) == 1 and b"\\" not in name:
                return self.has(name.decode("utf-8", "replace"))
            raw = decode(raw)  # type: ignore[assignment]
        if isinstance(raw, Event):
            return self.has(raw.customer_id)
        return isinstance(raw, Tick) or self.number == 0

    def has(self, customer_id: str) -> bool:
        """Whether a customer belongs to this share."""
        return partition_of(customer_id, self.of) == self.number


WHOLE = Share()
