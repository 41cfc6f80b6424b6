"""Asking and being helped: contacts, tickets, complaints, promises, each handled once and well."""

from __future__ import annotations

from schemas.times import DAY, HOUR, MINUTE
from streams.simulator.scenes import DESKS, complaint_handled, contact, notice, survey
from streams.simulator.telling import Teller, ordinary


def asks_once(teller: Teller) -> None:
    """One contact, one answer; now and then a survey."""
    contact(teller, teller.begin, teller.reasons(1)[0], resolved=True)
    if teller.chance(0.15):
        survey(teller, teller.begin + teller.between(HOUR, DAY), teller.rng.randint(3, 5))


def asks_machine(teller: Teller) -> None:
    """The chatbot answers, or hands over once to a person who does."""
    solved = teller.chance(0.6)
    teller.happens(teller.begin, "chatbot.session_completed", "chatbot", resolved=solved)
    if not solved:
        interaction = teller.new_id("I")
        teller.happens(
            teller.begin + MINUTE, "ai_agent.handed_off", "ai_agent", interaction_id=interaction, to_desk="call_centre"
        )
        contact(teller, teller.begin + 6 * MINUTE, teller.reasons(1)[0], resolved=True, channel="call_centre")


def reports_fault(teller: Teller) -> None:
    """A ticket, at most one change of owner, solved and closed."""
    at, ticket = teller.begin, teller.new_id("K")
    giver, taker = teller.rng.sample(DESKS, 2)
    department = giver.partition("/")[0]
    teller.happens(
        at,
        "ticket.opened",
        "call_centre",
        department=department,
        ticket_id=ticket,
        category="fault",
        severity="minor",
    )
    if teller.chance(0.4):
        at += teller.minutes(20, 300)
        teller.happens(
            at,
            "ticket.owner_changed",
            department=department,
            ticket_id=ticket,
            from_desk=giver,
            to_desk=taker,
        )
    at += teller.between(HOUR, 30 * HOUR)
    teller.happens(at, "ticket.resolved", ticket_id=ticket)
    notice(teller, at + MINUTE, "order_update", teller.minutes(0.1, 2), ticket_id=ticket)
    teller.happens(at + HOUR, "ticket.closed", ticket_id=ticket)


def complains_once(teller: Teller) -> None:
    """A complaint that was really solved."""
    closed = complaint_handled(teller, teller.begin, teller.categories(1)[0], teller.new_id("K"))
    if teller.chance(0.3):
        survey(teller, closed + teller.between(HOUR, DAY), teller.rng.randint(3, 5))


def is_promised_and_served(teller: Teller) -> None:
    """A promise kept well before its date, and the customer agrees."""
    made = teller.begin + teller.minutes(1, 5)
    length = teller.between(12 * HOUR, 3 * DAY)
    name = teller.new_id("P")
    teller.happens(
        made, "commitment.made", "call_centre", commitment_id=name, subject="fault_repair",
        due_at=teller.stamp(made + length), asked_at=teller.stamp(teller.begin),
    )  # fmt: skip
    done = made + round(length * teller.rng.uniform(0.3, 0.9))
    teller.happens(done, "commitment.fulfilled", commitment_id=name, operator_elapsed_minutes=(done - made) // MINUTE)
    teller.happens(done + teller.minutes(5, 60), "commitment.confirmed", "call_centre", commitment_id=name)


def loses_device(teller: Teller) -> None:
    """Device lost or broken, claimed and replaced."""
    teller.happens(teller.begin, teller.pick(("device.loss_reported", "device.fault_reported")), "store")
    if teller.chance(0.5):
        teller.happens(teller.begin + HOUR, "insurance.claim_opened", "call_centre")
    replaced = teller.begin + teller.between(DAY, 3 * DAY)
    teller.happens(replaced, "device.replaced", "logistics")


VARIANTS = (
    ordinary(asks_once, 0.16, 2),
    ordinary(asks_machine, 0.06, 1),
    ordinary(reports_fault, 0.04, 3),
    ordinary(complains_once, 0.012, 4),
    ordinary(is_promised_and_served, 0.02, 4),
    ordinary(loses_device, 0.01, 4),
)
