"""Lands abroad, nobody says what it costs, and it costs: or the spending limit passes without a word or a stop."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE, SECOND
from streams.simulator.scenes import notice
from streams.simulator.telling import Plant, Teller, Variant, VariantKind

COUNTRIES = ("JP", "TH", "US", "SG", "GB", "AU", "KR", "FR", "MY", "AE", "DE", "CA")
TOLD_WITHIN = 5 * MINUTE
STOPPED_WITHIN = 15 * MINUTE
STORY = "roaming_shock"
_LENGTH = 8 * DAY


class Trip:
    """One trip: the customer lands, spends, and flies home; `spent` in fen."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller
        self.trip_id = teller.new_id("T")
        self.country = teller.pick(COUNTRIES)
        self.landed = teller.begin
        self.home = teller.begin + teller.between(4 * DAY, 7 * DAY)
        self.spent = 0
        self.network = f"{self.country}-{teller.rng.randint(1, 3)}"
        self.attach(self.landed)
        teller.happens(self.home, "roaming.detached", "network", trip_id=self.trip_id, country=self.country)

    def attach(self, at: int) -> None:
        """The handset finds a network."""
        self.teller.happens(
            at, "roaming.attached", "network", trip_id=self.trip_id, country=self.country, network=self.network
        )

    def told_tariff(self, after: int) -> None:
        """The tariff notice is delivered `after` ms from landing."""
        sent = max(5 * SECOND, after - self.teller.between(5 * SECOND, 50 * SECOND))
        notice(self.teller, self.landed + sent, "roaming_tariff", after - sent, trip_id=self.trip_id)

    def told_step(self, at: int, percent: int, delivered_after: int | None) -> int:
        """A notice that `percent` of the limit is spent."""
        return notice(self.teller, at, "roaming_limit", delivered_after, trip_id=self.trip_id, percent=percent)

    def spends(self, at: int, fen: int) -> None:
        """Money runs up."""
        self.spent += fen
        kind = self.teller.pick(("data", "data", "voice", "message"))
        self.teller.happens(
            at, "charge.rated", amount=fen, trip_id=self.trip_id, kind=kind, roaming=True, country=self.country
        )

    def uses(self, at: int) -> None:
        """Uses the service abroad."""
        self.teller.happens(
            at, "usage.recorded", "network", trip_id=self.trip_id, kind="data",
            units=self.teller.rng.randint(20, 9000), roaming=True,
        )  # fmt: skip

    def spends_up_to(self, share: float, first: int, last: int) -> int:
        """Charges in [`first`, `last`] that bring the total to `share` of the limit; returns the last one's time."""
        goal = round(self.teller.config.roaming_limit_minor * share) - self.spent
        pieces = max(1, min(self.teller.rng.randint(2, 5), goal // 1_100))
        times = sorted(self.teller.between(first, last) for _ in range(pieces))
        # The last charge is half of it, so that no step is passed before the last one.
        share_of_one = goal // (2 * max(1, pieces - 1))
        for at in times[:-1]:
            self.spends(at, share_of_one)
        self.spends(times[-1], goal - (pieces - 1) * share_of_one)
        self.uses(times[0] - 30 * SECOND)
        return times[-1]


def _tariff_truth(trip: Trip, began_paying: int, zh: str, en: str) -> None:
    trip.teller.truth(trip.trip_id, trip.landed, max(trip.landed + TOLD_WITHIN, began_paying), zh, en)


def tariff_notice_failed(teller: Teller) -> None:
    """The tariff notice could not be delivered; he pays."""
    trip = Trip(teller)
    notice(
        teller, trip.landed + teller.between(10 * SECOND, 200 * SECOND), "roaming_tariff", None, trip_id=trip.trip_id
    )
    first = trip.landed + teller.minutes(6, 600)
    trip.spends(first, teller.rng.randint(800, 4_000))
    trip.spends_up_to(teller.rng.uniform(0.2, 0.7), first + HOUR, trip.home - HOUR)
    _tariff_truth(
        trip,
        first,
        "落地境外, 资费提醒发送失败, 之后产生了费用",
        "landed abroad, the tariff notice failed, and he paid",
    )


def tariff_notice_lost(teller: Teller) -> None:
    """The tariff notice was sent, never delivered; he pays."""
    trip = Trip(teller)
    teller.happens(
        trip.landed + teller.between(10 * SECOND, 100 * SECOND), "notification.sent", "sms",
        purpose="roaming_tariff", notice_id=teller.new_id("N"), trip_id=trip.trip_id,
    )  # fmt: skip
    first = trip.landed + teller.minutes(6, 900)
    trip.spends(first, teller.rng.randint(500, 4_000))
    trip.spends_up_to(teller.rng.uniform(0.2, 0.7), first + HOUR, trip.home - HOUR)
    _tariff_truth(
        trip,
        first,
        "落地境外, 资费提醒已发出但从未送达, 之后产生了费用",
        "landed abroad, the tariff notice was sent but never arrived, and he paid",
    )


def tariff_notice_late(teller: Teller) -> None:
    """The tariff notice came after he had already paid."""
    trip = Trip(teller)
    after = teller.minutes(12, 170)
    trip.told_tariff(after)
    first = trip.landed + teller.between(6 * MINUTE, after - 2 * MINUTE)
    trip.spends(first, teller.rng.randint(500, 4_000))
    trip.spends_up_to(teller.rng.uniform(0.2, 0.7), trip.landed + after + HOUR, trip.home - HOUR)
    _tariff_truth(trip, first, "资费提醒在已产生费用之后才送达", "the tariff notice arrived only after he had paid")


def step_unannounced(teller: Teller, percent: int) -> None:
    """A step of the limit is passed without a delivered notice; the steps before it were announced."""
    trip = Trip(teller)
    trip.told_tariff(teller.minutes(0.3, 4.5))
    low = trip.landed + HOUR
    if percent == 100:
        step = trip.spends_up_to(0.85, low, low + 20 * HOUR)
        trip.told_step(step + 10 * SECOND, 80, teller.minutes(0.1, 3))
        low = step + HOUR
    crossed = trip.spends_up_to(percent / 100 + 0.06, low, low + 40 * HOUR)
    how = teller.pick(("silent", "failed", "late"))
    if how != "silent":
        trip.told_step(crossed + 20 * SECOND, percent, None if how == "failed" else teller.minutes(20, 300))
    if percent == 100:
        teller.happens(
            crossed + teller.minutes(3, 12), "data.blocked", "network", trip_id=trip.trip_id, reason="roaming_limit"
        )
    teller.truth(
        trip.trip_id, trip.landed, crossed + TOLD_WITHIN,
        f"漫游费用超过上限的 {percent}%, 五分钟内没有送达提醒",
        f"roaming spend passed {percent}% of the limit and no notice was delivered in five minutes",
    )  # fmt: skip


def eighty_unannounced(teller: Teller) -> None:
    """80 % of the limit passed in silence."""
    step_unannounced(teller, 80)


def hundred_unannounced(teller: Teller) -> None:
    """The limit itself passed in silence, though the data were then stopped."""
    step_unannounced(teller, 100)


def _to_the_limit(teller: Teller) -> tuple[Trip, int]:
    trip = Trip(teller)
    trip.told_tariff(teller.minutes(0.3, 4.5))
    step = trip.spends_up_to(0.84, trip.landed + HOUR, trip.landed + 20 * HOUR)
    trip.told_step(step + 10 * SECOND, 80, teller.minutes(0.1, 3.5))
    crossed = trip.spends_up_to(1.05, step + HOUR, step + 30 * HOUR)
    trip.told_step(crossed + 10 * SECOND, 100, teller.minutes(0.1, 3.5))
    return trip, crossed


def not_stopped(teller: Teller) -> None:
    """Told at every step, but over the limit nobody asked and nothing stopped."""
    trip, crossed = _to_the_limit(teller)
    trip.spends_up_to(teller.rng.uniform(1.2, 2.0), crossed + 20 * MINUTE, crossed + 20 * HOUR)
    teller.truth(
        trip.trip_id, trip.landed, crossed + STOPPED_WITHIN,
        "超过漫游上限后既未征得同意也未在十五分钟内停用数据, 费用继续增加",
        "over the limit without consent, not stopped in fifteen minutes, and the money ran on",
    )  # fmt: skip


def stopped_in_time(teller: Teller) -> None:
    """Told at every step and stopped a few minutes before the quarter of an hour."""
    trip, crossed = _to_the_limit(teller)
    stopped = crossed + teller.minutes(10, 14.5)
    teller.happens(stopped, "data.blocked", "network", trip_id=trip.trip_id, reason="roaming_limit")
    teller.truth(trip.trip_id, trip.landed, stopped, "超限后及时停用数据", "told at each step and stopped in time")


def consented(teller: Teller) -> None:
    """Told at every step and agreed to go on."""
    trip, crossed = _to_the_limit(teller)
    agreed = crossed + teller.minutes(4, 13)
    teller.happens(agreed, "consent.given", "app", trip_id=trip.trip_id, purpose="roaming_over_limit")
    trip.spends_up_to(1.5, crossed + HOUR, crossed + 20 * HOUR)
    teller.truth(
        trip.trip_id, trip.landed, agreed, "超限前后均已告知并取得同意", "told at each step and agreed to go on"
    )


def told_just_in_time(teller: Teller) -> None:
    """Told the tariff four minutes after landing."""
    trip = Trip(teller)
    after = teller.minutes(3.7, 4.9)
    trip.told_tariff(after)
    trip.spends(trip.landed + teller.minutes(1, 90), teller.rng.randint(500, 4_000))
    trip.spends_up_to(teller.rng.uniform(0.3, 0.7), trip.landed + 2 * HOUR, trip.home - HOUR)
    teller.truth(
        trip.trip_id,
        trip.landed,
        trip.landed + after,
        "落地四分多钟时资费提醒送达",
        "told the tariff four minutes after landing",
    )


def untold_but_free(teller: Teller) -> None:
    """The tariff notice failed, but the trip cost nothing."""
    trip = Trip(teller)
    failed = notice(teller, trip.landed + MINUTE, "roaming_tariff", None, trip_id=trip.trip_id)
    if teller.chance(0.5):
        trip.uses(trip.landed + teller.minutes(30, 3_000))
    teller.truth(
        trip.trip_id,
        trip.landed,
        failed,
        "资费提醒失败, 但全程没有产生费用",
        "the tariff notice failed, but the trip cost nothing",
    )


def just_under_the_step(teller: Teller) -> None:
    """Spent 78 % of the limit: no step, no notice due. The handset attached again on the way, which is no new trip."""
    trip = Trip(teller)
    trip.told_tariff(teller.minutes(0.3, 3))
    last = trip.spends_up_to(0.78, trip.landed + HOUR, trip.home - HOUR)
    trip.attach(trip.landed + teller.minutes(300, 2_000))
    teller.truth(
        trip.trip_id, trip.landed, last, "消费到上限的 78%, 未到提醒档位", "spent 78% of the limit, below the step"
    )


def steps_told_in_time(teller: Teller) -> None:
    """Each step announced four minutes after it was passed, and the spending ends there."""
    trip = Trip(teller)
    trip.told_tariff(teller.minutes(1, 4))
    crossed = trip.spends_up_to(0.9, trip.landed + HOUR, trip.home - 2 * HOUR)
    told = trip.told_step(crossed + 20 * SECOND, 80, teller.minutes(3.2, 4.4))
    teller.truth(
        trip.trip_id, trip.landed, told, "达到 80% 后四分钟内送达提醒", "told of the 80% step four minutes later"
    )


def _variant(cause: str, kind: VariantKind, plant: Plant, weight: float = 1.0) -> Variant:
    return Variant(
        story=STORY, cause=cause, kind=kind, length=_LENGTH, plant=plant, weight=weight, travels=True, charges=True
    )


VARIANTS = (
    _variant("tariff_notice_failed", "planted", tariff_notice_failed, 2),
    _variant("tariff_notice_lost", "planted", tariff_notice_lost, 2),
    _variant("tariff_notice_late", "planted", tariff_notice_late, 2),
    _variant("eighty_unannounced", "planted", eighty_unannounced),
    _variant("hundred_unannounced", "planted", hundred_unannounced),
    _variant("not_stopped", "planted", not_stopped),
    _variant("told_just_in_time", "near_miss", told_just_in_time, 2),
    _variant("untold_but_free", "near_miss", untold_but_free),
    _variant("just_under_the_step", "near_miss", just_under_the_step),
    _variant("steps_told_in_time", "near_miss", steps_told_in_time),
    _variant("stopped_in_time", "near_miss", stopped_in_time),
    _variant("consented", "near_miss", consented),
)
