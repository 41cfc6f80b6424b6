"""What the engine hands to the world: nothing is done here, only said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from journeys.kpis import KpiChanges
from journeys.placement import Placement
from schemas.facts import DetectorFailure, Handoff, Transition
from schemas.moments import Moment


class VersionedMoment(NamedTuple):
    """A moment as it stands at `version`, the sequence number of the input that brought it there."""

    version: int
    moment: Moment


class VersionedTransition(NamedTuple):
    """A stage change as it stands at `version`; `deleted` when a late event showed that it never was one."""

    version: int
    transition: Transition
    deleted: bool


class SetAside(NamedTuple):
    """An event later than allowed: its place in the batch, and in words why."""

    place: int
    detail: str


@dataclass(slots=True)
class Effects:
    """The consequences of one batch.

    `placements` is aligned with the batch: None for a tick, a repeat or a late event;
    `too_late` are the latter, for the runner to keep with the place they came from.
    """

    placements: list[Placement | None] = field(default_factory=list)
    moments: list[VersionedMoment] = field(default_factory=list)
    transitions: list[VersionedTransition] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    too_late: list[SetAside] = field(default_factory=list)
    failures: list[DetectorFailure] = field(default_factory=list)


@dataclass(slots=True)
class Checkpoint:
    """What a store writes in one transaction.

    `customers` are the touched ones (None = forget); `journal` is appended to the partition's journal (KPI windows,
    deadlines), after emptying it when `journal_restarts`; `meta` replaces the one before. `kpis` go to the sink, not
    to the store.
    """

    customers: list[tuple[str, bytes | None]]
    journal: bytes
    journal_restarts: bool
    meta: bytes
    kpis: KpiChanges
