"""Use of the network and what is left of the allowance.

Emitted by mediation and the usage-consumption system (TMF635, TMF677). TM Forum has no event for a crossed threshold;
`usage.threshold_crossed` is ours."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Word, blank


class Usage(Attributes):
    """One record of use; `units` are seconds of voice, messages, or bytes of data."""

    kind: Literal["voice", "message", "data"]
    units: Count
    roaming: bool = False


class ThresholdCrossing(Attributes):
    """Which allowance reached which share."""

    allowance: Word
    percent: Count


class RoamingSetting(Attributes):
    """What the customer or a shop set."""

    setting: Word | None = None
    enabled: bool | None = None


class UsageRecorded(Event):
    """The customer called, wrote or used data, at home or abroad."""

    event_type: Literal["usage.recorded"] = "usage.recorded"
    attributes: Usage


class UsageThresholdCrossed(Event):
    """Use reached a share of an allowance."""

    event_type: Literal["usage.threshold_crossed"] = "usage.threshold_crossed"
    attributes: ThresholdCrossing


class RoamingSettingChanged(Event):
    """Roaming was switched on, off or limited."""

    event_type: Literal["roaming.setting_changed"] = "roaming.setting_changed"
    attributes: RoamingSetting = blank(RoamingSetting)


TYPES: tuple[type[Event], ...] = (
    UsageRecorded,
    UsageThresholdCrossed,
    RoamingSettingChanged,
)
