"""Travelling: attaching to and leaving networks abroad.

Emitted by the roaming platform (signalling probes, TAP in advance) and the shop for day passes. `trip_id` in the
envelope joins the events of one trip."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Country, Event, Word, blank


class VisitedNetwork(Attributes):
    """Where the customer's phone attached."""

    country: Country
    network: Word | None = None


class VisitedCountry(Attributes):
    """Which country was left."""

    country: Country


class RejectedAttach(Attributes):
    """Where and why no network took the phone."""

    country: Country
    cause: str | None = None


class DayPass(Attributes):
    """Where the pass is valid."""

    country: Country | None = None


class RoamingAttached(Event):
    """The phone attached to a network abroad."""

    event_type: Literal["roaming.attached"] = "roaming.attached"
    attributes: VisitedNetwork


class RoamingDetached(Event):
    """The phone left the networks of a country."""

    event_type: Literal["roaming.detached"] = "roaming.detached"
    attributes: VisitedCountry


class RoamingAttachRejected(Event):
    """A network abroad refused the phone."""

    event_type: Literal["roaming.attach_rejected"] = "roaming.attach_rejected"
    attributes: RejectedAttach


class RoamingDayPassPurchased(Event):
    """The customer bought a day pass."""

    event_type: Literal["roaming.day_pass_purchased"] = "roaming.day_pass_purchased"
    attributes: DayPass = blank(DayPass)


TYPES: tuple[type[Event], ...] = (
    RoamingAttached,
    RoamingDetached,
    RoamingAttachRejected,
    RoamingDayPassPurchased,
)
