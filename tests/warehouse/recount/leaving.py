"""Leaving, moments, valued customers: indicators of 12_renew_or_leave, 13_moments and 14_vip."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.log import DAY, LEAVING, Ev, Log, Person, customer, firsts, ms, within
from tests.warehouse.recount.units import Units, add_population

STAYING = ("retention.offer_accepted", "contract.renewed")
OUTCOMES = (
    "complaint.opened",
    "regulator.complaint_received",
    "port_out.requested",
    "cancel.confirmed",
    "churn.confirmed",
)
VALUED = ("diamond", "gold", "silver")
SPOKEN = (
    "interaction.outbound_call_completed",
    "interaction.renewal_contacted",
    "account.reviewed",
    "interaction.advice_given",
    "interaction.roadmap_discussed",
)


def customer_line(e: Ev) -> tuple[str, str]:
    """Key: the customer's line."""
    return e.customer_id, e.line_id


def _ends_of_terms(log: Log) -> Iterator[tuple[Ev, int]]:
    """The last announcement of every end of a term that was not superseded, and the end."""
    for announced in log.keyed(customer_line, "contract.end_scheduled").values():
        last: dict[int, Ev] = {}
        for e in announced:
            ends = ms(e.a["ends_at"])
            if ends - 360 * DAY <= e.at <= ends:
                last[ends] = e
        for ends, e in last.items():
            superseded = any(e.at < one.at <= ends and ms(one.a["ends_at"]) != ends for one in announced)
            if not superseded:
                yield e, ends


def expiry_contacted(log: Log, facts: Facts) -> Units:
    units = Units()
    gone = log.keyed(customer, *LEAVING)
    spoken = log.keyed(customer, "interaction.renewal_contacted", "notification.delivered")
    for e, ends in _ends_of_terms(log):
        if ends > log.now or within(gone.get(e.customer_id), e.at, ends - 10 * DAY):
            continue
        found = within(spoken.get(e.customer_id), ends - 40 * DAY, ends - 10 * DAY)
        contacted = any(
            one.event_type == "interaction.renewal_contacted" or one.a["purpose"] == "contract_end" for one in found
        )
        units.add(e, at=ends, hit=float(contacted))
    return units


def retention_save_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    gone, stayed = log.keyed(customer, *LEAVING), log.keyed(customer, *STAYING)
    for e in firsts(log.of("cancel.requested", "port_out.requested"), customer, 30 * DAY):
        until = e.at + 30 * DAY
        if until <= log.now:
            kept = within(stayed.get(e.customer_id), e.at, until) and not within(gone.get(e.customer_id), e.at, until)
            units.add(e, hit=float(bool(kept)))
    return units


def churn_per_1000(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in firsts(log.of(*LEAVING), customer, 90 * DAY):
        units.add(e, base=0.0)
    add_population(units, log)
    return units


def closure_7d(log: Log, facts: Facts) -> Units:
    units = Units()
    gone, stayed = log.keyed(customer, *LEAVING), log.keyed(customer, *STAYING)
    for e in firsts(log.of("cancel.requested"), customer, 30 * DAY):
        until = e.at + 7 * DAY
        if until <= log.now and not within(stayed.get(e.customer_id), e.at, until):
            units.add(e, hit=float(bool(within(gone.get(e.customer_id), e.at, until))))
    return units


def _put(units: Units, moment: dict[str, Any], detail: str = "", **numbers: float) -> None:
    dims = {name: moment[name] for name in ("stage", "touchpoint", "channel", "tier", "department", "region")}
    units.put(moment["decided_at"], moment["customer_id"], detail=detail, **dims, **numbers)


def _standing(facts: Facts, valence: str) -> list[dict[str, Any]]:
    return [one for one in facts.moments if one["valence"] == valence and one["status"] != "retracted"]


def _moments(log: Log, facts: Facts, *, valence: str) -> Units:
    units = Units()
    for moment in _standing(facts, valence):
        _put(units, moment, moment["detector_id"])
    return units


def mot_neg_per_1000(log: Log, facts: Facts) -> Units:
    units = Units()
    for moment in _standing(facts, "negative"):
        _put(units, moment, base=0.0)
    add_population(units, log)
    return units


def mot_ratio(log: Log, facts: Facts) -> Units:
    units = Units()
    for moment in _standing(facts, "positive"):
        _put(units, moment, base=0.0)
    for moment in _standing(facts, "negative"):
        _put(units, moment, hit=0.0)
    return units


def revenue_at_risk(log: Log, facts: Facts) -> Units:
    units = Units()
    last: dict[str, int] = {}
    for moment in sorted(_standing(facts, "negative"), key=lambda one: (one["decided_at"], one["moment_id"])):
        who, at = moment["customer_id"], moment["decided_at"]
        before = last.get(who)
        last[who] = at
        person = log.people.get(who, Person())
        if (before is None or at - before > 30 * DAY) and person.bill > 0:
            _put(units, moment, person.currency, hit=float(person.bill))
    return units


def moment_retraction_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    for moment in facts.moments:
        _put(units, moment, moment["detector_id"], hit=float(moment["status"] == "retracted"))
    return units


def _outcomes(log: Log, facts: Facts) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Every ripe negative moment and the time of what came of it."""
    bad = log.keyed(customer, *OUTCOMES)
    for moment in facts.moments:
        at = moment["decided_at"]
        if moment["valence"] != "negative" or moment["status"] in ("pending", "retracted"):
            continue
        if at + 30 * DAY <= log.now:
            found = within(bad.get(moment["customer_id"]), at + 1, at + 30 * DAY)
            yield moment, found[0].at if found else None


def moment_outcome_30d(log: Log, facts: Facts) -> Units:
    units = Units()
    for moment, outcome in _outcomes(log, facts):
        _put(units, moment, moment["detector_id"], hit=float(outcome is not None))
    return units


def moment_lead_time_p50(log: Log, facts: Facts) -> Units:
    units = Units()
    for moment, outcome in _outcomes(log, facts):
        if outcome is not None:
            _put(units, moment, moment["detector_id"], spread=(outcome - moment["decided_at"]) / 1000)
    return units


def _spoken_to(log: Log) -> dict[str, list[int]]:
    """Times at which the operator spoke with the customer, in order."""
    found = defaultdict(list)
    for e in log.of(*SPOKEN, "interaction.contact_completed"):
        asked = e.event_type == "interaction.contact_completed"
        if not asked or e.a.get("direction") == "outbound" or e.channel == "account_manager":
            found[e.customer_id].append(e.at)
    return found


def _valued_days(log: Log) -> Iterator[tuple[int, str, Person]]:
    """Every day of every valued customer who was there."""
    for who, person in log.people.items():
        if person.tier not in VALUED:
            continue
        for day in log.days:
            if person.seen < day + DAY and (person.left is None or person.left >= day + DAY):
                yield day, who, person


def _coverage(log: Log, facts: Facts, *, days: int) -> Units:
    units = Units()
    spoken = _spoken_to(log)
    for day, who, person in _valued_days(log):
        end = day + DAY
        times = spoken.get(who, [])
        place = bisect_left(times, end - days * DAY)
        hit = place < len(times) and times[place] < end
        manager = person.manager or "unassigned"
        units.put(day, who, hit=float(hit), tier=person.tier, region=person.region, detail=manager)
    return units


def manager_book(log: Log, facts: Facts) -> Units:
    units = Units()
    for day, who, person in _valued_days(log):
        if person.manager:
            units.put(day, who, tier=person.tier, region=person.region, detail=person.manager)
    return units


def manager_contacts(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of(*SPOKEN, "interaction.contact_completed"):
        if e.channel == "account_manager":
            units.add(e, detail=log.people[e.customer_id].manager or "unassigned")
    return units


RECOUNTS = (
    expiry_contacted,
    retention_save_rate,
    churn_per_1000,
    closure_7d,
    mot_neg_per_1000,
    mot_ratio,
    revenue_at_risk,
    moment_retraction_rate,
    moment_outcome_30d,
    moment_lead_time_p50,
    manager_book,
    manager_contacts,
)
NAMED = {
    "moments_negative": partial(_moments, valence="negative"),
    "moments_positive": partial(_moments, valence="positive"),
    "customers_with_negative": partial(_moments, valence="negative"),
    "vip_contact_coverage_30d": partial(_coverage, days=30),
    "vip_contact_coverage_60d": partial(_coverage, days=60),
    "vip_contact_coverage_90d": partial(_coverage, days=90),
}
