"""A roaming trip against what its traveller was owed: the reading behind roaming_shock_unnotified.

Facts of a trip have the kinds attached, detached, charge (`value` minor units, `note` currency), tariff_notice,
limit_notice (`value` percent of the limit), consent and blocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from detectors.base import Fact
from detectors.policy import Duty, RoamingTerms, Step
from detectors.primitives import Waiting, deadline, first, threshold


class Cause(NamedTuple):
    """One thing owed and not done: `trigger` is the fact that made it due, `missing` the event that did not come."""

    decided_at: int
    name: str
    missing: str
    duty: Duty
    trigger: Fact


def trips(facts: Iterable[Fact], home_ms: int) -> list[list[Fact]]:
    """Cut a case into trips, each beginning with an attach; what lies before the first attach is left out.

    An attach with a trip id (`note`) never begins a second trip; one without does after `home_ms` without any roaming.
    """
    found: list[list[Fact]] = []
    last = 0
    for fact in facts:
        if fact.kind == "attached" and (not found or (not fact.note and fact.at - last >= home_ms)):
            found.append([])
        if found:
            found[-1].append(fact)
        last = fact.at
    return found


def unmet(trip: Sequence[Fact], terms: RoamingTerms, currency: str, now: int) -> tuple[list[Cause], list[int]]:
    """What was owed and not done on a trip as of `now`, earliest first, and the due times still to come (ms)."""
    charges = [fact for fact in trip if fact.kind == "charge"]
    if not charges:
        return [], []
    causes: list[Cause] = []
    looks: list[int] = []

    def settle(name: str, missing: str, duty: Duty, trigger: Fact, waiting: Waiting, not_before: int = 0) -> None:
        if waiting.broken_at is not None:
            causes.append(Cause(max(waiting.broken_at, not_before), name, missing, duty, trigger))
        elif waiting.look_at is not None:
            looks.append(waiting.look_at)

    if terms.entry is not None:
        arrival = trip[0]
        told = deadline(trip, ("tariff_notice",), arrival.at + terms.entry.within_ms, now)
        settle("tariff_notice", "notification.delivered", terms.entry, arrival, told, charges[0].at)
    counted = [fact for fact in charges if fact.note == currency]
    for step, crossing in _crossings(counted, terms.steps):
        notices = [fact for fact in trip if fact.kind == "limit_notice" and fact.value >= step.percent]
        told = deadline(notices, ("limit_notice",), crossing.at + step.duty.within_ms, now)
        settle(f"step_{step.percent}", "notification.delivered", step.duty, crossing, told)
    if terms.stop is not None and terms.limit_minor is not None:
        over = threshold(counted, terms.limit_minor + 1)
        if over is not None:
            stopped = deadline(trip, ("consent", "blocked"), over.at + terms.stop.within_ms, now)
            settle("over_limit", "data.blocked", terms.stop, over, stopped)
    return sorted(causes, key=lambda cause: cause.decided_at), looks


def spent(trip: Iterable[Fact], currency: str, until: int) -> int:
    """Charges of a trip in `currency` up to `until` (ms, included), in minor units."""
    return sum(fact.value for fact in trip if fact.kind == "charge" and fact.note == currency and fact.at <= until)


def shown(trip: Sequence[Fact], causes: Iterable[Cause]) -> tuple[str, ...]:
    """The ids that matter of a trip: its arrival, its first charge, what made a duty due, and every notice and stop."""
    first_charge = first(trip, ("charge",))
    wanted = {trip[0], first_charge, *(cause.trigger for cause in causes)}
    telling = ("tariff_notice", "limit_notice", "consent", "blocked")
    return tuple(fact.event_id for fact in trip if fact in wanted or fact.kind in telling)


def _crossings(charges: Sequence[Fact], steps: Sequence[Step]) -> list[tuple[Step, Fact]]:
    found = []
    total = 0
    waiting = list(reversed(steps))
    for charge in charges:
        total += charge.value
        while waiting and total >= waiting[-1].amount_minor:
            found.append((waiting.pop(), charge))
    return found
