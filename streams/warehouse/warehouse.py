"""Where the facts and indicators are: a result folder, also while another process holds it, or a server.

Questions go through `rows`; `writing` gives a client that may write, and holds the folder as long as it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.moments import Text
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.lock import FolderLock
from streams.runners.folder import clickhouse_path
from streams.runners.query_server import query_folder
from streams.sinks.clickhouse import open_client
from streams.sinks.connect import Server, server_at
from streams.sinks.faults import code_of
from streams.warehouse.asking import asking

PAGE = 10_000
"""Rows that a folder gives at once; more are asked for with LIMIT and OFFSET, or aggregated in SQL."""
_LONG_SECONDS = 3_600


class Warehouse(Protocol):
    """Facts and indicators to read from and, one process at a time, to write to."""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The answer to one read, by column; values are JSON values, times text. All of it or nothing.

        Raises StreamsError; QueryRefused for a wrong query, TooManyRows when it has more than the warehouse gives.
        """
        ...

    def writing(self) -> Any:
        """A context that gives a client (clickhouse-connect) which may write. Raises StreamsError."""
        ...


class FolderWarehouse:
    """The ClickHouse in a result folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """See Warehouse."""
        answer = query_folder(self._folder, sql)
        if answer.cut:
            raise TooManyRows(len(answer.rows))
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """See Warehouse. Raises FolderBusy while another process holds the folder."""
        with FolderLock(self._folder):
            client = open_client(clickhouse_path(self._folder))
            try:
                yield client
            finally:
                client.close()


class ServerWarehouse:
    """A ClickHouse server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: Any = None

    def __str__(self) -> str:
        return str(self._server)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """See Warehouse."""
        try:
            if self._client is None:
                self._client = self._server.connect(_LONG_SECONDS)
            return asking(self._client)(sql)
        except ClickHouseError as fault:
            raise NoAnswer(str(self._server), fault) from fault

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """See Warehouse."""
        try:
            client = self._server.connect(_LONG_SECONDS)
        except ClickHouseError as fault:
            raise NoAnswer(str(self._server), fault) from fault
        try:
            yield client
        finally:
            client.close()


def paged(ask: Callable[[str], list[dict[str, Any]]], sql: str) -> list[dict[str, Any]]:
    """All rows of a SELECT without LIMIT, however many: page by page. Its ORDER BY must leave no two rows equal.

    Raises what `ask` raises.
    """
    found: list[dict[str, Any]] = []
    while rows := ask(f"{sql} LIMIT {PAGE} OFFSET {len(found)}"):
        found += rows
        if len(rows) < PAGE:
            break
    return found


class TooManyRows(StreamsError):
    """A folder gives no more rows at once; a part of them would pass for the whole."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            Text(
                zh=f"结果超过 {limit:,} 行，结果文件夹一次给不出这么多。请在 SQL 中汇总，"
                "或排序后用 LIMIT 和 OFFSET 分页。",
                en=f"The answer has more than {limit:,} rows, which a folder does not give at once. Aggregate in SQL, "
                "or order it and take it in pages with LIMIT and OFFSET.",
            )
        )


class NoAnswer(StreamsError):
    """A ClickHouse server cannot be reached, or refuses the question."""

    def __init__(self, where: str, fault: Exception) -> None:
        reason = (str(fault.__cause__ or fault).splitlines() or [type(fault).__name__])[0][:300]
        away = code_of(fault) is None
        super().__init__(
            Text(
                zh=f"连不上 ClickHouse {where}：{reason}。请检查地址、端口与网络。"
                if away
                else f"ClickHouse {where} 拒绝了查询：{reason}",
                en=f"ClickHouse at {where} cannot be reached: {reason}. Check address, port and network."
                if away
                else f"ClickHouse at {where} refused the query: {reason}",
            )
        )


class NoWarehouse(StreamsError):
    """There is no ClickHouse in the folder that was named."""

    exit_code = USAGE

    def __init__(self, folder: Path) -> None:
        replay = (folder / "moments.jsonl").is_file()
        why_zh = "是 `mot replay` 的结果，没有事实表" if replay else "里没有 ClickHouse 数据（clickhouse 子文件夹）"
        why_en = "holds a replay's files, not the facts" if replay else "holds no ClickHouse data (folder clickhouse)"
        super().__init__(
            Text(
                zh=f"{folder} {why_zh}。请用 --in 指明 `mot demo` 或 `mot run sink-clickhouse` 的文件夹，"
                "或用 --clickhouse 给出服务器地址。",
                en=f"{folder} {why_en}. Name the folder of `mot demo` or `mot run sink-clickhouse` with --in, or a "
                "server with --clickhouse.",
            )
        )


def open_warehouse(folder: Path, address: str | None, environment: Mapping[str, str]) -> Warehouse:
    """The warehouse at `address` (a server's, or a folder) if given, else in the result folder.

    Opens nothing yet. Raises NoWarehouse or AddressFault.
    """
    if address is not None and "://" in address:
        return ServerWarehouse(server_at(address, environment))
    folder = folder if address is None else Path(address)
    if not clickhouse_path(folder).is_dir():
        raise NoWarehouse(folder)
    return FolderWarehouse(folder)
