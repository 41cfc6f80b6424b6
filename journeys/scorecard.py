"""The scorecard (seed A9): own value beside what others reach, ranked by what is worth doing first (seed A10).

The gap is the part of today's shortfall that has to go to reach the reference: 0.5 of bills shock half too often, half
of the unkept promises must be kept, the queue must be half as long. It lies between 0 and 1 for every unit, so that
indicators compare. The rank puts large gaps that are easy to close first.

Nothing measured is no value, not zero: it meets no target. A total grows with its period, and own, others' and target
are of different ones: totals have no gap, but to zero, which is zero over any period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, NamedTuple, get_args

from journeys.effect import is_total
from journeys.registry import Indicator

ExternalKind = Literal["own", "competitor", "regulator", "international_mean", "best_practice"]
EXTERNAL_KINDS: tuple[ExternalKind, ...] = get_args(ExternalKind)
Reference = Literal["best_practice", "international_mean", "competitor", "regulator", "target"]
BENCHMARKS: tuple[Reference, ...] = ("international_mean", "competitor", "regulator")
"""What others reach or demand; best practice stands apart, as in seed A9."""
EASIEST, HARDEST = 1.0, 5.0


class External(NamedTuple):
    """A value someone else published or measured, for a period, in the indicator's unit; difficulty 1 to 5."""

    indicator: str
    kind: ExternalKind
    name: str
    period_start: date
    period_end: date
    value: float
    difficulty: float | None = None
    source: str = ""
    note: str = ""


class Own(NamedTuple):
    """A measured value and on how many units it stands."""

    value: float | None
    units: float


class Line(NamedTuple):
    """A line of the scorecard.

    `own` is measured when `measured`, else imported. `benchmark` is the most demanding one, of `benchmark_kind`; the
    gap is to `reference`, the most demanding of benchmark, best practice and target. A gap below 0 is a lead. `score`
    is gap x ease; without a gap to close there is no rank.
    """

    indicator: Indicator
    own: float | None
    units: float
    measured: bool
    benchmark: float | None
    benchmark_kind: Reference | None
    best_practice: float | None
    gap: float | None
    reference: Reference | None
    difficulty: float
    score: float | None
    rank: int | None


def scorecard(indicators: Iterable[Indicator], own: Mapping[str, Own], external: Iterable[External]) -> list[Line]:
    """All lines: those with a rank first, in its order, then the others in the order of the registry."""
    said: dict[str, list[External]] = {}
    for one in external:
        said.setdefault(one.indicator, []).append(one)
    lines = [_line(one, own.get(one.id), newest_of(said.get(one.id, []), one.direction)) for one in indicators]
    ranked = sorted((line for line in lines if line.score), key=lambda line: -(line.score or 0.0))
    placed = [line._replace(rank=place) for place, line in enumerate(ranked, 1)]
    return [*placed, *(line for line in lines if not line.score)]


def newest_of(external: Iterable[External], direction: str) -> dict[str, External]:
    """Of one indicator's values the one of each kind whose period ends last, of those the one that begins last.

    Of several over the same period (competitors by name) the best of them, `direction` being the better way.
    """
    sign = -1 if direction == "down" else 1
    found: dict[str, External] = {}
    for one in sorted(external, key=lambda one: (one.period_end, one.period_start, sign * one.value)):
        found[one.kind] = one
    return found


def gap(indicator: Indicator, own: float, reference: float) -> float | None:
    """The part of the shortfall that has to go, 0 to 1; below 0, down to -1, the lead of `own` over the reference.

    For a share of what is wrong, a time, a count: (own - reference) / own. For a share of what is right the shortfall
    is what lacks to 1. For a score that has no top, and for money and ratios, the difference over the larger of the
    two. None when no way is better.
    """
    if indicator.direction == "none":
        return None
    behind = reference - own if indicator.direction == "up" else own - reference
    if indicator.direction == "up" and indicator.unit == "share":
        span = max(1 - own, 1 - reference)
    else:
        span = max(abs(own), abs(reference))
    return max(-1.0, min(1.0, behind / span)) if span > 0 else 0.0


def ease(difficulty: float) -> float:
    """From 1 for the easiest (difficulty 1) in equal steps to 0.2 for the hardest (difficulty 5)."""
    return (HARDEST + 1 - difficulty) / HARDEST


def _line(indicator: Indicator, own: Own | None, newest: Mapping[str, External]) -> Line:
    measured = own is not None and own.value is not None
    value = own.value if own is not None and measured else _value(newest.get("own"))
    benchmarks = {kind: _known(indicator, kind, newest) for kind in BENCHMARKS}
    best = _known(indicator, "best_practice", newest)
    benchmark_kind, benchmark = _demanding(indicator, benchmarks)
    reference, aim = _demanding(indicator, {"best_practice": best, **benchmarks, "target": indicator.target})
    found = None if value is None or aim is None or not _compares(indicator, aim) else gap(indicator, value, aim)
    difficulty = _difficulty(indicator, newest)
    return Line(
        indicator=indicator,
        own=value,
        units=own.units if own is not None and measured else 0.0,
        measured=measured,
        benchmark=benchmark,
        benchmark_kind=benchmark_kind,
        best_practice=best,
        gap=found,
        reference=reference if found is not None else None,
        difficulty=difficulty,
        score=found * ease(difficulty) if found is not None and found > 0 else None,
        rank=None,
    )


def _compares(indicator: Indicator, aim: float) -> bool:
    """Whether values over periods of different length can be held against each other."""
    return aim == 0 or indicator.measure is None or not is_total(indicator.measure.kind)


def _known(indicator: Indicator, kind: Reference, newest: Mapping[str, External]) -> float | None:
    """The imported value before the registry's."""
    imported = _value(newest.get(kind))
    return imported if imported is not None else getattr(indicator.benchmarks, kind)


def _demanding(indicator: Indicator, values: Mapping[Reference, float | None]) -> tuple[Reference | None, float | None]:
    """The most demanding value and its name; the earlier named of equal ones."""
    sign = -1 if indicator.direction == "down" else 1
    there = [(name, value) for name, value in values.items() if value is not None]
    return max(there, key=lambda one: sign * one[1], default=(None, None))


def _difficulty(indicator: Indicator, newest: Mapping[str, External]) -> float:
    said = [one for one in newest.values() if one.difficulty is not None]
    last = max(said, key=lambda one: (one.period_end, one.period_start), default=None)
    return indicator.difficulty if last is None or last.difficulty is None else last.difficulty


def _value(external: External | None) -> float | None:
    return None if external is None else external.value
