"""Quix Streams: state in Python objects (`plain`), or the bill rule in its RocksDB state (`rocksdb`).

`every` looks the customer's state up for every event instead of for bills only.
"""

from __future__ import annotations

from collections.abc import Sequence

from quixstreams import Application, State, message_context

from tests.benchmarks.peers.job import Event, Orders, Partition, is_bill, judge_bill, read
from tests.benchmarks.peers.tally import COMMIT_SECONDS, Tally, task

told = task()
tally = Tally(told)
app = Application(
    broker_address=told.bootstrap,
    consumer_group=told.group,
    auto_offset_reset="earliest",
    commit_interval=COMMIT_SECONDS,
    state_dir=told.folder / "state",
    loglevel="WARNING",
)
partitions = [Partition() for _ in range(told.partitions)]
orders = [Orders() for _ in range(told.partitions)]


def count(found: Sequence[str]) -> None:
    if tally.add(1, found):
        app.stop()


def both_rules(value: bytes) -> None:
    tally.begin()
    count(partitions[message_context().partition].take(read(value)))


def order_rule(value: bytes) -> Event:
    tally.begin()
    event = read(value)
    found = orders[message_context().partition].take(event)
    if is_bill(event):
        tally.alerts += found
    else:
        count(found)
    return event


def bill_rule(event: Event, state: State) -> None:
    past = state.get("past") or []
    spike = judge_bill(past, event)
    state.set("past", past)
    count(() if spike is None else (spike,))


def every_rule(event: Event, state: State) -> None:
    past = state.get("past") or []
    if is_bill(event):
        spike = judge_bill(past, event)
        state.set("past", past)
        count(() if spike is None else (spike,))


if __name__ == "__main__":
    frame = app.dataframe(app.topic(told.topic, key_deserializer="bytes", value_deserializer="bytes"))
    if told.variant == "plain":
        frame.update(both_rules)
    elif told.variant == "every":
        frame.apply(order_rule).update(every_rule, stateful=True)
    else:
        frame = frame.apply(order_rule)
        frame = frame[frame.apply(is_bill)]
        frame.update(bill_rule, stateful=True)
    app.run()
    tally.report()
