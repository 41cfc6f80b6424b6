"""What every benchmark on Kafka needs: a broker that is not the limit, and a log written into a topic."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

NICE = 10


@contextmanager
def niced_broker(bootstrap: str) -> Iterator[str]:
    """The given broker, or a new one, niced, so that what is measured has a core before it."""
    if bootstrap:
        yield bootstrap
        return
    from tests.kafka.broker import Broker  # noqa: PLC0415 - only where one is started

    with tempfile.TemporaryDirectory(prefix="mot-bench-broker-") as folder:
        broker = Broker.start(Path(folder), heap="1g")
        try:
            for thread in chain.from_iterable(Path(f"/proc/{pid}/task").iterdir() for pid in broker.pids):
                os.setpriority(os.PRIO_PROCESS, int(thread.name), NICE)  # threads to come inherit it
            yield broker.bootstrap
        finally:
            broker.stop()


async def send_part(producer: Any, topic: str, number: int, part: Sequence[tuple[bytes, bytes]]) -> None:
    """Hand keys and lines of one partition to the producer, in their order, in as few batches as they fit."""
    batch = producer.create_batch()
    for key, line in part:
        if batch.append(key=key, value=line, timestamp=None) is None:
            await producer.send_batch(batch, topic, partition=number)
            batch = producer.create_batch()
            batch.append(key=key, value=line, timestamp=None)
    await producer.send_batch(batch, topic, partition=number)
