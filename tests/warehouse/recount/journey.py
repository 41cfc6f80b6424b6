"""Stages, orders, activation: indicators of 01_journey, 02_purchase and 03_activate."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime

from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.log import (
    DAY,
    HOUR,
    Ev,
    Log,
    customer_order,
    day_of,
    firsts,
    ms,
    within,
)
from tests.warehouse.recount.units import Units

DONE = ("completed", "done")


def stage_customers(log: Log, facts: Facts) -> Units:
    units = Units()
    for row in facts.transitions:
        person = log.people.get(row["customer_id"])
        units.put(
            row["at"],
            row["customer_id"],
            stage=row["to_stage"],
            tier="normal" if person is None else person.tier,
        )
    return units


def stage_moves(log: Log, facts: Facts) -> Units:
    units = Units()
    for row in facts.transitions:
        units.put(
            row["at"],
            row["customer_id"],
            stage=row["to_stage"],
            touchpoint=row["touchpoint"],
            detail=f"{row['from_stage'] or 'start'}>{row['to_stage']}",
        )
    return units


def stage_dwell_p50(log: Log, facts: Facts) -> Units:
    units = Units()
    for row in facts.transitions:
        if row["from_stage"]:
            units.put(
                row["at"],
                row["customer_id"],
                spread=row["after_ms"] / 1000,
                stage=row["from_stage"],
                detail=f"{row['from_stage']}>{row['to_stage']}",
            )
    return units


def orders(log: Log, facts: Facts) -> Units:
    units = Units()
    taken = log.of("order.created", "order.submitted")
    for e in firsts([e for e in taken if e.order_id], customer_order, 31 * DAY):
        units.add(e)
    for e in taken:
        if not e.order_id:
            units.add(e)
    return units


def handoff_loss(log: Log, facts: Facts) -> Units:
    units = Units()
    known = log.keyed(customer_order, "order.acknowledged", "order.state_changed")
    partners = [e for e in log.of("order.submitted") if e.channel in ("dealer", "partner") and e.order_id]
    for e in firsts(partners, customer_order, 31 * DAY):
        if e.at + 2 * HOUR <= log.now:
            lost = not within(known.get(customer_order(e)), e.at, e.at + 2 * HOUR)
            units.add(e, hit=float(lost), detail=e.a.get("dealer_id") or "unknown")
    return units


def order_right_first_time(log: Log, facts: Facts) -> Units:
    units = Units()
    amended = log.keyed(customer_order, "order.amended")
    done = [e for e in log.of("order.state_changed") if e.a["state"] == "completed" and e.order_id]
    for e in firsts(done, customer_order, 90 * DAY):
        wrong = within(amended.get(customer_order(e)), e.at - 90 * DAY, e.at)
        units.add(e, hit=float(not wrong))
    return units


def price_told_first(log: Log, facts: Facts) -> Units:
    units = Units()
    quotes = log.keyed(customer_order, "quote.issued")
    for e in log.of("contract.signed"):
        told = within(quotes.get(customer_order(e)), e.at - 30 * DAY, e.at)
        units.add(e, hit=float(bool(told)))
    return units


def order_or_line(e: Ev) -> Hashable:
    """The scope of an activation: the order, else the line; None when neither is known."""
    if e.order_id:
        return e.customer_id, "order", e.order_id
    return (e.customer_id, "line", e.line_id) if e.line_id else None


def activate_time_p90(log: Log, facts: Facts) -> Units:
    units = Units()
    sims = log.keyed(order_or_line, "sim.provisioned")
    sent = log.keyed(order_or_line, "shipment.created", "shipment.delivered")
    alive = log.keyed(order_or_line, "service.activated")
    scoped = [e for e in log.of("service.activated") if order_or_line(e)]
    for e in firsts(scoped, order_or_line, 90 * DAY):
        scope, since = order_or_line(e), e.at - 90 * DAY
        sim = within(sims.get(scope), since, e.at)
        parcels = within(sent.get(scope), since, e.at)
        starts = [one for one in parcels if one.event_type == "shipment.delivered"] if parcels else sim
        fixed = [one for one in (*sim, *within(alive.get(scope), since, e.at)) if one.a.get("line_kind") == "fixed"]
        if starts and not fixed:
            units.add(e, spread=(e.at - starts[0].at) / 1000)
    return units


def supply_time_p95(log: Log, facts: Facts) -> Units:
    units = Units()
    taken = log.keyed(customer_order, "order.created", "order.submitted")
    ordered = [e for e in log.of("service.activated") if e.order_id]
    for e in firsts(ordered, customer_order, 90 * DAY):
        found = within(taken.get(customer_order(e)), e.at - 90 * DAY, e.at)
        if found:
            units.add(e, spread=(e.at - found[0].at) / 1000, detail=e.a.get("line_kind") or "unknown")
    return units


def install_promise_kept(log: Log, facts: Facts) -> Units:
    units = Units()
    alive = log.keyed(order_or_line, "service.activated")
    stopped = log.keyed(order_or_line, "order.state_changed")
    promised = [
        e
        for e in log.of("sim.provisioned")
        if e.a.get("line_kind") == "fixed" and e.a.get("promised_by") and order_or_line(e)
    ]
    for e in firsts(promised, order_or_line, 60 * DAY):
        due, scope = ms(e.a["promised_by"]), order_or_line(e)
        since = e.at - 60 * DAY
        changes = within(stopped.get(scope), since, due)
        if due > log.now or not e.at <= due <= e.at + 60 * DAY:
            continue
        if any(one.a["state"] in ("cancelled", "rejected", "failed") for one in changes):
            continue
        units.add(e, at=due, hit=float(bool(within(alive.get(scope), since, due))))
    return units


def customer_line(e: Ev) -> tuple[str, str]:
    """Key: the customer's line."""
    return e.customer_id, e.line_id


def one_working_day(at: int) -> int:
    """When a port asked for at `at` is due, in UTC."""
    weekday = datetime.fromtimestamp(at / 1000, UTC).weekday()
    if weekday < 4:
        return at + DAY
    if weekday == 4:
        return at + 3 * DAY
    return day_of(at) + (3 if weekday == 5 else 2) * DAY


def _ports(log: Log) -> list[Ev]:
    asked = [e for e in log.of("port_in.state_changed") if e.a["state"] == "requested"]
    return firsts(asked, customer_line, 7 * DAY)


def port_in_1wd(log: Log, facts: Facts) -> Units:
    units = Units()
    moves = log.keyed(customer_line, "port_in.state_changed")
    for e in _ports(log):
        due = one_working_day(e.at)
        states = {one.a["state"] for one in within(moves[customer_line(e)], e.at, due)}
        if due <= log.now and not states & {"cancelled", "rejected"}:
            units.add(e, hit=float(bool(states & set(DONE))))
    return units


def port_in_success(log: Log, facts: Facts) -> Units:
    units = Units()
    moves = log.keyed(customer_line, "port_in.state_changed")
    for e in _ports(log):
        if e.at + 10 * DAY <= log.now:
            after = within(moves[customer_line(e)], e.at, e.at + 10 * DAY)
            units.add(e, hit=float(any(one.a["state"] in DONE for one in after)))
    return units


def appointment_missed_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    missed = log.keyed(customer_order, "appointment.missed")
    cancelled = log.keyed(customer_order, "appointment.cancelled")
    for e in log.of("appointment.booked"):
        if not e.a.get("promised_by"):
            continue
        due = ms(e.a["promised_by"])
        if due + 2 * DAY > log.now or not e.at <= due <= e.at + 60 * DAY:
            continue
        if not within(cancelled.get(customer_order(e)), e.at, due):
            units.add(e, at=due, hit=float(bool(within(missed.get(customer_order(e)), e.at, due + 2 * DAY))))
    return units


RECOUNTS = (
    stage_customers,
    stage_moves,
    stage_dwell_p50,
    orders,
    handoff_loss,
    order_right_first_time,
    price_told_first,
    activate_time_p90,
    supply_time_p95,
    install_promise_kept,
    port_in_1wd,
    port_in_success,
    appointment_missed_rate,
)
