"""Keeps Python's garbage collector from reading the whole state again and again.

An engine holds millions of small objects for long; the collector would walk them all every few thousand events, a
third of the processor. So what has outlived a commit is set aside from it (`gc.freeze`). Objects without cycles,
ours, are freed by their reference count all the same.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_YOUNG = 50_000
"""Allocations between two collections of the young; Python's own 700 suits small programs."""


@contextmanager
def long_lived_state() -> Iterator[Callable[[], None]]:
    """Tune the collector of this process for a run and put it back. Yields what to call after each commit."""
    thresholds = gc.get_threshold()
    gc.set_threshold(_YOUNG, 20, 100)
    gc.freeze()
    try:
        yield gc.freeze
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
