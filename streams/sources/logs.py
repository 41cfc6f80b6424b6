"""Opening a log, whatever it is: our own events as they are, any other log through its mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from schemas.deadletters import DeadLetter
from schemas.mapping import LogMapping, Source
from streams.sources.delimited import DelimitedReader
from streams.sources.faults import LogError
from streams.sources.json_lines import JsonLinesReader
from streams.sources.mapped import Ledger, numbered_events
from streams.sources.mapping_file import check_columns, load_mapping
from streams.sources.native import EventLines, EventTable, has_whole_records
from streams.sources.parquet import ParquetReader, open_parquet
from streams.sources.rows import Reader, Records, Row
from streams.sources.sharing import WHOLE, Share
from streams.sources.xes import XesReader

READERS: dict[str, Callable[[Path, Source, Sequence[str]], Reader]] = {
    "csv": DelimitedReader,
    "jsonl": JsonLinesReader,
    "parquet": ParquetReader,
    "xes": XesReader,
}


class LogSource(Protocol):
    """A finite log. `total_rows` is known only where it costs nothing (Parquet); `read` is how many records, of
    whatever share, have been passed."""

    total_rows: int | None
    read: int

    def batches(self, size: int, share: Share = WHOLE) -> Iterator[Records]:
        """Records of `share` in the log's order, at most `size` at a time; one pass.

        Raises LogError where reading must end.
        """
        ...

    def fraction(self) -> float:
        """How much of the log has been read, from 0 to 1: the measure of a progress bar."""
        ...


class MappedLog:
    """A log of others, read through a mapping. `ledger` says what became of its rows."""

    def __init__(self, path: Path, mapping: LogMapping) -> None:
        self.ledger = Ledger()
        self.read = 0
        self._path = path
        self._mapping = mapping
        self._reader = open_reader(path, mapping)
        self.total_rows = self._reader.total_rows

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._reader.fraction()

    def batches(self, size: int, share: Share = WHOLE) -> Iterator[Records]:
        """Events and dead letters, at most `size` at a time. An event's position is the row it was made of."""
        origin = self._path.name
        made = numbered_events(
            self._reader.rows(), self._mapping, log=log_name(self._path), origin=origin, ledger=self.ledger
        )
        while batch := list(islice(made, size)):
            self.read += len(batch)
            own = [(one, number) for number, one in batch if share.takes(one)]
            yield Records([one for one, _ in own], origin, [number for _, number in own])


def log_name(path: Path) -> str:
    """The name of a log in event ids: the file's name without its endings, so that packing it changes no id."""
    name = path.name
    for ending in (".gz", ".csv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xes"):
        name = name.removesuffix(ending)
    return name.replace(":", "_")[:60]


def open_reader(path: Path, mapping: LogMapping) -> Reader:
    """The reader of the mapping's format on `path`.

    Raises LogError when the file cannot be opened, MappingError when it has not the columns that the mapping reads.
    """
    columns = list(mapping.columns_read())
    reader = READERS[mapping.source.format](path, mapping.source, columns)
    check_columns(mapping, reader.header, path.name)
    return reader


def read_rows(path: Path, mapping: LogMapping) -> Iterator[Row | DeadLetter]:
    """The rows of a log with the columns its mapping reads; a row that cannot be read is a dead letter."""
    return open_reader(path, mapping).rows()


def open_log(path: str | Path, mapping: str | Path | LogMapping | None = None) -> LogSource:
    """Open a log: with a mapping (file, shipped name or loaded) any log, without one a log of our own events.

    Raises LogError when it cannot be opened, MappingError when the mapping is wrong or does not fit it.
    """
    path = Path(path)
    if mapping is not None:
        return MappedLog(path, mapping if isinstance(mapping, LogMapping) else load_mapping(mapping))
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return _event_table(path)
    if name.endswith((".csv", ".xes", ".txt", ".tsv")):
        raise LogError(
            f"{path} 不是本产品的事件日志;请用 --mapping 指定映射文件(写法见 streams/sources/README.md)",
            f"{path} is no log of our events; give a mapping with --mapping (see streams/sources/README.md)",
        )
    return EventLines(path)


def _event_table(path: Path) -> LogSource:
    """Our own events in a Parquet file."""
    file = open_parquet(path)
    if has_whole_records(file):
        return EventTable(path, file)
    from streams.sources.event_columns import EventColumns  # noqa: PLC0415 - needs an extra, as all Parquet does

    return EventColumns(path, file)
