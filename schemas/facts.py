"""Facts derived from events while they pass: stage changes, handoffs, failures of our own."""

from __future__ import annotations

from typing import NamedTuple


class Transition(NamedTuple):
    """A customer moved from one lifecycle stage to another.

    `event_key` is the 64-bit hash of the event that moved him, with the customer the row's identity; times in ms.
    """

    customer_id: str
    event_key: int
    at: int
    from_stage: str
    to_stage: str
    touchpoint: str
    after_ms: int


class Handoff(NamedTuple):
    """A customer's matter was passed from one desk to another; `case_id` is the ticket or interaction, `at` in ms."""

    event_id: str
    customer_id: str
    case_id: str
    at: int
    from_desk: str
    to_desk: str
    channel: str
    tier: str


class DetectorFailure(NamedTuple):
    """A detector raised: it is quarantined for this customer, the others go on."""

    detector_id: str
    customer_id: str
    event_id: str
    error: str
    at: int
