"""KPI rows: absolute values per indicator, window, dimensions and partition."""

from __future__ import annotations

from typing import Literal, NamedTuple

Grain = Literal["minute", "hour", "day"]
GRAINS: tuple[Grain, ...] = ("minute", "hour", "day")


class KpiDims(NamedTuple):
    """What a KPI value is broken down by."""

    indicator: str
    stage: str
    touchpoint: str
    channel: str
    tier: str
    department: str
    region: str
