"""Input that could not be used: kept, with the reason and the place it came from."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import final

from pydantic import AwareDatetime

from schemas.moments import Frozen


class Reason(StrEnum):
    """Why a record was set aside. The value is stable: dashboards and `mot` name it."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY_KEYS = "too_many_keys"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"
    FORBIDDEN_CHARACTER = "forbidden_character"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    MISSING_FIELD = "missing_field"
    WRONG_VALUE = "wrong_value"
    NO_TIME_ZONE = "no_time_zone"
    UNKNOWN_CURRENCY = "unknown_currency"
    NEGATIVE_AMOUNT = "negative_amount"
    FUTURE_TIME = "future_time"
    IMPLAUSIBLE_TIME = "implausible_time"
    TOO_LATE = "too_late"
    WRONG_KEY = "wrong_key"
    MAPPING = "mapping"


_LONG_NUMBER = re.compile(r"\d{11,}[Xx]?", re.ASCII)
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_ELEVEN_DIGITS = b"0" * 11
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_IDENTITY_CARD = re.compile(r"\d{6}(?:19|20)\d{9}[\dXx]", re.ASCII)
_MAIL = re.compile(r"[\w.+-]{1,64}@(?=[\w-]{1,63}\.)")
_SHORTEST_CARD, _LONGEST_CARD = 15, 19
_DOUBLED_DIGITS = str.maketrans("0123456789", "0246813579")


def masked(text: str) -> str:
    """`text` with the middle of mobile, identity and card numbers and the names in mail addresses starred out."""
    if _ELEVEN_DIGITS in text.encode(errors="replace").translate(_DIGITS_AS_ZERO):  # far quicker than to look for them
        text = _LONG_NUMBER.sub(_starred, text)
    return _MAIL.sub("****@", text) if "@" in text else text


def _starred(found: re.Match[str]) -> str:
    number = found[0]
    if _MOBILE.fullmatch(number) or _IDENTITY_CARD.fullmatch(number) or _is_card(number):
        return f"{number[:3]}****{number[-4:]}"
    return number


def _is_card(number: str) -> bool:
    """Whether `number` has the length and the check digit (Luhn) of a payment card."""
    if not _SHORTEST_CARD <= len(number) <= _LONGEST_CARD or not number.isdigit():
        return False
    digits = number[::-2] + number[-2::-2].translate(_DOUBLED_DIGITS)
    return sum(map(int, digits)) % 10 == 0


@final
class DeadLetter(Frozen):
    """One record set aside.

    `position` is the line, row or offset in `origin` (file or topic-partition); `payload` holds at most 4 kB of the
    record, masked, and `payload_sha256` is over all of it as it came; `detail` says what to mend and never repeats
    personal data. `occurred_at` is set where the record's time could be read and believed.
    """

    dead_letter_id: str
    origin: str
    position: int
    reason: Reason
    detail: str
    field: str | None = None
    payload: str
    payload_sha256: str
    occurred_at: AwareDatetime | None = None
