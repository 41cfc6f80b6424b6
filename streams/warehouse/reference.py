"""What panels look up: the indicators' texts and targets, and the policy steps that are owed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from detectors.base import AnyDetector
from detectors.policy import shipped_packs
from journeys.registry import Registry
from schemas.policy import PolicyPack, PolicyRule
from schemas.times import SECOND


def registry_rows(registry: Registry) -> list[dict[str, Any]]:
    """Rows of table `indicator_registry`, in the order of the handbook."""
    return [
        {
            "indicator": one.id,
            "name_zh": one.name.zh,
            "name_en": one.name.en,
            "definition_zh": one.definition.zh,
            "definition_en": one.definition.en,
            "formula_zh": one.formula.zh,
            "formula_en": one.formula.en,
            "unit": one.unit,
            "direction": one.direction,
            "cycle": one.cycle,
            "target": one.target,
            "warning": one.warning,
            "owner": one.owner,
            "stage": one.stage or "",
            "quadrant": one.quadrant,
            "etom": one.etom,
            "availability": one.availability,
            "position": position,
        }
        for position, one in enumerate(registry.values())
    ]


def active_packs(catalogue: Iterable[AnyDetector]) -> set[str]:
    """The packs that a catalogue's detectors judge by."""
    return {pack for detector in catalogue for pack in getattr(detector.params, "packs", ())}


def steps_of(catalogue: Iterable[AnyDetector]) -> list[dict[str, Any]]:
    """Rows of table `policy_steps` for a catalogue: shipped packs, active where a detector judges by them, and an
    operator's own ones."""
    detectors = [*catalogue]
    own = {pack.id: pack for one in detectors for pack in getattr(one.params, "own_packs", ())}
    return [*step_rows(active_packs(detectors)), *(row for pack in own.values() for row in _steps_of(pack, True))]


def step_rows(active: set[str]) -> list[dict[str, Any]]:
    """Rows of table `policy_steps`: every notice that a shipped pack asks for; `percent` 0 is the one at the start."""
    return [row for pack in shipped_packs().values() for row in _steps_of(pack, pack.id in active)]


def _steps_of(pack: PolicyPack, active: bool) -> list[dict[str, Any]]:
    owing = [rule for rule in pack.rules if rule.notify_within_s is not None and rule.notice_purpose is not None]
    return [
        {
            "pack": pack.id,
            "clause": pack.clause(rule),
            "metric": rule.metric,
            "purpose": rule.notice_purpose,
            "percent": percent,
            "limit_minor": rule.limit_minor or 0,
            "currency": rule.currency or "",
            "within_ms": (rule.notify_within_s or 0) * SECOND,
            "effective_from": pack.effective_from.isoformat(),
            "effective_to": None if pack.effective_to is None else pack.effective_to.isoformat(),
            "active": active,
        }
        for rule, percent in _rules_and_steps(owing)
    ]


def _rules_and_steps(rules: Sequence[PolicyRule]) -> list[tuple[PolicyRule, int]]:
    return [pair for rule in rules for pair in product([rule], rule.steps_percent or (0,))]
