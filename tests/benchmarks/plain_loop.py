"""The baseline of the live worker: an aiokafka loop over the same engine. It keeps nothing and tells nobody.

`python -m tests.benchmarks.plain_loop BOOTSTRAP TOPIC EVENTS` prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaConsumer

from detectors.catalogue import CATALOGUE
from schemas.deadletters import DeadLetter
from streams.engine.engine import Engine
from streams.live.intake import taken_in
from streams.runners.collecting import long_lived_state


async def consume(bootstrap: str, topic: str, events: int) -> dict[str, float]:
    """Fetch, decode, detect."""
    engines: dict[int, Engine] = {}
    taken, began, cpu = 0, 0.0, 0.0
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    ) as consumer:
        while taken < events:
            for at, records in (await consumer.getmany(timeout_ms=1000, max_records=5_000)).items():
                if not taken:
                    began, cpu = time.monotonic(), time.process_time()
                engine = engines.setdefault(at.partition, Engine(CATALOGUE, partition=at.partition))
                intake = taken_in(f"{topic}-{at.partition}", records)
                engine.process([one.record for one in intake if not isinstance(one.record, DeadLetter)])
                taken += len(records)
        seconds = time.monotonic() - began
    used = time.process_time() - cpu
    return {
        "events": taken,
        "seconds": seconds,
        "events_per_second": taken / seconds,
        "cpu_microseconds_per_event": used / taken * 1e6,
    }


if __name__ == "__main__":
    with long_lived_state():
        print(json.dumps(asyncio.run(consume(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
