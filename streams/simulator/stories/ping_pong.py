"""Pushed from desk to desk: three transfers, or back to the one that gave it away."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import DESKS
from streams.simulator.telling import Teller, Variant

STORY = "ping_pong"
WITHIN = 72 * HOUR


def _walk(desks: Sequence[str], gaps: Sequence[int], begin: int) -> list[tuple[int, str, str]]:
    """The hand-overs along `desks`: when (ms), from whom, to whom."""
    times = accumulate(gaps, initial=begin)
    next(times)
    return [(at, giver, taker) for at, (giver, taker) in zip(times, pairwise(desks), strict=True)]


def _call(teller: Teller, desks: Sequence[str], gaps: Sequence[int]) -> tuple[str, list[int]]:
    """One call handed along `desks`; returns the interaction and the times of the transfers."""
    interaction, walk = teller.new_id("I"), _walk(desks, gaps, teller.begin)
    for at, giver, taker in walk:
        teller.happens(
            at, "interaction.transferred", "call_centre", department=_department(giver), interaction_id=interaction,
            from_desk=giver, to_desk=taker,
        )  # fmt: skip
    teller.happens(
        walk[-1][0] + 5 * MINUTE, "interaction.contact_completed", "call_centre", department=_department(desks[-1]),
        interaction_id=interaction, reason=teller.reasons(1)[0], resolved=True, direction="inbound", wait_seconds=40,
    )  # fmt: skip
    return interaction, [at for at, _, _ in walk]


def _ticket(teller: Teller, desks: Sequence[str], gaps: Sequence[int]) -> tuple[str, list[int]]:
    """One ticket handed along `desks`; returns the ticket and the times of the changes of owner."""
    ticket, walk = teller.new_id("K"), _walk(desks, gaps, teller.begin)
    first, last = _department(desks[0]), _department(desks[-1])
    teller.happens(
        teller.begin, "ticket.opened", "call_centre", department=first, ticket_id=ticket, category="fault",
        severity="major",
    )  # fmt: skip
    for at, giver, taker in walk:
        department = _department(giver)
        teller.happens(
            at, "ticket.owner_changed", department=department, ticket_id=ticket, from_desk=giver, to_desk=taker
        )
    done = walk[-1][0] + teller.between(2 * HOUR, 12 * HOUR)
    teller.happens(done, "ticket.resolved", department=last, ticket_id=ticket)
    teller.happens(done + HOUR, "ticket.closed", department=last, ticket_id=ticket)
    return ticket, [at for at, _, _ in walk]


def _department(desk: str) -> str:
    return desk.partition("/")[0]


def _within_two_departments(teller: Teller, count: int) -> list[str]:
    """`count` different desks of two departments, at most six."""
    pair = teller.rng.sample(sorted({_department(desk) for desk in DESKS}), 2)
    return teller.rng.sample([desk for desk in DESKS if _department(desk) in pair], count)


def _across_departments(teller: Teller, count: int) -> list[str]:
    """One desk in each of `count` departments."""
    chosen = teller.rng.sample(sorted({_department(desk) for desk in DESKS}), count)
    return [teller.pick([desk for desk in DESKS if _department(desk) == one]) for one in chosen]


def handed_round_the_call(teller: Teller) -> None:
    """One call, three or more transfers between the desks of two departments."""
    desks = _within_two_departments(teller, teller.rng.randint(4, 5))
    case, times = _call(teller, desks, [teller.minutes(2, 9) for _ in desks[1:]])
    teller.truth(case, times[0], times[2], "一次来电被转接三次以上", "one call, three transfers or more")


def handed_round_the_houses(teller: Teller) -> None:
    """One ticket, three or four departments in three days."""
    desks = _across_departments(teller, teller.rng.randint(3, 4))
    case, times = _ticket(teller, desks, [teller.between(HOUR, 20 * HOUR) for _ in desks[1:]])
    teller.truth(case, times[0], times[1], "一张工单经过三个以上部门", "one ticket, three departments or more")


def back_again(teller: Teller) -> None:
    """The ticket goes from one desk to another and back."""
    giver, taker = teller.rng.sample(DESKS, 2)
    case, times = _ticket(
        teller, (giver, taker, giver), [teller.between(HOUR, 20 * HOUR), teller.between(HOUR, 48 * HOUR)]
    )
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


def second_line(teller: Teller) -> None:
    """Two transfers, each to a new desk, and done: the first line, the second line, the one who can."""
    case, times = _call(teller, _within_two_departments(teller, 3), [teller.minutes(2, 9), teller.minutes(2, 9)])
    teller.truth(
        case, times[0], times[1], "两次转接均为新的受理台, 随即解决", "two transfers, each to a new desk, and done"
    )


def slowly_back(teller: Teller) -> None:
    """The ticket comes back to the first desk, but only after four days, to be closed there."""
    giver, taker = teller.rng.sample(DESKS, 2)
    case, times = _ticket(teller, (giver, taker, giver), [HOUR, WITHIN + teller.between(2 * HOUR, 30 * HOUR)])
    teller.truth(
        case, times[0], times[1], "四天后才回到原部门收尾", "back at the first desk only after four days, to be closed"
    )


def two_cases(teller: Teller) -> None:
    """There and back in a day, but on two tickets."""
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
    Variant(story=STORY, cause="second_line", kind="near_miss", length=DAY, plant=second_line),
    Variant(story=STORY, cause="slowly_back", kind="near_miss", length=7 * DAY, plant=slowly_back),
    Variant(story=STORY, cause="two_cases", kind="near_miss", length=3 * DAY, plant=two_cases),
)
