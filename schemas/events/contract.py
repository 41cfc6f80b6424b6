"""Contracts from negotiation to farewell.

Emitted by contract management, retention, and number portability for moves to another operator."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Event, Label, Time, Word, blank


class ContractEnd(Attributes):
    """When the term ends."""

    ends_at: Time


class Farewell(Attributes):
    """Why the customer goes."""

    reason: str | None = None


class PortOut(Attributes):
    """Where the number goes."""

    to_operator: Label | None = None


class Offer(Attributes):
    """What retention offered."""

    offer: Word | None = None


class ContractNegotiationStarted(Event):
    """Terms are being discussed."""

    event_type: Literal["contract.negotiation_started"] = "contract.negotiation_started"


class ContractSigned(Event):
    """The customer signed."""

    event_type: Literal["contract.signed"] = "contract.signed"


class ContractAmended(Event):
    """Terms of a running contract were changed."""

    event_type: Literal["contract.amended"] = "contract.amended"


class ContractEndScheduled(Event):
    """The end of the term is known."""

    event_type: Literal["contract.end_scheduled"] = "contract.end_scheduled"
    attributes: ContractEnd


class ContractExpired(Event):
    """The term ended."""

    event_type: Literal["contract.expired"] = "contract.expired"


class ContractRenewed(Event):
    """The customer signed again."""

    event_type: Literal["contract.renewed"] = "contract.renewed"


class CancelRequested(Event):
    """The customer asked to end the service."""

    event_type: Literal["cancel.requested"] = "cancel.requested"
    attributes: Farewell = blank(Farewell)


class CancelConfirmed(Event):
    """The customer still wants to go."""

    event_type: Literal["cancel.confirmed"] = "cancel.confirmed"
    attributes: Farewell = blank(Farewell)


class PortOutRequested(Event):
    """The customer asked to take the number to another operator."""

    event_type: Literal["port_out.requested"] = "port_out.requested"
    attributes: PortOut = blank(PortOut)


class PortOutCodeIssued(Event):
    """The customer got the code for the move."""

    event_type: Literal["port_out.code_issued"] = "port_out.code_issued"


class PortOutCompleted(Event):
    """The number is gone."""

    event_type: Literal["port_out.completed"] = "port_out.completed"
    attributes: PortOut = blank(PortOut)


class RetentionOfferMade(Event):
    """Retention made an offer."""

    event_type: Literal["retention.offer_made"] = "retention.offer_made"
    attributes: Offer = blank(Offer)


class RetentionOfferAccepted(Event):
    """The customer took the offer."""

    event_type: Literal["retention.offer_accepted"] = "retention.offer_accepted"
    attributes: Offer = blank(Offer)


class RetentionReviewRequested(Event):
    """Customer service asked retention to look at the customer again."""

    event_type: Literal["retention.review_requested"] = "retention.review_requested"


class ChurnConfirmed(Event):
    """The customer has left."""

    event_type: Literal["churn.confirmed"] = "churn.confirmed"
    attributes: Farewell = blank(Farewell)


TYPES: tuple[type[Event], ...] = (
    ContractNegotiationStarted,
    ContractSigned,
    ContractAmended,
    ContractEndScheduled,
    ContractExpired,
    ContractRenewed,
    CancelRequested,
    CancelConfirmed,
    PortOutRequested,
    PortOutCodeIssued,
    PortOutCompleted,
    RetentionOfferMade,
    RetentionOfferAccepted,
    RetentionReviewRequested,
    ChurnConfirmed,
)
