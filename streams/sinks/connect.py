"""Where ClickHouse is: a folder for the one in process (chdb), or a server's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.moments import Text
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.secrets import secret_of
from streams.sinks import ddl
from streams.sinks.faults import is_missing_right

PASSWORD = "MOT_CLICKHOUSE_PASSWORD"  # noqa: S105 - the variable's name
CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
_PORTS = {"http": 8123, "https": 8443}


class AddressFault(StreamsError):
    """What was given is no address of a ClickHouse server."""

    exit_code = USAGE

    def __init__(self, why_zh: str, why_en: str) -> None:
        super().__init__(
            Text(
                zh=f"ClickHouse 地址不正确:{why_zh}。写法:https://user@host:8443/database,密码放在环境变量 {PASSWORD};"
                "或给出一个文件夹,使用进程内的 ClickHouse。",
                en=f"This is no address of ClickHouse: {why_en}. Write https://user@host:8443/database, with the "
                f"password in the variable {PASSWORD}; or name a folder for the ClickHouse in this process.",
            )
        )


@dataclass(frozen=True)
class Server:
    """A ClickHouse server that speaks HTTP. The password is never shown."""

    scheme: str
    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False, default="")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{self.user}@{host}:{self.port}/{self.database}"

    def connect(self, answer_seconds: int = ANSWER_SECONDS) -> Any:
        """A client. Raises ClickHouseError."""
        return clickhouse_connect.get_client(
            interface=self.scheme,
            host=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            database=self.database,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=answer_seconds,
            query_retries=0,  # whoever writes decides about that
            autogenerate_session_id=False,
        )


def server_at(address: str, environment: Mapping[str, str]) -> Server:
    """The server an address names; the password comes from MOT_CLICKHOUSE_PASSWORD, or the file that
    MOT_CLICKHOUSE_PASSWORD_FILE names, before the address.

    Raises AddressFault, SecretUnreadable.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as flaw:
        raise AddressFault(str(flaw), str(flaw)) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise AddressFault("需要 http:// 或 https:// 与主机名", "it needs http:// or https:// and a host")
    if parts.query or parts.fragment or "/" in parts.path.strip("/"):
        raise AddressFault("主机之后只能有数据库名", "only the database's name may follow the host")
    return Server(
        parts.scheme,
        parts.hostname,
        port or _PORTS[parts.scheme],
        unquote(parts.username or "default"),
        unquote(parts.path.strip("/")) or "default",
        secret_of(environment, PASSWORD) or unquote(parts.password or ""),
    )


def open_embedded(folder: Path) -> Any:
    """A client of the chdb database in `folder`. Raises ClickHouseError."""
    return clickhouse_connect.get_client(dsn=f"chdb://{folder.resolve()}")


def with_tables(client: Any) -> Any:
    """`client`, with our tables made where they are missing. Raises ClickHouseError.

    A user who may only insert finds them made by another: then nothing is done.
    """
    try:
        ddl.apply(client)
    except ClickHouseError as fault:
        if not is_missing_right(fault) or not _all_there(client):
            raise
    return client


def _all_there(client: Any) -> bool:
    there = {row[0] for row in client.query("SHOW TABLES").result_rows}
    return ddl.names() <= there
