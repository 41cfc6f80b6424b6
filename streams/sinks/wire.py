"""Effects as records of topics, and back as blocks of rows: the one home of this format.

`mot.alerts` carries one moment per record, keyed by customer, so that each customer's alerts keep their order.
`mot.facts` carries rows of one table per record, as JSON lines or, for KPI windows, as Arrow columns; `mot.dlq` one
dead letter per record. The same delivery always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from streams.engine.effects import VersionedMoment
from streams.sinks.kpi_columns import KpiTables, arrow_bytes
from streams.sinks.ports import Delivery
from streams.sinks.rows import (
    HealthFigure,
    dead_letter_row,
    encoded,
    failure_row,
    handoff_row,
    health_row,
    moment_row,
    transition_row,
)

TopicKind = Literal["alerts", "facts", "dlq"]
Format = Literal["JSONEachRow", "Arrow"]

MAX_VALUE_BYTES = 512 * 1024
"""No value is larger, save one that is a single row."""

ID, VERSION, TABLE, FORMAT, REASON = "mot-id", "mot-version", "mot-table", "mot-format", "mot-reason"
RETRIED = "mot-retried"
"""On the dead letters' topic: a record without a value, with this header and ID, says that the original was sent again.
Whoever reads rows passes over it."""
FACT_TABLES: Mapping[str, Format] = {
    "journey_transitions": "JSONEachRow",
    "handoffs": "JSONEachRow",
    "detector_failures": "JSONEachRow",
    "kpis": "Arrow",
    "pipeline_health": "JSONEachRow",
}
"""The tables that may come by `mot.facts`, each with its format."""


class TopicRecord(NamedTuple):
    """A record to be sent to the topic of `topic_kind`; the sender knows the topic's name and the partition."""

    topic_kind: TopicKind
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Block(NamedTuple):
    """Rows of one table in a format that ClickHouse reads as it is."""

    table: str
    format: Format
    data: bytes


class NotOurs(ValueError):
    """A record of an effects topic that is not written as here. The text says what is wrong, without its content."""


def records_of(delivery: Delivery, partition: int, kpi_tables: KpiTables | None = None) -> list[TopicRecord]:
    """All effects of `delivery` but the events themselves, in a fixed order: alerts, facts, dead letters.

    `partition` is the engine's. `kpi_tables` saves work when one is kept for all deliveries; the bytes are the same.
    """
    return [
        *map(_alert, delivery.moments),
        *_facts(delivery, b"p%d" % partition, kpi_tables or KpiTables()),
        *map(_dead_letter, map(dead_letter_row, delivery.dead_letters)),
    ]


def health_record(figures: Sequence[HealthFigure]) -> TopicRecord:
    """Figures about one process. No effect of a log: a worker says them beside its deliveries."""
    return _fact("pipeline_health", figures[0].instance.encode(), b"\n".join(encoded(map(health_row, figures))))


def block_of(kind: TopicKind, value: bytes, headers: Iterable[tuple[str, bytes]]) -> Block:
    """The rows a record holds. Raises NotOurs for a record of facts whose headers name no table or format of ours.

    What the rows say is not looked at: that is the table's business.
    """
    if kind == "alerts":
        return Block("moments", "JSONEachRow", value)
    if kind == "dlq":
        return Block("dead_letters", "JSONEachRow", value)
    named = dict(headers)
    table = named.get(TABLE, b"").decode(errors="replace")
    known = FACT_TABLES.get(table)
    if known is None:
        raise NotOurs(f"header {TABLE} names no table of facts")
    if named.get(FORMAT) != known.encode():
        raise NotOurs(f"header {FORMAT} must be {known} for table {table}")
    return Block(table, known, value)


def _alert(said: VersionedMoment) -> TopicRecord:
    row = moment_row(said)
    headers = ((ID, row["moment_id"].encode()), (VERSION, b"%d" % said.version))
    return TopicRecord("alerts", row["customer_id"].encode(), msgspec.json.encode(row), headers)


def _dead_letter(row: Mapping[str, Any]) -> TopicRecord:
    headers = ((REASON, row["reason"].encode()), (ID, row["dead_letter_id"].encode()))
    return TopicRecord("dlq", row["origin"].encode(), msgspec.json.encode(row), headers)


def _facts(delivery: Delivery, key: bytes, kpi_tables: KpiTables) -> Iterator[TopicRecord]:
    rows = (
        ("journey_transitions", encoded(map(transition_row, delivery.transitions))),
        ("handoffs", encoded(map(handoff_row, delivery.handoffs))),
        ("detector_failures", encoded(map(failure_row, delivery.failures))),
    )
    for name, lines in rows:
        for value in _joined(lines):
            yield _fact(name, key, value)
    for changes in delivery.kpis:
        table = kpi_tables.table(changes)
        if table is not None:
            for value in _sliced(table):
                yield _fact("kpis", key, value)


def _fact(table: str, key: bytes, value: bytes) -> TopicRecord:
    return TopicRecord("facts", key, value, ((TABLE, table.encode()), (FORMAT, FACT_TABLES[table].encode())))


def _joined(lines: Sequence[bytes]) -> Iterator[bytes]:
    """`lines` as values of many lines each."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        if held and size + len(line) + 1 > MAX_VALUE_BYTES:
            yield b"\n".join(held)
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield b"\n".join(held)


def _sliced(table: Any) -> Iterator[bytes]:
    """`table` as Arrow files that fit. In how many is told by its size in memory: to find out by writing costs as much
    as all the rest."""
    aim = MAX_VALUE_BYTES * 15 // 16  # texts are not of equal length, and a file has a frame
    rows = max(1, table.num_rows * aim // max(table.nbytes, aim))
    for start in range(0, table.num_rows, rows):
        part = table.slice(start, rows)
        value = arrow_bytes(part)
        if len(value) <= MAX_VALUE_BYTES or part.num_rows == 1:
            yield value
        else:
            half = part.num_rows // 2
            yield from _sliced(part.slice(0, half))
            yield from _sliced(part.slice(half))
