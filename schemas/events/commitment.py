"""Promises to the customer, on his clock and on the operator's.

Emitted by whichever system records a promise; often a system of its own, because few operators record them."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Identifier, Time


class Promise(Attributes):
    """What was promised and by when; `asked_at` is when the customer first asked."""

    commitment_id: Identifier
    subject: str | None = None
    due_at: Time
    asked_at: Time | None = None


class Fulfilment(Attributes):
    """That the operator considers it done; `operator_elapsed_minutes` is the time his own clock shows."""

    commitment_id: Identifier
    operator_elapsed_minutes: Count | None = None


class Confirmation(Attributes):
    """Which promise the customer says is kept."""

    commitment_id: Identifier


class CommitmentMade(Event):
    """Something was promised by a time."""

    event_type: Literal["commitment.made"] = "commitment.made"
    attributes: Promise


class CommitmentFulfilled(Event):
    """The operator says that the promise is kept."""

    event_type: Literal["commitment.fulfilled"] = "commitment.fulfilled"
    attributes: Fulfilment


class CommitmentConfirmed(Event):
    """The customer says that it is done."""

    event_type: Literal["commitment.confirmed"] = "commitment.confirmed"
    attributes: Confirmation


TYPES: tuple[type[Event], ...] = (
    CommitmentMade,
    CommitmentFulfilled,
    CommitmentConfirmed,
)
