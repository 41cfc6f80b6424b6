"""The customer's account and who looks after it.

Emitted by the customer-relations system (TMF629, TMF666)."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Event, Identifier, blank


class ManagerChange(Attributes):
    """Who looks after the customer now."""

    manager_id: Identifier | None = None


class AccountReviewed(Event):
    """The account was gone through with the customer."""

    event_type: Literal["account.reviewed"] = "account.reviewed"


class AccountManagerChanged(Event):
    """Another person looks after the customer."""

    event_type: Literal["account.manager_changed"] = "account.manager_changed"
    attributes: ManagerChange = blank(ManagerChange)


class AccountDetailsChanged(Event):
    """Address, name or other details changed."""

    event_type: Literal["account.details_changed"] = "account.details_changed"


class FamilyShareChanged(Event):
    """Who shares the plan changed."""

    event_type: Literal["family_share.changed"] = "family_share.changed"


TYPES: tuple[type[Event], ...] = (
    AccountReviewed,
    AccountManagerChanged,
    AccountDetailsChanged,
    FamilyShareChanged,
)
