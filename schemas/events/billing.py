"""Bills, disputes and tariffs.

Emitted by billing (TMF678) and the product catalogue. Only an adjustment may have a negative `amount_minor`."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Minor, Time, Word, blank


class Bill(Attributes):
    """What period the bill covers and what it is made of; the sum is `amount_minor` in the envelope."""

    period_start: Time
    period_end: Time
    recurring_minor: Minor | None = None
    roaming_minor: Minor | None = None
    lines: Count | None = None
    first: bool | None = None


class Dispute(Attributes):
    """What the customer contests."""

    reason: str | None = None


class Plan(Attributes):
    """Which plan it is now."""

    plan: Word | None = None


class BillIssued(Event):
    """A bill was made."""

    event_type: Literal["bill.issued"] = "bill.issued"
    attributes: Bill


class BillViewed(Event):
    """The customer looked at a bill."""

    event_type: Literal["bill.viewed"] = "bill.viewed"


class BillDisputed(Event):
    """The customer contests a bill."""

    event_type: Literal["bill.disputed"] = "bill.disputed"
    attributes: Dispute = blank(Dispute)


class BillAdjusted(Event):
    """A bill was corrected; the correction is the envelope's amount, negative in the customer's favour."""

    event_type: Literal["bill.adjusted"] = "bill.adjusted"


class BillCopyRequested(Event):
    """The customer asked for a copy of a bill."""

    event_type: Literal["bill.copy_requested"] = "bill.copy_requested"


class BillSplit(Event):
    """The bill of two lines was split."""

    event_type: Literal["bill.split"] = "bill.split"


class TariffChanged(Event):
    """The price of what the customer has changed."""

    event_type: Literal["tariff.changed"] = "tariff.changed"
    attributes: Plan = blank(Plan)


class PlanMigrated(Event):
    """The customer moved to another plan."""

    event_type: Literal["plan.migrated"] = "plan.migrated"
    attributes: Plan = blank(Plan)


TYPES: tuple[type[Event], ...] = (
    BillIssued,
    BillViewed,
    BillDisputed,
    BillAdjusted,
    BillCopyRequested,
    BillSplit,
    TariffChanged,
    PlanMigrated,
)
