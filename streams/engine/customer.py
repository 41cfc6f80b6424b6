"""What the engine remembers of one customer, and its packed form in a store."""

from __future__ import annotations

from array import array
from typing import Literal, NamedTuple

import msgspec

from detectors.base import Dims, Fact
from journeys.journey import Journey, Visit

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


class Customer:
    """Journey, cases and recently seen events of one customer. `touched` is the checkpoint that last changed it."""

    __slots__ = ("cases", "id", "journey", "quarantined", "seen", "seen_limit", "touched")

    def __init__(self, customer_id: str) -> None:
        self.id = customer_id
        self.journey = Journey()
        self.cases: dict[CaseKey, Case] = {}
        self.seen: dict[int, int] = {}
        self.seen_limit = SEEN_START
        self.quarantined: set[str] = set()
        self.touched = -1

    def forget_seen(self, before: int) -> None:
        """Drop keys of events before `before` (ms), whose repeats would be too late anyway.

        Called when `seen` is full.
        """
        if len(self.seen) > SEEN_START:
            self.seen = {key: at for key, at in self.seen.items() if at >= before}
            if len(self.seen) > SEEN_MAX:
                self.seen = dict(sorted(self.seen.items(), key=lambda entry: entry[1])[-SEEN_MAX // 2 :])
        self.seen_limit = max(SEEN_START, 2 * len(self.seen))


SEEN_START = 24
SEEN_MAX = 4096
"""A customer with more events than this inside the allowed lateness has a shorter dedup horizon: memory is bounded."""

_Packed = tuple[
    int,
    list[str],
    tuple[int, int, int, int],
    bytes,
    bytes,
    bytes,
    bytes,
    list[tuple[str, str, list[Fact], dict[str, Raised], int | None, bool]],
    list[str],
]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(customer: Customer, seen_since: int) -> bytes:
    """The record of a customer. Keys of events before `seen_since` (ms) are left out."""
    words: dict[str, int] = {}
    journey = customer.journey
    visits = journey.visits
    codes = bytearray()
    for visit in visits:
        codes.append(_code(words, visit.stage))
        codes.append(_code(words, visit.touchpoint))
    base = journey.base
    seen = [(key, at) for key, at in customer.seen.items() if at >= seen_since]
    return _encode(
        (
            FORMAT,
            words_after(words, base),
            (base.at, base.key, words[base.stage], words[base.touchpoint]),
            array("q", [visit.at for visit in visits]).tobytes(),
            array("q", [visit.key for visit in visits]).tobytes(),
            bytes(codes),
            array("q", [number for entry in seen for number in entry]).tobytes(),
            [
                (key.detector_id, key.scope, case.facts, case.raised, case.look_at, case.thinned)
                for key, case in customer.cases.items()
            ],
            list(customer.quarantined),
        )
    )


def _code(words: dict[str, int], word: str) -> int:
    code = words.get(word)
    if code is None:
        words[word] = code = len(words)
    return code


def words_after(words: dict[str, int], base: Visit) -> list[str]:
    """The word list once the base visit's words are in it too."""
    _code(words, base.stage)
    _code(words, base.touchpoint)
    return list(words)


def unpack(customer_id: str, record: bytes) -> Customer:
    """The customer of a record. Raises msgspec.DecodeError for bytes that `pack` did not write."""
    _, words, base, ats, keys, codes, seen, cases, quarantined = _decode(record)
    customer = Customer(customer_id)
    customer.journey = Journey(
        Visit(base[0], base[1], words[base[2]], words[base[3]]),
        [
            Visit(at, key, words[codes[2 * place]], words[codes[2 * place + 1]])
            for place, (at, key) in enumerate(zip(array("q", ats), array("q", keys), strict=True))
        ],
    )
    pairs = array("q", seen)
    customer.seen = dict(zip(pairs[::2], pairs[1::2], strict=True))
    customer.seen_limit = max(SEEN_START, 2 * len(customer.seen))
    customer.cases = {
        CaseKey(detector_id, scope): Case(facts, raised, look_at, thinned)
        for detector_id, scope, facts, raised, look_at, thinned in cases
    }
    customer.quarantined = set(quarantined)
    return customer
