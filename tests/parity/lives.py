"""Random lives of three customers that reach into every detector, with pauses from nothing to forty days."""

from __future__ import annotations

from collections.abc import Callable
from random import Random  # noqa: TID251 - seeded
from typing import Any

from detectors.examples import event
from schemas.envelope import Event
from schemas.times import DAY, HOUR, MINUTE, from_ms, iso

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
CUSTOMERS = ("a", "b", "c")
PAUSES = (0, MINUTE, 20 * MINUTE, HOUR, 3 * HOUR, DAY, DAY, 7 * DAY, 29 * DAY, 31 * DAY)
Happening = tuple[str, dict[str, Any]]


def lives(random: Random, events: int) -> list[Event]:
    """`events` events in order of occurrence. A life has its own tempo and few kinds of happenings, which then meet."""
    at = START
    told = []
    tempo = random.choice((PAUSES, PAUSES[:6], PAUSES[4:]))
    happenings = random.sample(HAPPENINGS, random.randrange(2, len(HAPPENINGS)))
    customers = CUSTOMERS[: random.randrange(1, 4)]
    for number in range(events):
        at += random.choice((*tempo, random.randrange(max(tempo) + 9 * DAY)))
        customer = random.choice(customers)
        kind, fields = random.choice(happenings)(random, customer, at)
        one = event(kind, "0 00:00", event_id=f"e{number:04d}", customer_id=customer, **fields)
        one = one.model_copy(update={"occurred_at": from_ms(at), "recorded_at": from_ms(at)})
        one.__dict__.pop("occurred_ms", None)
        told.append(one)
    return told


def _order(random: Random, customer: str) -> dict[str, Any]:
    return {"order_id": f"o{customer}{random.randrange(2)}"}


def _promise(random: Random, customer: str) -> dict[str, Any]:
    return {"commitment_id": f"p{customer}{random.randrange(2)}"}


def _trip(random: Random, customer: str) -> dict[str, Any]:
    return {"line_id": f"l{customer}"} if random.random() < 0.4 else {"trip_id": f"t{customer}{random.randrange(2)}"}


def _complaint(customer: str) -> dict[str, Any]:
    return {"category": "k", "ticket_id": f"k{customer}"}


def _bill(random: Random, customer: str, at: int) -> Happening:
    amount = random.choice((9000, 10000, 30000))
    period = {"period_start": iso(at - 30 * DAY), "period_end": iso(at - DAY)}
    return "bill.issued", {"account_id": f"acc{customer}", "amount_minor": amount, "currency": "CNY", **period}


def _charge(random: Random, customer: str, at: int) -> Happening:
    amount = {"amount_minor": random.choice((600, 9000, 30000)), "currency": "CNY", "account_id": f"acc{customer}"}
    return "charge.rated", {**_trip(random, customer), **amount, "kind": "data", "roaming": True}


def _moved(random: Random, customer: str, at: int) -> Happening:
    desks = {"from_desk": random.choice("ab"), "to_desk": random.choice("abc")}
    return "ticket.owner_changed", {"ticket_id": f"z{customer}", **desks}


def _promised(random: Random, customer: str, at: int) -> Happening:
    due = iso(at + random.choice((HOUR, DAY, 20 * DAY, 70 * DAY)))
    return "commitment.made", {**_promise(random, customer), "due_at": due}


def _fixed(random: Random, customer: str, at: int) -> Happening:
    promised = iso(at + random.randrange(40) * DAY)
    return "sim.provisioned", {**_order(random, customer), "line_kind": "fixed", "promised_by": promised}


HAPPENINGS: tuple[Callable[[Random, str, int], Happening], ...] = (
    lambda r, c, _: ("order.submitted", {**_order(r, c), "channel": "dealer"}),
    lambda r, c, _: ("order.acknowledged", _order(r, c)),
    lambda r, c, _: ("stock.reserved", _order(r, c)),
    lambda r, c, _: ("shipment.delivered", _order(r, c)),
    lambda r, c, _: ("sim.provisioned", {**_order(r, c), "line_kind": "mobile"}),
    _fixed,
    lambda r, c, _: ("service.activated", _order(r, c)),
    lambda r, c, _: ("order.created", {**_order(r, c), "line_kind": "fixed"}),
    _promised,
    lambda r, c, _: ("commitment.fulfilled", _promise(r, c)),
    lambda r, c, _: ("commitment.confirmed", _promise(r, c)),
    lambda r, c, _: ("interaction.contact_completed", {"reason": "r", "resolved": r.random() < 0.5}),
    lambda r, c, _: ("complaint.opened", _complaint(c)),
    lambda r, c, _: ("complaint.closed", _complaint(c)),
    lambda r, c, _: ("complaint.reopened", _complaint(c)),
    _moved,
    lambda r, c, _: ("roaming.attached", {**_trip(r, c), "country": "FR"}),
    _charge,
    _bill,
)
