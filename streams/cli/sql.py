"""`mot sql "SELECT …"`: ask the result folder, a ClickHouse folder of a run or the files of a replay alike."""

# ruff: noqa: S608 - values are quoted by `quoted` or are numbers; the reader refuses all but reads

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from streams.cli.failures import CliError
from streams.cli.results import quoted
from streams.cli.session import Session
from streams.runners.query_server import query_folder
from streams.runners.reading import Answer, Reader
from streams.sinks.clickhouse import open_client

REPLAY_TABLES = {
    "moments_now": ("moments.jsonl", "JSONEachRow"),
    "dead_letters_now": ("dead_letters.jsonl", "JSONEachRow"),
    "kpi": ("kpis.parquet", "Parquet"),
}


def run(session: Session, query: str, folder: Path, *, as_json: bool) -> None:
    """Print the answer as a table, or as JSON. Raises QueryRefused, FolderBusy, or CliError for no result folder."""
    if (folder / "clickhouse").is_dir():
        answer = query_folder(folder, query)
    elif (folder / "moments.jsonl").is_file():
        answer = ask_replay(folder, query)
    else:
        raise CliError("error.not_a_result", path=folder)
    if as_json:
        session.write_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    else:
        session.out.print(_table(answer))
    if answer.cut:
        session.err.print(session.say("sql.cut", count=len(answer.rows)), style="yellow", markup=False)


def ask_replay(folder: Path, query: str) -> Answer:
    """Answer a query on the files of a replay, in a ClickHouse that lives as long as the question."""
    with tempfile.TemporaryDirectory(prefix="mot-sql-") as scratch:
        client = open_client(Path(scratch))
        try:
            for table, (name, form) in REPLAY_TABLES.items():
                path = (folder / name).resolve()
                if path.is_file() and path.stat().st_size:
                    client.command(
                        f"CREATE TABLE {table} ENGINE = MergeTree ORDER BY tuple() SETTINGS allow_nullable_key = 1 "
                        f"AS SELECT * FROM file({quoted(str(path))}, {form})"
                    )
            reader = Reader(Path(scratch))
            try:
                return reader.answer(query)
            finally:
                reader.close()
        finally:
            client.close()


def _table(answer: Answer) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(answer.columns):
        numbers = all(isinstance(row[place], int | float) for row in answer.rows if row[place] is not None)
        table.add_column(column, justify="right" if numbers and answer.rows else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Sequence[Any]) -> list[Text]:
    return [Text("-" if value is None else str(value), style="dim" if value is None else "") for value in row]
