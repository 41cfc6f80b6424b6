"""A promise with a date: missed, or met by the operator's clock only, or met and yet not felt to be."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import contact, survey
from streams.simulator.telling import Teller, variants_of

STORY = "broken_promise"
SUBJECTS = ("fault_repair", "installation", "bill_correction", "refund", "address_move", "sim_replacement")


class Promise:
    """A promise made at `made` (ms) to be kept by `due`; the customer had first asked at `asked`."""

    def __init__(self, teller: Teller, waited: int, length: int) -> None:
        self.teller = teller
        self.asked = teller.begin
        self.made = teller.begin + waited
        self.length = length
        self.due = self.made + length
        self.commitment_id = teller.new_id("P")
        contact(teller, self.asked, teller.reasons(1)[0], resolved=False)
        teller.happens(
            self.made, "commitment.made", "call_centre", department="service_supervision",
            commitment_id=self.commitment_id, subject=teller.pick(SUBJECTS),
            due_at=teller.stamp(self.due), asked_at=teller.stamp(self.asked),
        )  # fmt: skip

    def kept(self, at: int) -> None:
        """The operator's clock stops at `at`."""
        minutes = (at - self.made) // MINUTE
        self.teller.happens(
            at, "commitment.fulfilled", department="service_supervision",
            commitment_id=self.commitment_id, operator_elapsed_minutes=minutes,
        )  # fmt: skip

    def confirmed(self, at: int) -> None:
        """The customer says that it is done."""
        self.teller.happens(at, "commitment.confirmed", "call_centre", commitment_id=self.commitment_id)

    def rated(self, at: int, score: int) -> None:
        """The customer's mark, 0 to 10, for how the promise was kept."""
        survey(self.teller, at, score, "nps", commitment_id=self.commitment_id)

    def truth(self, began: int, broken: int, zh: str, en: str) -> None:
        """What happened with this promise."""
        self.teller.truth(self.commitment_id, began, broken, zh, en)


def _promise(teller: Teller) -> Promise:
    return Promise(teller, teller.minutes(3, 30), teller.between(6 * HOUR, 3 * DAY))


def never_kept(teller: Teller) -> None:
    """The date passed, and nothing had been done."""
    promise = _promise(teller)
    promise.truth(
        promise.made, promise.due, "承诺日期已过, 始终没有兑现", "the promised date passed and it was never done"
    )


def kept_late(teller: Teller) -> None:
    """Done, but after the promised date."""
    promise = _promise(teller)
    done = promise.due + teller.minutes(70, 2_000)
    promise.kept(done)
    promise.confirmed(done + teller.minutes(5, 60))
    promise.truth(promise.made, promise.due, "超过承诺日期才完成", "done only after the promised date")


def met_by_own_clock(teller: Teller) -> None:
    """In time by the operator's clock; the customer, who asked first and tells last, waited half as long again."""
    promise = Promise(teller, teller.minutes(20, 300), teller.between(8 * HOUR, 2 * DAY))
    promise.kept(promise.due - teller.minutes(10, 200))
    whole = promise.due - promise.asked
    felt = promise.asked + round(whole * teller.rng.uniform(1.65, 2.6))
    promise.confirmed(felt)
    promise.truth(
        promise.asked,
        felt,
        "按运营商的时钟按时完成, 按客户的时钟等了一倍半以上",
        "in time by the operator's clock, over 1.5 times the promise by the customer's",
    )


def met_and_disliked(teller: Teller) -> None:
    """Kept in time, and within a week the customer marks it six or lower."""
    promise = _promise(teller)
    done = promise.due - teller.minutes(20, 200)
    promise.kept(done)
    promise.confirmed(done + teller.minutes(1, 30))
    rated = done + teller.between(2 * HOUR, 6 * DAY)
    promise.rated(rated, teller.rng.randint(0, 6))
    promise.truth(
        promise.made,
        rated,
        "按时兑现, 但客户一周内打了低分",
        "kept in time, yet the customer marked it low within a week",
    )


def kept_just_in_time(teller: Teller) -> None:
    """Kept minutes before it was due, confirmed and liked."""
    promise = _promise(teller)
    done = promise.due - teller.minutes(1, 10)
    promise.kept(done)
    promise.confirmed(done + teller.minutes(1, 9))
    promise.rated(done + teller.between(HOUR, 5 * DAY), teller.rng.randint(7, 10))
    promise.truth(promise.made, done, "到期前几分钟兑现", "kept minutes before it was due")


def clocks_nearly_agree(teller: Teller) -> None:
    """The customer's clock ran to 1.4 times the promise, not more."""
    promise = Promise(teller, teller.minutes(3, 6), teller.between(8 * HOUR, 2 * DAY))
    promise.kept(promise.due - teller.minutes(10, 200))
    felt = promise.asked + round(promise.length * teller.rng.uniform(1.25, 1.42))
    promise.confirmed(felt)
    promise.truth(promise.asked, felt, "客户的时钟是承诺的 1.4 倍", "1.4 times the promise by the customer's clock")


def disliked_too_late(teller: Teller) -> None:
    """A low mark, but eight days later."""
    promise = _promise(teller)
    done = promise.due - teller.minutes(20, 200)
    promise.kept(done)
    promise.confirmed(done + teller.minutes(1, 30))
    rated = done + teller.between(7 * DAY + 3 * HOUR, 9 * DAY)
    promise.rated(rated, teller.rng.randint(0, 6))
    promise.truth(promise.made, rated, "低分出现在八天之后", "a low mark, but more than a week later")


VARIANTS = variants_of(
    STORY,
    planted=((never_kept, 4, 1.0), (kept_late, 6, 1.5), (met_by_own_clock, 8, 1.5), (met_and_disliked, 10, 1.0)),
    near_misses=((kept_just_in_time, 9), (clocks_nearly_agree, 4), (disliked_too_late, 13)),
)
