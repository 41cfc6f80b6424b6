"""Plain Faust: one event at a time (`each`), `take` (`take`), or with the bill rule in a Table (`table`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faust

from tests.benchmarks.peers.job import Event, Orders, Partition, is_bill, judge_bill, read
from tests.benchmarks.peers.tally import COMMIT_SECONDS, Tally, task

told = task()
tally = Tally(told)
app = faust.App(
    told.group,
    broker=f"kafka://{told.bootstrap}",
    datadir=told.folder,
    topic_partitions=told.partitions,
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=COMMIT_SECONDS,
    web_enabled=False,
)
events = app.topic(told.topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
partitions = [Partition() for _ in range(told.partitions)]
orders = [Orders() for _ in range(told.partitions)]
past_bills = app.Table("past_bills", default=list, partitions=told.partitions) if told.variant == "table" else None


async def each(stream: Any) -> None:
    async for event in stream.events():
        tally.begin()
        if tally.add(1, partitions[event.message.partition].take(read(event.value))):
            tally.report()


async def taken(stream: Any) -> None:
    async for batch in stream.take_events(5_000, within=0.1):
        tally.begin()
        found: list[str] = []
        for event in batch:
            found += partitions[event.message.partition].take(read(event.value))
        if tally.add(len(batch), found):
            tally.report()


async def tabled(stream: Any) -> None:
    async for event in stream.events():
        tally.begin()
        said = read(event.value)
        found = orders[event.message.partition].take(said)
        if is_bill(said):
            found = [*found, *against_table(said)]
        if tally.add(1, found):
            tally.report()


def against_table(bill: Event) -> Sequence[str]:
    past = past_bills[bill.customer_id]
    spike = judge_bill(past, bill)
    past_bills[bill.customer_id] = past
    return () if spike is None else (spike,)


app.agent(events)({"each": each, "take": taken, "table": tabled}[told.variant])

if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()
