"""Short builders for the stories on a detector's page.

Times are written as day and clock, "0 09:00" is 09:00 UTC on the first day (Monday 2 March 2026), "-1 23:59:59.999" the
last millisecond before it. Event ids derive from type and time, so a story reads alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from schemas.envelope import Event
from schemas.events import EVENT_TYPES
from schemas.moments import Scalar

Outcome = tuple[Literal["confirmed", "retracted"], Mapping[str, Scalar]]
"""How a moment stands at the end of a story, with the measures that are compared."""
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
_ENVELOPE = frozenset(Event.model_fields) - {"attributes"}


def when(text: str) -> datetime:
    """The time of "day HH:MM[:SS[.mmm]]" counted from `FIRST_DAY`."""
    day, clock = text.split()
    hours, minutes, *seconds = clock.split(":")
    second, _, ms = (seconds[0] if seconds else "0").partition(".")
    return FIRST_DAY + timedelta(
        days=int(day),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(second),
        milliseconds=int(ms.ljust(3, "0") or 0),
    )


def event(event_type: str, at: str, /, **fields: Any) -> Event:
    """An event of a customer; fields that the envelope knows go there, all others into the attributes.

    Raises KeyError for an unknown type and pydantic's ValidationError for wrong fields, so an example cannot rot.
    """
    moment = when(at)
    envelope = {name: value for name, value in fields.items() if name in _ENVELOPE}
    attributes = {name: value for name, value in fields.items() if name not in _ENVELOPE}
    return EVENT_TYPES[event_type].model_validate(
        {
            "event_id": f"{event_type}@{at}",
            "event_type": event_type,
            "occurred_at": moment,
            "recorded_at": moment,
            "customer_id": "c-1",
            **envelope,
            "attributes": attributes,
        }
    )


def about(**common: Any) -> Callable[..., Event]:
    """A builder of events that share `common` fields (an order, a trip, a reason), which a call may override."""
    return lambda event_type, at, /, **fields: event(event_type, at, **{**common, **fields})


def confirmed(**measures: Scalar) -> Outcome:
    """A moment that stands at the end, with these measures."""
    return ("confirmed", measures)


def retracted(**measures: Scalar) -> Outcome:
    """A moment that a later fact of its case withdrew, with these measures."""
    return ("retracted", measures)


def bills(*amounts_minor: int, first: int | None = None, **common: Any) -> list[Event]:
    """Bills of an account, 30 days apart, each issued at 08:00 for the 30 days before.

    Without `first` (the day of the first one) the last of them falls on day 0.
    """
    start = -30 * (len(amounts_minor) - 1) if first is None else first
    return [
        event(
            "bill.issued",
            f"{day} 08:00",
            amount_minor=amount,
            **{"currency": "CNY", "account_id": "a-1", **common},
            period_start=when(f"{day - 30} 00:00"),
            period_end=when(f"{day} 00:00"),
        )
        for day, amount in zip(range(start, start + 30 * len(amounts_minor), 30), amounts_minor, strict=True)
    ]
