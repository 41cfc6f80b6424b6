"""How an event is written: times, ids and JSON bytes, the quick way."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from schemas.times import HOUR, iso
from streams.simulator.population import Customer

_SECONDS = [f"{second // 60:02d}:{second % 60:02d}." for second in range(3600)]
_MILLIS = [f"{milli:03d}Z" for milli in range(1000)]
_encode = msgspec.json.Encoder().encode

ENVELOPE_FIELDS = frozenset(
    {
        "source",
        "touchpoint_id",
        "department",
        "order_id",
        "bill_id",
        "ticket_id",
        "interaction_id",
        "trip_id",
        "outage_id",
        "payment_id",
    }
)


@lru_cache(maxsize=4096)
def _hour(hour: int) -> str:
    return iso(hour * HOUR)[:14]


def spelled(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds; equal to `schemas.times.iso`, several times faster."""
    hour, rest = divmod(ms, HOUR)
    return _hour(hour) + _SECONDS[rest // 1000] + _MILLIS[rest % 1000]


class Happening(msgspec.Struct):
    """One event as an act plans it, before transport; times in ms, `details` envelope ids and attributes mixed."""

    at: int
    event_type: str
    channel: str
    amount: int | None
    details: dict[str, object]


def event_line(event_id: str, happening: Happening, recorded: int, customer: Customer) -> bytes:
    """The JSON bytes of one event, without a line end."""
    fields: dict[str, object] = {
        "event_id": event_id,
        "event_type": happening.event_type,
        "occurred_at": spelled(happening.at),
        "recorded_at": spelled(recorded),
        "customer_id": customer.customer_id,
        "account_id": customer.account_id,
        "line_id": customer.line_id,
        "tier": customer.tier,
        "region": customer.region,
        "channel": happening.channel,
    }
    if happening.amount is not None:
        fields["amount_minor"] = happening.amount
        fields["currency"] = "CNY"
    attributes = {}
    for name, value in happening.details.items():
        if name in ENVELOPE_FIELDS:
            fields[name] = value
        else:
            attributes[name] = value
    if attributes:
        fields["attributes"] = attributes
    return _encode(fields)
