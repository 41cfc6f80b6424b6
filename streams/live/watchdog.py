"""Ends a worker that lives and does nothing: a frozen event loop, a dead consumer thread, an agent that waits for ever.

It looks from a thread of its own, at beats the others leave behind. A broker that does not answer is no reason to end:
a worker started anew could not reach it either.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from schemas.moments import Text
from streams.errors import StreamsError

logger = logging.getLogger(__name__)


class Beats(NamedTuple):
    """Monotonic times (s): the event loop's last turn, the broker's last answer, the last progress; and whether
    anything waits to be read."""

    loop: float
    broker: float
    progress: float
    waiting: bool


class Stuck(StreamsError):
    """No progress although there is something to do."""


class Watchdog:
    """Calls `bark` once when `beats` show no progress for `stuck_after` seconds of a reachable broker."""

    def __init__(
        self, beats: Callable[[], Beats], stuck_after: float, bark: Callable[[BaseException], None], every: float = 1.0
    ) -> None:
        self._beats = beats
        self._stuck_after = stuck_after
        self._bark = bark
        self._every = every
        self._reachable_since = monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def complaint(self, beats: Beats, now: float) -> Text | None:
        """What is wrong at `now`, None while all is well."""
        patience = self._stuck_after
        if now - beats.loop > patience:
            seconds = round(now - beats.loop)
            return Text(zh=f"事件循环已有 {seconds} 秒没有运转", en=f"the event loop has not turned for {seconds} s")
        if now - beats.broker > patience / 4:
            self._reachable_since = now  # patience begins when the broker answers again
            return None
        idle = now - max(beats.progress, self._reachable_since)
        if beats.waiting and idle > patience:
            return Text(
                zh=f"有待处理的工作,而 {idle:.0f} 秒内没有任何进展",
                en=f"there is work to do, and nothing has moved for {idle:.0f} s",
            )
        return None

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            try:
                complaint = self.complaint(self._beats(), monotonic())
            except Exception as fault:  # the beats are read beside the loop; a dict may just have changed
                logger.warning("the watchdog looks again: %r", fault)
                continue
            if complaint is not None:
                self._bark(Stuck(complaint))
                return
