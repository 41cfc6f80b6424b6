"""Time as the core knows it: aware UTC at the edges, integer milliseconds since 1970 inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded down.

    Raises TypeError when `moment` has no time zone.
    """
    return (moment - EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC datetime of `ms` milliseconds since the epoch."""
    return EPOCH + ms * _MILLISECOND


def iso(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, the one spelling of a time in everything the product writes."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
