"""The vocabulary: every type of event the monitor understands, family by family.

A family is what one kind of system emits; it also sets the allowed lateness (`journeys/lateness.py`). To add a type see
`schemas/README.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.envelope import Event
from schemas.events import (
    account,
    activation,
    billing,
    care,
    charging,
    commitment,
    complaint,
    contract,
    device,
    discover,
    network,
    notification,
    order,
    payment,
    roaming,
    usage,
)

FAMILIES: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {
        "discover": discover.TYPES,
        "order": order.TYPES,
        "activation": activation.TYPES,
        "usage": usage.TYPES,
        "roaming": roaming.TYPES,
        "charging": charging.TYPES,
        "network": network.TYPES,
        "notification": notification.TYPES,
        "billing": billing.TYPES,
        "payment": payment.TYPES,
        "care": care.TYPES,
        "complaint": complaint.TYPES,
        "commitment": commitment.TYPES,
        "contract": contract.TYPES,
        "device": device.TYPES,
        "account": account.TYPES,
    }
)
"""Family to its event classes, in the order of the customer's life."""


def name_of(event_class: type[Event]) -> str:
    """The `event_type` an event class stands for."""
    name: str = event_class.model_fields["event_type"].default
    return name


EVENT_TYPES: Mapping[str, type[Event]] = MappingProxyType(
    {name_of(event_class): event_class for classes in FAMILIES.values() for event_class in classes}
)
"""Event type to its class."""

FAMILY_OF: Mapping[str, str] = MappingProxyType(
    {name_of(event_class): family for family, classes in FAMILIES.items() for event_class in classes}
)
"""Event type to its family."""
