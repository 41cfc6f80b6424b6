"""Which partitions this worker owns: opened when assigned, with their state brought up to date, closed when gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic

from detectors.base import AnyDetector
from streams.engine.engine import Engine
from streams.errors import StateCorrupted
from streams.kafka.settings import KafkaSettings
from streams.live.alignment import Alignment
from streams.live.handover import Fenced, Handover
from streams.live.partition import Common, LivePartition
from streams.settings import OperatorSettings
from streams.stores.mirrored import MirroredStore
from streams.stores.restoring import restored
from streams.stores.sqlite import FOLD_ROWS

_LEAST_FOLDED = 8_192
"""Rows a state file gathers at least before it folds them: together they are to fit the memory of one worker."""

logger = logging.getLogger(__name__)


def state_path(folder: Path, partition: int) -> Path:
    """The state file of a partition."""
    return folder / f"partition-{partition:03d}.sqlite"


class Ownership:
    """Opens and closes partitions. `worker` names this process in the hand-over topic; `is_at_end`
    whether a partition of a topic has been read to its end. `moved_at` is the monotonic time of the last step of
    taking partitions over."""

    def __init__(
        self,
        kafka: KafkaSettings,
        folder: Path,
        operator: OperatorSettings,
        catalogue: Sequence[AnyDetector],
        worker: str,
        common: Common,
        is_at_end: Callable[[int, str, int], bool],
    ) -> None:
        self._kafka = kafka
        self._folder = folder
        self._lateness = operator.lateness()
        self._placements = operator.placements()
        self._catalogue = catalogue
        self._worker = worker
        self._common = common
        self._is_at_end = is_at_end
        self.moved_at = monotonic()
        self._fold_rows = max(_LEAST_FOLDED, FOLD_ROWS // kafka.partitions)
        self.partitions: dict[int, LivePartition] = {}

    async def become(self, numbers: Iterable[int]) -> None:
        """Own exactly the partitions `numbers`. Raises Fenced, StreamsError, KafkaError."""
        wanted = set(numbers)
        for number in [number for number in self.partitions if number not in wanted]:
            await self.give_away(number)
        missing = sorted(wanted - self.partitions.keys())
        opened = await asyncio.gather(*map(self._open, missing), return_exceptions=True)
        faults = []
        for number, one in zip(missing, opened, strict=True):
            if isinstance(one, BaseException):
                faults.append(one)
            else:
                self.partitions[number] = one
        self._moved()
        if faults:
            raise next((one for one in faults if not isinstance(one, Fenced)), faults[0])
        for partition in self.partitions.values():
            partition.engine.max_cached = self._common.settings.max_cached // len(self.partitions)

    async def give_away(self, number: int) -> None:
        """Own a partition no more; what is not committed is the next owner's."""
        await self.partitions.pop(number).close()
        self._common.metrics.forget(number)

    def _moved(self) -> None:
        self.moved_at = monotonic()

    async def close(self) -> None:
        """Give all away."""
        await self.become(())

    async def _open(self, number: int) -> LivePartition:
        path = state_path(self._folder, number)
        try:
            return await self._opened(number, path)
        except StateCorrupted as fault:  # found while reading; the hand-over topic has it all
            logger.error("%s", fault)
            put_aside(path)
            self._common.metrics.rebuilt.inc()
            return await self._opened(number, path)

    async def _opened(self, number: int, path: Path) -> LivePartition:
        store = MirroredStore(path, synchronous=self._common.settings.synchronous, fold_rows=self._fold_rows)
        handover = Handover(self._kafka, number, self._worker, self._moved)
        try:
            taken_over = await handover.take_over(store, path)
            engine = self._engine(number, store)
            if not restored(engine, store.load(), path):
                logger.warning("partition %d: the state was made with other detectors or settings", number)
        except BaseException:
            store.close()
            await handover.close()
            raise
        self._common.metrics.taken_over(number, handover.restore_seconds, handover.restored_records)
        alignment = None
        if len(self._kafka.events) > 1:
            alignment = Alignment(
                self._kafka.events, taken_over.mirror.offsets, taken_over.rounds, partial(self._is_at_end, number)
            )
        return LivePartition(number, engine, store, handover, taken_over, alignment, self._common)

    def _engine(self, number: int, store: MirroredStore) -> Engine:
        return Engine(
            self._catalogue,
            partition=number,
            records=store,
            strict=self._common.settings.strict,
            lateness=self._lateness,
            placements=self._placements,
        )


def put_aside(path: Path) -> None:
    """Keep a damaged file for whoever wants to look at it, one per partition."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ".damaged"))
