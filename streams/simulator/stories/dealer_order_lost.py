"""Ordered at a dealer, and the operator does not know it: no acknowledgement, no stock, or no trace when asked."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import CARE_CHANNELS, activated, browses, completed, contact, delivered
from streams.simulator.telling import Teller, variants_of

ACKNOWLEDGED_WITHIN = 2 * HOUR
SEEN_WITHIN = DAY
STORY = "dealer_order_lost"


def _submitted(teller: Teller, at: int, dealer: str | None) -> str:
    order = teller.new_id("O")
    browses(teller, at - teller.minutes(20, 600))
    channel = "dealer" if dealer else "web"
    teller.happens(at, "order.created", channel, order_id=order, product="plan_and_sim", line_kind="mobile")
    details = {"dealer_id": dealer} if dealer else {}
    teller.happens(at + 5_000, "order.submitted", channel, order_id=order, line_kind="mobile", **details)
    return order


def _acknowledged(teller: Teller, at: int, order: str) -> None:
    teller.happens(at, "order.acknowledged", order_id=order, system="order_desk")


def _finished(teller: Teller, at: int, order: str) -> None:
    arrived = delivered(teller, at, order)
    completed(teller, activated(teller, arrived + teller.minutes(5, 40), order, teller.minutes(5, 60)), order)


def acknowledged_late(teller: Teller) -> None:
    """The acknowledgement came hours late; then all went its way."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer(careless=True))
    late = at + teller.minutes(126, 600)
    _acknowledged(teller, late, order)
    _finished(teller, late + teller.minutes(10, 120), order)
    teller.truth(
        order,
        at,
        at + 5_000 + ACKNOWLEDGED_WITHIN,
        "代理商订单两小时内没有被系统确认",
        "the dealer's order was not acknowledged in two hours",
    )


def never_acknowledged(teller: Teller) -> None:
    """Nobody at the operator ever saw the order; days later the dealer enters it again under another number."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer(careless=True))
    teller.truth(
        order,
        at,
        at + 5_000 + ACKNOWLEDGED_WITHIN,
        "代理商收了订单, 运营商从未收到",
        "the dealer took the order and the operator never saw it",
    )
    again = at + teller.between(2 * DAY, 3 * DAY)
    second = _submitted(teller, again, teller.dealer())
    _acknowledged(teller, again + teller.minutes(1, 30), second)
    _finished(teller, again + teller.minutes(40, 200), second)


def warehouse_never_saw(teller: Teller) -> None:
    """Acknowledged at once, but the warehouse reserved and sent nothing for more than a day."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer(careless=True))
    _acknowledged(teller, at + teller.minutes(1, 100), order)
    _finished(teller, at + teller.between(SEEN_WITHIN + 20 * MINUTE, SEEN_WITHIN + 20 * HOUR), order)
    teller.truth(
        order,
        at,
        at + 5_000 + SEEN_WITHIN,
        "订单已确认, 但仓库一天内没有任何备货或发货记录",
        "acknowledged, but the warehouse had no record for a day",
    )


def contact_centre_blind(teller: Teller) -> None:
    """He asks within two hours, and the contact centre cannot find the order."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer(careless=True))
    asked = at + teller.minutes(12, 80)
    teller.happens(
        asked, "interaction.lookup_failed", teller.pick(CARE_CHANNELS), department="call_centre",
        order_id=order, interaction_id=teller.new_id("I"), looked_for="order",
    )  # fmt: skip
    _acknowledged(teller, asked + teller.minutes(5, 30), order)
    _finished(teller, asked + teller.minutes(60, 300), order)
    teller.truth(
        order,
        at,
        asked,
        "客户来电查询, 客服中心查不到代理商订单",
        "he called and the contact centre could not find the dealer's order",
    )


def acknowledged_just_in_time(teller: Teller) -> None:
    """Acknowledged after 1 h 50 to 1 h 59."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer())
    met = at + teller.minutes(110, 119)
    _acknowledged(teller, met, order)
    _finished(teller, met + teller.minutes(10, 120), order)
    teller.truth(order, at, met, "差几分钟满两小时时得到确认", "acknowledged minutes before two hours were over")


def seen_just_in_time(teller: Teller) -> None:
    """The warehouse reserved stock in the last half hour of the day it has."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer())
    _acknowledged(teller, at + teller.minutes(1, 60), order)
    met = at + SEEN_WITHIN - teller.minutes(5, 30)
    _finished(teller, met, order)
    teller.truth(order, at, met, "差半小时满一天时仓库备货", "the warehouse saw the order just before the day was over")


def found_when_asked(teller: Teller) -> None:
    """He asks early and the contact centre finds the order."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, teller.dealer())
    _acknowledged(teller, at + teller.minutes(20, 90), order)
    asked = at + teller.minutes(95, 115)
    contact(teller, asked, "order_status", resolved=True)
    _finished(teller, asked + teller.minutes(10, 100), order)
    teller.truth(order, at, asked, "客户来电查询, 客服中心立即查到订单", "he called and the order was found at once")


def slow_but_no_dealer(teller: Teller) -> None:
    """A web order acknowledged after three hours: slow, but nobody's hand-over was lost."""
    at = teller.begin + 12 * HOUR
    order = _submitted(teller, at, None)
    met = at + teller.minutes(150, 240)
    _acknowledged(teller, met, order)
    _finished(teller, met + teller.minutes(10, 100), order)
    teller.truth(
        order,
        at,
        met,
        "网上订单三小时后确认, 与代理商无关",
        "a web order acknowledged after three hours; no dealer involved",
    )


VARIANTS = variants_of(
    STORY,
    planted=(
        (acknowledged_late, 5, 1.0),
        (never_acknowledged, 8, 1.0),
        (warehouse_never_saw, 7, 1.0),
        (contact_centre_blind, 6, 1.0),
    ),
    near_misses=(
        (acknowledged_just_in_time, 5),
        (seen_just_in_time, 6),
        (found_when_asked, 6),
        (slow_but_no_dealer, 5),
    ),
)
