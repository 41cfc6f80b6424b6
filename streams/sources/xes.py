"""XES logs (IEEE 1849): a streaming reader on the standard library's parser.

Attributes of a trace are columns `case:<key>` of each of its events. Document types are refused: they exist to declare
entities, and entities to blow up a reader or to read files it should not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from schemas.deadletters import DeadLetter
from schemas.mapping import Source
from streams.sources.faults import LogError
from streams.sources.files import OpenFile
from streams.sources.rows import Row

CONTAINERS = {"log", "trace", "event"}


class XesReader:
    """Reads the events of a XES file, numbered from 1 through all traces. Values are the text of their `value`."""

    header: tuple[str, ...] | None = None
    total_rows: int | None = None

    def __init__(self, path: Path, source: Source, columns: Sequence[str]) -> None:
        self._file = OpenFile(path)
        self._path = path
        self._missing = frozenset(source.missing)
        self._of_event = {name: name for name in columns if not name.startswith("case:")}
        self._of_trace = {name.removeprefix("case:"): name for name in columns if name.startswith("case:")}
        self._nothing: dict[str, str | None] = dict.fromkeys(columns)
        self._number = 0
        self._depth = 0
        self._trace: dict[str, str | None] = {}
        self._event: dict[str, str | None] | None = None
        self._events: list[dict[str, str | None]] = []
        self._ready: list[Row] = []

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._file.fraction()

    def rows(self) -> Iterator[Row | DeadLetter]:
        """Events in file order. Raises LogError when the file is no XML, is cut off, or declares a document type."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        for chunk in self._file.chunks():
            self._parse(parser, chunk, final=False)
            yield from self._ready
            self._ready.clear()
        self._parse(parser, b"", final=True)
        yield from self._ready

    def _parse(self, parser: expat.XMLParserType, chunk: bytes, *, final: bool) -> None:
        try:
            parser.Parse(chunk, final)
        except expat.ExpatError as flaw:
            raise LogError(
                f"{self._path} 第 {flaw.lineno} 行不是有效的 XES:{flaw};前面已读出 {self._number} 个事件",
                f"{self._path}, line {flaw.lineno} is not XES: {flaw}; {self._number} events were read before it",
            ) from flaw

    def _refuse(self, *_: object) -> NoReturn:
        raise LogError(
            f"{self._path} 带有文档类型声明 (DOCTYPE),出于安全原因拒绝读取;请删除该声明",
            f"{self._path} declares a document type (DOCTYPE), which is refused for safety; remove the declaration",
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "trace":
            self._trace, self._events, self._depth = {}, [], 0
        elif tag == "event":
            self._event, self._depth = {}, 0
        elif tag not in CONTAINERS:
            self._depth += 1
            if self._depth == 1:
                self._keep(attributes)

    def _keep(self, attributes: dict[str, str]) -> None:
        """Keep an attribute that stands directly under an event or a trace and is wanted."""
        key = attributes.get("key", "")
        wanted, into = (self._of_trace, self._trace) if self._event is None else (self._of_event, self._event)
        name = wanted.get(key)
        if name is not None:
            value = attributes.get("value")
            into[name] = None if value in self._missing else value

    def _end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "event" and self._event is not None:
            self._events.append(self._event)
            self._event = None
            self._depth = 0
        elif tag == "trace":
            self._finish_trace()
        elif tag not in CONTAINERS:
            self._depth -= 1

    def _finish_trace(self) -> None:
        """Attributes of a trace may follow its events, so rows are made when it ends."""
        for event in self._events:
            self._number += 1
            self._ready.append(Row(self._number, {**self._nothing, **self._trace, **event}))
        self._trace, self._events = {}, []
