"""Contacts, complaints, promises, surveys: indicators of 09_contacts, 10_complaints and 11_promises."""

from __future__ import annotations

from collections.abc import Iterator

from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.log import (
    DAY,
    Ev,
    Log,
    customer,
    customer_ticket,
    firsts,
    grouped,
    ms,
    within,
)
from tests.warehouse.recount.units import Units, add_population

CONTACT = "interaction.contact_completed"


def inbound(log: Log) -> list[Ev]:
    """Contacts whose direction is not outbound."""
    return [e for e in log.of(CONTACT) if e.a.get("direction") != "outbound"]


def customer_reason(e: Ev) -> tuple[str, str]:
    """Key: the customer's matter."""
    return e.customer_id, e.a["reason"]


def _neighbours(log: Log) -> Iterator[tuple[Ev | None, Ev, Ev | None]]:
    """Every inbound contact between the one before and the one after it about the same matter."""
    for one_matter in grouped(inbound(log), customer_reason).values():
        yield from zip([None, *one_matter[:-1]], one_matter, [*one_matter[1:], None], strict=True)


def contacts(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in inbound(log):
        units.add(e, detail=e.a["reason"])
    return units


def fcr_7d(log: Log, facts: Facts) -> Units:
    units = Units()
    for _, e, after in _neighbours(log):
        if e.a.get("resolved"):
            units.add(e, hit=float(after is None or after.at - e.at > 7 * DAY), detail=e.a["reason"])
    return units


def repeat_contact_7d(log: Log, facts: Facts) -> Units:
    units = Units()
    for before, e, _ in _neighbours(log):
        units.add(e, hit=float(before is not None and e.at - before.at <= 7 * DAY), detail=e.a["reason"])
    return units


def customer_interaction(e: Ev) -> tuple[str, str]:
    """Key: the customer's interaction."""
    return e.customer_id, e.interaction_id


def transfer_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    passed = log.keyed(customer_interaction, "interaction.transferred", "ai_agent.handed_off")
    for e in inbound(log):
        if e.interaction_id:
            units.add(e, hit=float(bool(within(passed.get(customer_interaction(e)), e.at - DAY, e.at))))
    return units


def answered_90s(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in inbound(log):
        if e.a.get("wait_seconds") is not None:
            units.add(e, hit=float(e.a["wait_seconds"] <= 90))
    return units


def answer_wait_p95(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in inbound(log):
        if e.a.get("wait_seconds") is not None:
            units.add(e, spread=float(e.a["wait_seconds"]), detail=e.a["reason"])
    return units


def _switches(log: Log) -> Units:
    units = Units()
    for before, e, _ in _neighbours(log):
        if before is not None and e.at - before.at <= 7 * DAY and before.channel != e.channel:
            units.add(e, spread=(e.at - before.at) / 1000, detail=f"{before.channel}>{e.channel}")
    return units


def channel_switches(log: Log, facts: Facts) -> Units:
    return _switches(log)


def channel_switch_delay_p50(log: Log, facts: Facts) -> Units:
    return _switches(log)


def complaints(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("complaint.opened"):
        units.add(e, detail=e.a["category"])
    return units


def complaint_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("complaint.opened"):
        units.add(e, base=0.0)
    add_population(units, log)
    return units


def complaint_reopen_30d(log: Log, facts: Facts) -> Units:
    units = Units()
    again = log.keyed(customer, "complaint.reopened", "complaint.opened")
    for e in log.of("complaint.closed"):
        category = e.a.get("category") or ""
        came_back = any(
            one.order > e.order
            and (
                (one.event_type == "complaint.reopened" and e.ticket_id and one.ticket_id == e.ticket_id)
                or (
                    one.event_type == "complaint.opened"
                    and category
                    and one.a["category"] == category
                    and one.ticket_id != e.ticket_id
                )
            )
            for one in within(again.get(e.customer_id), e.at, e.at + 30 * DAY)
        )
        units.add(e, hit=float(came_back), detail=category or "unknown")
    return units


def _first_contact(log: Log, opened: Ev) -> int:
    """When the customer first spoke of what he then complained about."""
    spoke = log.keyed(customer, CONTACT)
    about = [
        one
        for one in within(spoke.get(opened.customer_id), opened.at - 30 * DAY, opened.at)
        if one.a.get("direction") != "outbound"
        and (one.ticket_id == opened.ticket_id or one.a["reason"] == opened.a["category"])
    ]
    return min([opened.at, *(one.at for one in about)])


def _complaint_time(log: Log) -> Units:
    units = Units()
    opened = log.keyed(customer_ticket, "complaint.opened")
    later = log.keyed(customer_ticket, "complaint.reopened", "complaint.closed")
    for e in log.of("complaint.closed"):
        if not e.ticket_id:
            continue
        key = customer_ticket(e)
        if any(one.order > e.order for one in within(later[key], e.at, e.at + 30 * DAY)):
            continue
        openings = within(opened.get(key), e.at - 120 * DAY, e.at)
        if openings:
            spread = (e.at - _first_contact(log, openings[0])) / 1000
            units.add(e, spread=spread, detail=openings[0].a["category"])
    return units


def complaint_time_p90(log: Log, facts: Facts) -> Units:
    return _complaint_time(log)


def complaint_time_p50(log: Log, facts: Facts) -> Units:
    return _complaint_time(log)


def _operator_time(log: Log) -> Units:
    units = Units()
    opened = log.keyed(customer_ticket, "complaint.opened")
    changed = log.keyed(customer_ticket, "ticket.state_changed")
    settled = [e for e in log.of("complaint.resolved", "complaint.closed") if e.ticket_id]
    for e in firsts(settled, customer_ticket, 120 * DAY):
        key = customer_ticket(e)
        openings = within(opened.get(key), e.at - 120 * DAY, e.at)
        if not openings:
            continue
        start = openings[0].at
        states = within(changed.get(key), start, e.at)
        ends = [*(one.at for one in states[1:]), e.at]
        held = sum(
            end - one.at for one, end in zip(states, ends, strict=False) if one.a["state"] in ("held", "pending")
        )
        units.add(e, spread=(e.at - start - held) / 1000)
    return units


def complaint_time_operator_p90(log: Log, facts: Facts) -> Units:
    return _operator_time(log)


def complaint_time_operator_p50(log: Log, facts: Facts) -> Units:
    return _operator_time(log)


def complaint_escalation_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    higher = log.keyed(customer_ticket, "complaint.escalated")
    authority = log.keyed(customer, "regulator.complaint_received")
    for e in log.of("complaint.opened"):
        if e.ticket_id:
            until = e.at + 30 * DAY
            went = within(higher.get(customer_ticket(e)), e.at, until)
            units.add(e, hit=float(bool(went or within(authority.get(e.customer_id), e.at, until))))
    return units


def customer_commitment(e: Ev) -> tuple[str, str]:
    """Key: the promise."""
    return e.customer_id, e.a["commitment_id"]


def promise_kept(log: Log, facts: Facts) -> Units:
    units = Units()
    done = log.keyed(customer_commitment, "commitment.fulfilled")
    confirmed = log.keyed(customer_commitment, "commitment.confirmed")
    for e in firsts(log.of("commitment.made"), customer_commitment, 60 * DAY):
        due = ms(e.a["due_at"])
        if not e.at <= due <= e.at + 120 * DAY or due > log.now:
            continue
        key = customer_commitment(e)
        asked = ms(e.a["asked_at"]) if e.a.get("asked_at") else e.at
        said = within(confirmed.get(key), e.at, due + 60 * DAY)
        late = bool(said) and due > asked and (said[0].at - asked) * 2 > 3 * (due - asked)
        kept = bool(within(done.get(key), e.at, due)) and not late
        units.add(e, at=due, hit=float(kept), detail=e.a.get("subject") or "unknown")
    return units


def handoffs(log: Log, facts: Facts) -> Units:
    units = Units()
    for row in facts.handoffs:
        units.put(row["at"], row["customer_id"], **_of_handoff(row))
    return units


def _of_handoff(row: dict[str, str]) -> dict[str, str]:
    return {
        "channel": row["channel"],
        "tier": row["tier"],
        "department": row["from_desk"].split("/", 1)[0],
        "detail": f"{row['from_desk']}>{row['to_desk']}",
    }


def handoff_return_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    seen: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in sorted(facts.handoffs, key=lambda row: (row["at"], row["event_id"])):
        if not row["case_id"]:
            continue
        before = seen.setdefault((row["customer_id"], row["case_id"]), [])
        if row["from_desk"] != row["to_desk"]:
            back = any(desk == row["to_desk"] and row["at"] - at <= 30 * DAY for at, desk in before)
            units.put(row["at"], row["customer_id"], hit=float(back), **_of_handoff(row))
        before.append((row["at"], row["from_desk"]))
    return units


def _surveys(log: Log, instrument: str) -> list[Ev]:
    return [e for e in log.of("survey.answered") if e.a["instrument"] == instrument]


def nps(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in _surveys(log, "nps"):
        score = e.a["score"]
        units.add(e, hit=1.0 if score >= 9 else -1.0 if score <= 6 else 0.0)
    return units


def csat(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in _surveys(log, "csat"):
        units.add(e, hit=float(e.a["score"]))
    return units


def ces(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in _surveys(log, "ces"):
        units.add(e, hit=float(e.a["score"]))
    return units


RECOUNTS = (
    contacts,
    fcr_7d,
    repeat_contact_7d,
    transfer_rate,
    answered_90s,
    answer_wait_p95,
    channel_switches,
    channel_switch_delay_p50,
    complaints,
    complaint_rate,
    complaint_reopen_30d,
    complaint_time_p90,
    complaint_time_p50,
    complaint_time_operator_p90,
    complaint_time_operator_p50,
    complaint_escalation_rate,
    promise_kept,
    handoffs,
    handoff_return_rate,
    nps,
    csat,
    ces,
)
