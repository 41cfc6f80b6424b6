"""Trips, outages, faults, notices: indicators of 04_roaming, 05_network and 06_notices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.log import DAY, HOUR, Ev, Log, customer, customer_ticket, firsts, grouped, within
from tests.warehouse.recount.units import Units, add_population


def customer_trip(e: Ev) -> tuple[str, str]:
    """Key: the customer's trip, empty when not named."""
    return e.customer_id, e.trip_id


def customer_outage(e: Ev) -> tuple[str, str]:
    """Key: the customer's outage."""
    return e.customer_id, e.outage_id


def trips(attempts: list[Ev]) -> list[Ev]:
    """Those that begin a trip."""
    named = firsts([e for e in attempts if e.trip_id], customer_trip, 30 * DAY)
    return named + firsts([e for e in attempts if not e.trip_id], customer, DAY)


def roaming_trips(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in trips(log.of("roaming.attached")):
        units.add(e, detail=e.a["country"])
    return units


def roaming_spend(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("charge.rated"):
        if e.a.get("roaming") and e.a["kind"] != "refund" and (e.amount_minor or 0) > 0:
            units.add(e, hit=float(e.amount_minor or 0), detail=e.currency)
    return units


def roaming_attach_ok(log: Log, facts: Facts) -> Units:
    units = Units()
    attached = log.keyed(customer_trip, "roaming.attached")
    for e in trips(log.of("roaming.attached", "roaming.attach_rejected")):
        if e.at + 2 * HOUR <= log.now:
            ok = within(attached.get(customer_trip(e)), e.at, e.at + 2 * HOUR)
            units.add(e, hit=float(bool(ok)), detail=e.a["country"])
    return units


def _hit_by_outage(log: Log) -> list[Ev]:
    started = log.of("outage.started")
    named = firsts([e for e in started if e.outage_id], customer_outage, 31 * DAY)
    return named + [e for e in started if not e.outage_id]


def outages(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in _hit_by_outage(log):
        units.add(e)
    return units


def outage_frequency_per_1000(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in _hit_by_outage(log):
        units.add(e, base=0.0)
    add_population(units, log)
    return units


def outage_duration_p95(log: Log, facts: Facts) -> Units:
    units = Units()
    started = log.keyed(customer_outage, "outage.started")
    for e in firsts([e for e in log.of("outage.ended") if e.outage_id], customer_outage, 31 * DAY):
        found = within(started.get(customer_outage(e)), e.at - 31 * DAY, e.at)
        if found:
            units.add(e, spread=(e.at - found[0].at) / 1000)
    return units


def outage_told_first(log: Log, facts: Facts) -> Units:
    units = Units()
    told = grouped_by_purpose(log, "notification.delivered")
    asked = log.keyed(
        customer,
        "interaction.contact_completed",
        "ticket.opened",
        "complaint.opened",
        "chatbot.session_completed",
    )
    for e in firsts([e for e in log.of("outage.started") if e.outage_id], customer_outage, 31 * DAY):
        until = e.at + DAY
        if until > log.now:
            continue
        notices = [
            one for one in within(told.get((e.customer_id, "outage")), e.at, until) if one.outage_id == e.outage_id
        ]
        contacts = [
            one for one in within(asked.get(e.customer_id), e.at, until) if one.a.get("direction") != "outbound"
        ]
        first = bool(notices) and (not contacts or notices[0].at < contacts[0].at)
        units.add(e, hit=float(first))
    return units


def grouped_by_purpose(log: Log, event_type: str) -> dict[Any, list[Ev]]:
    """Notices by customer and purpose."""
    return log.keyed(customer_purpose, event_type)


def customer_purpose(e: Ev) -> tuple[str, str]:
    """Key: the customer and what the notice is about."""
    return e.customer_id, e.a["purpose"]


def fault_rate_per_1000(log: Log, facts: Facts) -> Units:
    units = Units()
    opened = log.of("ticket.opened")
    named = firsts([e for e in opened if e.ticket_id], customer_ticket, 31 * DAY)
    for e in named + [e for e in opened if not e.ticket_id]:
        units.add(e, base=0.0)
    add_population(units, log)
    return units


def fault_repair_in_time(log: Log, facts: Facts) -> Units:
    units = Units()
    solved = log.keyed(customer_ticket, "ticket.resolved", "ticket.closed")
    changed = log.keyed(customer_ticket, "ticket.state_changed")
    for e in firsts([e for e in log.of("ticket.opened") if e.ticket_id], customer_ticket, 31 * DAY):
        key, until = customer_ticket(e), e.at + 48 * HOUR
        states = {one.a["state"] for one in within(changed.get(key), e.at, until)}
        if until <= log.now and not states & {"cancelled", "rejected"}:
            units.add(e, hit=float(bool(within(solved.get(key), e.at, until))))
    return units


def fault_repair_time_p80(log: Log, facts: Facts) -> Units:
    units = Units()
    opened = log.keyed(customer_ticket, "ticket.opened")
    solved = [e for e in log.of("ticket.resolved", "ticket.closed") if e.ticket_id]
    for e in firsts(solved, customer_ticket, 31 * DAY):
        found = within(opened.get(customer_ticket(e)), e.at - 31 * DAY, e.at)
        if found:
            units.add(e, spread=(e.at - found[0].at) / 1000)
    return units


def customer_trip_currency(e: Ev) -> tuple[str, str, str]:
    """Key: what roaming money runs up in."""
    return e.customer_id, e.trip_id, e.currency


def _reaching(charges: list[Ev]) -> Iterator[tuple[Ev, int, int]]:
    """Every charge of a key with what has run up by it in 30 days, and the most that had by one before it."""
    sums: list[tuple[int, int]] = []
    for e in charges:
        run_up = sum(one.amount_minor or 0 for one in within(charges, e.at - 30 * DAY, e.at))
        before = max((total for at, total in sums if at >= e.at - 30 * DAY), default=-1)
        sums.append((e.at, run_up))
        yield e, run_up, before


def _triggers(log: Log, steps: list[dict[str, Any]]) -> Iterator[tuple[Ev, dict[str, Any]]]:
    """Every event that makes a step due, with the step."""
    by_metric = defaultdict(list)
    for step in steps:
        by_metric[step["metric"]].append(step)
    for e in trips(log.of("roaming.attached")):
        yield from ((e, step) for step in by_metric["roaming_entry"] if step["percent"] == 0)
    for e in log.of("usage.threshold_crossed"):
        metric = "data_spend" if e.a["allowance"] == "data_spend" else "allowance"
        yield from ((e, step) for step in by_metric[metric] if step["percent"] == e.a["percent"])
    spent = [e for e in log.of("charge.rated") if e.a.get("roaming") and e.a["kind"] != "refund"]
    for charges in grouped([e for e in spent if (e.amount_minor or 0) > 0], customer_trip_currency).values():
        for e, run_up, before in _reaching(charges):
            for step in by_metric["roaming_spend"]:
                needed = step["limit_minor"] * step["percent"]
                if step["currency"] == e.currency and before * 100 < needed <= run_up * 100 and step["limit_minor"]:
                    yield e, step


def _duties(log: Log, facts: Facts) -> Iterator[tuple[Ev, dict[str, Any], int]]:
    """Trigger, step and due time of every duty whose time is over."""
    active = [step for step in facts.steps if step["active"] and step["within_ms"] <= DAY]
    for e, step in _triggers(log, active):
        day = datetime.fromtimestamp(e.at // 1000, UTC).date()
        until = step["effective_to"]
        open_on = _date(step["effective_from"]) <= day and (until is None or day <= _date(until))
        due = e.at + step["within_ms"]
        if open_on and due <= log.now:
            yield e, step, due


def _date(said: date | str) -> date:
    return date.fromisoformat(said) if isinstance(said, str) else said


def _fits(notice: Ev, trigger: Ev, percent: int) -> bool:
    said = notice.a.get("percent")
    return (said is None or said >= percent) and same_trip(notice, trigger)


def same_trip(one: Ev, other: Ev) -> bool:
    """Whether the trips are equal or one is not named."""
    return not one.trip_id or not other.trip_id or one.trip_id == other.trip_id


def _notices(log: Log, facts: Facts, notice: str, *, only_told: bool) -> Units:
    units = Units()
    told = grouped_by_purpose(log, notice)
    for e, step, due in _duties(log, facts):
        found = within(told.get((e.customer_id, step["purpose"])), e.at, due)
        hit = any(_fits(one, e, step["percent"]) for one in found)
        if hit or not only_told:
            units.add(e, at=due, hit=float(hit), detail=step["pack"])
    return units


def notices_due(log: Log, facts: Facts) -> Units:
    units = Units()
    for e, step, due in _duties(log, facts):
        units.add(e, at=due, detail=step["pack"])
    return units


def notices_sent(log: Log, facts: Facts) -> Units:
    return _notices(log, facts, "notification.sent", only_told=True)


def notices_delivered(log: Log, facts: Facts) -> Units:
    return _notices(log, facts, "notification.delivered", only_told=True)


def notified_before_charge(log: Log, facts: Facts) -> Units:
    return _notices(log, facts, "notification.delivered", only_told=False)


def notice_latency_p95(log: Log, facts: Facts) -> Units:
    units = Units()
    told = grouped_by_purpose(log, "notification.delivered")
    for e in trips(log.of("roaming.attached")):
        found = within(told.get((e.customer_id, "roaming_tariff")), e.at, e.at + DAY)
        found = [one for one in found if same_trip(one, e)]
        if found:
            units.add(e, spread=(found[0].at - e.at) / 1000, detail="roaming_tariff")
    for e in log.of("usage.threshold_crossed"):
        found = within(told.get((e.customer_id, "allowance")), e.at, e.at + DAY)
        found = [one for one in found if one.a.get("percent") is None or one.a["percent"] >= e.a["percent"]]
        if found:
            units.add(e, spread=(found[0].at - e.at) / 1000, detail="allowance")
    return units


def notice_failure_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("notification.failed", "notification.delivered"):
        units.add(e, hit=float(e.event_type == "notification.failed"), detail=e.a["purpose"])
    return units


RECOUNTS = (
    roaming_trips,
    roaming_spend,
    roaming_attach_ok,
    outages,
    outage_frequency_per_1000,
    outage_duration_p95,
    outage_told_first,
    fault_rate_per_1000,
    fault_repair_in_time,
    fault_repair_time_p80,
    notices_due,
    notices_sent,
    notices_delivered,
    notified_before_charge,
    notice_latency_p95,
    notice_failure_rate,
)
