"""What an improvement did: before and after, against a group it did not reach (seed B8: denominators and a control).

The effect is the difference in differences: how much more the treated group changed than the control group. For
indicators that are totals it is the change over what the treated group would have come to, had it moved by the same
factor as the control group.

Intervals (95 %) take the customer as the unit of chance, because the contacts of one customer are no independent facts.
Shares and totals by the delta method on what each customer contributes (Deng, Knoblich & Lu 2018; Kohavi, Tang & Xu
2020, ch. 18); quantiles by a bootstrap that draws customers (Chamandy et al. 2012). They say what chance between
customers does, not what else happened to a whole group in those weeks: that is what the control group and the trend
before are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import sqrt
from typing import Literal, NamedTuple

from journeys.registry import Kind

LEAST_CUSTOMERS = 5
"""Fewer customers than this and nothing is estimated: in a cell, or of totals and rates of a population, where an empty
cell may be the effect, in a group."""
MIN_CUSTOMERS = 30
"""Fewer customers than this in a cell and the normal interval is not to be relied on."""
Z = 1.959963984540054
REPLICATES = 400
"""Bootstrap draws; their 2.5 % and 97.5 % quantiles are the ten lowest and highest."""
CELLS = ("treated_before", "treated_after", "control_before", "control_after")
_HITS, _BASES = slice(0, 8, 2), slice(1, 8, 2)
_SIGNS = (-1.0, 1.0, 1.0, -1.0)

Group = Literal["treated", "control"]
Verdict = Literal["better", "worse", "changed", "unclear", "early", "nothing"]
"""`changed` for an indicator without a better way; `unclear` when the interval spans zero; `early` while the window
after is not known to its end; `nothing` without values."""


class Windows(NamedTuple):
    """`[start, at)` is before, `[at, end)` after; aware."""

    start: datetime
    at: datetime
    end: datetime

    def within(self, first: datetime, last: datetime) -> Windows:
        """The part of both windows in `[first, last]`; one that lies wholly outside is empty."""
        return Windows(min(self.at, max(self.start, first)), self.at, max(self.at, min(self.end, last)))


class Sums(NamedTuple):
    """What the customers contribute, summed up.

    A customer's contribution is eight numbers: hit and base in each of `CELLS`, in that order. `totals` are their sums
    (with those of no customer, a population for one), `products` the 8 x 8 sums of their products over customers, row
    by row, `customers` how many contribute.
    """

    totals: Sequence[float]
    products: Sequence[float]
    customers: int


class Cell(NamedTuple):
    """One group in one window: the indicator's value (None without a base), its units and customers."""

    value: float | None
    units: int
    customers: int


class Estimate(NamedTuple):
    """An effect with its 95 % interval, in the indicator's unit."""

    value: float
    low: float
    high: float

    @property
    def spans_zero(self) -> bool:
        """Whether no effect at all is among what the data allow."""
        return self.low <= 0 <= self.high


class Effect(NamedTuple):
    """The answer: four cells in the order of `CELLS`, the estimate, and what the treated group would have come to.

    `trend` is the same estimate between the two halves of the window before, when nothing had been done yet. `windows`
    are the parts of those asked for of which there are data, `early` is whether the one after was to go on. `shared` is
    how many customers were in both groups; what made them treated does not count in the control group.
    """

    cells: Sequence[Cell]
    estimate: Estimate | None
    expected: float | None
    trend: Estimate | None
    windows: Windows | None = None
    early: bool = False
    shared: int = 0

    @property
    def too_few(self) -> bool:
        """Whether a cell has too few customers to rely on the interval."""
        return any(cell.customers < MIN_CUSTOMERS for cell in self.cells)

    @property
    def trends_differ(self) -> bool:
        """Whether the groups went different ways before anything was done. That they did not is no proof that they
        would have gone on alike."""
        return self.trend is not None and not self.trend.spans_zero

    def verdict(self, direction: Literal["up", "down", "none"]) -> Verdict:
        """What the interval says for an indicator whose better way is `direction`."""
        if self.estimate is None:
            return "nothing"
        if self.early:
            return "early"
        if self.estimate.spans_zero:
            return "unclear"
        if direction == "none":
            return "changed"
        return "better" if (self.estimate.value > 0) == (direction == "up") else "worse"


def is_total(kind: Kind) -> bool:
    """Whether values of `kind` are totals, which groups of different size can only be compared by their factor."""
    return kind in {"sum", "customers"}


def values(kind: Kind, sums: Sums, scale: float = 1.0) -> list[float | None]:
    """The indicator in each of `CELLS`."""
    hits, bases = sums.totals[_HITS], sums.totals[_BASES]
    if is_total(kind):
        return [scale * hit for hit in hits]
    return [scale * hit / base if base else None for hit, base in zip(hits, bases, strict=True)]


def by_delta(kind: Kind, sums: Sums, scale: float = 1.0) -> Estimate | None:
    """The effect of a share or total with its interval; None when a cell has no value to compare.

    The variance is the sum over customers of the square of what each adds to the linearised effect. A cell in which
    nothing or everything was hit shows no variance and yet has some: it gets that of one customer more who differs (as
    Agresti & Caffo 2000 do for two shares), so that no interval is without width.
    """
    found = values(kind, sums, scale)
    value = combined(kind, found)
    if value is None or sums.customers < 2:
        return None
    slope = _total_slope(found, scale) if is_total(kind) else _share_slope(sums, scale)
    variance = sum(
        slope[row] * slope[column] * sums.products[8 * row + column] for row in range(8) for column in range(8)
    )
    still = [hit in {0, base} for hit, base in zip(sums.totals[_HITS], sums.totals[_BASES], strict=True)]
    variance += sum(one**2 for one, flat in zip(slope[_HITS], still, strict=True) if flat)
    reach = Z * sqrt(max(0.0, variance) * sums.customers / (sums.customers - 1))
    return Estimate(value, value - reach, value + reach)


def by_bootstrap(found: Sequence[float | None], drawn: Iterable[Sequence[float | None]]) -> Estimate | None:
    """The effect of a quantile: `found` are the values in `CELLS`, `drawn` those of each bootstrap draw.

    None when a cell has no value, or so few draws have one in each cell that they say nothing.
    """
    value = combined("quantile", found)
    effects = sorted(one for one in (combined("quantile", draw) for draw in drawn) if one is not None)
    if value is None or len(effects) < REPLICATES // 2:
        return None
    return Estimate(value, min(value, _at(effects, 0.025)), max(value, _at(effects, 0.975)))


def combined(kind: Kind, found: Sequence[float | None]) -> float | None:
    """The effect in four cells; None when one has no value, or the control group gives a total no factor."""
    wanted = expected(kind, found)
    return None if wanted is None or found[1] is None else found[1] - wanted


def expected(kind: Kind, found: Sequence[float | None]) -> float | None:
    """What the treated group would have come to had it moved as the control group did."""
    treated, _, before, after = found
    if treated is None or before is None or after is None:
        return None
    if is_total(kind):
        return treated * after / before if before else None
    return treated + after - before


def enough(cells: Sequence[Cell], *, empty_may_be: bool) -> bool:
    """Whether there are customers to estimate anything from; see LEAST_CUSTOMERS."""
    counts = [cell.customers for cell in cells]
    if empty_may_be:
        counts = [sum(counts[:2]), sum(counts[2:])]
    return min(counts) >= LEAST_CUSTOMERS


def sums_of(contributions: Iterable[Sequence[float]]) -> Sums:
    """The sums over customers, each with its eight numbers."""
    totals, products, customers = [0.0] * 8, [0.0] * 64, 0
    for one in contributions:
        customers += 1
        for row in range(8):
            totals[row] += one[row]
            for column in range(8):
                products[8 * row + column] += one[row] * one[column]
    return Sums(totals, products, customers)


def _share_slope(sums: Sums, scale: float) -> list[float]:
    """How the effect moves with each of the eight totals: each cell is hit / base."""
    slope = []
    for sign, hit, base in zip(_SIGNS, sums.totals[_HITS], sums.totals[_BASES], strict=True):
        slope += [sign * scale / base, -sign * scale * hit / base**2]
    return slope


def _total_slope(found: Sequence[float | None], scale: float) -> list[float]:
    """The same where the effect is `after - before x (control after / control before)`; bases play no part."""
    before, _, control_before, control_after = (one or 0.0 for one in found)
    factor = control_after / control_before
    by_hit = (-factor, 1.0, before * factor / control_before, -before / control_before)
    return [part for one in by_hit for part in (scale * one, 0.0)]


def _at(ordered: Sequence[float], level: float) -> float:
    """The quantile of values in order, between neighbours in proportion."""
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
