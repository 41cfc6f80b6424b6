"""How long to wait before the next try."""

from __future__ import annotations

import secrets
from collections.abc import Callable

_STEPS = 1 << 30


def uniform() -> float:
    """A number from 0 to 1. Nothing that is said depends on it, only when the next try is made."""
    return secrets.randbelow(_STEPS + 1) / _STEPS


class Backoff:
    """Waits that grow from `first` to `longest` seconds, each drawn anew between zero and its limit ("full jitter"), so
    that many who wait for the same service do not come back together."""

    def __init__(self, first: float, longest: float, draw: Callable[[], float] = uniform) -> None:
        self._first = first
        self._longest = longest
        self._draw = draw
        self.failures = 0

    def failed(self) -> float:
        """Seconds to wait after one more failure."""
        limit = min(self._longest, self._first * 2.0 ** min(self.failures, 60))
        self.failures += 1
        return limit * self._draw()

    def succeeded(self) -> None:
        """The next failure is a first one again."""
        self.failures = 0
