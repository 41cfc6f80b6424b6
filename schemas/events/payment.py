"""Payments, refunds and instalments.

Emitted by the payment gateway and receivables (TMF676 payment and refund). Refunds may have a negative
`amount_minor`."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Event, Time, Word, blank

PaymentState = Literal["pendingAuthorization", "authorized", "captured", "failed", "canceled", "denied", "done"] | Word
"""TMF676 v4 states. Open, because the standard grows: an unknown state is kept, not refused."""


class PaymentProgress(Attributes):
    """The state a payment came to."""

    state: PaymentState
    method: Word | None = None


class PaymentMethod(Attributes):
    """What the customer pays with now, and who changed it."""

    method: Word | None = None
    by: Word | None = None


class RefundPromise(Attributes):
    """By when the money is to be back."""

    due_at: Time | None = None


class PaymentStateChanged(Event):
    """A payment moved to another state."""

    event_type: Literal["payment.state_changed"] = "payment.state_changed"
    attributes: PaymentProgress


class PaymentReceiptIssued(Event):
    """The customer got a receipt."""

    event_type: Literal["payment.receipt_issued"] = "payment.receipt_issued"


class PaymentLost(Event):
    """A payment cannot be found."""

    event_type: Literal["payment.lost"] = "payment.lost"


class PaymentMethodChanged(Event):
    """The customer's way of paying changed."""

    event_type: Literal["payment_method.changed"] = "payment_method.changed"
    attributes: PaymentMethod = blank(PaymentMethod)


class RefundPromised(Event):
    """The operator promised money back."""

    event_type: Literal["refund.promised"] = "refund.promised"
    attributes: RefundPromise = blank(RefundPromise)


class RefundIssued(Event):
    """Money went back to the customer."""

    event_type: Literal["refund.issued"] = "refund.issued"


class InstalmentAgreed(Event):
    """Payment in instalments was agreed, for a device or a debt."""

    event_type: Literal["instalment.agreed"] = "instalment.agreed"


class WalletBound(Event):
    """The customer linked a wallet."""

    event_type: Literal["wallet.bound"] = "wallet.bound"


TYPES: tuple[type[Event], ...] = (
    PaymentStateChanged,
    PaymentReceiptIssued,
    PaymentLost,
    PaymentMethodChanged,
    RefundPromised,
    RefundIssued,
    InstalmentAgreed,
    WalletBound,
)
