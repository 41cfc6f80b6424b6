"""What may be wrong with a log or a mapping as a whole. What is wrong with one row becomes a dead letter instead."""

from __future__ import annotations

from schemas.moments import Text


class LogError(Exception):
    """The log cannot be read at all, or not to its end. `text` says in both languages why, and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)


class MappingError(LogError):
    """The mapping file is wrong. `file`, `line` (1-based, 0 when it has none) and `field` say where."""

    def __init__(self, file: str, line: int, field: str, zh: str, en: str) -> None:
        super().__init__(
            f"映射文件 {file} 第 {line} 行,字段 {field}:{zh}" if line else f"映射文件 {file}:{zh}",
            f"mapping {file}, line {line}, field {field}: {en}" if line else f"mapping {file}: {en}",
        )
        self.file = file
        self.line = line
        self.field = field
