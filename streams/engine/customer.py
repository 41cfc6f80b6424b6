"""What the engine remembers of one customer, and its packed form in a store."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from detectors.base import Dims, Fact
from journeys.journey import START, Columns, Journey, Visit, columns_of, trail_of

FORMAT = 3
"""Version of the packed form; a store in any other is refused."""

_LARGE = 8_192
"""Bytes from which a record is compressed. Few customers have so many; what travels through Kafka must stay small."""
_COMPRESSED = zlib.compress(b"")[:1]
"""The first byte of a compressed record; a plain one begins with that of a list in MessagePack."""

RaisedStatus = Literal["pending", "confirmed", "retracted"]


class Raised(NamedTuple):
    """What was last said of a moment: enough to notice that it changed, and to withdraw it."""

    status: RaisedStatus
    anchor_at: int
    decided_at: int
    retracted_at: int | None
    digest: int
    dims: Dims


class CaseKey(NamedTuple):
    """A case of a customer: which detector reads it, and its scope."""

    detector_id: str
    scope: str


class Case:
    """The facts of one case, sorted by time and event id; what was said of it; when to look again (ms).

    `judged` is the clock (ms) when it was last judged; `thinned` says that facts were left out to bound memory.
    """

    __slots__ = ("facts", "judged", "look_at", "raised", "thinned")

    def __init__(
        self,
        facts: list[Fact] | None = None,
        raised: dict[str, Raised] | None = None,
        look_at: int | None = None,
        judged: int = -1,
        thinned: bool = False,
    ) -> None:
        self.facts: list[Fact] = [] if facts is None else facts
        self.raised: dict[str, Raised] = {} if raised is None else raised
        self.look_at = look_at
        self.judged = judged
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


class _Facts(NamedTuple):
    """Facts by columns; one whose values are all equal holds a single value. Half the bytes of facts as they are."""

    at: list[int]
    event_id: list[str]
    kind: list[str]
    dims: list[Dims]
    value: list[int]
    note: list[str]
    due: list[int]


_Cases = list[tuple[str, str, _Facts, dict[str, Raised], int | None, int, bool]]


class _Packed(NamedTuple):
    format: int
    base: Visit
    trail: bytes
    cases: _Cases
    quarantined: list[str]


class _PackedLarge(NamedTuple):
    format: int
    base: Visit
    trail: Columns
    cases: _Cases
    quarantined: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_large = msgspec.msgpack.Decoder(_PackedLarge).decode


def check_format(found: int) -> None:
    """Raises msgspec.ValidationError for a form that this release does not read."""
    if found != FORMAT:
        raise msgspec.ValidationError(f"form {found} of the state; this release reads form {FORMAT}")


def pack(customer: Customer) -> bytes:
    """The record of a customer; a large one is compressed."""
    cases = [
        (key.detector_id, key.scope, _columns(case.facts), case.raised, case.look_at, case.judged, case.thinned)
        for key, case in customer.cases.items()
    ]
    rest = (cases, list(customer.quarantined))
    record = _encode((FORMAT, customer.base, customer.trail, *rest))
    if len(record) < _LARGE:
        return record
    return zlib.compress(_encode((FORMAT, customer.base, columns_of(customer.trail), *rest)))


def unpack(customer_id: str, record: bytes) -> Customer:
    """The customer of a record. Raises msgspec.DecodeError for bytes that `pack` of this release did not write."""
    packed = _decode_large(_decompressed(record)) if record.startswith(_COMPRESSED) else _decode(record)
    form, base, trail, cases, quarantined = packed
    check_format(form)
    customer = Customer(customer_id, base, trail if isinstance(trail, bytes) else trail_of(trail))
    customer.cases = {
        CaseKey(detector_id, scope): Case(_rows(facts), raised, look_at, judged, thinned)
        for detector_id, scope, facts, raised, look_at, judged, thinned in cases
    }
    customer.quarantined = frozenset(quarantined)
    return customer


def _decompressed(record: bytes) -> bytes:
    try:
        return zlib.decompress(record)
    except zlib.error as flaw:
        raise msgspec.DecodeError(f"a compressed record: {flaw}") from flaw


def _columns(facts: Sequence[Fact]) -> list[Sequence[object]]:
    return [column[:1] if len(set(column)) == 1 else column for column in zip(*facts, strict=True)]


def _rows(facts: _Facts) -> list[Fact]:
    columns: Sequence[Sequence[Any]] = facts
    rows = max(len(column) for column in columns)
    whole = [column if len(column) == rows else [*column] * rows for column in columns]
    return list(map(Fact, *whole))
