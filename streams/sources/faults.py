"""What may be wrong with a log or a mapping as a whole. What is wrong with one row becomes a dead letter instead."""

from __future__ import annotations

from typing import Any

from schemas.moments import Text
from streams.errors import StreamsError
from streams.exit_codes import USAGE


class LogError(StreamsError):
    """The log cannot be read at all, or not to its end. `text` says in both languages why, and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(Text(zh=zh, en=en))

    def __reduce__(self) -> tuple[type[LogError], tuple[Any, ...]]:
        """Rebuilt from its texts, so that a process of a replay can hand it to another."""
        return LogError, (self.text.zh, self.text.en)


class MappingError(LogError):
    """The mapping file is wrong.

    `file`, `line` (1-based, 0 when it has none) and `field` say where, `zh` and `en` what.
    """

    exit_code = USAGE

    def __init__(self, file: str, line: int, field: str, zh: str, en: str) -> None:
        super().__init__(
            f"映射文件 {file} 第 {line} 行,字段 {field}:{zh}" if line else f"映射文件 {file}:{zh}",
            f"mapping {file}, line {line}, field {field}: {en}" if line else f"mapping {file}: {en}",
        )
        self.file = file
        self.line = line
        self.field = field
        self.zh = zh
        self.en = en

    def __reduce__(self) -> tuple[type[LogError], tuple[Any, ...]]:
        """As for a log: rebuilt from what it was made of."""
        return MappingError, (self.file, self.line, self.field, self.zh, self.en)
