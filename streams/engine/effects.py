"""What the engine hands to the world: nothing is done here, only said."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.deadletters import DeadLetter
from schemas.facts import DetectorFailure, Handoff, Transition
from schemas.kpis import KpiDims
from schemas.moments import Moment


class Placement(NamedTuple):
    """Where an accepted event stands on the lifecycle. `suffix` is `,"stage":…,"touchpoint":…}` to close its JSON with."""

    touchpoint: str
    stage: str
    suffix: bytes


class VersionedMoment(NamedTuple):
    """A moment as it stands at `version`, the sequence number of the input that brought it there."""

    version: int
    moment: Moment


class VersionedTransition(NamedTuple):
    """A stage change as it stands at `version`; `deleted` when a late event showed that it never was one."""

    version: int
    transition: Transition
    deleted: bool


@dataclass(slots=True)
class Effects:
    """The consequences of one batch. `placements` is aligned with the batch: None for a tick, a repeat or a late event."""

    placements: list[Placement | None] = field(default_factory=list)
    moments: list[VersionedMoment] = field(default_factory=list)
    transitions: list[VersionedTransition] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    failures: list[DetectorFailure] = field(default_factory=list)


@dataclass(slots=True)
class KpiColumns:
    """Changed KPI windows of one grain as columns of equal length; values are absolute, never increments.

    `dim_id` indexes `KpiChanges.dims`; `window_ms` is the window's start; `value` the count (or minor units) so far.
    """

    grain: str
    dim_id: array[int]
    window_ms: array[int]
    value: array[int]


@dataclass(slots=True)
class KpiChanges:
    """The KPI windows that changed since the last checkpoint, per grain (minute, hour, day)."""

    dims: Sequence[KpiDims]
    columns: list[KpiColumns]
    version: int
    partition: int


@dataclass(slots=True)
class Checkpoint:
    """What a store writes in one transaction: touched customers (None = forget), KPI log entry, and the engine's own state."""

    customers: list[tuple[str, bytes | None]]
    kpi_log: bytes
    kpi_log_restarts: bool
    meta: bytes
    kpis: KpiChanges
