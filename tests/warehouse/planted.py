"""Facts made by hand, in a real ClickHouse (chdb): what is planted is known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streams.runners.folder import clickhouse_path
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client
from streams.warehouse.warehouse import FolderWarehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def day(number: float) -> datetime:
    """Midnight (or later) of a day after the beginning of 2026, UTC."""
    return START + timedelta(days=number)


def event(name: str, event_type: str, at: datetime, customer: str, touchpoint: str = "", **said: Any) -> Row:
    """A row of table `events`; unknown words are attributes."""
    columns = ("tier", "channel", "region", "department", "stage", "amount_minor", "order_id", "ticket_id")
    own = {key: value for key, value in said.items() if key in columns}
    rest = {key: value for key, value in said.items() if key not in columns}
    return {
        "event_id": name,
        "event_type": event_type,
        "occurred_at": text(at),
        "recorded_at": text(at),
        "customer_id": customer,
        "touchpoint": touchpoint,
        "attributes": json.dumps(rest),
        **own,
    }


def moment(name: str, at: datetime, customer: str, touchpoint: str, **said: Any) -> Row:
    """A row of table `moments`, negative and confirmed unless said otherwise."""
    return {
        "moment_id": name,
        "detector_id": "N28",
        "customer_id": customer,
        "scope": name,
        "touchpoint": touchpoint,
        "valence": "negative",
        "severity": 3,
        "tier": "normal",
        "status": "confirmed",
        "model_only": False,
        "anchor_at": text(at),
        "decided_at": text(at),
        "evidence_events": [],
        "version": 1,
        **said,
    }


def text(at: datetime) -> str:
    """As ClickHouse reads a time with milliseconds."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def stored(folder: Path, events: Iterable[Row], moments: Iterable[Row] = ()) -> FolderWarehouse:
    """A result folder with these facts; more may be stored into it later."""
    clickhouse_path(folder).mkdir(parents=True, exist_ok=True)
    client = open_client(clickhouse_path(folder))
    try:
        ddl.apply(client)
        for table, rows in (("events", list(events)), ("moments", list(moments))):
            if rows:
                block = "\n".join(json.dumps(row) for row in rows).encode()
                client.raw_insert(table, insert_block=block, fmt="JSONEachRow")
    finally:
        client.close()
    return FolderWarehouse(folder)
