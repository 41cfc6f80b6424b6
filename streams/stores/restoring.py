"""Stored state into a new engine: the one way, whatever keeps the bytes."""

from __future__ import annotations

from pathlib import Path

import msgspec

from streams.engine.engine import Engine
from streams.errors import StateCorrupted
from streams.stores.ports import Loaded


def restored(engine: Engine, loaded: Loaded, path: Path) -> bool:
    """Let `engine` go on from what a store held. Returns whether that was made with the same detectors and settings.

    Raises StateCorrupted naming `path`.
    """
    if loaded.meta is None:
        return True
    try:
        return engine.restore(loaded.meta, loaded.journal)
    except msgspec.DecodeError as fault:
        raise StateCorrupted(path, f"engine state of another format: {fault}") from fault
