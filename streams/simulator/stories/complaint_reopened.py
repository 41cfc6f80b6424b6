"""Solved on paper only: the complaint is reopened, or the same one comes back soon after closing."""

from __future__ import annotations

from schemas.times import DAY, HOUR
from streams.simulator.scenes import complaint_handled
from streams.simulator.telling import Teller, Variant

STORY = "complaint_reopened"
MONTH = 30 * DAY


def _reopened(teller: Teller, at: int, category: str, ticket: str) -> None:
    teller.happens(
        at, "complaint.reopened", "call_centre", department="service_supervision", ticket_id=ticket, category=category
    )
    resolved = at + teller.between(2 * HOUR, DAY)
    for step, when in (("complaint.resolved", resolved), ("complaint.closed", resolved + HOUR)):
        teller.happens(when, step, "call_centre", department="service_supervision", ticket_id=ticket, category=category)


def reopened(teller: Teller) -> None:
    """The complaint was closed and had to be opened again."""
    category, ticket = teller.categories(1)[0], teller.new_id("K")
    closed = complaint_handled(teller, teller.begin, category, ticket)
    again = closed + teller.between(3 * HOUR, 12 * DAY)
    _reopened(teller, again, category, ticket)
    teller.truth(category, teller.begin, again, "投诉关闭后又被重新打开", "the complaint was closed and reopened")


def same_again(teller: Teller) -> None:
    """A new complaint of the same category within a month of closing."""
    category = teller.categories(1)[0]
    closed = complaint_handled(teller, teller.begin, category, teller.new_id("K"))
    again = closed + teller.between(6 * HOUR, 18 * DAY)
    complaint_handled(teller, again, category, teller.new_id("K"))
    teller.truth(
        category,
        teller.begin,
        again,
        "关闭后一个月内同类投诉再次出现",
        "the same complaint came back within a month of closing",
    )


def same_again_at_the_edge(teller: Teller) -> None:
    """The same category again on the last day of the month."""
    category = teller.categories(1)[0]
    closed = complaint_handled(teller, teller.begin, category, teller.new_id("K"), most=DAY)
    again = closed + MONTH - teller.between(HOUR, 20 * HOUR)
    complaint_handled(teller, again, category, teller.new_id("K"), most=DAY)
    teller.truth(
        category,
        teller.begin,
        again,
        "关闭后第三十天同类投诉再现",
        "the same complaint on the thirtieth day after closing",
    )


def month_over(teller: Teller) -> None:
    """The same category again, but 31 days after closing."""
    category = teller.categories(1)[0]
    closed = complaint_handled(teller, teller.begin, category, teller.new_id("K"), most=DAY)
    again = closed + MONTH + teller.between(3 * HOUR, 30 * HOUR)
    complaint_handled(teller, again, category, teller.new_id("K"), most=DAY)
    teller.truth(
        category, teller.begin, again, "同类投诉在三十一天后", "the same complaint, but after the month was over"
    )


def other_category(teller: Teller) -> None:
    """Another complaint soon after, about something else."""
    first, other = teller.categories(2)
    closed = complaint_handled(teller, teller.begin, first, teller.new_id("K"))
    again = closed + teller.between(6 * HOUR, 8 * DAY)
    complaint_handled(teller, again, other, teller.new_id("K"))
    teller.truth(first, teller.begin, again, "不久后投诉另一件事", "another complaint soon after, about something else")


VARIANTS = (
    Variant(story=STORY, cause="reopened", kind="planted", length=16 * DAY, plant=reopened, weight=3),
    Variant(story=STORY, cause="same_again", kind="planted", length=23 * DAY, plant=same_again, weight=3),
    Variant(story=STORY, cause="same_again_at_the_edge", kind="planted", length=33 * DAY, plant=same_again_at_the_edge),
    Variant(story=STORY, cause="month_over", kind="near_miss", length=35 * DAY, plant=month_over, weight=2),
    Variant(story=STORY, cause="other_category", kind="near_miss", length=13 * DAY, plant=other_category),
)
