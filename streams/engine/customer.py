"""What the engine remembers of one customer, and its packed form in a store."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from detectors.base import Dims, Fact
from journeys.journey import START, Journey, Visit

FORMAT = 1
"""Version of the packed form; a store written by a newer one is refused."""

RaisedStatus = Literal["pending", "confirmed", "retracted"]


class Raised(NamedTuple):
    """What was last said of a moment: enough to notice that it changed, and to withdraw it."""

    status: RaisedStatus
    decided_at: int
    digest: int
    dims: Dims


class CaseKey(NamedTuple):
    """A case of a customer: which detector reads it, and its scope."""

    detector_id: str
    scope: str


class Case:
    """The facts of one case, sorted by time and event id; what was said of it; when to look again (ms)."""

    __slots__ = ("facts", "look_at", "raised", "thinned")

    def __init__(
        self,
        facts: list[Fact] | None = None,
        raised: dict[str, Raised] | None = None,
        look_at: int | None = None,
        thinned: bool = False,
    ) -> None:
        self.facts: list[Fact] = [] if facts is None else facts
        self.raised: dict[str, Raised] = {} if raised is None else raised
        self.look_at = look_at
        self.thinned = thinned


class Customer(Journey):
    """A customer's journey, his cases, and the detectors that raised on him.

    `touched` is the checkpoint of the last change.
    """

    __slots__ = ("cases", "id", "quarantined", "touched")

    def __init__(self, customer_id: str, base: Visit = START, trail: bytes = b"") -> None:
        super().__init__(base, trail)
        self.id = customer_id
        self.cases: dict[CaseKey, Case] = {}
        self.quarantined: frozenset[str] = frozenset()
        self.touched = -1


class _Packed(NamedTuple):
    format: int
    base: Visit
    trail: bytes
    cases: list[tuple[str, str, list[Fact], dict[str, Raised], int | None, bool]]
    quarantined: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(customer: Customer) -> bytes:
    """The record of a customer."""
    cases = [
        (key.detector_id, key.scope, case.facts, case.raised, case.look_at, case.thinned)
        for key, case in customer.cases.items()
    ]
    return _encode((FORMAT, customer.base, customer.trail, cases, list(customer.quarantined)))


def unpack(customer_id: str, record: bytes) -> Customer:
    """The customer of a record. Raises msgspec.DecodeError for bytes that `pack` did not write."""
    _, base, trail, cases, quarantined = _decode(record)
    customer = Customer(customer_id, base, trail)
    customer.cases = {
        CaseKey(detector_id, scope): Case(facts, raised, look_at, thinned)
        for detector_id, scope, facts, raised, look_at, thinned in cases
    }
    customer.quarantined = frozenset(quarantined)
    return customer
