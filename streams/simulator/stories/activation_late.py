"""The SIM is in the phone or the line is in the house, and there is no service."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import browses, completed, delivered, signs, welcomed
from streams.simulator.telling import Teller, variants_of

STORY = "activation_late"
MOBILE_WITHIN = 2 * HOUR


def _ordered(teller: Teller, at: int, channel: str, line_kind: str) -> str:
    order = teller.new_id("O")
    browses(teller, at - teller.minutes(20, 600))
    teller.happens(at, "order.created", channel, order_id=order, product="new_line", line_kind=line_kind)
    teller.happens(at + 60_000, "order.acknowledged", order_id=order, system="order_desk")
    return order


def _sim(teller: Teller, at: int, order: str) -> None:
    teller.happens(at, "sim.provisioned", "store", order_id=order, line_kind="mobile")


def _live(teller: Teller, at: int, order: str, line_kind: str = "mobile") -> None:
    teller.happens(at, "service.activated", order_id=order, line_kind=line_kind)
    welcomed(teller, at)
    completed(teller, at + teller.minutes(1, 20), order)


def _in_store(teller: Teller) -> tuple[str, int]:
    order = _ordered(teller, teller.begin + 11 * HOUR, "store", "mobile")
    handed = signs(teller, teller.begin + 11 * HOUR + 2 * MINUTE, "store", order) + teller.minutes(2, 20)
    _sim(teller, handed, order)
    return order, handed


def _by_post(teller: Teller) -> tuple[str, int]:
    order = _ordered(teller, teller.begin + 11 * HOUR, "web", "mobile")
    return order, delivered(teller, teller.begin + 11 * HOUR + teller.minutes(30, 300), order)


def _fixed(teller: Teller) -> tuple[str, int]:
    """A fixed line ordered and provisioned; returns the order and the promised time."""
    begin = teller.begin + 11 * HOUR
    order = _ordered(teller, begin, "web", "fixed")
    promised = begin + teller.between(2 * DAY, 4 * DAY)
    teller.happens(begin + HOUR, "appointment.booked", order_id=order, promised_by=teller.stamp(promised))
    teller.happens(
        begin + teller.between(DAY // 2, DAY), "sim.provisioned", order_id=order, line_kind="fixed",
        promised_by=teller.stamp(promised),
    )  # fmt: skip
    return order, promised


def sim_dead(teller: Teller) -> None:
    """The SIM was handed over in the store and worked hours later."""
    order, handed = _in_store(teller)
    _live(teller, handed + teller.minutes(125, 1_500), order)
    teller.truth(
        order,
        handed,
        handed + MOBILE_WITHIN,
        "SIM 卡已交付, 两小时内未开通",
        "the SIM was handed over and did not work within two hours",
    )


def sim_never_alive(teller: Teller) -> None:
    """The SIM was handed over and never worked; the order ends cancelled days later."""
    order, handed = _in_store(teller)
    teller.happens(handed + teller.between(2 * DAY, 3 * DAY), "order.state_changed", order_id=order, state="cancelled")
    teller.truth(
        order, handed, handed + MOBILE_WITHIN, "SIM 卡已交付, 始终没有开通", "the SIM was handed over and never worked"
    )


def parcel_dead(teller: Teller) -> None:
    """The parcel arrived, the SIM in it worked hours later."""
    order, arrived = _by_post(teller)
    live = arrived + teller.minutes(130, 1_500)
    _live(teller, live, order)
    teller.truth(
        order,
        arrived,
        arrived + MOBILE_WITHIN,
        "包裹已签收, 两小时内未开通",
        "the parcel arrived and the service did not work within two hours",
    )


def line_past_promise(teller: Teller) -> None:
    """The fixed line came after the promised time."""
    order, promised = _fixed(teller)
    _live(teller, promised + teller.minutes(70, 3_000), order, "fixed")
    teller.truth(
        order,
        teller.begin + 11 * HOUR,
        promised,
        "固定线路超过承诺时间才开通",
        "the fixed line came after the promised time",
    )


def sim_just_in_time(teller: Teller) -> None:
    """The SIM worked after 1 h 45 to 1 h 58."""
    order, handed = _in_store(teller)
    live = handed + teller.minutes(105, 118)
    _live(teller, live, order)
    teller.truth(order, handed, live, "差几分钟满两小时开通", "active minutes before two hours were over")


def parcel_just_in_time(teller: Teller) -> None:
    """The SIM from the parcel worked after 1 h 40 to 1 h 58."""
    order, arrived = _by_post(teller)
    live = arrived + teller.minutes(100, 118)
    _live(teller, live, order)
    teller.truth(order, arrived, live, "签收后不到两小时开通", "active just within two hours of the delivery")


def line_just_kept(teller: Teller) -> None:
    """The fixed line came an hour or less before the promised time, two days after it was provisioned."""
    order, promised = _fixed(teller)
    live = promised - teller.minutes(3, 60)
    _live(teller, live, order, "fixed")
    teller.truth(
        order,
        teller.begin + 11 * HOUR,
        live,
        "固定线路在承诺时间前开通",
        "the fixed line came just before the promised time",
    )


VARIANTS = variants_of(
    STORY,
    planted=((sim_dead, 3, 1.5), (sim_never_alive, 4, 0.5), (parcel_dead, 6, 1.0), (line_past_promise, 8, 1.0)),
    near_misses=((sim_just_in_time, 2), (parcel_just_in_time, 5), (line_just_kept, 6)),
)
