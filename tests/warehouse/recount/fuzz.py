"""Events nobody would think of: seeded, at the edges of every deadline, with ids that repeat, are missing or clash.

The simulator tells sensible stories and leaves out what no story needs; the definitions must hold for these too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded
from typing import Any

from schemas.examples import example_of
from schemas.times import DAY, HOUR, MINUTE, SECOND, from_ms

STEPS = (
    *[0] * 3,
    *[1, 1_500, 37 * SECOND, 10 * MINUTE, 30 * MINUTE, HOUR] * 3,
    *[3 * HOUR, 7 * HOUR, 11 * HOUR] * 2,
    *[2 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 10 * DAY, 30 * DAY, 31 * DAY],
    *[40 * DAY, 50 * DAY, 60 * DAY, 89 * DAY],
)
"""How far an event may lie behind another of the customer, to the millisecond or one beside it."""
_DELAYS = (0, 0, 0, 0, MINUTE, 14 * MINUTE)
"""How late it comes: the network's events are waited for a quarter of an hour, the others longer."""
_IDS = ("order_id", "bill_id", "ticket_id", "interaction_id", "trip_id", "outage_id", "payment_id", "line_id")
_HELD = ("held", "pending", "inProgress", "cancelled", "rejected", "resolved")


class Fuzz:
    """Lives of `customers` made-up customers between `since` and `until` (ms), `each` events long."""

    def __init__(self, seed: int, since: int, until: int) -> None:
        self._random = Random(seed)
        self._since = since
        self._until = until

    def lines(self, customers: int, each: int) -> list[tuple[int, bytes]]:
        """(time of arrival, JSON) of all events in order of arrival: some late but not too late, some twice."""
        random = self._random
        told = []
        lives = [self._life(f"F{number:05}", each) for number in range(customers)]
        lives += [self._spike(f"S{number:05}") for number in range(customers // 4)]
        for life in lives:
            for at, line in life:
                told += [(at + random.choice(_DELAYS), line) for _ in range(1 + (random.random() < 0.01))]
        return sorted(told)

    def _spike(self, customer: str) -> Iterator[tuple[int, bytes]]:
        """A bill that grows far above the habit before it is issued, then stays below it or not."""
        random = self._random
        start = random.randrange(self._since, self._until - 90 * DAY)
        for month, amount in enumerate((10_000, 12_000, 11_000, random.choice((9_000, 24_000)))):
            at = start + month * 30 * DAY
            period = {"period_start": from_ms(at - 30 * DAY), "period_end": from_ms(at - 8 * HOUR)}
            if at <= self._until:
                yield at, _told("bill.issued", f"{customer}.{month}", customer, at, amount, **period)
        at = start + 69 * DAY
        yield at, _told("charge.rated", f"{customer}.much", customer, at, 16_500, kind="data")

    def _life(self, customer: str, each: int) -> Iterator[tuple[int, bytes]]:
        random = self._random
        kinds, edges = random.choice(THEMES)
        times = [random.randrange(self._since, self._until)]
        for number in range(each):
            base = random.choice(times[-6:])
            step = random.choice(STEPS if random.random() < 0.5 else edges)
            at = base + random.choice((1, 1, 1, -1)) * step + random.choice((0, 0, 0, 1, -1))
            at = min(max(at, self._since), self._until)
            times.append(at)
            name = f"{customer}.{random.randrange(10**6)}.{number}"
            yield at, self._event(random.choice(kinds), name, customer, at)

    def _event(self, kind: str, name: str, customer: str, at: int) -> bytes:
        random = self._random
        ids = {field: random.choice((None, "1", "1", "1", "2")) for field in _IDS}
        event = example_of(
            kind,
            event_id=name,
            customer_id=customer,
            occurred_at=from_ms(at) + timedelta(microseconds=random.choice((0, 0, 0, 1, 999))),
            recorded_at=from_ms(at + random.choice((-900, 0, 900, HOUR, HOUR + 1, DAY))),
            account_id=random.choice((None, "A-1")),
            tier=random.choice(("gold", "gold", "normal", "silver")),
            region=random.choice((None, "zhejiang", "unknown", "fujian")),
            department=random.choice((None, "billing", "call_centre")),
            channel=random.choice(CHANNELS.get(kind, ("call_centre", "app", "store"))),
            touchpoint_id=random.choice((None, None, "no_such", "store_information_sought")),
            amount_minor=self._amount(kind),
            currency=random.choice((None, "CNY", "CNY", "EUR")) if kind in _AMOUNTS else None,
            attributes=ATTRIBUTES.get(kind, lambda _, __: {})(random, at),
            **{field: value and f"{field[0].upper()}{value}" for field, value in ids.items()},
        )
        return event.model_dump_json(exclude_none=True).encode()

    def _amount(self, kind: str) -> int | None:
        return None if kind not in _AMOUNTS else self._random.choice((None, 0, 100, 12_900, _AMOUNTS[kind]))


def _told(kind: str, name: str, customer: str, at: int, amount_minor: int, /, **attributes: Any) -> bytes:
    times = {"occurred_at": from_ms(at), "recorded_at": from_ms(at)}
    event = example_of(
        kind, event_id=name, customer_id=customer, amount_minor=amount_minor, **times, attributes=attributes
    )
    return event.model_dump_json(exclude_none=True).encode()


_AMOUNTS = {"bill.adjusted": -700, "charge.rated": 990, "bill.issued": 40_000, "refund.issued": -50}
CHANNELS: dict[str, tuple[str, ...]] = {
    "order.submitted": ("dealer", "partner", "web"),
    "account.reviewed": ("account_manager", "call_centre"),
    "interaction.outbound_call_completed": ("account_manager", "call_centre"),
    "interaction.advice_given": ("account_manager", "store"),
    "interaction.contact_completed": ("account_manager", "call_centre", "app", "store"),
}


def _later(random: Random, at: int) -> datetime:
    """A deadline: mostly soon and on an edge, sometimes before the event, sometimes far off."""
    return from_ms(at + random.choice((-HOUR, 0, *STEPS, 59 * DAY, 120 * DAY, 121 * DAY, 359 * DAY, 361 * DAY)))


def _maybe(random: Random, *values: Any) -> Any:
    return random.choice((None, *values))


def _said(**fields: Callable[[Random, int], Any]) -> Callable[[Random, int], dict[str, Any]]:
    """Attributes, those that came to None left out."""

    def made(random: Random, at: int) -> dict[str, Any]:
        values = {name: make(random, at) for name, make in fields.items()}
        return {name: value for name, value in values.items() if value is not None}

    return made


def _of(*values: Any) -> Callable[[Random, int], Any]:
    return lambda random, at: random.choice(values)


def _when(chance: float = 0.8) -> Callable[[Random, int], Any]:
    return lambda random, at: _later(random, at) if random.random() < chance else None


_CONTACT = _said(
    reason=_of("billing", "fault"),
    resolved=_of(None, True, False),
    direction=_of(None, "inbound", "outbound"),
    wait_seconds=_of(None, 0, 90, 91, 300),
)
_NOTICE = _said(
    purpose=_of("roaming_tariff", "allowance", "outage", "bill_ready", "contract_end", "roaming_limit"),
    percent=_of(None, 80, 100),
    notice_id=_of(None, "n", "m"),
)
_COMPLAINT = _said(category=_of("billing", "fault", "roaming", "manners"))
_REFERENCE = _said(category=_of(None, "billing", "fault", "roaming", "manners"))
_DESKS = _said(from_desk=_of("billing/a", "network", "call_centre"), to_desk=_of("billing/a", "network", "call_centre"))
ATTRIBUTES: dict[str, Callable[[Random, int], dict[str, Any]]] = {
    "order.submitted": _said(dealer_id=_of(None, "D1", "D2")),
    "order.state_changed": _said(state=_of("completed", "cancelled", "failed", "inProgress")),
    "sim.provisioned": _said(line_kind=_of(None, "mobile", "fixed", "fixed"), promised_by=_when()),
    "service.activated": _said(line_kind=_of(None, "mobile", "mobile", "fixed")),
    "port_in.state_changed": _said(state=_of("requested", "requested", "completed", "done", "cancelled", "rejected")),
    "appointment.booked": _said(promised_by=_when()),
    "appointment.missed": _said(promised_by=_when()),
    "appointment.cancelled": _said(promised_by=_when()),
    "charge.rated": _said(kind=_of("recurring", "recurring", "data", "refund"), roaming=_of(None, True, True, False)),
    "roaming.attached": _said(country=_of("FR", "DE")),
    "roaming.attach_rejected": _said(country=_of("FR", "DE")),
    "ticket.state_changed": _said(state=_of(*_HELD)),
    "usage.threshold_crossed": _said(
        allowance=_of("data", "roaming_spend", "data_spend", "voice"), percent=_of(50, 80, 90, 100)
    ),
    "notification.sent": _NOTICE,
    "notification.delivered": _NOTICE,
    "notification.failed": _NOTICE,
    "bill.issued": lambda random, at: {
        "period_start": from_ms(at - random.choice((30, 31)) * DAY),
        "period_end": from_ms(at),
    },
    "bill.disputed": _said(reason=_of(None, "roaming")),
    "payment.state_changed": _said(
        state=_of("failed", "failed", "denied", "done", "captured", "authorized"), method=_of(None, "card", "bank")
    ),
    "refund.promised": _said(due_at=_when()),
    "interaction.contact_completed": _CONTACT,
    "interaction.transferred": _DESKS,
    "ticket.owner_changed": _DESKS,
    "ai_agent.handed_off": _said(to_desk=_of("billing")),
    "chatbot.session_completed": _said(resolved=_of(True, False)),
    "complaint.opened": _COMPLAINT,
    "complaint.resolved": _REFERENCE,
    "complaint.closed": _REFERENCE,
    "complaint.reopened": _REFERENCE,
    "complaint.escalated": _REFERENCE,
    "regulator.complaint_received": _REFERENCE,
    "commitment.made": lambda random, at: {
        "commitment_id": random.choice("pq"),
        "due_at": _later(random, at),
        **({"asked_at": from_ms(at - random.choice((0, HOUR, DAY)))} if random.random() < 0.5 else {}),
        **({"subject": "call back"} if random.random() < 0.5 else {}),
    },
    "commitment.fulfilled": _said(commitment_id=_of("p", "q")),
    "commitment.confirmed": _said(commitment_id=_of("p", "q")),
    "survey.answered": _said(instrument=_of("nps", "csat", "ces"), score=_of(*range(11))),
    "contract.end_scheduled": lambda random, at: {
        "ends_at": from_ms((at + random.choice((5, 20, 45, 60, 359, 361)) * DAY) // DAY * DAY)
    },
    "account.manager_changed": _said(manager_id=_of(None, "M1", "M2")),
}

_ORDERS = [
    *("order.created", "order.submitted", "order.acknowledged", "order.state_changed", "order.amended"),
    *("quote.issued", "contract.signed", "shipment.created", "shipment.delivered", "sim.provisioned"),
    *("service.activated", "service.activated", "order.state_changed"),
]
_PORTS = ["port_in.state_changed"] * 2 + ["appointment.booked", "appointment.missed", "appointment.cancelled"]
_TRIPS = [
    *("roaming.attached", "roaming.attached", "roaming.attach_rejected", "notification.delivered"),
    *("notification.sent", "notification.failed", "usage.threshold_crossed", "charge.rated"),
]
_OUTAGES = [
    *("outage.started", "outage.started", "outage.ended", "notification.delivered"),
    *("interaction.contact_completed", "ticket.opened", "complaint.opened", "chatbot.session_completed"),
]
_BILLS = [
    *("bill.issued", "bill.issued", "bill.disputed", "bill.adjusted", "notification.delivered"),
    *("payment.state_changed", "refund.promised", "refund.issued", "service.suspended", "service.restored"),
]
_CARE = [
    *("interaction.contact_completed", "interaction.contact_completed", "interaction.transferred"),
    *("ai_agent.handed_off", "ticket.opened", "ticket.state_changed", "ticket.resolved", "ticket.closed"),
    *("ticket.owner_changed", "survey.answered"),
]
_COMPLAINTS = [
    *("complaint.opened", "complaint.opened", "complaint.resolved", "complaint.closed", "complaint.closed"),
    *("complaint.reopened", "complaint.escalated", "regulator.complaint_received", "ticket.state_changed"),
    "interaction.contact_completed",
]
_PROMISES = ["commitment.made", "commitment.fulfilled", "commitment.confirmed", "survey.answered"]
_ENDS = [
    *("contract.end_scheduled", "contract.end_scheduled", "interaction.renewal_contacted", "notification.delivered"),
    *("cancel.requested", "cancel.confirmed", "port_out.requested", "retention.offer_accepted", "contract.renewed"),
    *("churn.confirmed", "port_out.completed", "charge.rated", "contract.signed", "bill.issued"),
]
_VALUED = [
    *("account.manager_changed", "account.reviewed", "interaction.outbound_call_completed", "bill.issued"),
    *("interaction.advice_given", "interaction.roadmap_discussed", "interaction.contact_completed"),
    *("interaction.renewal_contacted", "commitment.made", "complaint.opened", "churn.confirmed"),
]
_GONE = ["cancel.confirmed", "charge.rated", "charge.rated", "charge.rated", "retention.offer_accepted"]
_CUT_OFF = ["service.suspended", "service.restored", "payment.state_changed", "refund.promised", "refund.issued"]
THEMES: Sequence[tuple[list[str], tuple[int, ...]]] = (
    (_GONE, (30 * DAY, 90 * DAY)),
    (_CUT_OFF, (60 * DAY, 90 * DAY)),
    (_ORDERS, (2 * HOUR, 30 * DAY, 31 * DAY, 60 * DAY, 90 * DAY)),
    (_PORTS, (DAY, 2 * DAY, 3 * DAY, 7 * DAY, 10 * DAY)),
    (_TRIPS, (5 * MINUTE, HOUR, 2 * HOUR, DAY, 30 * DAY)),
    (_OUTAGES, (DAY, 31 * DAY)),
    (_BILLS, (DAY, 3 * DAY, 60 * DAY, 100 * DAY)),
    (_CARE, (DAY, 2 * DAY, 7 * DAY, 30 * DAY, 31 * DAY)),
    (_COMPLAINTS, (7 * DAY, 28 * DAY, 30 * DAY, 42 * DAY, 90 * DAY, 120 * DAY)),
    (_PROMISES, (HOUR, 60 * DAY)),
    (_ENDS, (7 * DAY, 30 * DAY, 90 * DAY)),
    (_VALUED, (30 * DAY, 60 * DAY, 90 * DAY)),
)
"""What a made-up life is about: its events, and the deadlines that the definitions have for them."""


def mixed(lines: Sequence[bytes], fuzz: Sequence[tuple[int, bytes]], time_of: Callable[[bytes], int]) -> list[bytes]:
    """The log with the made-up events put in so that none of them comes late."""
    out: list[bytes] = []
    place = 0
    front = -1
    for line in lines:
        at = time_of(line)
        if at > front:
            front = at
            while place < len(fuzz) and fuzz[place][0] <= at:
                out.append(fuzz[place][1])
                place += 1
        out.append(line)
    return out + [line for _, line in fuzz[place:]]
