"""One partition of an embedded run: its engine, its store and how far it has come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.envelope import Event, Tick
from streams.engine.engine import Engine
from streams.sinks.ports import Delivery
from streams.stores.ports import StateStore
from streams.stores.restoring import restored


@dataclass(slots=True)
class Decoded:
    """Decoded records with their places in the log and the bytes they came as: three aligned lists."""

    positions: list[int] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    records: list[Event | Tick] = field(default_factory=list)

    def add(self, position: int, raw: bytes, record: Event | Tick) -> None:
        """Append a record."""
        self.positions.append(position)
        self.raws.append(raw)
        self.records.append(record)

    def since(self, position: int) -> Decoded:
        """The records at `position` and after; positions rise."""
        start = bisect_left(self.positions, position)
        return Decoded(self.positions[start:], self.raws[start:], self.records[start:]) if start else self


class Partition:
    """Applies records to an engine and commits its state. `applied` is the first position not yet applied.

    `same_settings` is False when the stored state was made with other detectors or parameters.
    `path` is only named in errors. Raises StateCorrupted.
    """

    def __init__(self, engine: Engine, store: StateStore, path: Path) -> None:
        self.engine = engine
        self._store = store
        self._changed = False
        loaded = store.load()
        self.applied = loaded.applied
        self.same_settings = restored(engine, loaded, path)

    def apply(self, decoded: Decoded, delivery: Delivery) -> None:
        """Give the records not yet applied to the engine and add what follows to `delivery`."""
        decoded = decoded.since(self.applied)
        if decoded.records:
            effects = self.engine.process(decoded.records)
            self._changed = True
            delivery.add_events(decoded.raws, decoded.records, effects.placements, decoded.positions)
            delivery.add_late(decoded.raws, decoded.positions, effects.too_late)
            delivery.add_effects(effects)

    def finish(self, to_ms: int, delivery: Delivery) -> None:
        """End of a finite log whose highest event time over all partitions is `to_ms`."""
        delivery.add_effects(self.engine.finish(to_ms))
        self._changed = True

    def prepare(self, applied: int, delivery: Delivery) -> Callable[[Callable[[], object]], None]:
        """Take a checkpoint up to position `applied`, add its KPI windows to `delivery`, and return what commits it.

        The returned function takes what waits for the effects to be safe.
        """
        if not self._changed:
            return lambda once: self._advance(applied, once)
        checkpoint = self.engine.checkpoint()
        self._changed = False
        delivery.kpis.append(checkpoint.kpis)

        def commit(once: Callable[[], object]) -> None:
            self._store.commit(checkpoint, applied, once)
            self.engine.committed()
            self.applied = applied

        return commit

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _advance(self, applied: int, once: Callable[[], object]) -> None:
        once()
        if applied > self.applied:
            self._store.advance(applied)
            self.applied = applied
