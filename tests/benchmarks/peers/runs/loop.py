"""A plain consumer loop on aiokafka: the least that any Python consumer does. Only its offsets are durable."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer

from tests.benchmarks.peers.job import Partition, read
from tests.benchmarks.peers.tally import COMMIT_SECONDS, Tally, Task, task


async def consume(told: Task, tally: Tally) -> None:
    partitions = [Partition() for _ in range(told.partitions)]
    consumer = AIOKafkaConsumer(
        told.topic,
        bootstrap_servers=told.bootstrap,
        group_id=told.group,
        auto_offset_reset="earliest",
        auto_commit_interval_ms=int(COMMIT_SECONDS * 1000),
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    done = False
    while not done:
        for place, records in (await consumer.getmany(timeout_ms=1000)).items():
            tally.begin()
            partition = partitions[place.partition]
            found: list[str] = []
            for record in records:
                found += partition.take(read(record.value))
            done = tally.add(len(records), found)
    await consumer.stop()


if __name__ == "__main__":
    told = task()
    tally = Tally(told)
    asyncio.run(consume(told, tally))
    tally.report()
