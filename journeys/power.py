"""How far a touchpoint can lower or raise what customers do: the two powers of the MOT map (seed A14, A15).

Negative power is P(bad outcome within 30 days | visited and marked negative) - P(bad | matched customers), positive
power the same of good outcomes (`domain/6-evaluation.md` §6.4). Three steps, each by the book:

1. *Matching*: visits of the same touchpoint, tier and calendar month. The comparison's share is standardised to the
   strata of the marked visits, so that the difference is what it made to those who were marked (stratification: Mantel
   & Haenszel 1959; these weights: Miettinen 1972). Strata without a comparison say nothing and are left out.
2. *Interval*: Newcombe's hybrid score interval (1998, method 10) of two Wilson intervals; a standardised share enters
   with its effective number of visits (Korn & Graubard 1998). It is sound for no outcome at all, where the usual
   standard error would be zero.
3. *Shrinking*: each difference is drawn towards its touchpoint's prior, the more the less it stands on. How far
   touchpoints lie from their priors (the spread) is estimated from all touchpoints of a valence together (parametric
   empirical Bayes: Efron & Morris 1975). What is not known about the spread is carried into the interval (Morris 1983)
   under a half-normal prior (Gelman 2006), so that one or two touchpoints do not make it zero.

Under 50 marked visits nothing is measured: the prior stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import erf, exp, fsum, inf, log, sqrt
from typing import Literal, NamedTuple

from schemas.moments import Valence

MIN_VISITS = 50
"""Fewer marked visits than this and the prior stands alone (§6.4)."""
HORIZON_DAYS = 30
"""An outcome counts when it comes within so many days after the moment."""
Z = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""
SPREAD_SCALE = 0.1
"""Scale of the half-normal prior of the spread: touchpoints a few points, rarely twenty, away from their prior. That is
the range of the published figures: intent to leave 5 % after one contact, 9 % after two, 25 % unresolved (SQM 2022)."""
PRIORS: Mapping[Valence, Mapping[str, float]] = {
    "negative": {"negative": 0.10, "both": 0.05, "positive": 0.02},
    "positive": {"positive": 0.05, "both": 0.025, "negative": 0.01},
}
"""Power assumed before data speak, by valence and by the catalogue's `valence_prior`.

Negative: 4 points (a second contact) to 20 points (unresolved) of intent to leave in SQM 2022, the middle for
touchpoints that are negative by nature. Positive: half of that, because bad weighs more than good (Mittal, Ross &
Baldasare 1998). Assumptions, not measurements: the map marks what rests on them."""
_SPREADS = [0.0, *(SPREAD_SCALE * 0.02 * 1.045**step for step in range(128))]
"""The grid on which the spread is integrated: zero, then 0.002 to 0.55 in steps of 4.5 %."""

ValencePrior = Literal["positive", "negative", "both"]


class Stratum(NamedTuple):
    """Visits of one tier and month: how many were marked, how many of those had the outcome, and the same of others."""

    marked: int
    marked_hits: int
    others: int
    others_hits: int


class Visits(NamedTuple):
    """What is known of a touchpoint for one valence; the prior is its power before data."""

    touchpoint: str
    prior: float
    strata: Sequence[Stratum]


class Difference(NamedTuple):
    """A standardised difference of shares with its 95 % interval; `visits` are the marked ones with a comparison."""

    value: float
    low: float
    high: float
    visits: int

    @property
    def variance(self) -> float:
        """The sampling variance that the interval's width says."""
        return ((self.high - self.low) / (2 * Z)) ** 2


class Power(NamedTuple):
    """The power of a touchpoint with its 95 % interval; differences of shares, -1 to 1.

    `visits` are the marked visits it was measured on, `raw` the difference before shrinking (None when there is
    nothing to compare), `from_data` False when the prior stands alone.
    """

    touchpoint: str
    power: float
    low: float
    high: float
    visits: int
    raw: float | None
    prior: float
    from_data: bool


def prior_of(valence: Valence, valence_prior: ValencePrior) -> float:
    """The power assumed of a touchpoint that the catalogue calls `valence_prior`."""
    return PRIORS[valence][valence_prior]


def difference(strata: Iterable[Stratum]) -> Difference | None:
    """The marked visits' share of outcomes less the comparison's, standardised to the marked; None without a match."""
    used = [one for one in strata if one.marked and one.others]
    visits = sum(one.marked for one in used)
    if not visits:
        return None
    weights = [one.marked / visits for one in used]
    marked = sum(one.marked_hits for one in used) / visits
    others = fsum(weight * one.others_hits / one.others for weight, one in zip(weights, used, strict=True))
    effective = 1 / fsum(weight**2 / one.others for weight, one in zip(weights, used, strict=True))
    marked_low, marked_high = wilson(marked, visits)
    others_low, others_high = wilson(others, effective)
    value = marked - others
    return Difference(
        value,
        max(-1.0, value - sqrt((marked - marked_low) ** 2 + (others_high - others) ** 2)),
        min(1.0, value + sqrt((marked_high - marked) ** 2 + (others - others_low) ** 2)),
        visits,
    )


def wilson(share: float, size: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share seen on `size` units (Wilson 1927); `size` may be an effective one."""
    middle = (share + Z * Z / (2 * size)) / (1 + Z * Z / size)
    reach = Z / (1 + Z * Z / size) * sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def powers(visits: Iterable[Visits]) -> list[Power]:
    """The power of every touchpoint in `visits`, all of one valence: they tell each other how much to shrink.

    The result has their order.
    """
    seen = [(one, difference(one.strata)) for one in visits]
    measured = [(found, one.prior) for one, found in seen if found is not None and found.visits >= MIN_VISITS]
    weights = _spread_weights([(found.value - prior, found.variance) for found, prior in measured])
    return [_power(one, found, weights) for one, found in seen]


def _power(one: Visits, found: Difference | None, weights: Sequence[float]) -> Power:
    """The posterior of one touchpoint: a mixture of normals, one for each spread of the grid."""
    from_data = found is not None and found.visits >= MIN_VISITS
    raw, variance = (found.value, found.variance) if found is not None and from_data else (one.prior, inf)
    parts = []
    for spread, weight in zip(_SPREADS, weights, strict=True):
        share = spread**2 / (spread**2 + variance)  # of the data; the rest is the prior's
        deviation = spread if variance == inf else sqrt(share * variance)
        parts.append((weight, one.prior + share * (raw - one.prior), deviation))
    return Power(
        touchpoint=one.touchpoint,
        power=sum(weight * mean for weight, mean, _ in parts) if from_data else one.prior,
        low=max(-1.0, _quantile(parts, 0.025)),
        high=min(1.0, _quantile(parts, 0.975)),
        visits=0 if found is None else found.visits,
        raw=None if found is None else found.value,
        prior=one.prior,
        from_data=from_data,
    )


def _spread_weights(measured: Sequence[tuple[float, float]]) -> list[float]:
    """How probable each spread of the grid is, given (distance from the prior, variance) of all measured touchpoints.

    Points of the grid stand for intervals that grow with them; the first is a sliver beside zero.
    """
    widths = [after - before for before, after in pairwise(_SPREADS)]
    logs = []
    for spread, width in zip(_SPREADS, [*widths, widths[-1]], strict=True):
        terms = ((distance, variance + spread**2) for distance, variance in measured)
        unlikely = fsum(log(total) + distance**2 / total for distance, total in terms)  # the same in any order
        logs.append(log(width) - ((spread / SPREAD_SCALE) ** 2 + unlikely) / 2)
    highest = max(logs)
    raw = [exp(one - highest) for one in logs]
    return [one / sum(raw) for one in raw]


def _quantile(parts: Sequence[tuple[float, float, float]], level: float) -> float:
    """The quantile of a mixture of (weight, mean, standard deviation), by bisection to a hundred-thousandth."""
    below, above = -2.0, 2.0
    while above - below > 1e-5:
        middle = (below + above) / 2
        if sum(weight * _below(middle, mean, deviation) for weight, mean, deviation in parts) < level:
            below = middle
        else:
            above = middle
    return (below + above) / 2


def _below(at: float, mean: float, deviation: float) -> float:
    """How much of a normal lies below `at`; of one without spread all or nothing."""
    if deviation == 0:
        return 1.0 if at >= mean else 0.0
    return (1 + erf((at - mean) / (deviation * sqrt(2)))) / 2
