"""The rhythm of life: hour of the day, day of the week, day of the bill run; local time is China's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from schemas.times import DAY, HOUR, from_ms, to_ms
from streams.simulator.population import CYCLE_DAYS

LOCAL = timezone(timedelta(hours=8))
LOCAL_OFFSET = 8 * HOUR
_WORKDAY = (10, 6, 4, 3, 3, 5, 14, 34, 52, 58, 58, 60, 66, 56, 52, 54, 56, 62, 68, 72, 74, 66, 45, 22)
_WEEKEND = (16, 10, 6, 4, 3, 4, 8, 18, 34, 48, 58, 64, 68, 62, 58, 56, 56, 60, 68, 76, 80, 74, 56, 33)
_WORKDAY_SUM = sum(_WORKDAY)


@lru_cache(maxsize=256)
def hour_shares(first_hour: int, count: int) -> npt.NDArray[np.float64]:
    """Share of a working day's usage in each of `count` hours from `first_hour` (whole hours since the epoch, UTC)."""
    local = np.arange(first_hour, first_hour + count) + LOCAL_OFFSET // HOUR
    weekday = (local // 24 + 3) % 7
    table = np.array((_WORKDAY, _WEEKEND), dtype=np.float64) / _WORKDAY_SUM
    return table[(weekday >= 5).astype(np.int64), local % 24]


def local_midnight(ms: int) -> int:
    """The local midnight at or before `ms`."""
    return (ms + LOCAL_OFFSET) // DAY * DAY - LOCAL_OFFSET


def cycle_bounds(cycle: int, first_ms: int, last_ms: int) -> tuple[int, ...]:
    """Local midnights of the bill cycle's days in [`first_ms`, `last_ms`), with the four before them: period bounds.

    Bill number `n` of the span closes the period from element `n + 3` to element `n + 4`.
    """
    month = (
        from_ms(first_ms).astimezone(LOCAL).replace(day=CYCLE_DAYS[cycle], hour=0, minute=0, second=0, microsecond=0)
    )
    if to_ms(month) < first_ms:
        month = _months_later(month, 1)
    bounds = [to_ms(_months_later(month, -back)) for back in (4, 3, 2, 1)]
    while to_ms(month) < last_ms:
        bounds.append(to_ms(month))
        month = _months_later(month, 1)
    return tuple(bounds)


def _months_later(moment: datetime, months: int) -> datetime:
    count = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=count // 12, month=count % 12 + 1)


def day_of(ms: int) -> str:
    """The UTC date of `ms`, for prose."""
    return from_ms(ms).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
