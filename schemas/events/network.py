"""Outages, one event per customer hit.

Emitted by fault management after matching cells and lines with customers. `outage_id` in the envelope joins the
customers of one outage."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Event, Label, blank


class AffectedArea(Attributes):
    """What is down, as the network names it."""

    area: Label | None = None


class OutageStarted(Event):
    """The customer's service is hit by an outage."""

    event_type: Literal["outage.started"] = "outage.started"
    attributes: AffectedArea = blank(AffectedArea)


class OutageEnded(Event):
    """The outage is over for this customer."""

    event_type: Literal["outage.ended"] = "outage.ended"


TYPES: tuple[type[Event], ...] = (
    OutageStarted,
    OutageEnded,
)
