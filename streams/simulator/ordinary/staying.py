"""Travelling well informed, using up an allowance, renewing; joining at the beginning and leaving at the end."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.ordinary.shopping import buys_at_dealer, buys_by_post, buys_in_store
from streams.simulator.scenes import contact, notice
from streams.simulator.stories.roaming_shock import Trip
from streams.simulator.telling import Teller, ordinary


def travels_informed(teller: Teller) -> None:
    """Told the tariff on landing, buys a day pass or spends a little."""
    trip = Trip(teller)
    trip.told_tariff(teller.minutes(0.2, 3))
    for _ in range(teller.rng.randint(2, 6)):
        trip.uses(teller.between(trip.landed + 10 * MINUTE, trip.home - HOUR))
    if teller.chance(0.5):
        at = trip.landed + teller.minutes(10, 300)
        teller.happens(at, "roaming.day_pass_purchased", "app", trip_id=trip.trip_id, country=trip.country)
    else:
        trip.spends_up_to(teller.rng.uniform(0.02, 0.12), trip.landed + 10 * MINUTE, trip.home - HOUR)


def uses_up_allowance(teller: Teller) -> None:
    """Told at 80 % and at 100 % of the allowance, then buys more."""
    at = teller.begin
    for percent in (80, 100):
        teller.happens(at, "usage.threshold_crossed", "network", allowance="data", percent=percent)
        notice(teller, at + 10_000, "allowance", teller.minutes(0.1, 2), percent=percent)
        at += teller.between(6 * HOUR, 2 * DAY)
    teller.happens(at, "order.created", "app", order_id=teller.new_id("O"), product="data_pack")


def renews(teller: Teller) -> None:
    """The term nears its end, somebody calls, the customer stays."""
    at = teller.begin
    ends = at + 35 * DAY
    teller.happens(at, "contract.end_scheduled", ends_at=teller.stamp(ends))
    notice(teller, at + DAY, "contract_end", teller.minutes(0.1, 3))
    called = at + teller.between(DAY, 4 * DAY)
    teller.happens(called, "interaction.renewal_contacted", teller.pick(("account_manager", "call_centre")))
    teller.happens(called + HOUR, "retention.offer_made", "retention")
    agreed = called + teller.between(DAY, 3 * DAY)
    teller.happens(agreed, "retention.offer_accepted", "retention")
    teller.happens(agreed + HOUR, "contract.renewed", "retention")


def has_account_reviewed(teller: Teller) -> None:
    """The manager looks at the account with the customer; sometimes the tariff changes for it."""
    teller.happens(teller.begin, "account.reviewed", "account_manager")
    if teller.chance(0.3):
        teller.happens(teller.begin + HOUR, "interaction.advice_given", "account_manager")


def joins(teller: Teller) -> None:
    """A new customer: finds, buys, is switched on; the act begins when the service does not exist yet."""
    teller.pick((buys_in_store, buys_by_post, buys_at_dealer))(teller)
    if teller.chance(0.2):
        for state, after in (("requested", 13 * HOUR), ("completed", 20 * HOUR)):
            teller.happens(teller.begin + after, "port_in.state_changed", state=state)


def leaves(teller: Teller) -> None:
    """Asks to go, hears an offer, goes."""
    at = teller.begin
    contact(teller, at, "leaving", resolved=True)
    teller.happens(at + MINUTE, "cancel.requested", "call_centre")
    teller.happens(at + teller.minutes(5, 60), "retention.offer_made", "retention")
    if teller.chance(0.5):
        teller.happens(at + 2 * HOUR, "port_out.requested", "app")
        teller.happens(at + 2 * HOUR + teller.minutes(1, 60), "port_out.code_issued", "sms")
        teller.happens(at + DAY, "port_out.completed")
    teller.happens(at + DAY + HOUR, "cancel.confirmed", "call_centre")
    teller.happens(at + DAY + 2 * HOUR, "churn.confirmed")


def is_linked(teller: Teller) -> None:
    """The customer is declared the spouse, delegate or officer of a valued one."""
    valued = teller.population.valued_neighbour(teller.customer.number)
    if valued is not None:
        teller.happens(
            teller.begin, "account.details_changed", "account_manager", linked_to=valued.customer_id,
            linked_tier=valued.tier, relation=teller.pick(("spouse", "delegate", "officer")), consented=True,
        )  # fmt: skip


VARIANTS = (
    ordinary(travels_informed, 0.05, 8, travels=True, charges=True),
    ordinary(uses_up_allowance, 0.07, 5),
    ordinary(renews, 0.025, 8),
    ordinary(has_account_reviewed, 0.02, 1),
)
