"""What the engine alone says of lines in a given order, to compare with what a worker said of a log in another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aiokafka.partitioner import DefaultPartitioner

from detectors.catalogue import CATALOGUE
from schemas.codec import decode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event
from streams.engine.engine import Engine
from streams.sinks.rows import encoded, kpi_rows, moment_row
from tests.live.bed import _keep_latest


class Said(NamedTuple):
    """The last word on each moment, and the value of each KPI window that is not zero."""

    verdicts: dict[str, str]
    kpis: dict[tuple[Any, ...], int]


def event_of(line: bytes) -> Event:
    event = decode(line)
    assert not isinstance(event, DeadLetter), event
    assert isinstance(event, Event)
    return event


def in_order(lines: Iterable[bytes]) -> list[Event]:
    """The events in the order of their times, each id once."""
    found = {event.event_id: event for event in map(event_of, lines)}
    return sorted(found.values(), key=lambda event: (event.occurred_ms, event.event_id))


def alone(events: Iterable[Event], partitions: int) -> Said:
    """What the engine says of `events` as they come, partition by partition."""
    choose, numbers = DefaultPartitioner(), list(range(partitions))
    mine: dict[int, list[Event]] = {number: [] for number in numbers}
    for event in events:
        mine[choose(event.customer_id.encode(), numbers, numbers)].append(event)
    rows: list[Any] = []
    kpis: dict[tuple[Any, ...], int] = {}
    versions: dict[tuple[Any, ...], int] = {}
    for number, held in mine.items():
        engine = Engine(CATALOGUE, partition=number, strict=True)
        rows += [json.loads(one) for one in encoded(moment_row(said) for said in engine.process(list(held)).moments)]
        _keep_latest(kpis, versions, list(kpi_rows(engine.kpi_changes())))
    return Said(verdicts(rows), _counted(kpis))


def said_by(alerts: Iterable[bytes], kpis: dict[tuple[Any, ...], int]) -> Said:
    """The same of a ledger."""
    return Said(verdicts([json.loads(alert) for alert in alerts]), _counted(kpis))


def verdicts(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Status of each moment at the end; those taken back are left out: another order may never have suspected them."""
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["version"] >= last.get(row["moment_id"], row)["version"]:
            last[row["moment_id"]] = row
    return {name: row["status"] for name, row in last.items() if row["status"] != "retracted"}


def _counted(kpis: dict[tuple[Any, ...], int]) -> dict[tuple[Any, ...], int]:
    return {key: value for key, value in kpis.items() if value}
