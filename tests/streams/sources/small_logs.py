"""Small hand-made logs and mappings for the tests of the sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.deadletters import DeadLetter
from schemas.envelope import Event
from schemas.mapping import LogMapping
from streams.sources.logs import MappedLog
from streams.sources.mapping_file import parse_mapping

TICKETS = """\
mapping: 1
name: tickets
title: {zh: 工单, en: tickets}
source: {format: csv}
process:
  case: case
  activity: step
  timestamp: {field: at, zone: UTC}
  customer: customer
envelope:
  ticket_id: case
events:
  - name: closed
    when: [{field: step, equals: closed}]
    emit: complaint.closed
    attributes: {category: topic}
  - name: other
    emit: ticket.state_changed
    attributes: {state: step}
derived:
  - name: opened
    when: [{row: first}]
    emit: complaint.opened
    attributes: {category: topic}
  - name: reopened
    when: [{field: step, before: {equals: closed}, not_equals: closed}]
    emit: complaint.reopened
    attributes: {category: topic}
  - name: handoff
    when: [{field: team, changed: true}]
    emit: ticket.owner_changed
    attributes: {from_desk: {before: team}, to_desk: team}
"""
"""A mapping of a CSV log with the columns case, step, at, customer, topic, team."""

HEADER = "case,step,at,customer,topic,team\n"


def tickets(**changes: Any) -> LogMapping:
    """The ticket mapping, its `source` or `timestamp` changed."""
    mapping = parse_mapping(TICKETS, "tickets.yaml")
    stamp = changes.pop("timestamp", {})
    process = mapping.process.model_copy(update={"timestamp": mapping.process.timestamp.model_copy(update=stamp)})
    return mapping.model_copy(update={"source": mapping.source.model_copy(update=changes), "process": process})


def read(path: Path, mapping: LogMapping) -> tuple[list[Event], list[DeadLetter], MappedLog]:
    """All events and dead letters of a log, and the log itself for its ledger."""
    log = MappedLog(path, mapping)
    made = [record.raw for batch in log.batches(3) for record in batch]
    events = [one for one in made if isinstance(one, Event)]
    letters = [one for one in made if isinstance(one, DeadLetter)]
    return events, letters, log
