"""The one way rows get into ClickHouse: a block at a time, and a bad row never costs its block.

Deduplication of inserts stays off: rows are keyed and versioned, and a token used twice would drop other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.codec import dead_letter, decode, encode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from streams.sinks.faults import Verdict, code_of, verdict
from streams.sinks.kpi_columns import arrow_bytes

_WHOLE_BLOCKS: Mapping[str, Any] = {
    "max_partitions_per_insert_block": 0,  # one batch of an old log may span many months
    "insert_deduplicate": 0,
    "distributed_foreground_insert": 1,  # on a cluster: stored on its shard, not spooled here
    "async_insert": 0,  # the answer shall mean that these rows are stored, and an error shall be about these rows
}
_LINES: Mapping[str, Any] = {
    **_WHOLE_BLOCKS,
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": 1,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_null_as_default": 1,
}
_REWRITTEN_BELOW = 64
"""A refused block of at most so many lines is written anew before it is halved further, where that is possible."""


class Refusal(NamedTuple):
    """A row ClickHouse does not take: its place among those to be inserted, and ClickHouse's code of the error."""

    at: int
    code: int | None


class BlockInserter:
    """Inserts rows through a client, halving a block until a bad row stands alone.

    Raises what the driver raises when the fault lies not in a row; then some of the rows may be stored.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def insert_events(self, lines: Sequence[bytes], suffixes: Sequence[bytes]) -> list[Refusal]:
        """Insert events, JSON objects each closed by its suffix, in the spelling they came in or else in ours."""
        closed = [line[:-1] + suffix for line, suffix in zip(lines, suffixes, strict=True)]
        return self.insert_lines("events", closed, lambda at: _canonical(lines[at]) + suffixes[at])

    def insert_lines(
        self, table: str, lines: Sequence[bytes], rewritten: Callable[[int], bytes] | None = None
    ) -> list[Refusal]:
        """Insert rows that are one JSON object each; `rewritten` gives another spelling of a row."""

        def insert(block: Sequence[bytes]) -> None:
            self._client.raw_insert(table, insert_block=b"\n".join(block), fmt="JSONEachRow", settings=dict(_LINES))

        return _halving(insert, lines, 0, rewritten) if lines else []

    def insert_columns(self, table: str, columns: Any) -> list[Refusal]:
        """Insert a `pyarrow.Table` whose columns are named like those of `table`."""

        def insert(block: Any) -> None:
            self._client.raw_insert(
                table,
                column_names=block.column_names,
                insert_block=arrow_bytes(block),
                fmt="Arrow",
                settings=dict(_WHOLE_BLOCKS),
            )

        return _halving(insert, columns, 0, None) if len(columns) else []


def refused_row(row: bytes, origin: str, position: int, table: str, code: int | None) -> DeadLetter:
    """The dead letter of a row that ClickHouse does not take. `origin` and `position` say where the row came from."""
    said = "it was judged, but is missing in table events" if table == "events" else f"it is missing in table {table}"
    what = "event" if table == "events" else "row"
    detail = f"ClickHouse refused the {what} with code {code}; {said}"
    return dead_letter(row, origin, position, Reason.WRONG_VALUE, detail)


def _halving(
    insert: Callable[[Any], None], rows: Any, first: int, rewritten: Callable[[int], bytes] | None
) -> list[Refusal]:
    """Insert `rows`, which are those from place `first` on, in as few pieces as it takes; what is left is refused."""
    try:
        insert(rows)
    except ClickHouseError as fault:
        if verdict(fault) is not Verdict.ROW:
            raise
        count = len(rows)
        if rewritten is not None and count <= _REWRITTEN_BELOW:
            return _halving(insert, [rewritten(first + at) for at in range(count)], first, None)
        if count == 1:
            return [Refusal(first, code_of(fault))]
        half = count // 2
        left, right = (rows.slice(0, half), rows.slice(half)) if hasattr(rows, "slice") else (rows[:half], rows[half:])
        return _halving(insert, left, first, rewritten) + _halving(insert, right, first + half, rewritten)
    return []


def _canonical(line: bytes) -> bytes:
    """An event's line as our codec writes it, whatever spelling it came in, without its closing brace."""
    event = decode(line)
    return (encode(event) if isinstance(event, Event) else line)[:-1]
