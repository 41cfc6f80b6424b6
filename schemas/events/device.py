"""Handsets, insurance, upgrades and the app.

Emitted by the equipment register, insurance partner, upgrade desk and the app's back end."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, blank


class DeviceChange(Attributes):
    """Where the new device comes from."""

    origin: Literal["operator", "other"] | None = None


class Fault(Attributes):
    """What is wrong."""

    fault: str | None = None


class Eligibility(Attributes):
    """Whether the customer may upgrade."""

    eligible: bool | None = None


class AppUse(Attributes):
    """How often the app was opened."""

    sessions: Count | None = None


class DeviceChanged(Event):
    """The customer uses another device."""

    event_type: Literal["device.changed"] = "device.changed"
    attributes: DeviceChange = blank(DeviceChange)


class DeviceReplaced(Event):
    """The customer got a replacement."""

    event_type: Literal["device.replaced"] = "device.replaced"


class DeviceLossReported(Event):
    """A device was lost, damaged or stolen."""

    event_type: Literal["device.loss_reported"] = "device.loss_reported"


class DeviceFaultReported(Event):
    """A device does not work."""

    event_type: Literal["device.fault_reported"] = "device.fault_reported"
    attributes: Fault = blank(Fault)


class InsuranceClaimOpened(Event):
    """The customer claims on the device insurance."""

    event_type: Literal["insurance.claim_opened"] = "insurance.claim_opened"


class UpgradeEligibilityChecked(Event):
    """It was checked whether the customer may upgrade."""

    event_type: Literal["upgrade.eligibility_checked"] = "upgrade.eligibility_checked"
    attributes: Eligibility = blank(Eligibility)


class UpgradeRequested(Event):
    """The customer asked for an upgrade."""

    event_type: Literal["upgrade.requested"] = "upgrade.requested"


class UpgradeCompleted(Event):
    """The upgraded service works."""

    event_type: Literal["upgrade.completed"] = "upgrade.completed"


class AppLoggedIn(Event):
    """The customer opened the operator's app."""

    event_type: Literal["app.logged_in"] = "app.logged_in"
    attributes: AppUse = blank(AppUse)


TYPES: tuple[type[Event], ...] = (
    DeviceChanged,
    DeviceReplaced,
    DeviceLossReported,
    DeviceFaultReported,
    InsuranceClaimOpened,
    UpgradeEligibilityChecked,
    UpgradeRequested,
    UpgradeCompleted,
    AppLoggedIn,
)
