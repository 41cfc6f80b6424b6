"""CSV logs: UTF-8 with or without a byte order mark, GB18030 or Latin-1; declared separator and quote.

Lines are decoded one by one, so that bytes in another encoding cost the row they stand in and not the rest of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.deadletters import DeadLetter
from schemas.mapping import Source
from streams.sources.faults import LogError
from streams.sources.files import OpenFile
from streams.sources.rows import Row, set_aside

CODECS = {"utf-8": "utf-8", "gb18030": "gb18030", "latin-1": "latin-1"}
BYTE_ORDER_MARK = "\ufeff"


class _Decoded:
    """Text lines of a file; `last_bad` is the number of the last line whose bytes are not in the encoding."""

    def __init__(self, file: OpenFile, encoding: str) -> None:
        self.last_bad = 0
        self._lines = file.lines()
        self._encoding = CODECS[encoding]

    def __iter__(self) -> Iterator[str]:
        encoding = self._encoding
        for number, line in enumerate(self._lines, 1):
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError:
                self.last_bad = number
                text = line.decode(encoding, errors="surrogateescape")
            yield text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text


class DelimitedReader:
    """Reads a CSV file whose first line names the columns; a name that comes again gets `~2`, `~3`.

    `columns` are the ones wanted; rows carry only these. Raises LogError when the file has no first line.
    """

    total_rows: int | None = None

    def __init__(self, path: Path, source: Source, columns: Sequence[str]) -> None:
        self._file = OpenFile(path)
        self._origin = path.name
        self._source = source
        self._lines = _Decoded(self._file, source.encoding)
        self._csv = csv.reader(iter(self._lines), delimiter=source.separator, quotechar=source.quote, strict=True)
        self.header: tuple[str, ...] | None = self._read_header(path)
        self._wanted = [(name, self.header.index(name)) for name in columns if name in self.header]

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._file.fraction()

    def rows(self) -> Iterator[Row | DeadLetter]:
        """Rows in file order; a row of the wrong length, encoding or quoting is a dead letter."""
        width, wanted, missing = len(self.header or ()), self._wanted, frozenset(self._source.missing)
        before, lines = self._csv.line_num, self._lines
        for values in self._records():
            number, before = before + 1, self._csv.line_num
            if isinstance(values, str):
                yield self._unreadable(number, values)
            elif not values:
                continue
            elif len(values) != width:
                yield self._aside(number, f"the row has {len(values)} values, the first line names {width}", values)
            elif lines.last_bad >= number:
                yield self._aside(
                    number, f"its bytes are not {self._source.encoding}: is source.encoding right?", values
                )
            else:
                yield Row(number, {name: None if (value := values[at]) in missing else value for name, at in wanted})

    def _records(self) -> Iterator[list[str] | str]:
        """What the csv module reads; its complaint (text) in place of a record it cannot read."""
        while True:
            try:
                yield from self._csv
            except csv.Error as flaw:
                yield str(flaw)
            else:
                return

    def _unreadable(self, number: int, complaint: str) -> DeadLetter:
        lines = self._csv.line_num - number + 1
        return set_aside(
            self._origin, number, f"not readable as CSV, {lines} line(s): {complaint}; see source.quote", b""
        )

    def _aside(self, number: int, detail: str, values: list[str]) -> DeadLetter:
        payload = self._source.separator.join(values).encode("utf-8", errors="surrogateescape")
        return set_aside(self._origin, number, detail, payload)

    def _read_header(self, path: Path) -> tuple[str, ...]:
        try:
            names = next(self._csv)
        except StopIteration:
            raise LogError(f"{path} 是空文件,没有列名行", f"{path} is empty: it has no line of column names") from None
        except csv.Error as flaw:
            raise LogError(
                f"{path} 的列名行无法读取:{flaw}", f"cannot read the column names of {path}: {flaw}"
            ) from flaw
        if self._lines.last_bad:
            encoding = self._source.encoding
            raise LogError(
                f"{path} 的列名行不是 {encoding} 编码。source.encoding 写对了吗?可用:{', '.join(CODECS)}",
                f"the column names of {path} are not {encoding}: is source.encoding right? "
                f"There are {', '.join(CODECS)}",
            )
        seen: dict[str, int] = {}
        header = []
        for name in (given.strip() for given in names):
            seen[name] = seen.get(name, 0) + 1
            header.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
        return tuple(header)
