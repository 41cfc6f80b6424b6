"""Alerts for eyes and for files: a line on the console, a line of JSON in a file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from schemas.moments import Text
from streams.errors import SinkFailed
from streams.i18n import Language, say
from streams.lock import os_fault
from streams.sinks.alerts import Alert, Undelivered
from streams.sinks.threads import on_thread

_AT_ONCE = 500
_ID_SHOWN = 12
"""As much of a moment's id as tells it apart; `mot explain` takes it."""


class ConsoleTarget:
    """One line per alert in a stream of text. `titles` names detectors by id; one without is told by its own name."""

    at_once = _AT_ONCE

    def __init__(self, name: str, stream: TextIO, language: Language, titles: Mapping[str, Text] | None = None) -> None:
        self.name = name
        self._titles = titles or {}
        self._stream = stream
        self._language = language

    async def send(self, alerts: Sequence[Alert]) -> None:
        """See AlertTarget. On a thread: whoever reads may stop reading for a while."""
        text = "".join(console_line(alert, self._language, self._titles) + "\n" for alert in alerts)
        try:
            await on_thread(lambda: self._print(text))
        except BrokenPipeError as fault:
            closed = Text(zh="没有人再读取输出", en="nobody reads the output any more")
            raise Undelivered(closed, gone=True) from fault

    def _print(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    async def close(self) -> None:
        """See AlertTarget."""


def console_line(alert: Alert, language: Language, titles: Mapping[str, Text] | None = None) -> str:
    """An alert for people, on one line; characters that steer a terminal are shown, not obeyed."""
    title = (titles or {}).get(alert.detector_id)
    status = say(language, f"live.status_{alert.status}") if alert.status in _STATUSES else alert.status
    line = say(
        language,
        "live.alert_line",
        at=alert.decided_at[:16].replace("T", " ") + "Z",
        moment=alert.moment_id[:_ID_SHOWN],
        severity=alert.severity,
        status=status,
        detector=f"{alert.detector_id} {alert.detector_name if title is None else title.said_in(language)}",
        customer=alert.customer_id,
        explanation=alert.explanation.said_in(language),
        recovery=alert.recovery.said_in(language),
    )
    return "".join(char if char == " " or not _steers(char) else f"\\u{ord(char):04x}" for char in line)


_STATUSES = frozenset({"pending", "confirmed", "retracted"})


def _steers(char: str) -> bool:
    """Control characters, direction overrides and the like, line and paragraph separators."""
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


class JsonlTarget:
    """Appends alerts to a file as they came, synced to the disk before they count as delivered."""

    at_once = _AT_ONCE

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        try:
            self._file = appending(path)
        except OSError as fault:
            raise os_fault(path.parent, fault) or SinkFailed(str(path), str(fault)) from fault

    async def send(self, alerts: Sequence[Alert]) -> None:
        """See AlertTarget."""
        try:
            await on_thread(lambda: append_lines(self._file, [alert.raw for alert in alerts]))
        except OSError as fault:
            known = os_fault(self._path.parent, fault) or SinkFailed(str(self._path), str(fault))
            raise Undelivered(known.text) from fault

    async def close(self) -> None:
        """See AlertTarget."""
        self._file.close()


def appending(path: Path) -> BinaryIO:
    """`path` opened to append to, its folders made. A line cut off by a crash is ended first. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab+", buffering=0)
    if file.seek(0, os.SEEK_END) and _last_byte(file) != b"\n":
        file.write(b"\n")
    return file


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def append_lines(file: BinaryIO, lines: Sequence[bytes]) -> None:
    """Append whole lines and sync them; a write that fails half-way is taken back. Raises OSError."""
    begin = file.seek(0, os.SEEK_END)
    block = memoryview(b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines))
    try:
        while block:
            block = block[file.write(block) or 0 :]
        os.fsync(file.fileno())
    except OSError:
        _truncated(lambda: file.truncate(begin))
        raise


def _truncated(truncate: Callable[[], object]) -> None:
    """A disk that is full may still give space back; one that is broken need not."""
    try:
        truncate()
    except OSError:
        return
