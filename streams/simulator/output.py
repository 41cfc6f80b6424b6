"""Simulated logs in files: JSON lines (plain or gzip) or Parquet, written piece by piece in the memory of one piece."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self, cast

import msgspec

from schemas.codec import read_event
from schemas.deadletters import DeadLetter
from schemas.envelope import Tick
from schemas.moments import Frozen
from schemas.plain import UNREADABLE
from schemas.tabled import AMOUNT, ATTRIBUTES, IDS, NEEDED, PAYLOAD, TIMES, WORDS
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation

BATCH = 50_000
Progress = Callable[[int, int], None]
"""Called after each slice with the simulated time (ms) reached and the lines written so far."""


class Written(Frozen):
    """What a log came to."""

    lines: int
    truths: int


class LogWriter(Protocol):
    """Takes lines in order."""

    def write(self, lines: list[bytes]) -> None:
        """Append lines."""


class JsonLines(AbstractContextManager["LogWriter"]):
    """One event per line; gzip (without a time stamp, so that bytes repeat) when the name ends in `.gz`."""

    def __init__(self, path: Path) -> None:
        self._stack = ExitStack()
        plain = self._stack.enter_context(path.open("wb"))
        zipped = path.suffix == ".gz"
        self._out: IO[bytes] = (
            cast(IO[bytes], self._stack.enter_context(gzip.GzipFile("", "wb", compresslevel=3, fileobj=plain, mtime=0)))
            if zipped
            else plain
        )

    def write(self, lines: list[bytes]) -> None:
        """Append lines."""
        if lines:
            self._out.write(b"\n".join(lines) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class _Said(msgspec.Struct):
    """What is kept of a line beside its event: the attributes as they stand, or the customer of one that is none."""

    customer_id: str | None = None
    attributes: msgspec.Raw = msgspec.Raw()


_STATED = {*IDS, *WORDS, *TIMES, AMOUNT} - {ATTRIBUTES}
_said = msgspec.json.Decoder(_Said).decode


def _row(line: bytes) -> dict[str, Any]:
    """Columns of a line; one that they cannot hold is kept whole as payload, one that cannot be read so alone."""
    event: Any = read_event(line)
    try:
        said = _said(line)
    except UNREADABLE:
        return {PAYLOAD: line}
    if type(event) in (DeadLetter, Tick):
        return {"customer_id": said.customer_id, PAYLOAD: line}
    row = {name: getattr(event, name) for name in _STATED}
    row[ATTRIBUTES] = bytes(said.attributes).decode() or None
    return row | {PAYLOAD: line} if event.model_extra else row


class ParquetLog(AbstractContextManager["LogWriter"]):
    """A column for each field of the envelope, `attributes` as JSON; lines that fit into no columns are `payload`."""

    def __init__(self, path: Path) -> None:
        # An extra: a simulation to JSON lines works without it.
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._pa: Any = pa
        kinds = {
            **dict.fromkeys((*NEEDED, *IDS, *WORDS), pa.string()),
            **dict.fromkeys(TIMES, pa.timestamp("us", "UTC")),
            AMOUNT: pa.int64(),
            PAYLOAD: pa.binary(),
        }
        self._schema = pa.schema(kinds.items())
        self._out = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._held: list[bytes] = []

    def write(self, lines: list[bytes]) -> None:
        """Append lines; a row group goes out whenever `BATCH` are together."""
        self._held += lines
        while len(self._held) >= BATCH:
            self._row_group(self._held[:BATCH])
            del self._held[:BATCH]

    def _row_group(self, lines: list[bytes]) -> None:
        rows = [_row(line) for line in lines]
        arrays = [self._pa.array([row.get(field.name) for row in rows], field.type) for field in self._schema]
        self._out.write_table(self._pa.table(arrays, schema=self._schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held and error is None:
            self._row_group(self._held)
        self._out.close()


def open_log(path: Path) -> AbstractContextManager[LogWriter]:
    """A writer for `path` by its ending: `.jsonl`, `.jsonl.gz` or `.parquet`; raises ValueError for another one."""
    if path.suffix == ".parquet":
        return ParquetLog(path)
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return JsonLines(path)
    raise ValueError(f"{path}: a simulated log ends in .jsonl, .jsonl.gz or .parquet")


def write_log(
    config: SimulationConfig, path: Path, truth_path: Path | None = None, progress: Progress | None = None
) -> Written:
    """Write a simulation to `path` and its truth to `truth_path`; an interrupted log ends early, but with whole lines.

    Raises ValueError for an unknown ending and OSError as the file system does.
    """
    lines = truths = 0
    with ExitStack() as stack:
        log: LogWriter = stack.enter_context(open_log(path))
        told = stack.enter_context(truth_path.open("w", encoding="utf-8")) if truth_path is not None else None
        for part in Simulation(config).slices():
            log.write(part.lines)
            lines += len(part.lines)
            truths += len(part.truths)
            if told is not None:
                told.writelines(record.model_dump_json() + "\n" for record in part.truths)
            if progress is not None:
                progress(part.until, lines)
    return Written(lines=lines, truths=truths)
