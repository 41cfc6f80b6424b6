"""One way to put a question, whoever answers it: the warehouse, or a client that may write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streams.runners.reading import plain_rows

Ask = Callable[[str], list[dict[str, Any]]]
"""Answers one read: rows by column. `Warehouse.rows`, for one."""


def asking(client: Any, **settings: Any) -> Ask:
    """Questions to a client, with settings of ClickHouse. What it gives raises ClickHouseError."""

    def ask(sql: str) -> list[dict[str, Any]]:
        result = client.query(sql, settings=settings)
        return [dict(zip(result.column_names, row, strict=True)) for row in plain_rows(result.result_rows)]

    return ask
