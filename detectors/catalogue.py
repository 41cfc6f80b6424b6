"""The explicit list of detectors. A new one is a file and one line here.

Order is part of the meaning: moments of one event are told in this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from detectors.base import AnyDetector, Meta, Params
from detectors.rules import (
    activation_late,
    bill_spike,
    complaint_reopened,
    dealer_order_lost,
    ping_pong,
    promise_vs_experience,
    repeat_contact,
    roaming_shock_unnotified,
)

RULES: tuple[AnyDetector, ...] = (
    roaming_shock_unnotified.DETECTOR,
    dealer_order_lost.DETECTOR,
    promise_vs_experience.DETECTOR,
    bill_spike.DETECTOR,
    activation_late.DETECTOR,
    repeat_contact.DETECTOR,
    complaint_reopened.DETECTOR,
    ping_pong.DETECTOR,
)


def _models() -> tuple[AnyDetector, ...]:
    """Detectors that need the extra `models`; none where river is not installed."""
    if find_spec("river") is None:
        return ()
    from detectors.models import bill_habit  # noqa: PLC0415  (river is an extra)

    return (bill_habit.DETECTOR,)


MODELS: tuple[AnyDetector, ...] = _models()
CATALOGUE: tuple[AnyDetector, ...] = (*RULES, *MODELS)


class ParameterError(ValueError):
    """An override names an unknown detector or holds a value its parameters refuse; the message says which and why."""


def with_params(
    overrides: Mapping[str, Mapping[str, Any]], catalogue: Sequence[AnyDetector] = CATALOGUE
) -> tuple[AnyDetector, ...]:
    """`catalogue` with an operator's parameters, given by detector id or name; what is not named keeps its default.

    Cases are kept as long as the new parameters need. Raises ParameterError.
    """
    known = {word for detector in catalogue for word in (detector.meta.id, detector.meta.name)}
    unknown = sorted(set(overrides) - known)
    if unknown:
        raise ParameterError(f"no detector {', '.join(unknown)}; there are {', '.join(d.meta.id for d in catalogue)}")
    return tuple(_overridden(detector, overrides) for detector in catalogue)


def _overridden(detector: AnyDetector, overrides: Mapping[str, Mapping[str, Any]]) -> AnyDetector:
    meta = detector.meta
    change = {**overrides.get(meta.name, {}), **overrides.get(meta.id, {})}
    if not change:
        return detector
    kept: Params = detector.params
    try:
        params = type(kept).model_validate({**kept.model_dump(), **change})
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ParameterError(f"parameters of {meta.id} {meta.name}: {reasons}") from error
    return replace(detector, params=params, meta=_lasting(meta, params.horizon_ms))


def _lasting(meta: Meta, horizon_ms: int) -> Meta:
    forget = meta.forget_ms if meta.forget_ms is None else max(meta.forget_ms, horizon_ms)
    return replace(meta, keep_ms=max(meta.keep_ms, horizon_ms), forget_ms=forget)
