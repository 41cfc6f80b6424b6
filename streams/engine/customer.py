"""What the engine remembers of one customer, and its packed form in a store."""

from __future__ import annotations

import sys
from typing import Literal, NamedTuple

import msgspec

from detectors.base import Dims, Fact
from journeys.journey import ROOM, START, Journey, Visit

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

    def __init__(self, customer_id: str, base: Visit = START) -> None:
        super().__init__(base)
        self.id = customer_id
        self.cases: dict[CaseKey, Case] = {}
        self.quarantined: frozenset[str] = frozenset()
        self.touched = -1


class _Packed(NamedTuple):
    format: int
    words: list[str]
    base: tuple[int, int, int, int]
    visits: list[tuple[int, int, int, int]]
    cases: list[tuple[str, str, list[Fact], dict[str, Raised], int | None, bool]]
    quarantined: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(customer: Customer) -> bytes:
    """The record of a customer. Stages and touchpoints are numbered: they repeat."""
    words: dict[str, int] = {}
    base = _numbered(customer.base, words)
    visits = [_numbered(visit, words) for visit in customer.recent.values()]
    cases = [
        (key.detector_id, key.scope, case.facts, case.raised, case.look_at, case.thinned)
        for key, case in customer.cases.items()
    ]
    return _encode((FORMAT, list(words), base, visits, cases, list(customer.quarantined)))


def _numbered(visit: Visit, words: dict[str, int]) -> tuple[int, int, int, int]:
    at, key, stage, touchpoint = visit
    return (at, key, words.setdefault(stage, len(words)), words.setdefault(touchpoint, len(words)))


def unpack(customer_id: str, record: bytes) -> Customer:
    """The customer of a record. Raises msgspec.DecodeError for bytes that `pack` did not write."""
    _, words, base, visits, cases, quarantined = _decode(record)
    words = [sys.intern(word) for word in words]
    customer = Customer(customer_id, (base[0], base[1], words[base[2]], words[base[3]]))
    recent = customer.recent
    for at, key, stage, touchpoint in visits:
        recent[key] = (at, key, words[stage], words[touchpoint])
    customer.last = max(recent.values(), default=customer.base)
    customer.last = max(customer.last, customer.base)
    customer.room = max(ROOM, 2 * len(recent))
    customer.cases = {
        CaseKey(detector_id, scope): Case(facts, raised, look_at, thinned)
        for detector_id, scope, facts, raised, look_at, thinned in cases
    }
    customer.quarantined = frozenset(quarantined)
    return customer
