"""Short builders for the stories on a detector's page.

Times are written as day and clock, "0 09:00" is 09:00 UTC on the first day (Monday 2 March 2026), "-1 23:59:59.999" the
last millisecond before it. Event ids derive from type and time, so a story reads alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.envelope import Event
from schemas.events import EVENT_TYPES

FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
_ENVELOPE = frozenset(Event.model_fields) - {"attributes"}


def when(text: str) -> datetime:
    """The time of "day HH:MM[:SS[.mmm]]" counted from `FIRST_DAY`."""
    day, clock = text.split()
    hours, minutes, *seconds = clock.split(":")
    second, _, ms = (seconds[0] if seconds else "0").partition(".")
    return FIRST_DAY + timedelta(
        days=int(day), hours=int(hours), minutes=int(minutes), seconds=int(second), milliseconds=int(ms.ljust(3, "0") or 0)
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
