"""Money running up between two bills, and what may stop it.

Emitted by the online charging system. The amount is `amount_minor` in the envelope; only a `refund` may be
negative."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Country, Event, Word, blank


class Charge(Attributes):
    """What the money is for."""

    kind: Literal["recurring", "voice", "message", "data", "one_off", "device_instalment", "refund"]
    roaming: bool = False
    country: Country | None = None


class DataBlock(Attributes):
    """Why data was stopped."""

    reason: str | None = None


class Consent(Attributes):
    """What the customer agreed to."""

    purpose: Word


class ChargeRated(Event):
    """Something was priced and will be on the next bill."""

    event_type: Literal["charge.rated"] = "charge.rated"
    attributes: Charge


class DataBlocked(Event):
    """Data was stopped at a limit."""

    event_type: Literal["data.blocked"] = "data.blocked"
    attributes: DataBlock = blank(DataBlock)


class ConsentGiven(Event):
    """The customer agreed to a charge, a limit or a use of his data."""

    event_type: Literal["consent.given"] = "consent.given"
    attributes: Consent


TYPES: tuple[type[Event], ...] = (
    ChargeRated,
    DataBlocked,
    ConsentGiven,
)
