"""Scenes that stories and ordinary life share: a contact, a notice, an order on its way, a ticket, a complaint."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE, SECOND
from streams.simulator.telling import Teller

CARE_CHANNELS = ("call_centre", "call_centre", "call_centre", "app", "store", "account_manager")
DESKS = (
    "call_centre/front", "call_centre/second_line", "call_centre/experts", "billing/enquiries", "billing/adjustments",
    "billing/credit", "network/radio", "network/core", "network/field", "logistics/stock", "logistics/returns",
    "logistics/carriers", "channel/dealer_desk", "channel/stores", "channel/web",
)  # fmt: skip
"""Three desks in each of five departments; the part before the slash is the department."""


def contact(teller: Teller, at: int, reason: str, resolved: bool, channel: str | None = None) -> str:
    """The customer gets in touch about `reason`; returns the interaction's id."""
    interaction = teller.new_id("I")
    teller.happens(
        at, "interaction.contact_completed", channel or teller.pick(CARE_CHANNELS), department="call_centre",
        interaction_id=interaction, reason=reason, resolved=resolved, direction="inbound",
        wait_seconds=teller.rng.randint(4, 55),
    )  # fmt: skip
    return interaction


def notice(teller: Teller, at: int, purpose: str, delivered_after: int | None, **details: object) -> int:
    """A notice is sent at `at` and delivered `delivered_after` ms later, or fails when None; returns when that was."""
    notice_id = teller.new_id("N")
    teller.happens(at, "notification.sent", "sms", purpose=purpose, notice_id=notice_id, **details)
    if delivered_after is None:
        done = at + teller.between(2 * SECOND, 30 * SECOND)
        teller.happens(done, "notification.failed", "sms", purpose=purpose, notice_id=notice_id, **details)
        return done
    done = at + delivered_after
    teller.happens(done, "notification.delivered", "sms", purpose=purpose, notice_id=notice_id, **details)
    return done


def survey(teller: Teller, at: int, score: int, instrument: str = "csat", **details: object) -> None:
    """The customer answers a survey."""
    teller.happens(at, "survey.answered", "sms", instrument=instrument, score=score, **details)


def browses(teller: Teller, at: int) -> None:
    """Looks around before buying: web, shop or a word from a friend."""
    kind, channel = teller.pick(
        (("web.page_viewed", "web"), ("store.visited", "store"), ("referral.recorded", "word_of_mouth"),
         ("campaign.responded", "sms"), ("interaction.price_enquired", "call_centre"))
    )  # fmt: skip
    teller.happens(at, kind, channel)


def signs(teller: Teller, at: int, channel: str, order: str) -> int:
    """Credit check, quote and signature; returns when it is signed."""
    teller.happens(at, "quote.issued", channel, order_id=order, price_minor=teller.customer.fee)
    checked = at + teller.minutes(2, 20)
    teller.happens(checked, "credit_check.completed", channel, order_id=order, result="passed")
    signed = checked + teller.minutes(2, 20)
    teller.happens(signed, "contract.signed", channel, order_id=order)
    return signed


def delivered(teller: Teller, at: int, order: str) -> int:
    """Stock reserved and a shipment on its way by `at`, delivered in one to three days; returns the delivery."""
    teller.happens(at, "stock.reserved", "logistics", order_id=order)
    sent = at + teller.minutes(30, 300)
    teller.happens(sent, "shipment.created", "logistics", order_id=order, carrier=teller.pick(("SF", "EMS", "JD")))
    arrived = sent + teller.between(DAY, 3 * DAY)
    teller.happens(arrived, "shipment.delivered", "logistics", order_id=order, line_id=teller.customer.line_id)
    return arrived


def activated(teller: Teller, at: int, order: str, after: int) -> int:
    """The mobile service that was provisioned at `at` works `after` ms later; returns when."""
    teller.happens(at, "sim.provisioned", order_id=order, line_kind="mobile")
    teller.happens(at + after, "service.activated", order_id=order, line_kind="mobile")
    return at + after


def welcomed(teller: Teller, at: int) -> None:
    """Welcome message, online account and first look at it."""
    notice(teller, at + teller.minutes(1, 30), "welcome", teller.minutes(0.1, 3))
    if teller.chance(0.6):
        created = at + teller.minutes(20, 600)
        teller.happens(created, "online_account.created", "app")
        teller.happens(created + teller.minutes(1, 90), "app.logged_in", "app")


def completed(teller: Teller, at: int, order: str) -> None:
    """The order is done and invoiced."""
    teller.happens(at, "order.state_changed", order_id=order, state="completed")
    teller.happens(at + teller.minutes(1, 60), "invoice.issued", order_id=order, amount=teller.customer.fee)


def complaint_handled(teller: Teller, at: int, category: str, ticket: str, most: int = 2 * DAY) -> int:
    """A complaint opened, resolved and closed with a word to the customer; returns when it was closed."""
    teller.happens(
        at, "complaint.opened", "call_centre", department="service_supervision", ticket_id=ticket, category=category
    )
    resolved = at + teller.between(2 * HOUR, most - 3 * HOUR)
    teller.happens(
        resolved,
        "complaint.resolved",
        "call_centre",
        department="service_supervision",
        ticket_id=ticket,
        category=category,
    )
    closed = resolved + teller.between(10 * MINUTE, 2 * HOUR)
    notice(teller, closed - 5 * MINUTE, "complaint_update", teller.minutes(0.1, 3), ticket_id=ticket)
    teller.happens(
        closed, "complaint.closed", "call_centre", department="service_supervision", ticket_id=ticket, category=category
    )
    return closed
