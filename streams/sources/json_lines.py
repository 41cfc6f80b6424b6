"""JSONL logs of others: one JSON object a line; `a.b` in a mapping is the key `b` inside `a`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from schemas.deadletters import DeadLetter
from schemas.mapping import Source
from streams.sources.files import OpenFile
from streams.sources.rows import Row, as_text, set_aside

UTF8_MARK = b"\xef\xbb\xbf"


class JsonLinesReader:
    """Reads a JSONL file in UTF-8 (with or without a byte order mark), GB18030 or Latin-1; blank lines are no rows."""

    header: tuple[str, ...] | None = None
    total_rows: int | None = None

    def __init__(self, path: Path, source: Source, columns: Sequence[str]) -> None:
        self._file = OpenFile(path)
        self._origin = path.name
        self._encoding = source.encoding
        self._missing = frozenset(source.missing)
        self._paths = [(name, name.split(".")) for name in columns]

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._file.fraction()

    def rows(self) -> Iterator[Row | DeadLetter]:
        """Rows in file order; a line that is no JSON object is a dead letter."""
        decode = msgspec.json.Decoder().decode
        for number, line in enumerate(self._file.lines(), 1):
            stripped = (line.removeprefix(UTF8_MARK) if number == 1 else line).strip()
            if not stripped:
                continue
            try:
                data = decode(self._as_utf8(stripped))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                yield set_aside(self._origin, number, self._complaint(stripped), stripped)
                continue
            if isinstance(data, dict):
                yield Row(number, {name: self._stated(data, name, path) for name, path in self._paths})
            else:
                yield set_aside(self._origin, number, "the line is JSON but no object", stripped)

    def _complaint(self, line: bytes) -> str:
        try:
            line.decode(self._encoding)
        except UnicodeDecodeError:
            return f"its bytes are not {self._encoding}: is source.encoding right?"
        return f"the line is not JSON in {self._encoding}"

    def _as_utf8(self, line: bytes) -> bytes:
        return line if self._encoding == "utf-8" else line.decode(self._encoding).encode("utf-8")

    def _stated(self, data: Mapping[str, Any], name: str, path: Sequence[str]) -> str | None:
        value: Any = data.get(name)
        if value is None and len(path) > 1:
            value = data
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
        text = as_text(value)
        return None if text in self._missing else text
