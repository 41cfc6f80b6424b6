"""Pushed from desk to desk: three transfers, or back to the one that gave it away."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import DESKS
from streams.simulator.telling import Teller, Variant

STORY = "ping_pong"
WITHIN = 72 * HOUR


def _call(teller: Teller, desks: Sequence[str], gaps: Sequence[int]) -> tuple[str, list[int]]:
    """One call handed along `desks`; returns the interaction and the times of the transfers."""
    interaction, at, times = teller.new_id("I"), teller.begin, []
    for (giver, taker), gap in zip(zip(desks, desks[1:], strict=False), gaps, strict=True):
        at += gap
        times.append(at)
        teller.happens(
            at, "interaction.transferred", "call_centre", department=giver, interaction_id=interaction,
            from_desk=giver, to_desk=taker,
        )  # fmt: skip
    teller.happens(
        at + 5 * MINUTE, "interaction.contact_completed", "call_centre", department=desks[-1],
        interaction_id=interaction, reason=teller.reasons(1)[0], resolved=True, direction="inbound", wait_seconds=40,
    )  # fmt: skip
    return interaction, times


def _ticket(teller: Teller, desks: Sequence[str], gaps: Sequence[int]) -> tuple[str, list[int]]:
    """One ticket handed along `desks`; returns the ticket and the times of the changes of owner."""
    ticket, at, times = teller.new_id("K"), teller.begin, []
    teller.happens(at, "ticket.opened", "call_centre", department=desks[0], ticket_id=ticket, category="fault", severity="major")  # fmt: skip
    for (giver, taker), gap in zip(zip(desks, desks[1:], strict=False), gaps, strict=True):
        at += gap
        times.append(at)
        teller.happens(at, "ticket.owner_changed", department=giver, ticket_id=ticket, from_desk=giver, to_desk=taker)
    at += teller.between(2 * HOUR, 12 * HOUR)
    teller.happens(at, "ticket.resolved", department=desks[-1], ticket_id=ticket)
    teller.happens(at + HOUR, "ticket.closed", department=desks[-1], ticket_id=ticket)
    return ticket, times


def handed_round_the_call(teller: Teller) -> None:
    """One call, three or more transfers."""
    desks = teller.rng.sample(DESKS, teller.rng.randint(4, 5))
    case, times = _call(teller, desks, [teller.minutes(2, 9) for _ in desks[1:]])
    teller.truth(case, times[0], times[2], "一次来电被转接三次以上", "one call, three transfers or more")


def handed_round_the_houses(teller: Teller) -> None:
    """One ticket, four owners in three days."""
    desks = teller.rng.sample(DESKS, 4)
    case, times = _ticket(teller, desks, [teller.between(HOUR, 20 * HOUR) for _ in desks[1:]])
    teller.truth(case, times[0], times[2], "一张工单三天内换了四个负责部门", "one ticket, four owners in three days")


def back_again(teller: Teller) -> None:
    """The ticket goes from one desk to another and back."""
    giver, taker = teller.rng.sample(DESKS, 2)
    case, times = _ticket(teller, (giver, taker, giver), [teller.between(HOUR, 20 * HOUR), teller.between(HOUR, 48 * HOUR)])  # fmt: skip
    teller.truth(
        case, times[0], times[1], "工单转出后又被退回原部门", "the ticket came back to the desk that gave it away"
    )


def back_within_the_call(teller: Teller) -> None:
    """The call is transferred and transferred back."""
    giver, taker = teller.rng.sample(DESKS, 2)
    case, times = _call(teller, (giver, taker, giver), [teller.minutes(2, 9), teller.minutes(2, 9)])
    teller.truth(case, times[0], times[1], "通话被转出又转回", "the call was transferred and transferred back")


def one_transfer(teller: Teller) -> None:
    """One transfer to the desk that could help."""
    case, times = _call(teller, teller.rng.sample(DESKS, 2), [teller.minutes(2, 9)])
    teller.truth(case, times[0], times[0], "转接一次即解决", "one transfer and done")


def slowly_back(teller: Teller) -> None:
    """The ticket comes back to the first desk, but only after four days, to be closed there."""
    giver, taker = teller.rng.sample(DESKS, 2)
    case, times = _ticket(teller, (giver, taker, giver), [HOUR, WITHIN + teller.between(2 * HOUR, 30 * HOUR)])
    teller.truth(
        case, times[0], times[1], "四天后才回到原部门收尾", "back at the first desk only after four days, to be closed"
    )


def two_cases(teller: Teller) -> None:
    """Four hand-overs in a day, but on two tickets."""
    first = teller.rng.sample(DESKS, 2)
    case, times = _ticket(teller, first, [teller.between(HOUR, 5 * HOUR)])
    _ticket(teller, first[::-1], [teller.between(HOUR, 5 * HOUR)])
    teller.truth(case, times[0], times[0], "两张工单各转一次", "two tickets, each handed over once")


VARIANTS = (
    Variant(story=STORY, cause="handed_round_the_call", kind="planted", length=DAY, plant=handed_round_the_call),
    Variant(
        story=STORY, cause="handed_round_the_houses", kind="planted", length=5 * DAY, plant=handed_round_the_houses
    ),
    Variant(story=STORY, cause="back_again", kind="planted", length=5 * DAY, plant=back_again),
    Variant(story=STORY, cause="back_within_the_call", kind="planted", length=DAY, plant=back_within_the_call),
    Variant(story=STORY, cause="one_transfer", kind="near_miss", length=DAY, plant=one_transfer),
    Variant(story=STORY, cause="slowly_back", kind="near_miss", length=7 * DAY, plant=slowly_back),
    Variant(story=STORY, cause="two_cases", kind="near_miss", length=3 * DAY, plant=two_cases),
)
