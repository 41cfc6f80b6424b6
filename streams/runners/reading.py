"""Questions to a folder's ClickHouse: reads only, within limits, no way to files or the network.

Three walls: the statement must begin like a read and name no function that reaches out; the connection is `readonly
= 1`, which ClickHouse enforces (no writes, no `file()`, `url()`, `remote()`, no change of settings); rows, time and
memory are limited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from streams.errors import QueryRefused
from streams.sinks.clickhouse import open_client

MAX_ROWS = 10_000
MAX_SECONDS = 10
MAX_BYTES = 2 << 30
_READS = {"select", "with", "show", "describe", "desc", "explain", "exists"}
_QUOTED_OR_COMMENT = re.compile(
    r"(?P<comment>--[^\n]*|#[ !][^\n]*|/\*.*?\*/)|'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"",
    re.DOTALL,
)
_FORBIDDEN_WORD = re.compile(
    r"(?<!\w)(outfile|file|filesystem|executable|python|eval|url|remote|catboostEvaluate|showCertificate"
    r"|(?-i:(?:ai|AI)[A-Z]\w*)"
    r"|(?:file|url|s3|hdfs|hudi|iceberg|delta|paimon|azure|remote|cluster)\w*(?=\s*\())(?!\w)",
    re.IGNORECASE,
)
"""`readonly` lets INTO OUTFILE and the function `file` pass. These words are looked for everywhere, in texts and
comments too: then no trick of quoting helps, and a query about the word `file` is the small price."""
_ESCAPED_NAME = re.compile(r"[`\"].*\\|\\.*[`\"]", re.DOTALL)
_FORMAT = re.compile(r"\bformat\s+\w+\s*$", re.IGNORECASE)


class Answer(NamedTuple):
    """The result of a query; `cut` is True when there were more rows than the limit. Values are JSON values."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    cut: bool


class Reader:
    """Answers queries on the database in `folder`, which this process holds. Not for two threads at once."""

    def __init__(self, folder: Path, max_rows: int = MAX_ROWS, max_seconds: float = MAX_SECONDS) -> None:
        self._max_rows = max_rows
        limits = {
            "max_execution_time": max_seconds,
            "timeout_overflow_mode": "throw",
            "max_result_rows": max_rows + 1,
            "result_overflow_mode": "break",
            "max_memory_usage": MAX_BYTES,
            "readonly": 1,  # last: afterwards nothing can be changed
        }
        self._client = open_client(folder, settings=limits)

    def answer(self, statement: str) -> Answer:
        """The rows of a read. Raises QueryRefused with ClickHouse's reason."""
        sql = checked(statement)
        try:
            result = self._client.query(sql)
        except ClickHouseError as fault:
            reason = str(fault).splitlines()[0][:500]
            raise QueryRefused(reason, reason) from fault
        rows = result.result_rows
        columns = tuple(result.column_names) or self._columns_of(sql)
        return Answer(columns, plain_rows(rows[: self._max_rows]), len(rows) > self._max_rows)

    def _columns_of(self, sql: str) -> tuple[str, ...]:
        """The columns of a select that found nothing: the driver hands on no header then."""
        try:
            described = self._client.query(f"DESCRIBE (\n{sql}\n)")
        except ClickHouseError:
            return ()  # SHOW and its like cannot be described
        return tuple(row[0] for row in described.result_rows)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def checked(statement: str) -> str:
    """`statement` without a closing semicolon, if it is one read. Raises QueryRefused."""
    bare = _QUOTED_OR_COMMENT.sub(_blank, statement).strip().rstrip(";").strip()
    words = re.findall(r"[A-Za-z]+", bare.lstrip("( '"))
    if not bare:
        raise QueryRefused(
            "查询是空的;例如 SELECT count() FROM moments_now", "it is empty; try SELECT count() FROM moments_now"
        )
    if not words or words[0].lower() not in _READS:
        first = words[0] if words else bare.split(None, 1)[0]
        near = get_close_matches(first.lower(), sorted(_READS), n=1, cutoff=0.7)
        if near:
            meant = near[0].upper()
            raise QueryRefused(
                f"没有语句 {first}。是不是想用 {meant}?", f"there is no statement {first}. Did you mean {meant}?"
            )
        raise QueryRefused(
            "只接受查询语句(SELECT、WITH、SHOW、DESCRIBE、EXPLAIN)",
            "only reads are allowed (SELECT, WITH, SHOW, DESCRIBE, EXPLAIN)",
        )
    if ";" in bare:
        raise QueryRefused("一次只能执行一条语句", "one statement at a time")
    if _FORMAT.search(bare):
        raise QueryRefused("请去掉 FORMAT 子句", "leave the FORMAT clause out")
    if word := _FORBIDDEN_WORD.search(statement):
        raise QueryRefused(
            f"不允许使用 {word.group()}", f"{word.group()} is not allowed: no way to files or the network"
        )
    if _ESCAPED_NAME.search(statement):
        raise QueryRefused("带引号的名称中不允许反斜杠", "a backslash beside quoted names is not allowed")
    return statement.strip().rstrip(";").rstrip()


def _blank(found: re.Match[str]) -> str:
    return " " if found["comment"] else " '' "


def plain_rows(rows: Any) -> list[list[Any]]:
    """Rows of the driver as JSON values; times are RFC 3339 text in UTC."""
    said = msgspec.json.encode([[_plain(value) for value in row] for row in rows], enc_hook=str)
    return msgspec.json.decode(said, type=list[list[Any]])


def _plain(value: Any) -> Any:
    """Naive times of the driver are UTC; bytes that are no text are shown as hexadecimal digits."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if isinstance(value, bytes):
        return value.hex()
    return value
