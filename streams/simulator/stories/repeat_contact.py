"""It was marked as resolved, and the customer has to get in touch again, and again."""

from __future__ import annotations

from schemas.times import DAY, HOUR
from streams.simulator.scenes import contact
from streams.simulator.telling import Teller, Variant

STORY = "repeat_contact"
WEEK = 7 * DAY


def third_time(teller: Teller) -> None:
    """Three contacts for one reason within a week of the first, which was marked as resolved."""
    reason = teller.reasons(1)[0]
    first = teller.begin
    second = first + teller.between(4 * HOUR, 3 * DAY)
    third = second + teller.between(4 * HOUR, 3 * DAY)
    contact(teller, first, reason, resolved=True)
    contact(teller, second, reason, resolved=teller.chance(0.4))
    contact(teller, third, reason, resolved=teller.chance(0.5))
    teller.truth(
        reason,
        first,
        third,
        "同一原因标记已解决后一周内第三次来访",
        "third contact for the same reason within a week of being told it was solved",
    )


def third_time_at_the_edge(teller: Teller) -> None:
    """The third contact falls in the last hours of the week."""
    reason = teller.reasons(1)[0]
    first = teller.begin
    third = first + WEEK - teller.between(HOUR, 5 * HOUR)
    contact(teller, first, reason, resolved=True)
    contact(teller, first + teller.between(DAY, 5 * DAY), reason, resolved=False)
    contact(teller, third, reason, resolved=True)
    teller.truth(
        reason, first, third, "已解决后第七天第三次来访", "third contact on the seventh day after it was solved"
    )


def week_over(teller: Teller) -> None:
    """Two more contacts, but the third comes more than a week after the second, which was marked as resolved."""
    reason = teller.reasons(1)[0]
    first = teller.begin
    second = first + teller.between(DAY, 5 * DAY)
    third = second + teller.between(WEEK + 2 * HOUR, WEEK + 2 * DAY)
    contact(teller, first, reason, resolved=True)
    contact(teller, second, reason, resolved=True)
    contact(teller, third, reason, resolved=True)
    teller.truth(reason, first, third, "第三次来访已在一周之外", "the third contact came after the week was over")


def other_reason(teller: Teller) -> None:
    """Three contacts in a few days, the last for something else."""
    reason, other = teller.reasons(2)
    first = teller.begin
    third = first + teller.between(3 * DAY, 5 * DAY)
    contact(teller, first, reason, resolved=True)
    contact(teller, first + teller.between(HOUR, 2 * DAY), reason, resolved=True)
    contact(teller, third, other, resolved=True)
    teller.truth(reason, first, third, "第三次来访是另一原因", "the third contact was about something else")


def only_twice(teller: Teller) -> None:
    """Had to call again once, and that was the end of it."""
    reason = teller.reasons(1)[0]
    second = teller.begin + teller.between(4 * HOUR, 6 * DAY)
    contact(teller, teller.begin, reason, resolved=True)
    contact(teller, second, reason, resolved=True)
    teller.truth(reason, teller.begin, second, "同一原因只再来一次", "one more contact for the same reason, then quiet")


VARIANTS = (
    Variant(story=STORY, cause="third_time", kind="planted", length=7 * DAY, plant=third_time, weight=4),
    Variant(story=STORY, cause="third_time_at_the_edge", kind="planted", length=8 * DAY, plant=third_time_at_the_edge),
    Variant(story=STORY, cause="week_over", kind="near_miss", length=15 * DAY, plant=week_over),
    Variant(story=STORY, cause="other_reason", kind="near_miss", length=6 * DAY, plant=other_reason),
    Variant(story=STORY, cause="only_twice", kind="near_miss", length=7 * DAY, plant=only_twice),
)
