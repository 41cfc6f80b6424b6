"""A customer's habit in money, learned by river: the estimator behind bill_habit.

The only place where river is used. Nothing is random and nothing is kept between calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from river import stats

from detectors.primitives import score


class Learning(NamedTuple):
    """How habit is learned: weight of the newest value, limit at which values are clipped, least spread (share,
    minor)."""

    fading_factor: float
    clip: float
    least_share: float
    least_minor: int


class Habit(NamedTuple):
    """What was learned before a value (minor units), and how far the value is from it, in spreads."""

    learned: int
    mean: float
    spread: float
    z: float


def scored(past: Sequence[int], value: int, how: Learning) -> Habit:
    """Learn `past` in order, each scored before it is learned and clipped where it was unusual, then score `value`.

    `past` holds at least one value. The result is finite for all finite input.
    """
    mean, variance = stats.EWMean(how.fading_factor), stats.EWVar(how.fading_factor)
    for place, one in enumerate(past):
        learned = float(one)
        if place > 1:  # a single value has no spread to clip by
            habit = _against(mean, variance, one, place, how)
            learned = min(learned, habit.mean + how.clip * habit.spread)
        mean.update(learned)
        variance.update(learned)
    return _against(mean, variance, value, len(past), how)


def _against(mean: stats.EWMean, variance: stats.EWVar, value: int, learned: int, how: Learning) -> Habit:
    centre = mean.get()
    least = max(how.least_minor, how.least_share * abs(centre))
    spread = max(max(variance.get(), 0.0) ** 0.5, least)
    return Habit(learned, centre, spread, score(value, centre, spread, least))
