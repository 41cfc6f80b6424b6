"""Input that could not be used: kept, with the reason and the place it came from."""

from __future__ import annotations

from enum import StrEnum

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
    MAPPING = "mapping"


class DeadLetter(Frozen):
    """One record set aside.

    `position` is the line, row or offset in `origin` (file or topic-partition); `payload` holds at most 4 kB of the
    record, `payload_sha256` is over all of it; `detail` says what to mend and never repeats personal data.
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
