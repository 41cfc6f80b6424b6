"""Each truth is checked against the log by a small reading of its own, sharing no code with stories or detectors."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from streams.simulator.truth import TruthRecord
from tests.streams.simulator.conftest import DENSE, SimulatedLog

HOURS = timedelta(hours=1)
MINUTES = timedelta(minutes=1)
DAYS = timedelta(days=1)


def at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def of_story(simulated: SimulatedLog, story: str) -> list[TruthRecord]:
    return [record for record in simulated.truth if record.story == story]


@pytest.mark.parametrize(
    "story",
    ["roaming_shock", "dealer_order_lost", "broken_promise", "bill_spike", "activation_late", "repeat_contact",
     "complaint_reopened", "ping_pong"],
)  # fmt: skip
def test_every_story_is_told_in_both_kinds_and_several_ways(simulated: SimulatedLog, story: str) -> None:
    records = of_story(simulated, story)
    assert len([record for record in records if record.kind == "planted"]) >= 40
    assert len([record for record in records if record.kind == "near_miss"]) >= 25
    assert len({record.cause for record in records}) >= 5


def test_every_truth_lies_in_the_span_and_is_told_in_both_languages(simulated: SimulatedLog) -> None:
    for record in simulated.truth:
        assert DENSE.start <= record.began_at <= record.broken_at < DENSE.start + DENSE.days * DAYS, record
        assert record.told.en.isascii(), record
        assert not record.told.zh.isascii(), record


def test_dealer_orders_are_lost_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "dealer_order_lost"):
        order = record.case_id
        (submitted,) = simulated.events(record, "order.submitted", order_id=order)
        known = [at(e) - at(submitted) for e in simulated.events(record, "order.acknowledged", order_id=order)]
        seen = [at(e) - at(submitted) for e in simulated.events(record, "stock.reserved", order_id=order)]
        unfound = simulated.events(record, "interaction.lookup_failed", order_id=order)
        lost = not any(t <= 2 * HOURS for t in known) or not any(t <= 24 * HOURS for t in seen) or bool(unfound)
        by_dealer = "dealer_id" in submitted["attributes"]
        assert (lost and by_dealer) == (record.kind == "planted"), record


def test_promises_are_broken_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "broken_promise"):
        (made,) = simulated.events(record, "commitment.made", commitment_id=record.case_id)
        asked, due = (datetime.fromisoformat(made["attributes"][name]) for name in ("asked_at", "due_at"))
        kept = [at(e) for e in simulated.events(record, "commitment.fulfilled", commitment_id=record.case_id)]
        said = [at(e) for e in simulated.events(record, "commitment.confirmed", commitment_id=record.case_id)]
        marks = simulated.events(record, "survey.answered", commitment_id=record.case_id)
        missed = not any(t <= due for t in kept)
        slow = any(t - asked > 1.5 * (due - asked) for t in said)
        disliked = any(m["attributes"]["score"] <= 6 and at(m) - kept[0] <= 7 * DAYS for m in marks)
        assert (missed or slow or disliked) == (record.kind == "planted"), record


def test_services_are_late_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "activation_late"):
        order = record.case_id
        ready = simulated.events(record, "shipment.delivered", order_id=order) or simulated.events(
            record, "sim.provisioned", order_id=order
        )
        promised = ready[0]["attributes"].get("promised_by") if "attributes" in ready[0] else None
        due = datetime.fromisoformat(promised) if promised else at(ready[0]) + 2 * HOURS
        live = [at(e) for e in simulated.events(record, "service.activated", order_id=order)]
        assert (not any(t <= due for t in live)) == (record.kind == "planted"), record


def test_contacts_repeat_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "repeat_contact"):
        contacts = simulated.events(record, "interaction.contact_completed", reason=record.case_id)
        thrice = any(
            third is not first and at(third) - at(first) <= 7 * DAYS and first["attributes"]["resolved"]
            for first, third in zip(contacts, contacts[2:], strict=False)
        )
        assert thrice == (record.kind == "planted"), record


def test_nobody_else_repeats_a_contact(simulated: SimulatedLog) -> None:
    on_record = {(r.customer_id, r.case_id) for r in of_story(simulated, "repeat_contact") if r.kind == "planted"}
    for customer, events in simulated.of_customer.items():
        by_reason: dict[str, list[datetime]] = {}
        for event in events:
            if event["event_type"] == "interaction.contact_completed":
                by_reason.setdefault(event["attributes"]["reason"], []).append(at(event))
        for reason, times in by_reason.items():
            if any(third - first <= 14 * DAYS for first, third in zip(times, times[2:], strict=False)):
                near = [r for r in of_story(simulated, "repeat_contact") if r.customer_id == customer]
                assert (customer, reason) in on_record or near, (customer, reason)


def test_complaints_return_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "complaint_reopened"):
        reopened = simulated.events(record, "complaint.reopened", category=record.case_id)
        closed = [at(e) for e in simulated.events(record, "complaint.closed", category=record.case_id)]
        opened = [at(e) for e in simulated.events(record, "complaint.opened", category=record.case_id)]
        again = any(timedelta(0) < o - c <= 30 * DAYS for o in opened for c in closed)
        assert (bool(reopened) or again) == (record.kind == "planted"), record


def test_matters_go_round_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "ping_pong"):
        moves = simulated.events(record, "interaction.transferred", interaction_id=record.case_id) + simulated.events(
            record, "ticket.owner_changed", ticket_id=record.case_id
        )
        path = [(e["attributes"]["from_desk"], e["attributes"]["to_desk"], at(e)) for e in moves]
        departments = {desk.partition("/")[0] for a, b, _ in path for desk in (a, b)}
        back = any(a[0] == b[1] and b[2] - a[2] <= 72 * HOURS for a, b in pairwise(path))
        assert (len(path) >= 3 or back or len(departments) >= 3) == (record.kind == "planted"), record


def test_travellers_are_shocked_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "roaming_shock"):
        assert _is_shocked(simulated, record) == (record.kind == "planted"), record


def _is_shocked(simulated: SimulatedLog, record: TruthRecord) -> bool:
    trip = record.case_id
    landed = at(simulated.events(record, "roaming.attached", trip_id=trip)[0])
    charges = simulated.events(record, "charge.rated", trip_id=trip)
    told = simulated.events(record, "notification.delivered", trip_id=trip)
    tariff = [at(e) for e in told if e["attributes"]["purpose"] == "roaming_tariff"]
    if charges and not any(t <= landed + 5 * MINUTES for t in tariff):
        return True
    stops = [at(e) for kind in ("consent.given", "data.blocked") for e in simulated.events(record, kind, trip_id=trip)]
    spent, shocked = 0, False
    for charge in charges:
        before, spent = spent, spent + charge["amount_minor"]
        for percent in (80, 100):
            step = DENSE.roaming_limit_minor * percent // 100
            if before < step <= spent:
                notices = [at(e) - at(charge) for e in told if e["attributes"].get("percent", 0) >= percent]
                shocked |= not any(t <= 5 * MINUTES for t in notices)
        if before <= DENSE.roaming_limit_minor < spent:
            shocked |= not any(t <= at(charge) + 15 * MINUTES for t in stops)
    return shocked


def test_bills_are_spikes_exactly_when_the_truth_says_so(simulated: SimulatedLog) -> None:
    on_record = {r.case_id for r in of_story(simulated, "bill_spike") if r.kind == "planted"}
    seen = set()
    for events in simulated.of_customer.values():
        bills = [event for event in events if event["event_type"] == "bill.issued"]
        for place in range(3, len(bills)):
            habit = sorted(bill["amount_minor"] for bill in bills[place - 3 : place])[1]
            amount = bills[place]["amount_minor"]
            if amount >= 1.5 * habit and amount >= habit + 3_000:
                seen.add(bills[place]["bill_id"])
    assert seen == {case for case in on_record if case.startswith("B")}


def test_months_that_run_up_without_a_bill_are_on_record(simulated: SimulatedLog) -> None:
    for record in of_story(simulated, "bill_spike"):
        if record.cause == "run_up_unbilled":
            bills = [b for b in simulated.events(record, "bill.issued") if at(b) <= record.broken_at]
            habit = sorted(bill["amount_minor"] for bill in bills[-3:])[1]
            since = datetime.fromisoformat(bills[-1]["attributes"]["period_end"])
            charges = simulated.events(record, "charge.rated", roaming=True)
            run_up = sum(e["amount_minor"] for e in charges if since <= at(e) <= record.broken_at)
            assert run_up >= max(1.5 * habit, habit + 3_000), record


def test_a_bill_is_the_sum_of_the_charges_in_its_period(simulated: SimulatedLog) -> None:
    checked = 0
    for events in simulated.of_customer.values():
        for bill in (event for event in events if event["event_type"] == "bill.issued"):
            start, end = (datetime.fromisoformat(bill["attributes"][n]) for n in ("period_start", "period_end"))
            if start < DENSE.start:
                continue
            charges = [e for e in events if e["event_type"] == "charge.rated" and start <= at(e) < end]
            assert sum(charge["amount_minor"] for charge in charges) == bill["amount_minor"], bill["bill_id"]
            checked += 1
    assert checked > 2_000
