"""ClickHouse over HTTP in a process of its own: the real engine (chdb) behind the interface that clickhouse-connect
speaks, and faults on request.

`/faults` takes `{"kind": …, "every": n}`: every n-th insert meets the fault. Kinds: `hang` never answers; `error`
answers 500 with code `code`; `lose` inserts and then breaks the connection; `cut` breaks it before inserting; "" is
none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import clickhouse_connect
from aiohttp import web

_INSERT = re.compile(
    rb"\s*INSERT INTO (?P<table>\S+)\s*(?:\((?P<columns>[^)]*)\))?\s*FORMAT (?P<format>\w+)\n", re.DOTALL
)
_CODE = re.compile(r"Code: (\d+)")


class Engine:
    """Answers requests one at a time."""

    def __init__(self, folder: Path) -> None:
        self.client = clickhouse_connect.get_client(dsn=f"chdb://{folder}")
        self.fault: dict[str, Any] = {"kind": "", "every": 1}
        self.inserts = self.met = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        settings = dict(request.query)
        sql = settings.pop("query", "").encode()
        statement = sql + b"\n" + body if sql else body
        insert = _INSERT.match(statement)
        if not insert:
            return await self._answered(self._read, statement, settings)
        self.inserts += 1
        kind = self.fault["kind"] if self.inserts % self.fault["every"] == 0 else ""
        self.met += bool(kind)
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind == "error":
            code = str(self.fault["code"])
            text = f"Code: {code}. DB::Exception: as asked for"
            return web.Response(status=500, text=text, headers={"X-ClickHouse-Exception-Code": code})
        answer = web.Response()
        if kind != "cut":
            answer = await self._answered(self._insert, insert, statement, settings)
        if kind in {"cut", "lose"}:
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _answered(self, work: Any, *arguments: Any) -> web.Response:
        try:
            return web.Response(body=await asyncio.to_thread(work, *arguments))
        except Exception as fault:
            found = _CODE.search(str(fault))
            headers = {"X-ClickHouse-Exception-Code": found[1]} if found else {}
            return web.Response(status=500 if found else 400, text=str(fault), headers=headers)

    def _read(self, statement: bytes, settings: dict[str, str]) -> bytes:
        backend = self.client._backend
        return bytes(backend._run(statement.decode(), settings.get("default_format", "TabSeparated")).bytes())

    def _insert(self, found: re.Match[bytes], statement: bytes, settings: dict[str, str]) -> bytes:
        columns = found["columns"]
        names = [name.strip(" `") for name in columns.decode().split(",")] if columns else None
        kept = {name: value for name, value in settings.items() if not name.startswith(("http_", "client_", "session"))}
        self.client.raw_insert(
            found["table"].decode().strip("`"),
            column_names=names,
            insert_block=statement[found.end() :],
            fmt=found["format"].decode(),
            settings={name: value for name, value in kept.items() if name not in {"database", "query_id"}},
        )
        return b""

    async def set_fault(self, request: web.Request) -> web.Response:
        self.fault = await request.json()
        told = {"inserts": self.inserts, "met": self.met}
        self.inserts = self.met = 0
        return web.json_response(told)


async def _serve(folder: Path, port: int) -> None:
    engine = Engine(folder)
    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/faults", engine.set_fault)
    app.router.add_route("*", "/", engine.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


class ClickHouseServer:
    """The process, from a test's side. It may be killed and started again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        words = [sys.executable, "-m", __name__, str(self.folder), str(self.port)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, kind: str = "", every: int = 1, code: int = 252) -> dict[str, int]:
        """Ask for a fault from now on; what happened before: inserts asked for, and how many met the fault."""
        data = json.dumps({"kind": kind, "every": every, "code": code}).encode()
        with urlopen(Request(f"{self.url}/faults", data), timeout=30) as answer:
            told: dict[str, int] = json.load(answer)
        return told

    def rows(self, query: str) -> list[list[Any]]:
        """The rows of a query."""
        with urlopen(Request(f"{self.url}/", f"{query} FORMAT JSONCompactEachRow".encode()), timeout=60) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    asyncio.run(_serve(given.folder, given.port))
