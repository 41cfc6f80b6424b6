"""The poison table of the matrix as bytes on the wire; each row is one dead letter with its reason."""

from __future__ import annotations

import json
from random import Random  # noqa: TID251 seeded, the seed is printed

from schemas.deadletters import Reason
from tests.schemas.records import LEFT_OUT, record

GOOD = record()
_DEEP = GOOD[:-1] + b',"deep":' + b"[" * 1_000 + b"1" + b"]" * 1_000 + b"}"


def _number(text: str) -> bytes:
    return record(amount_minor="?").replace(b'"?"', text.encode())


PILLS: dict[str, tuple[bytes | None, Reason]] = {
    "malformed": (b'{"event_id": oops}', Reason.NOT_JSON),
    "truncated": (GOOD[: len(GOOD) // 2], Reason.NOT_JSON),
    "empty": (b"", Reason.EMPTY),
    "tombstone": (None, Reason.EMPTY),
    "BOM": (b"\xef\xbb\xbf" + GOOD, Reason.NOT_JSON),
    "invalid UTF-8": (GOOD[:20] + b"\xff" + GOOD[20:], Reason.NOT_UTF8),
    "lone surrogate": (GOOD.replace(b"E-1", b"E-\\ud800"), Reason.FORBIDDEN_CHARACTER),
    "NUL": (GOOD.replace(b"C-1", b"C\\u0000"), Reason.FORBIDDEN_CHARACTER),
    "NaN": (_number("NaN"), Reason.WRONG_VALUE),
    "Infinity": (_number("-Infinity"), Reason.WRONG_VALUE),
    "1e999": (_number("1e999"), Reason.WRONG_VALUE),
    "5,000 digits": (_number("9" * 5_000), Reason.WRONG_VALUE),
    "2^64": (_number(str(2**64)), Reason.WRONG_VALUE),
    "duplicate key": (GOOD.replace(b'"kind":"data"', b'"kind":"data","kind":"voice"'), Reason.DUPLICATE_KEY),
    "too deep": (_DEEP, Reason.TOO_DEEP),
    "text over 64 kB": (record(region="x" * 70_000), Reason.TOO_LARGE),
    "over 1,000 keys": (
        record(attributes={"kind": "data", **{f"k{n}": n for n in range(1_001)}}),
        Reason.TOO_MANY_KEYS,
    ),
    "truth value as number": (record(amount_minor=True), Reason.WRONG_VALUE),
    "number as text": (record(amount_minor="5"), Reason.WRONG_VALUE),
    "negative amount": (record(amount_minor=-5), Reason.NEGATIVE_AMOUNT),
    "unknown currency": (record(currency="XYZ"), Reason.UNKNOWN_CURRENCY),
    "unknown version": (record(schema_version=9), Reason.UNKNOWN_VERSION),
    "unknown type": (record(event_type="order.unheard"), Reason.UNKNOWN_TYPE),
    "no id": (record(event_id=LEFT_OUT), Reason.MISSING_FIELD),
    "no customer": (record(customer_id=LEFT_OUT), Reason.MISSING_FIELD),
    "no time": (record(occurred_at=LEFT_OUT), Reason.MISSING_FIELD),
    "no time zone": (record(occurred_at="2026-03-01T12:00:00"), Reason.NO_TIME_ZONE),
    "in 2300": (
        record(occurred_at="2300-01-01T00:00:00Z", recorded_at="2300-01-01T00:00:00Z"),
        Reason.IMPLAUSIBLE_TIME,
    ),
    "full-width digits": (record(customer_id="C-１２"), Reason.FORBIDDEN_CHARACTER),
    "RTL override": (record(customer_id="C\u202e1"), Reason.FORBIDDEN_CHARACTER),
    "ANSI escape": (record(customer_id="C\x1b[31m1"), Reason.FORBIDDEN_CHARACTER),
    "not an object": (b"[1, 2]", Reason.NOT_AN_OBJECT),
    "another customer's key": (record(customer_id="somebody-else"), Reason.WRONG_KEY),
}
"""What to send, and the reason it must be set aside for. All are sent under the key `C-1`."""

NOT_FINITE = {"NaN", "Infinity", "1e999", "5,000 digits", "2^64"}


def some(count: int, random: Random) -> list[tuple[bytes, bytes | None, Reason]]:
    """`count` pills in turn, from a random place on: key, value, reason."""
    names = list(PILLS)
    start = random.randrange(len(names))
    chosen = [PILLS[names[(start + number) % len(names)]] for number in range(count)]
    return [(b"C-1", raw, reason) for raw, reason in chosen]


def attributes_of(line: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(line)
    return found
