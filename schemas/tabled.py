"""Events that come by columns, as in a table: each value is judged within its column, then rows become events.

As with plain records nothing is refused here. A row with anything unusual goes to `schemas.codec` as one JSON record,
so rows are judged by the same rules as lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import repeat
from types import GenericAlias
from typing import Any

import msgspec

from schemas.codec import SMALL
from schemas.codes import CURRENCIES
from schemas.envelope import Event
from schemas.inspection import check_name, check_names_of_attributes
from schemas.plain import PLANS, UNREADABLE, PlainAttributes, PlainEvent, msgspec_fields, no_more_keys, read_attributes
from schemas.refusals import Refused
from schemas.times import EPOCH

_KINDS: Mapping[str, Any] = {
    name: kind
    for name, kind, *_ in msgspec_fields(Event, {"event_type": str, "attributes": str})
    if name != "schema_version"  # no event has it: rows of another version than ours need another look
}
TIMES = ("occurred_at", "recorded_at")
AMOUNT, ATTRIBUTES, PAYLOAD, VERSION = "amount_minor", "attributes", "payload", "schema_version"
WORDS = ("event_type", "tier", "channel", "source", "touchpoint_id", "department", "region", "currency", ATTRIBUTES)
"""Columns of texts of which there are few: each is judged once."""
IDS = tuple(name for name in _KINDS if name not in {*WORDS, *TIMES, AMOUNT})
"""Columns of texts that mostly differ from row to row."""
NEEDED = ("event_id", "event_type", "customer_id", *TIMES)
"""Columns that every table of events has."""
DEFAULTS: Mapping[str, Any] = {name: Event.model_fields[name].default for name in ("tier", "channel")}
"""What an event says where a row does not; elsewhere None."""
_LISTS: Mapping[str, Any] = {name: GenericAlias(list, _KINDS[name]) for name in (*IDS, *WORDS)}
_MICROSECOND = timedelta(microseconds=1)


class _Tabled(PlainEvent):
    """A plain event whose times stay numbers until somebody asks for them."""

    @property
    def occurred_at(self) -> datetime:
        """As of an event."""
        return EPOCH + _us(self, "occurred_us") * _MICROSECOND

    @property
    def recorded_at(self) -> datetime:
        """As of an event."""
        return EPOCH + _us(self, "recorded_us") * _MICROSECOND

    @property
    def recorded_ms(self) -> int:
        """`recorded_at` in milliseconds since the epoch."""
        return _us(self, "recorded_us") // 1000


def _us(event: _Tabled, field: str) -> int:
    us: int = getattr(event, field)
    return us


_COLUMNS = ("occurred_ms", "occurred_us", "recorded_us", AMOUNT, *IDS, *WORDS)
_EVENT: Any = msgspec.defstruct("TabledEvent", [(name, Any) for name in _COLUMNS], bases=(_Tabled,), gc=False)


def events_of(columns: Mapping[str, Iterable[Any]]) -> Iterator[PlainEvent]:
    """Rows as events; what they state must fit, and is not looked at.

    Columns as an event has them, but `attributes` made by `attributes_of`, times as `occurred_us` and `recorded_us` (us
    since the epoch), and `occurred_ms`; one not given is empty.
    """
    return map(_EVENT, *[columns[name] if name in columns else repeat(DEFAULTS.get(name)) for name in _COLUMNS])


def fits(name: str, value: str) -> bool:
    """Whether a value of the column `name`, of IDS or WORDS but for event type and attributes, can stand in any
    event."""
    try:
        msgspec.convert(value, _KINDS[name])
        check_name(name, value)
    except (*UNREADABLE, Refused):
        return False
    return name != "currency" or value in CURRENCIES


def all_fit(name: str, values: Sequence[str]) -> bool:
    """Whether all values of a column fit, seen at a glance; False proves nothing."""
    try:
        msgspec.convert(values, _LISTS[name])
    except UNREADABLE:
        return False
    text = "".join(values)
    clean = text.isascii() and text.isprintable() and " " not in text
    return clean and (name != "currency" or CURRENCIES.keys() >= set(values))


def attributes_of(event_type: str | None, stated: str | None) -> PlainAttributes | None:
    """The attributes of an event of this type that the JSON `stated` holds, None when they need another look."""
    plan = None if event_type is None else PLANS[event_type]
    if plan is None or stated is None:
        return None if plan is None else plan.blank
    try:
        raw = stated.encode()
        said, keys = read_attributes(plan, raw)
        check_names_of_attributes(said)
    except (*UNREADABLE, Refused):
        return None
    return said if len(raw) <= SMALL and b"\\" not in raw and no_more_keys(raw, keys, in_times=0) else None
