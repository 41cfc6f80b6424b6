"""Getting a service to work: SIM, activation, porting in, appointments, set-up.

Emitted by provisioning (TMF641 service order), number portability, workforce management, device management and the
online account."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Time, Word, blank

LineKind = Literal["mobile", "fixed"]
Result = Literal["passed", "failed"]


class ProvisionedSim(Attributes):
    """What the SIM is for and by when service was promised."""

    line_kind: LineKind | None = None
    promised_by: Time | None = None


class ActivatedService(Attributes):
    """What came alive."""

    line_kind: LineKind | None = None


class Setting(Attributes):
    """What was set and whether it took."""

    kind: Word | None = None
    result: Word | None = None


class Suspension(Attributes):
    """Why the service was cut off."""

    reason: str | None = None


class PortInProgress(Attributes):
    """The state of the move from the other operator, as the clearing house names it."""

    state: Word


class Visit(Attributes):
    """When somebody was to come."""

    promised_by: Time | None = None


class IdentityCheck(Attributes):
    """How the check of the customer's identity ended."""

    result: Result


class AccountUse(Attributes):
    """How much of the online account was used."""

    pages: Count | None = None


class SimProvisioned(Event):
    """A SIM was configured in the network."""

    event_type: Literal["sim.provisioned"] = "sim.provisioned"
    attributes: ProvisionedSim = blank(ProvisionedSim)


class ServiceActivated(Event):
    """The service can be used."""

    event_type: Literal["service.activated"] = "service.activated"
    attributes: ActivatedService = blank(ActivatedService)


class ServiceConfigured(Event):
    """A setting of the service was made or pushed (voicemail, PIN, SMS and MMS settings)."""

    event_type: Literal["service.configured"] = "service.configured"
    attributes: Setting = blank(Setting)


class ServiceSuspended(Event):
    """The service was cut off, usually for credit."""

    event_type: Literal["service.suspended"] = "service.suspended"
    attributes: Suspension = blank(Suspension)


class ServiceRestored(Event):
    """A suspended service works again."""

    event_type: Literal["service.restored"] = "service.restored"


class PortInStateChanged(Event):
    """The number's move from another operator advanced or failed."""

    event_type: Literal["port_in.state_changed"] = "port_in.state_changed"
    attributes: PortInProgress


class TrialStarted(Event):
    """The customer began to try the service."""

    event_type: Literal["trial.started"] = "trial.started"


class AccountStructureChanged(Event):
    """The structure of a business account was set up or changed."""

    event_type: Literal["account.structure_changed"] = "account.structure_changed"


class OnlineAccountCreated(Event):
    """The customer has an online account."""

    event_type: Literal["online_account.created"] = "online_account.created"


class OnlineAccountUsed(Event):
    """The customer managed his service online."""

    event_type: Literal["online_account.used"] = "online_account.used"
    attributes: AccountUse = blank(AccountUse)


class AppointmentBooked(Event):
    """A visit was agreed."""

    event_type: Literal["appointment.booked"] = "appointment.booked"
    attributes: Visit = blank(Visit)


class AppointmentMissed(Event):
    """Nobody came, or nobody was in."""

    event_type: Literal["appointment.missed"] = "appointment.missed"
    attributes: Visit = blank(Visit)


class AppointmentCancelled(Event):
    """The visit was called off."""

    event_type: Literal["appointment.cancelled"] = "appointment.cancelled"
    attributes: Visit = blank(Visit)


class EsimProfileDownloaded(Event):
    """The eSIM profile is on the device."""

    event_type: Literal["esim.profile_downloaded"] = "esim.profile_downloaded"


class RealNameCheckCompleted(Event):
    """The identity check required by law ended."""

    event_type: Literal["real_name.check_completed"] = "real_name.check_completed"
    attributes: IdentityCheck


class FwaInstallVisitCompleted(Event):
    """The fixed-wireless equipment was installed at the customer's home."""

    event_type: Literal["fwa.install_visit_completed"] = "fwa.install_visit_completed"


class DeviceConfigured(Event):
    """A device was set up (mail server, data card, car kit, imported data)."""

    event_type: Literal["device.configured"] = "device.configured"
    attributes: Setting = blank(Setting)


TYPES: tuple[type[Event], ...] = (
    SimProvisioned,
    ServiceActivated,
    ServiceConfigured,
    ServiceSuspended,
    ServiceRestored,
    PortInStateChanged,
    TrialStarted,
    AccountStructureChanged,
    OnlineAccountCreated,
    OnlineAccountUsed,
    AppointmentBooked,
    AppointmentMissed,
    AppointmentCancelled,
    EsimProfileDownloaded,
    RealNameCheckCompleted,
    FwaInstallVisitCompleted,
    DeviceConfigured,
)
