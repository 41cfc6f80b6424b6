"""What regulators ask and how whole the data are: indicators of 15 and after."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.journey import order_or_line
from tests.warehouse.recount.log import DAY, HOUR, Ev, Log, customer_ticket, day_of, firsts, ms, within
from tests.warehouse.recount.units import Units, add_population

CHARGING = frozenset(
    {"billing", "bill", "bill_dispute", "charging", "charge", "fee", "roaming", "payment", "refund", "tariff", "top_up"}
    | {"value_added_services"}
)
NETWORK = frozenset(
    {"coverage", "broadband", "data_speed", "network", "network_quality", "call_quality", "fault", "no_signal"}
)
REFERENCES = {
    "order.submitted": "order_id",
    "order.acknowledged": "order_id",
    "bill.issued": "bill_id",
    "complaint.opened": "ticket_id",
    "complaint.closed": "ticket_id",
    "ticket.opened": "ticket_id",
    "interaction.contact_completed": "interaction_id",
    "roaming.attached": "trip_id",
    "outage.started": "outage_id",
    "payment.state_changed": "payment_id",
}
STAND_FOR_SYSTEMS = (
    "roaming.attached",
    "outage.started",
    "notification.delivered",
    "payment.state_changed",
    "bill.issued",
    "interaction.contact_completed",
    "complaint.opened",
    "ticket.opened",
    "order.submitted",
)
SETTLED = ("complaint.resolved", "complaint.closed")


def _kind(e: Ev) -> str:
    category = e.a.get("category")
    return "charging" if category in CHARGING else "network" if category in NETWORK else "service"


def appeals(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("regulator.complaint_received"):
        units.add(e, detail=_kind(e))
    return units


def appeals_per_million_daily(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("regulator.complaint_received"):
        units.add(e, base=0.0)
    add_population(units, log)
    return units


def bill_correctness_complaints_per_10k(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("complaint.opened"):
        if e.a["category"] in CHARGING:
            units.add(e, base=0.0)
    for e in log.of("bill.issued"):
        units.add(e, hit=0.0)
    return units


def _billing_complaint(log: Log, facts: Facts, *, weeks: int) -> Units:
    units = Units()
    settled = log.keyed(customer_ticket, *SETTLED)
    charging = [e for e in log.of("complaint.opened") if e.ticket_id and e.a["category"] in CHARGING]
    for e in firsts(charging, customer_ticket, 90 * DAY):
        until = e.at + weeks * 7 * DAY
        if until <= log.now:
            units.add(e, hit=float(bool(within(settled.get(customer_ticket(e)), e.at, until))))
    return units


def weekday(at: int) -> int:
    """0 for Monday, UTC."""
    return datetime.fromtimestamp(at // 1000, UTC).weekday()


def working_days_due(at: int, days: int) -> int:
    """When `days` (5 or 10) working days from `at` are over."""
    monday = {5: 2, 6: 1}.get(weekday(at))
    start = at if monday is None else day_of(at) + monday * DAY
    return start + days // 5 * 7 * DAY


def _settled_in(log: Log, facts: Facts, *, begins: str, ends: tuple[str, ...], days: int) -> Units:
    units = Units()
    ended = log.keyed(customer_ticket, *ends)
    for e in firsts([e for e in log.of(begins) if e.ticket_id], customer_ticket, 90 * DAY):
        due = working_days_due(e.at, days)
        if due <= log.now:
            units.add(e, hit=float(bool(within(ended.get(customer_ticket(e)), e.at, due))))
    return units


def uk_missed_appointment_compensation(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("appointment.missed"):
        units.add(e, hit=3231.0, detail="GBP")
    for e in log.of("appointment.cancelled"):
        if e.a.get("promised_by"):
            promised = ms(e.a["promised_by"])
            if promised - DAY < e.at <= promised:
                units.add(e, hit=3231.0, detail="GBP")
    return units


def uk_late_start_compensation(log: Log, facts: Facts) -> Units:
    units = Units()
    sims = log.keyed(order_or_line, "sim.provisioned")
    for e in firsts([e for e in log.of("service.activated") if order_or_line(e)], order_or_line, 60 * DAY):
        promised = [
            ms(one.a["promised_by"])
            for one in within(sims.get(order_or_line(e)), e.at - 60 * DAY, e.at)
            if one.a.get("line_kind") == "fixed" and one.a.get("promised_by")
        ]
        late = (day_of(e.at) - day_of(promised[0])) // DAY if promised else 0
        if late > 0:
            units.add(e, hit=late * 646.0, detail="GBP")
    return units


def uk_repair_compensation(log: Log, facts: Facts) -> Units:
    units = Units()
    opened = log.keyed(customer_ticket, "ticket.opened")
    solved = [e for e in log.of("ticket.resolved", "ticket.closed") if e.ticket_id]
    for e in firsts(solved, customer_ticket, 31 * DAY):
        found = within(opened.get(customer_ticket(e)), e.at - 31 * DAY, e.at)
        if not found:
            continue
        grace = day_of(found[0].at) + {3: 5, 4: 5, 5: 4}.get(weekday(found[0].at), 3) * DAY
        if e.at > grace:
            units.add(e, hit=-((grace - e.at) // DAY) * 1034.0, detail="GBP")
    return units


def event_delay_p95(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of(*STAND_FOR_SYSTEMS):
        units.add(e, spread=max(0, e.recorded - e.at) / 1000, detail=e.event_type)
    return units


def late_event_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of(*STAND_FOR_SYSTEMS):
        units.add(e, hit=float(e.recorded - e.at > HOUR), detail=e.event_type)
    return units


def reference_missing_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    for name, reference in REFERENCES.items():
        for e in log.of(name):
            units.add(e, hit=float(not getattr(e, reference)), detail=name)
    return units


def outbound_without_outcome(log: Log, facts: Facts) -> Units:
    units = Units()
    heard = log.keyed(_customer_notice, "notification.delivered", "notification.failed")
    for e in log.of("notification.sent"):
        if e.a.get("notice_id") and e.at + HOUR <= log.now:
            hit = not within(heard.get(_customer_notice(e)), e.at, e.at + HOUR)
            units.add(e, hit=float(hit), detail=e.a["purpose"])
    return units


def _customer_notice(e: Ev) -> tuple[str, str]:
    return e.customer_id, e.a.get("notice_id") or ""


RECOUNTS = (
    appeals,
    appeals_per_million_daily,
    bill_correctness_complaints_per_10k,
    uk_missed_appointment_compensation,
    uk_late_start_compensation,
    uk_repair_compensation,
    event_delay_p95,
    late_event_rate,
    reference_missing_rate,
    outbound_without_outcome,
)
NAMED = {
    "billing_complaint_4w": partial(_billing_complaint, weeks=4),
    "billing_complaint_6w": partial(_billing_complaint, weeks=6),
    "complaint_in_5wd": partial(_settled_in, begins="complaint.opened", ends=SETTLED, days=5),
    "complaint_proposal_10wd": partial(_settled_in, begins="complaint.opened", ends=SETTLED, days=10),
    "complaint_fix_5wd": partial(_settled_in, begins="complaint.resolved", ends=("complaint.closed",), days=5),
}
