"""Messages to the customer, and the proof that they arrived.

Emitted by the messaging gateway (TMF681). "Told the customer" always means *delivered*; sent alone proves nothing."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Identifier, Word

Purpose = (
    Literal[
        "roaming_tariff", "roaming_limit", "allowance", "outage", "bill_ready", "welcome", "contract_end",
        "order_update", "complaint_update", "activation", "upgrade",
    ]
    | Word
)  # fmt: skip
"""Why the customer was told. Open: operators have purposes of their own."""


class Notice(Attributes):
    """What the message was about; `percent` is the policy step it belongs to."""

    purpose: Purpose
    percent: Count | None = None
    notice_id: Identifier | None = None


class FailedNotice(Notice):
    """What the message was about and why it did not arrive."""

    cause: str | None = None


class NotificationSent(Event):
    """A message left the operator."""

    event_type: Literal["notification.sent"] = "notification.sent"
    attributes: Notice


class NotificationDelivered(Event):
    """The message reached the customer."""

    event_type: Literal["notification.delivered"] = "notification.delivered"
    attributes: Notice


class NotificationFailed(Event):
    """The message did not reach the customer."""

    event_type: Literal["notification.failed"] = "notification.failed"
    attributes: FailedNotice


TYPES: tuple[type[Event], ...] = (
    NotificationSent,
    NotificationDelivered,
    NotificationFailed,
)
