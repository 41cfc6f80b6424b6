"""A log made by hand, stored in a real warehouse twice and in two orders, and the units an indicator finds in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from journeys.formulas import units_sql
from journeys.placement import Placements
from journeys.registry import Indicator, shipped_registry
from journeys.touchpoints import shipped_touchpoints
from schemas.codec import encode
from schemas.envelope import Event
from schemas.examples import example_of
from schemas.facts import Handoff
from schemas.times import iso, to_ms
from streams.sinks.clickhouse import ClickHouseSink
from streams.sinks.ports import Delivery

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
"""Day 0."""
_BLANK = ("order_id", "bill_id", "ticket_id", "interaction_id", "trip_id", "outage_id", "payment_id")


def when(text: str) -> datetime:
    """`"3 10:00"` or `"3 10:00:00.001"`: so long after Monday."""
    day, _, clock = text.partition(" ")
    hours, minutes, seconds = ([*map(float, clock.split(":")), 0.0] if clock else [0.0, 0.0, 0.0])[:3]
    return MONDAY + timedelta(days=int(day), hours=hours, minutes=minutes, milliseconds=round(seconds * 1000))


def said(moment: datetime) -> str:
    """The inverse of `when`, with milliseconds only where there are some."""
    day, rest = divmod(moment - MONDAY, timedelta(days=1))
    milliseconds = rest // timedelta(milliseconds=1)
    clock = f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}"
    return f"{day} {clock}" + (f":{milliseconds % 60_000 / 1000:06.3f}" if milliseconds % 60_000 else "")


class MiniLog:
    """Events told one by one; the last thing in the log is `now`."""

    def __init__(self, client: Any, sink: ClickHouseSink) -> None:
        self.client = client
        self._sink = sink
        self._events: list[Event] = []
        self._handoffs: list[Handoff] = []
        self._numbers = count(1)
        self._placements = Placements(shipped_touchpoints())

    def happens(self, customer: str, text: str, event_type: str, **details: Any) -> None:
        """An event; `details` are envelope fields (`id` is the event's id) and attributes."""
        event_id = details.pop("id", f"e{next(self._numbers):04}")
        envelope = {name: details.pop(name) for name in list(details) if name in Event.model_fields}
        given = {**dict.fromkeys(_BLANK), "customer_id": customer, "account_id": customer, "line_id": "l", **envelope}
        at = when(text)
        self._events.append(
            example_of(event_type, event_id=event_id, occurred_at=at, recorded_at=at, attributes=details, **given)
        )

    def passed(self, customer: str, text: str, desks: str, case: str = "k", event_id: str = "") -> None:
        """A handoff `"a>b"`."""
        giver, _, taker = desks.partition(">")
        number = event_id or f"h{next(self._numbers):04}"
        self._handoffs.append(Handoff(number, customer, case, to_ms(when(text)), giver, taker, "call_centre", "gold"))

    def decided(self, customer: str, text: str, **columns: Any) -> None:
        """A moment, as a row of its table."""
        anchor = columns.pop("anchor", text)
        row = {
            "moment_id": f"m{next(self._numbers):04}", "detector_id": "N28", "detector_name": "x", "scope": "s",
            "detector_version": 1, "customer_id": customer, "stage": "resolve", "touchpoint": "t",
            "valence": "negative", "severity": 3, "tier": "gold", "channel": "app", "region": "r", "department": "d",
            "status": "confirmed", "decided_at": iso(to_ms(when(text))), "anchor_at": iso(to_ms(when(anchor))),
            "version": 1, **columns,
        }  # fmt: skip
        for _ in range(2):
            self._sink.write_rows("moments", [row])

    def now(self, text: str) -> None:
        """Store it all, twice: in the order told and in reverse; `text` is the highest event time."""
        self.happens("nobody", text, "web.page_viewed")
        for events, handoffs in ((self._events, self._handoffs), (self._events[::-1], self._handoffs[::-1])):
            delivery = Delivery(handoffs=handoffs)
            lines = [encode(event) for event in events]
            delivery.add_events(lines, events, [self._placements.place(one) for one in events], range(len(events)))
            assert self._sink.write(delivery) == []

    def units(self, indicator_id: str) -> list[tuple[str, str, float]]:
        """Customer, time and hit (or spread) of each unit, by time; a day at a time gives the same."""
        indicator = shipped_registry()[indicator_id]
        assert indicator.measure is not None
        value = "spread" if indicator.measure.kind == "quantile" else "hit"
        found = self._read(indicator, value, units_sql(indicator))
        days = sorted({at.replace(hour=0, minute=0, second=0, microsecond=0) for _, at, _ in found})
        assert found == [one for day in days for one in self._read(indicator, value, _of_day(indicator, day))]
        return [(customer, said(at), number) for customer, at, number in found]

    def _read(self, indicator: Indicator, value: str, sql: str) -> list[tuple[str, datetime, float]]:
        rows = self.client.query(f"SELECT customer_id, at, {value} FROM ({sql}) ORDER BY at, customer_id, {value}")
        return [
            (customer, at.replace(tzinfo=UTC), round(float(number), 3)) for customer, at, number in rows.result_rows
        ]


def _of_day(indicator: Indicator, day: datetime) -> str:
    bounds = [f"toDateTime64('{one:%Y-%m-%d} 00:00:00', 3, 'UTC')" for one in (day, day + timedelta(days=1))]
    return units_sql(indicator, *bounds)
