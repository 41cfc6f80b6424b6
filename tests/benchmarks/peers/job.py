"""The job that every contender does, in plain Python: the rules, the reading of an event, and the reference answer.

(a) A bill of at least 1.5 times the mean of the customer's last three bills. (b) An order that is not acknowledged
within 24 h of event time. Time passes with the highest event time seen in the order's own partition of the topic: two
partitions are read at different speeds, and the highest of both would run ahead of what the slower has yet to say.

Imports nothing of this product: contenders run in an environment of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import msgspec

RATIO = 1.5
BILLS = 3
PATIENCE = timedelta(hours=24)


class Event(msgspec.Struct):
    """What the job reads of an event; the other fields are skipped by the decoder."""

    event_type: str
    occurred_at: datetime
    customer_id: str
    order_id: str | None = None
    bill_id: str | None = None
    amount_minor: int | None = None


read = msgspec.json.Decoder(Event).decode
"""JSON bytes -> Event. All contenders use this."""


def is_bill(event: Event) -> bool:
    """Whether rule (a) has to look at it."""
    return event.event_type == "bill.issued"


def is_spike(past: Sequence[int], amount: int) -> bool:
    """Rule (a); `past` are the customer's last bills, oldest first, in fen like `amount`."""
    return len(past) == BILLS and amount * BILLS >= RATIO * sum(past)


class Bills:
    """Rule (a) with state in a dict."""

    def __init__(self) -> None:
        self._past: dict[str, list[int]] = {}

    def take(self, event: Event) -> str | None:
        """One bill -> the alert, if it is a spike."""
        past = self._past.get(event.customer_id)
        if past is None:
            past = self._past[event.customer_id] = []
        return judge_bill(past, event)


def judge_bill(past: list[int], event: Event) -> str | None:
    """One bill against `past`, which then holds it as the newest."""
    amount = event.amount_minor or 0
    spike = is_spike(past, amount)
    past.append(amount)
    if len(past) > BILLS:
        del past[0]
    return f"bill {event.bill_id}" if spike else None


class Orders:
    """Rule (b) in one partition, state in a dict and a heap of due times."""

    def __init__(self) -> None:
        self._due: list[tuple[datetime, str]] = []
        self._waiting: set[str] = set()
        self._clock = datetime.min.replace(tzinfo=UTC)

    def take(self, event: Event) -> Sequence[str]:
        """Any event of the partition -> the alerts that its time makes due. Exactly 24 h is in time."""
        found: Sequence[str] = ()
        if event.occurred_at > self._clock:
            self._clock = event.occurred_at
            if self._due and self._due[0][0] < self._clock:
                found = self._overdue()
        if event.event_type == "order.submitted" and event.order_id:
            self._waiting.add(event.order_id)
            heappush(self._due, (event.occurred_at + PATIENCE, event.order_id))
        elif event.event_type == "order.acknowledged" and event.order_id:
            self._waiting.discard(event.order_id)
        return found

    def _overdue(self) -> list[str]:
        found = []
        while self._due and self._due[0][0] < self._clock:
            order = heappop(self._due)[1]
            if order in self._waiting:
                self._waiting.discard(order)
                found.append(f"order {order}")
        return found


class Partition:
    """Both rules in one partition, all state in Python objects."""

    def __init__(self) -> None:
        self._bills = Bills()
        self._orders = Orders()

    def take(self, event: Event) -> Sequence[str]:
        """One event -> alerts, `bill ID` and `order ID`."""
        found = self._orders.take(event)
        if event.event_type == "bill.issued":
            spike = self._bills.take(event)
            if spike is not None:
                return [*found, spike]
        return found


def reference(partitions: Iterable[Iterable[bytes]]) -> list[str]:
    """The alerts of whole partitions, sorted: what every contender has to find."""
    found: list[str] = []
    for lines in partitions:
        partition = Partition()
        for line in lines:
            found += partition.take(read(line))
    return sorted(found)
