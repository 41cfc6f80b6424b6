"""Structure that every record must have whatever it says: bounded in depth and size, real numbers, clean text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from schemas.deadletters import Reason
from schemas.envelope import Event
from schemas.refusals import Path, Refused, refused_at

IDENTIFIERS = (
    "event_id", "customer_id", "account_id", "line_id", "touchpoint_id", "order_id", "bill_id", "ticket_id",
    "interaction_id", "trip_id", "outage_id", "payment_id",
)  # fmt: skip
LABELS = ("source", "department", "region")
ATTRIBUTE_IDENTIFIERS = frozenset({"commitment_id", "dealer_id", "notice_id", "manager_id"})
ATTRIBUTE_LABELS = frozenset(
    {"from_desk", "to_desk", "area", "campaign", "to_operator", "category", "state", "purpose", "method", "plan"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest record that is read: bytes of the record and of one text, nesting, keys, values of any kind."""

    record_bytes: int = 1_048_576
    text_bytes: int = 65_536
    depth: int = 32
    keys: int = 1_000
    values: int = 10_000


LIMITS = Limits()


class DoubledKeys(dict[str, Any]):
    """A JSON object in which a key stood twice; the parser leaves it behind so that the inspection can say where."""


class NotFinite:
    """A number that no store can hold (NaN, Infinity, 1e999, thousands of digits), left behind by the parser."""


NOT_FINITE = NotFinite()
_BEYOND = "is a number beyond 64 bits or not finite; leave it out, or write it as text"


def inspect(document: Any, limits: Limits = LIMITS) -> int:
    """The number of keys in `document`, at all depths.

    Raises Refused for a flaw: too deep or too large, a key twice, a number without end, NUL or half a character in a
    text.
    """
    keys = values = 0
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if len(path) >= limits.depth:
            raise Refused(Reason.TOO_DEEP, f"The record is nested deeper than {limits.depth} levels; flatten it.")
        values += len(value)
        if isinstance(value, dict):
            keys += len(value)
            _check_keys(path, value, keys, limits)
            members: Iterable[tuple[Any, Any]] = value.items()
        else:
            members = enumerate(value)
        if values > limits.values:
            raise Refused(Reason.TOO_MANY_KEYS, f"The record holds more than {limits.values} values; split it.")
        for step, member in members:
            if isinstance(member, str):
                if not member.isascii() or "\0" in member or len(member) > limits.text_bytes:
                    _check_text(path, step, member, limits)
            elif isinstance(member, dict | list):
                waiting.append(((*path, step), member))
            elif member is not None:
                _check_number(path, step, member)
    return keys


def _check_keys(path: Path, value: dict[str, Any], keys: int, limits: Limits) -> None:
    if isinstance(value, DoubledKeys):
        raise refused_at(path, Reason.DUPLICATE_KEY, "states a key twice; state each key once")
    if keys > limits.keys:
        raise Refused(Reason.TOO_MANY_KEYS, f"The record has more than {limits.keys} keys; send what the event needs.")
    whole = "".join(value)
    if whole.isascii() and "\0" not in whole and len(whole) <= limits.text_bytes:
        return
    for key in value:
        if not key.isascii() or "\0" in key or len(key) > limits.text_bytes:
            _check_text(path, key, key, limits)


def _check_number(path: Path, step: str | int, value: Any) -> None:
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise refused_at((*path, step), Reason.WRONG_VALUE, _BEYOND)
    elif isinstance(value, NotFinite) or not isfinite(value):
        raise refused_at((*path, step), Reason.WRONG_VALUE, _BEYOND)


def _check_text(path: Path, step: str | int, text: str, limits: Limits) -> None:
    if "\0" in text:
        raise refused_at((*path, step), Reason.FORBIDDEN_CHARACTER, "holds a NUL character; remove it")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        flaw = "holds half of a surrogate pair; write whole characters in UTF-8"
        raise refused_at((*path, step), Reason.FORBIDDEN_CHARACTER, flaw) from None
    if size > limits.text_bytes:
        flaw = f"is a text of more than {limits.text_bytes} bytes; shorten it"
        raise refused_at((*path, step), Reason.TOO_LARGE, flaw)


def check_names(event: Event) -> None:
    """Raise Refused when an id or a label of `event` could pass for another or disturb a terminal.

    Ids: printable characters in their plain form (no full-width digits, controls, direction marks, line ends), not
    framed in blanks. Labels (dimensions, desks, states): printable characters. Free text is not looked at.
    """
    for name in IDENTIFIERS:
        _check_identifier((name,), getattr(event, name))
    for name in LABELS:
        _check_label((name,), getattr(event, name))
    check_names_of_attributes(event.attributes)


def check_name(name: str, value: str | None) -> None:
    """The same for the value of one field of the envelope, whatever it is."""
    if name in IDENTIFIERS:
        _check_identifier((name,), value)
    elif name in LABELS:
        _check_label((name,), value)


def check_names_of_attributes(attributes: Any) -> None:
    """The same for the attributes of an event."""
    names = attributes.__struct_fields__ if hasattr(attributes, "__struct_fields__") else attributes.__dict__
    for name in names:
        if name in ATTRIBUTE_IDENTIFIERS:
            _check_identifier(("attributes", name), getattr(attributes, name))
        elif name in ATTRIBUTE_LABELS:
            _check_label(("attributes", name), getattr(attributes, name))


def _check_identifier(path: Path, value: str | None) -> None:
    if value is None or (value.isascii() and value.isprintable() and value[0] != " " and value[-1] != " "):
        return
    if not (value.isprintable() and unicodedata.normalize("NFKC", value) == value and value.strip() == value):
        flaw = "holds a control, invisible, full-width or framing blank character; write the plain id"
        raise refused_at(path, Reason.FORBIDDEN_CHARACTER, flaw)


def _check_label(path: Path, value: str | None) -> None:
    if value is not None and not value.isprintable():
        raise refused_at(path, Reason.FORBIDDEN_CHARACTER, "holds a control or invisible character; remove it")
