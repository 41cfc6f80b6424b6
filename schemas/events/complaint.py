"""Complaints, with the operator and with the regulator.

Emitted by the ticket system (TMF621, type complaint) and the regulator's feed. `ticket_id` in the envelope is the
complaint's id."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Event, Reason, blank


class Complaint(Attributes):
    """What is complained about."""

    category: Reason


class ComplaintReference(Attributes):
    """The category again, where the system repeats it."""

    category: Reason | None = None


class ComplaintOpened(Event):
    """The customer complained."""

    event_type: Literal["complaint.opened"] = "complaint.opened"
    attributes: Complaint


class ComplaintResolved(Event):
    """The operator considers the complaint settled."""

    event_type: Literal["complaint.resolved"] = "complaint.resolved"
    attributes: ComplaintReference = blank(ComplaintReference)


class ComplaintClosed(Event):
    """The complaint was closed."""

    event_type: Literal["complaint.closed"] = "complaint.closed"
    attributes: ComplaintReference = blank(ComplaintReference)


class ComplaintReopened(Event):
    """The customer did not accept the solution."""

    event_type: Literal["complaint.reopened"] = "complaint.reopened"
    attributes: ComplaintReference = blank(ComplaintReference)


class ComplaintEscalated(Event):
    """The complaint went to a higher level."""

    event_type: Literal["complaint.escalated"] = "complaint.escalated"
    attributes: ComplaintReference = blank(ComplaintReference)


class RegulatorComplaintReceived(Event):
    """The customer went to the authority."""

    event_type: Literal["regulator.complaint_received"] = "regulator.complaint_received"
    attributes: ComplaintReference = blank(ComplaintReference)


TYPES: tuple[type[Event], ...] = (
    ComplaintOpened,
    ComplaintResolved,
    ComplaintClosed,
    ComplaintReopened,
    ComplaintEscalated,
    RegulatorComplaintReceived,
)
