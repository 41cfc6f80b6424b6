"""Contacts with the customer, tickets, surveys, chatbots.

Emitted by the contact centre (TMF683 party interaction), the ticket system (TMF621) and the survey tool.
`interaction_id` and `ticket_id` are in the envelope."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Identifier, Label, Reason, Score, Word, blank

TicketState = (
    Literal["acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved"] | Word
)
"""TMF621 states. Open, because the standard grows: an unknown state is kept, not refused."""


class Contact(Attributes):
    """Why the customer and the operator spoke, and how it ended; `wait_seconds` is the time in the queue."""

    reason: Reason
    resolved: bool = False
    direction: Literal["inbound", "outbound"] = "inbound"
    wait_seconds: Count | None = None


class Transfer(Attributes):
    """From whom to whom the customer was passed."""

    from_desk: Label
    to_desk: Label


class FailedLookup(Attributes):
    """What could not be found; its reference is `order_id` in the envelope."""

    looked_for: Word


class OutboundCall(Attributes):
    """Why the operator called."""

    purpose: Word | None = None


class Ticket(Attributes):
    """What the ticket is about."""

    category: Reason | None = None
    severity: Word | None = None


class TicketProgress(Attributes):
    """The state a ticket came to."""

    state: TicketState


class SurveyAnswer(Attributes):
    """One answer on the instrument's scale, at most 0 to 10."""

    instrument: Literal["nps", "csat", "ces"]
    score: Score
    commitment_id: Identifier | None = None


class BotSession(Attributes):
    """Whether the bot solved it."""

    resolved: bool


class HandOver(Attributes):
    """To whom the AI agent passed the customer."""

    to_desk: Label


class InteractionContactCompleted(Event):
    """A contact ended."""

    event_type: Literal["interaction.contact_completed"] = "interaction.contact_completed"
    attributes: Contact


class InteractionTransferred(Event):
    """The customer was passed from one desk to another."""

    event_type: Literal["interaction.transferred"] = "interaction.transferred"
    attributes: Transfer


class InteractionLookupFailed(Event):
    """Someone could not find what the customer spoke of."""

    event_type: Literal["interaction.lookup_failed"] = "interaction.lookup_failed"
    attributes: FailedLookup


class InteractionOutboundCallCompleted(Event):
    """The operator called the customer."""

    event_type: Literal["interaction.outbound_call_completed"] = "interaction.outbound_call_completed"
    attributes: OutboundCall = blank(OutboundCall)


class InteractionPriceEnquired(Event):
    """The customer asked what it would cost."""

    event_type: Literal["interaction.price_enquired"] = "interaction.price_enquired"


class InteractionRenewalContacted(Event):
    """The operator spoke with the customer about renewing, unasked."""

    event_type: Literal["interaction.renewal_contacted"] = "interaction.renewal_contacted"


class InteractionAccountEnquired(Event):
    """The customer asked about account management."""

    event_type: Literal["interaction.account_enquired"] = "interaction.account_enquired"


class InteractionAdviceGiven(Event):
    """The customer was advised on new details."""

    event_type: Literal["interaction.advice_given"] = "interaction.advice_given"


class InteractionNeedRaised(Event):
    """The customer named a need for a new service."""

    event_type: Literal["interaction.need_raised"] = "interaction.need_raised"


class InteractionRoadmapDiscussed(Event):
    """The technology roadmap was discussed with the customer."""

    event_type: Literal["interaction.roadmap_discussed"] = "interaction.roadmap_discussed"


class InteractionReportRequested(Event):
    """The customer asked for an agreed report."""

    event_type: Literal["interaction.report_requested"] = "interaction.report_requested"


class TicketOpened(Event):
    """A fault or request was recorded."""

    event_type: Literal["ticket.opened"] = "ticket.opened"
    attributes: Ticket = blank(Ticket)


class TicketOwnerChanged(Event):
    """A ticket moved to another desk."""

    event_type: Literal["ticket.owner_changed"] = "ticket.owner_changed"
    attributes: Transfer


class TicketStateChanged(Event):
    """A ticket moved to another state."""

    event_type: Literal["ticket.state_changed"] = "ticket.state_changed"
    attributes: TicketProgress


class TicketResolved(Event):
    """The operator considers the ticket solved."""

    event_type: Literal["ticket.resolved"] = "ticket.resolved"


class TicketClosed(Event):
    """The ticket was closed."""

    event_type: Literal["ticket.closed"] = "ticket.closed"


class SurveyAnswered(Event):
    """The customer answered a survey."""

    event_type: Literal["survey.answered"] = "survey.answered"
    attributes: SurveyAnswer


class ChatbotSessionCompleted(Event):
    """A session with the chatbot ended."""

    event_type: Literal["chatbot.session_completed"] = "chatbot.session_completed"
    attributes: BotSession


class AiAgentHandedOff(Event):
    """An AI agent passed the customer to a person."""

    event_type: Literal["ai_agent.handed_off"] = "ai_agent.handed_off"
    attributes: HandOver


TYPES: tuple[type[Event], ...] = (
    InteractionContactCompleted,
    InteractionTransferred,
    InteractionLookupFailed,
    InteractionOutboundCallCompleted,
    InteractionPriceEnquired,
    InteractionRenewalContacted,
    InteractionAccountEnquired,
    InteractionAdviceGiven,
    InteractionNeedRaised,
    InteractionRoadmapDiscussed,
    InteractionReportRequested,
    TicketOpened,
    TicketOwnerChanged,
    TicketStateChanged,
    TicketResolved,
    TicketClosed,
    SurveyAnswered,
    ChatbotSessionCompleted,
    AiAgentHandedOff,
)
