"""Buying in a store, on the web or at a dealer: discover, purchase, activate, without a hitch."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import activated, browses, completed, delivered, notice, signs, welcomed
from streams.simulator.telling import Teller, ordinary


def _ordered(teller: Teller, channel: str) -> tuple[str, int]:
    at = teller.begin + 11 * HOUR
    order = teller.new_id("O")
    browses(teller, at - teller.minutes(20, 600))
    dealer = {"dealer_id": teller.dealer()} if channel == "dealer" else {}
    teller.happens(at, "order.created", channel, order_id=order, product="new_line", line_kind="mobile")
    signed = signs(teller, at + MINUTE, channel, order)
    teller.happens(signed + MINUTE, "order.submitted", channel, order_id=order, line_kind="mobile", **dealer)
    known = signed + MINUTE + teller.minutes(0.2, 100 if dealer else 20)
    teller.happens(known, "order.acknowledged", order_id=order, system="order_desk")
    return order, known


def buys_in_store(teller: Teller) -> None:
    """Ordered, signed and switched on over one counter."""
    order, known = _ordered(teller, "store")
    handed = known + teller.minutes(2, 30)
    live = activated(teller, handed, order, teller.minutes(1, 45))
    welcomed(teller, live)
    completed(teller, live + teller.minutes(1, 20), order)
    if teller.chance(0.25):
        teller.happens(handed - 30_000, "real_name.check_completed", "store", result="passed")


def buys_by_post(teller: Teller, channel: str = "web") -> None:
    """Ordered on the web, delivered, switched on at home."""
    order, known = _ordered(teller, channel)
    notice(teller, known + MINUTE, "order_update", teller.minutes(0.1, 2))
    arrived = delivered(teller, known + teller.minutes(20, 600), order)
    live = activated(teller, arrived + teller.minutes(3, 40), order, teller.minutes(2, 50))
    welcomed(teller, live)
    completed(teller, live + teller.minutes(1, 20), order)


def buys_at_dealer(teller: Teller) -> None:
    """Ordered at a dealer, and everybody knows of it."""
    buys_by_post(teller, "dealer")


def orders_fixed_line(teller: Teller) -> None:
    """A fixed line, installed before the promised time."""
    at = teller.begin + 11 * HOUR
    order = teller.new_id("O")
    browses(teller, at - teller.minutes(20, 600))
    promised = at + teller.between(3 * DAY, 5 * DAY)
    teller.happens(at, "order.created", "web", order_id=order, product="broadband", line_kind="fixed")
    teller.happens(at + MINUTE, "order.acknowledged", order_id=order, system="order_desk")
    teller.happens(at + HOUR, "appointment.booked", order_id=order, promised_by=teller.stamp(promised))
    ready = at + teller.between(DAY, 2 * DAY)
    teller.happens(ready, "sim.provisioned", order_id=order, line_kind="fixed", promised_by=teller.stamp(promised))
    live = ready + teller.between(2 * HOUR, 20 * HOUR)
    teller.happens(live - 20 * MINUTE, "fwa.install_visit_completed", "field", order_id=order)
    teller.happens(live, "service.activated", "field", order_id=order, line_kind="fixed")
    completed(teller, live + HOUR, order)


def upgrades_device(teller: Teller) -> None:
    """Asks for the upgrade, gets it, enjoys it."""
    at = teller.begin + 11 * HOUR
    teller.happens(at, "upgrade.eligibility_checked", "app")
    teller.happens(at + teller.minutes(2, 60), "upgrade.requested", "app")
    done = at + teller.between(DAY, 4 * DAY)
    teller.happens(done, "upgrade.completed", "store")
    teller.happens(done + MINUTE, "device.changed", "device", origin="operator")
    if teller.chance(0.3):
        teller.happens(done + HOUR, "esim.profile_downloaded", "device")


VARIANTS = (
    ordinary(buys_in_store, 0.02, 2),
    ordinary(buys_by_post, 0.02, 6),
    ordinary(buys_at_dealer, 0.03, 6),
    ordinary(orders_fixed_line, 0.01, 7),
    ordinary(upgrades_device, 0.01, 6),
)
