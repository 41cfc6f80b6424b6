"""Bytewax: state in Python objects (`plain`), or the bill rule in a keyed stateful operator.

`keyed` sends bills only to that operator, in batches; `recovery` is the same with the operator's state kept on disk;
`every` is written step by step as in Bytewax's tutorials and sends every event there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from tests.benchmarks.peers.job import Event, Orders, Partition, is_bill, judge_bill, read
from tests.benchmarks.peers.tally import COMMIT_SECONDS, Tally, task

told = task()
tally = Tally(told)
partitions = [Partition() for _ in range(told.partitions)]
orders = [Orders() for _ in range(told.partitions)]


def both_rules(messages: list[Any]) -> Iterable[str]:
    tally.begin()
    found: list[str] = []
    for message in messages:
        found += partitions[message.partition].take(read(message.value))
    tally.add(len(messages), found)
    return found


def order_rule(messages: list[Any]) -> Iterable[tuple[str, Event]]:
    """Bills by customer; alerts of orders go to the tally at once."""
    tally.begin()
    bills = []
    found: list[str] = []
    for message in messages:
        event = read(message.value)
        found += orders[message.partition].take(event)
        if is_bill(event):
            bills.append((event.customer_id, event))
    tally.add(len(messages) - len(bills), found)
    return bills


def order_rule_each(message: Any) -> tuple[str, Event]:
    """The event by customer, whatever it is."""
    tally.begin()
    event = read(message.value)
    tally.alerts += orders[message.partition].take(event)
    return event.customer_id, event


def every_rule(past: list[int] | None, event: Event) -> tuple[list[int] | None, Iterable[str]]:
    if is_bill(event):
        return bill_rule(past, event)
    tally.add(1)
    return past, ()


def bill_rule(past: list[int] | None, event: Event) -> tuple[list[int], Iterable[str]]:
    past = past or []
    spike = judge_bill(past, event)
    found = () if spike is None else (spike,)
    tally.add(1, found)
    return past, found


if __name__ == "__main__":
    flow = Dataflow("peers")
    source = KafkaSource([told.bootstrap], [told.topic], tail=False, batch_size=5_000)
    stream = op.input("events", flow, source)
    alerts: Any
    if told.variant == "plain":
        alerts = op.flat_map_batch("both", stream, both_rules)
    elif told.variant == "every":
        alerts = op.stateful_flat_map("bills", op.map("orders", stream, order_rule_each), every_rule)
    else:
        alerts = op.stateful_flat_map("bills", op.flat_map_batch("orders", stream, order_rule), bill_rule)
    op.output("alerts", alerts, TestingSink([]))
    recovery = None
    if told.variant == "recovery":
        init_db_dir(told.folder, 1)
        recovery = RecoveryConfig(told.folder)
    cli_main(flow, epoch_interval=timedelta(seconds=COMMIT_SECONDS), recovery_config=recovery)
    tally.report()
