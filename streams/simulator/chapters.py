"""The chapters of a life: the span is cut into equal parts, and in each at most one thing happens to a customer.

So no story ever continues another one by accident, and what the log contains is what the truth says. Which thing, and
when, is one draw per (customer, chapter); a variant that does not fit into a chapter is never chosen.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.times import DAY, HOUR
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import Bits, draw, draws, stream_key
from streams.simulator.ordinary import care, shopping, staying
from streams.simulator.population import Customer
from streams.simulator.stories import (
    activation_late,
    broken_promise,
    complaint_reopened,
    dealer_order_lost,
    ping_pong,
    repeat_contact,
    roaming_shock,
)  # fmt: skip
from streams.simulator.telling import Variant

SHORTEST = 36 * DAY
"""Longer than the longest story; shorter spans are one chapter, and only what fits is told."""
_AFTERMATH = 3 * HOUR
"""After the last moment that matters the log goes on at least this long, so that every story can be decided."""
_CHOICE_BITS = 24
_FULL = 0.97

STORIES: tuple[Variant, ...] = (
    *roaming_shock.VARIANTS,
    *dealer_order_lost.VARIANTS,
    *broken_promise.VARIANTS,
    *activation_late.VARIANTS,
    *repeat_contact.VARIANTS,
    *complaint_reopened.VARIANTS,
    *ping_pong.VARIANTS,
)
ORDINARY: tuple[Variant, ...] = (*care.VARIANTS, *shopping.VARIANTS, *staying.VARIANTS)
VARIANTS = (*STORIES, *ORDINARY)


def chances(config: SimulationConfig, chapters: int, length: int) -> list[float]:
    """The chance of each of `VARIANTS` in a chapter of `length` ms; stories come first, ordinary life gives way."""
    fits = [variant.length + _AFTERMATH <= length for variant in VARIANTS]
    totals: dict[tuple[str, str], float] = {}
    for variant, fit in zip(VARIANTS, fits, strict=True):
        if fit:
            totals[variant.story, variant.kind] = totals.get((variant.story, variant.kind), 0.0) + variant.weight
    out = []
    for variant, fit in zip(VARIANTS, fits, strict=True):
        if not fit:
            out.append(0.0)
        elif variant.kind == "ordinary":
            out.append(variant.weight * config.ordinary_rate * length / (30 * DAY))
        else:
            rate = config.story_rates.get(variant.story, 0.0) * (
                config.near_misses if variant.kind == "near_miss" else 1
            )
            out.append(rate * variant.weight / totals[variant.story, variant.kind] / chapters)
    told = sum(out[: len(STORIES)])
    if told > _FULL:
        raise ValueError(f"story rates and near misses fill {told:.2f} of each chapter; at most {_FULL} fits")
    usual = sum(out[len(STORIES) :])
    scale = min(1.0, (_FULL - told) / usual) if usual else 1.0
    return out[: len(STORIES)] + [chance * scale for chance in out[len(STORIES) :]]


class Chapters:
    """The chapters of one configuration."""

    def __init__(self, config: SimulationConfig) -> None:
        span = config.end_ms - config.start_ms
        self.quiet = len(VARIANTS)
        self.count = max(1, span // SHORTEST)
        self.length = span // self.count
        self.start = config.start_ms
        self._keys = [stream_key(config.seed, "chapter", number) for number in range(self.count)]
        parts = np.cumsum(chances(config, self.count, self.length))
        self._cuts = [round(float(part) * (1 << _CHOICE_BITS)) for part in parts]
        self._cut_array = np.array(self._cuts, dtype=np.uint64)
        room = [max(0, self.length - variant.length - _AFTERMATH) // 1000 for variant in VARIANTS]
        self._room_s = [*room, 0]
        self._room_array = np.array(self._room_s, dtype=np.uint64)
        self._travel_length = np.array([v.length if v.travels else 0 for v in VARIANTS] + [0], dtype=np.int64)

    def number_at(self, ms: int) -> int:
        """The chapter that contains `ms` (the last one for the rest of the span)."""
        return min(self.count - 1, max(0, (ms - self.start) // self.length))

    def begins(self, number: int, customers: Bits) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For many customers: which of `VARIANTS` (their count for none) and when it begins, in ms."""
        lots = draws(self._keys[number], customers)
        which = np.searchsorted(self._cut_array, lots >> np.uint64(64 - _CHOICE_BITS), side="right")
        seconds = (lots & np.uint64(0xFFFFFFFF)) * self._room_array[which] >> np.uint64(32)
        return which, self.start + number * self.length + seconds.astype(np.int64) * 1000

    def of(self, number: int, customer: int) -> tuple[int, int]:
        """The same for one customer."""
        lot = draw(self._keys[number], customer)
        which = bisect_right(self._cuts, lot >> (64 - _CHOICE_BITS))
        return which, self.start + number * self.length + ((lot & 0xFFFFFFFF) * self._room_s[which] >> 32) * 1000

    def abroad(self, number: int, customers: Bits, at: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether each customer is on a trip at the time (ms) beside it."""
        which, begin = self.begins(number, customers)
        away: Any = (at >= begin) & (at < begin + self._travel_length[which])
        return away  # type: ignore[no-any-return]

    def lived(self, customer: Customer, which: int, begin: int) -> bool:
        """Whether the customer was with us throughout that part of life."""
        if which >= len(VARIANTS):
            return False
        settled = customer.joined + DAY if customer.joined else 0
        return begin >= settled and begin + VARIANTS[which].length + _AFTERMATH <= customer.left - 3 * DAY
