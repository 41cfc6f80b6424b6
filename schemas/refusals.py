"""Why a record is refused, in words that say what to mend.

No sentence repeats a value of the record: details are shown, logged and stored where the record itself may not be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

from schemas.deadletters import Reason

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a record to the value at fault."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_LONGEST_PATH = 128
_LONGEST_CHOICE = 240

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "string_type": "must be text in quotes",
        "string_too_long": "is longer than allowed; shorten it to {max_length} characters",
        "string_too_short": "has too few characters; it needs at least {min_length}",
        "string_pattern_mismatch": "is not an ISO 3166-1 alpha-2 country code; write for example CN or FR",
        "country_code": "is not an ISO 3166-1 alpha-2 country code; write for example CN or FR",
        "int_type": "must be a whole number, without quotes and without a fraction",
        "int_from_float": "must be a whole number, without quotes and without a fraction",
        "int_parsing": "must be a whole number, without quotes and without a fraction",
        "int_parsing_size": "is a number with too many digits; amounts and counts have 64 bits",
        "bool_type": "must be true or false, without quotes",
        "model_type": "must be an object in braces",
        "model_attributes_type": "must be an object in braces",
        "dict_type": "must be an object in braces",
        "datetime_type": "must be a time in RFC 3339 in quotes; write for example 2026-03-01T08:30:00Z",
        "datetime_parsing": "is not a time in RFC 3339; write for example 2026-03-01T08:30:00Z",
        "datetime_from_date_parsing": "is not a time in RFC 3339; write for example 2026-03-01T08:30:00Z",
        "greater_than_equal": "is smaller than allowed; the least is {ge}",
        "less_than_equal": "is larger than allowed; the most is {le}",
        "less_than": "is a number too large; amounts and counts have 64 bits",
    }
)


class Refusal(NamedTuple):
    """Why a record cannot be used: the reason, a sentence that says what to do, the field at fault if there is one."""

    reason: Reason
    detail: str
    field: str | None = None


class Refused(Exception):
    """A record cannot be used. Keep its `refusal`, not the exception, which holds on to all frames it passed."""

    def __init__(self, reason: Reason, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail, field)


def spelled(path: Path) -> str:
    """`path` with dots, safe to show: other than letters, digits, _ and - become `?`, at most 128 characters."""
    return ".".join(_UNSAFE.sub("?", str(step)) for step in path)[:_LONGEST_PATH]


def refusal_at(path: Path, reason: Reason, flaw: str) -> Refusal:
    """A refusal whose sentence is the field followed by `flaw`; without a path the record is at fault."""
    field = spelled(path)
    return Refusal(reason, f"{field or 'The record'} {flaw}.", field or None)


def refused_at(path: Path, reason: Reason, flaw: str) -> Refused:
    """The exception that carries `refusal_at` the same."""
    return Refused(*refusal_at(path, reason, flaw))


def refusal_of(error: ValidationError) -> Refusal:
    """The first thing pydantic complains about, in our words."""
    errors = error.errors(include_url=False)
    path = _declared(errors[0]["loc"])
    # an open word complains twice, as a known word and as a text; what is wrong with it as a text can be mended
    told = next(each for each in reversed(errors) if _declared(each["loc"]) == path)
    kind, context, given = told["type"], told.get("ctx", {}), told["input"]
    if kind == "missing" or given is None:
        return refusal_at(path, Reason.MISSING_FIELD, "is missing; state it, this event cannot be used without it")
    if given == "":
        return refusal_at(path, Reason.MISSING_FIELD, "is empty; state it or leave the field out where it is optional")
    if kind == "timezone_aware":
        return refusal_at(path, Reason.NO_TIME_ZONE, "has no time zone; end it with Z or an offset such as +08:00")
    if kind == "json_invalid":
        return Refusal(Reason.NOT_JSON, "The record is not JSON; write one JSON object per record.")
    return refusal_at(path, Reason.WRONG_VALUE, _flaw(kind, context))


def _declared(path: Path) -> Path:
    """`path` without the names pydantic gives to the members of a union, which begin where a field name cannot."""
    for depth, step in enumerate(path):
        if isinstance(step, str) and not _NAME.match(step):
            return path[:depth]
    return path


def _flaw(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        choice = str(context.get("expected", ""))
        return f"is not a known word; use {choice}" if len(choice) <= _LONGEST_CHOICE else "is not a known word"
    sentence = _SENTENCES.get(kind)
    return sentence.format_map(context) if sentence else "has a value that does not fit; see schemas/generated"
