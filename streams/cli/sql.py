"""`mot sql "SELECT …"`: ask the result folder, a ClickHouse folder of a run or the files of a replay alike."""

# ruff: noqa: S608 - values are quoted by `quoted` or are numbers; the reader refuses all but reads

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from schemas.deadletters import DeadLetter, Reason
from schemas.moments import Evidence, Moment
from schemas.moments import Text as BothLanguages
from schemas.times import EPOCH
from streams.cli.failures import CliError
from streams.cli.session import Session
from streams.runners.query_server import query_folder
from streams.runners.reading import Answer, Reader
from streams.sinks.clickhouse import open_client
from streams.sinks.literals import quoted

REPLAY_TABLES = {
    "moments_now": ("moments.jsonl", "JSONEachRow"),
    "dead_letters_now": ("dead_letters.jsonl", "JSONEachRow"),
    "kpi": ("kpis.parquet", "Parquet"),
}
_BOTH = BothLanguages(zh="-", en="-")
_DEAD = DeadLetter(
    dead_letter_id="-", origin="-", position=0, reason=Reason.EMPTY, detail="-", field="-", payload="-",
    payload_sha256="-", occurred_at=EPOCH,
)  # fmt: skip
_MOMENT = Moment(
    moment_id="-", detector_id="-", detector_name="-", detector_version=1, customer_id="-", scope="-", stage="use",
    touchpoint="-", valence="negative", severity=1, tier="normal", channel="app", region="-", department="-",
    status="confirmed", anchor_at=EPOCH, decided_at=EPOCH, explanation=_BOTH, recovery=_BOTH,
    evidence=Evidence(events=("-",), missing="-", clause="-", measures={"-": "-"}),
)  # fmt: skip
SAMPLES: dict[str, BaseModel] = {"moments_now": _MOMENT, "dead_letters_now": _DEAD}
"""A record each: a file without any still makes a table with its columns."""


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
        session.out.print(_shown(session, answer, described=query.split(None, 1)[0].lower().startswith("desc")))
    if answer.cut:
        session.err.print(session.say("sql.cut", count=len(answer.rows)), style="yellow", markup=False)


def ask_replay(folder: Path, query: str) -> Answer:
    """Answer a query on the files of a replay, in a ClickHouse that lives as long as the question."""
    with tempfile.TemporaryDirectory(prefix="mot-sql-") as scratch:
        client = open_client(Path(scratch))
        try:
            for table, (name, form) in REPLAY_TABLES.items():
                path = (folder / name).resolve()
                rows = "1"
                if not path.is_file() or not path.stat().st_size:
                    if table not in SAMPLES:
                        continue
                    path, rows = Path(scratch) / name, "0"
                    path.write_text(SAMPLES[table].model_dump_json() + "\n", encoding="utf-8")
                client.command(
                    f"CREATE TABLE {table} ENGINE = MergeTree ORDER BY tuple() SETTINGS allow_nullable_key = 1 "
                    f"AS SELECT * FROM file({quoted(str(path))}, {form}) WHERE {rows}"
                )
            reader = Reader(Path(scratch))
            try:
                return reader.answer(query)
            finally:
                reader.close()
        finally:
            client.close()


def _shown(session: Session, answer: Answer, *, described: bool) -> RenderableType:
    """A table where it fits the width, else one record under the other with every column, as psql does.

    Of a DESCRIBE (`described`) columns that say nothing are left out and long types are folded.
    """
    places = [at for at in range(len(answer.columns)) if not described or any(row[at] for row in answer.rows)]
    table = _table(answer, places)
    wanted = Measurement.get(session.out, session.out.options.update(width=1 << 20), table).maximum
    fits = wanted <= session.out.width
    if not answer.rows:
        header = table if fits else Text(", ".join(answer.columns), style="bold")
        return Group(header, Text(session.say("sql.none"), style="dim"))
    return table if fits or described or len(places) == 1 else Group(*_records(session, answer))


def _table(answer: Answer, places: Sequence[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at in places:
        numbers = all(isinstance(row[at], int | float) for row in answer.rows if row[at] is not None)
        numbers = numbers and bool(answer.rows)
        table.add_column(Text(answer.columns[at]), justify="right" if numbers else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(_cell(row[at]) for at in places))
    return table


def _records(session: Session, answer: Answer) -> Iterator[RenderableType]:
    """Each record as a block: `name: value` in lines, values folded."""
    for number, row in enumerate(answer.rows, 1):
        yield Rule(session.say("sql.record", number=number, count=len(answer.rows)), align="left", style="dim")
        block = Table.grid(padding=(0, 1))
        block.add_column(no_wrap=True, max_width=session.out.width // 2, style="dim")
        block.add_column(overflow="fold")
        for name, value in zip(answer.columns, row, strict=True):
            block.add_row(Text(f"{name}:"), _cell(value))
        yield Padding(block, (0, 0, 1, 0))


def _cell(value: Any) -> Text:
    return Text("-" if value is None else str(value), style="dim" if value is None else "")
