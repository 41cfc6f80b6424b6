"""The words detectors are written in: small pure questions to a case's facts.

Facts are always sorted by (`at`, `event_id`). Times and durations are ms. Every window is closed at both ends, as the
sentences of the taxonomy say it ("within 7 days", "no later than"): a fact exactly at the bound is inside. A deadline
is met by a fact at or before `due` and broken from `now >= due` on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from statistics import fmean, median
from typing import Literal, NamedTuple

from detectors.base import Fact


class Waiting(NamedTuple):
    """How an expectation stands: `met` by a fact, or `broken_at` (ms), or to be looked at again at `look_at` (ms)."""

    met: Fact | None = None
    broken_at: int | None = None
    look_at: int | None = None


def first(facts: Iterable[Fact], kinds: Collection[str], since: int = 0) -> Fact | None:
    """The earliest fact of one of `kinds` at or after `since`."""
    return next((fact for fact in facts if fact.kind in kinds and fact.at >= since), None)


def soonest(times: Iterable[int | None]) -> int | None:
    """The earliest of the times that are known; None when none is."""
    return min((time for time in times if time is not None), default=None)


def deadline(facts: Iterable[Fact], kinds: Collection[str], due: int, now: int, since: int = 0) -> Waiting:
    """DEADLINE: was there a fact of `kinds` between `since` and `due`, both included?"""
    for fact in facts:
        if fact.at > due:
            break
        if fact.kind in kinds and fact.at >= since:
            return Waiting(met=fact)
    return Waiting(broken_at=due) if now >= due else Waiting(look_at=due)


def threshold(facts: Iterable[Fact], limit: int) -> Fact | None:
    """THRESHOLD: the fact at which the running sum of values first reaches `limit`."""
    total = 0
    for fact in facts:
        total += fact.value
        if total >= limit:
            return fact
    return None


def baseline(history: Sequence[int], last: int, of: Literal["median", "mean"] = "median") -> float | None:
    """A customer's own habit: median or mean of the `last` values of `history`; None while there are fewer."""
    if len(history) < last:
        return None
    window = history[-last:]
    return float(median(window)) if of == "median" else fmean(window)


def ratio(value: int, base: float | None) -> float | None:
    """RATIO: `value` as a multiple of its baseline; None without a positive baseline."""
    return None if base is None or base <= 0 else value / base


def count_in_window(facts: Sequence[Fact], count: int, within: int) -> Fact | None:
    """COUNT-IN-WINDOW: the fact that completes `count` facts, each at most `within` after the one before it.

    The window moves on with every fact, as it does in `chains`.
    """
    return next((run[count - 1] for run in chains(facts, within) if len(run) >= count), None)


def chains(facts: Iterable[Fact], within: int) -> list[list[Fact]]:
    """Episodes: maximal runs in which each fact comes at most `within` after the one before."""
    runs: list[list[Fact]] = []
    for fact in facts:
        if runs and fact.at - runs[-1][-1].at <= within:
            runs[-1].append(fact)
        else:
            runs.append([fact])
    return runs


def sequence(
    facts: Iterable[Fact], before: Collection[str], after: Collection[str], within: int
) -> list[tuple[Fact, Fact]]:
    """SEQUENCE: each fact of kind `after` that comes at most `within` after the latest one of kind `before`, with
    it."""
    pairs: list[tuple[Fact, Fact]] = []
    opening: Fact | None = None
    for fact in facts:
        if fact.kind in after and opening is not None and fact.at - opening.at <= within:
            pairs.append((opening, fact))
        if fact.kind in before:
            opening = fact
    return pairs


def state_conflict(facts: Iterable[Fact], opens: str, closes: str, clashes: str) -> tuple[Fact, Fact] | None:
    """STATE-CONFLICT: a fact of kind `clashes` while the state that `opens` began and `closes` ends still holds."""
    held: Fact | None = None
    for fact in facts:
        if fact.kind == opens:
            held = held or fact
        elif fact.kind == closes:
            held = None
        elif fact.kind == clashes and held is not None:
            return held, fact
    return None


def reconcile(facts: Iterable[Fact], same: Callable[[Fact], object], within: int) -> tuple[Fact, Fact] | None:
    """RECONCILE: the first two facts that are the `same` record and lie at most `within` apart: one of them is
    wrong."""
    seen: dict[object, Fact] = {}
    for fact in facts:
        earlier = seen.get(same(fact))
        if earlier is not None and fact.at - earlier.at <= within:
            return earlier, fact
        seen[same(fact)] = fact
    return None


def collision(facts: Iterable[Fact], within: int) -> tuple[Fact, Fact] | None:
    """COLLISION: the first two facts of one kind with different notes (two channels, two offers) at most `within`
    apart."""
    recent: list[Fact] = []
    for fact in facts:
        recent = [other for other in recent if fact.at - other.at <= within]
        for other in recent:
            if other.kind == fact.kind and other.note != fact.note:
                return other, fact
        recent.append(fact)
    return None


def score(value: float, mean: float, spread: float, least_spread: float) -> float:
    """SCORE: distance from habit in spreads, never dividing by less than `least_spread` (> 0), so always finite."""
    return (value - mean) / max(spread, least_spread)
