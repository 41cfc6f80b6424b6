"""Tumbling windows: half-open `[start, start + size)` in UTC, integer milliseconds."""

from __future__ import annotations

from schemas.kpis import Grain
from schemas.times import DAY, HOUR, MINUTE

SIZE_MS: dict[Grain, int] = {"minute": MINUTE, "hour": HOUR, "day": DAY}


def window_start(at: int, size: int) -> int:
    """Start of the window of `size` ms that holds `at`; an event exactly on a boundary belongs to the later window."""
    return at - at % size
