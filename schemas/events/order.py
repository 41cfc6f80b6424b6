"""Orders, quotes, credit checks and deliveries.

Emitted by the order-management system (TM Forum TMF622 product order, TMF648 quote, TMF700 shipping order), the
dealer portal, the credit bureau link and the warehouse. `order_id` in the envelope is the reference printed on the
customer's paper, dealer's and operator's alike."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Event, Identifier, Minor, Word, blank

LineKind = Literal["mobile", "fixed"]
OrderState = (
    Literal[
        "acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "completed", "failed", "partial",
        "assessingCancellation", "pendingCancellation", "draft", "inProgress.accepted",
    ]
    | Word
)  # fmt: skip
"""TMF622 v4 and v5 states. Open, because the standard grows: an unknown state is kept, not refused."""


class OrderLine(Attributes):
    """What was ordered."""

    product: Word | None = None
    line_kind: LineKind | None = None


class SubmittedOrder(Attributes):
    """What a dealer or a shop sent in."""

    dealer_id: Identifier | None = None
    product: Word | None = None
    line_kind: LineKind | None = None


class AcknowledgingSystem(Attributes):
    """Which of the operator's systems took the order."""

    system: Word | None = None


class OrderProgress(Attributes):
    """The state an order came to."""

    state: OrderState


class OrderAmendment(Attributes):
    """Why an order was corrected."""

    reason: str | None = None


class Quote(Attributes):
    """What was offered."""

    price_minor: Minor | None = None


class CreditDecision(Attributes):
    """How the check ended."""

    result: Literal["passed", "failed"]
    reason: str | None = None


class Consignment(Attributes):
    """Who carries the parcel."""

    carrier: Word | None = None


class OrderCreated(Event):
    """An order was opened with the operator itself (shop, web, call centre)."""

    event_type: Literal["order.created"] = "order.created"
    attributes: OrderLine = blank(OrderLine)


class OrderSubmitted(Event):
    """A dealer or partner says that he took an order and sent it on."""

    event_type: Literal["order.submitted"] = "order.submitted"
    attributes: SubmittedOrder = blank(SubmittedOrder)


class OrderAcknowledged(Event):
    """The operator's own system knows the order."""

    event_type: Literal["order.acknowledged"] = "order.acknowledged"
    attributes: AcknowledgingSystem = blank(AcknowledgingSystem)


class OrderStateChanged(Event):
    """The order moved to another state."""

    event_type: Literal["order.state_changed"] = "order.state_changed"
    attributes: OrderProgress


class OrderAmended(Event):
    """The order was corrected after it was opened."""

    event_type: Literal["order.amended"] = "order.amended"
    attributes: OrderAmendment = blank(OrderAmendment)


class QuoteIssued(Event):
    """The customer was given a price."""

    event_type: Literal["quote.issued"] = "quote.issued"
    attributes: Quote = blank(Quote)


class CreditCheckCompleted(Event):
    """The account or credit check ended."""

    event_type: Literal["credit_check.completed"] = "credit_check.completed"
    attributes: CreditDecision


class StockReserved(Event):
    """Goods for the order were set aside."""

    event_type: Literal["stock.reserved"] = "stock.reserved"


class ShipmentCreated(Event):
    """A parcel was handed to the carrier."""

    event_type: Literal["shipment.created"] = "shipment.created"
    attributes: Consignment = blank(Consignment)


class ShipmentDelivered(Event):
    """The customer holds the equipment (handset, SIM)."""

    event_type: Literal["shipment.delivered"] = "shipment.delivered"


class InvoiceIssued(Event):
    """The invoice for the purchase went out."""

    event_type: Literal["invoice.issued"] = "invoice.issued"


TYPES: tuple[type[Event], ...] = (
    OrderCreated,
    OrderSubmitted,
    OrderAcknowledged,
    OrderStateChanged,
    OrderAmended,
    QuoteIssued,
    CreditCheckCompleted,
    StockReserved,
    ShipmentCreated,
    ShipmentDelivered,
    InvoiceIssued,
)
