"""While a run holds a folder it alone can read it, so it answers the questions of other processes on a local socket.

One request and one answer per connection, each one line of JSON: `{"sql": …}` → `{"columns", "rows", "cut"}` or
`{"zh", "en"}`. The socket is only open to the user who runs the process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import tempfile
import threading
import time
from pathlib import Path

import msgspec
import xxhash

from streams.errors import FolderBusy, FolderNotWritable, QueryRefused, ResultsReadOnly, StreamsError
from streams.lock import FolderLock, holder_of
from streams.runners.folder import clickhouse_path
from streams.runners.reading import MAX_ROWS, MAX_SECONDS, Answer, Reader

_LONGEST_ADDRESS = 100  # bytes; the system allows 104 to 108
_LONGEST_REQUEST = 1 << 20
_TRIES = 20
_PAUSE_SECONDS = 0.1


def socket_of(folder: Path) -> Path:
    """Where the process that holds `folder` listens: in the folder, or in a private one when that name is too long."""
    inside = folder.resolve() / "query.sock"
    if len(os.fsencode(inside)) <= _LONGEST_ADDRESS:
        return inside
    private = Path(tempfile.gettempdir()) / f"mot-{os.getuid()}"
    return private / f"{xxhash.xxh3_64_hexdigest(os.fsencode(inside))}.sock"


class QueryServer:
    """Listens in a thread of its own from construction to `close`."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._path = socket_of(folder)
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._path.unlink(missing_ok=True)  # left by a killed process; the folder's lock is ours
        self._server = _Server(str(self._path), _Request)
        self._path.chmod(0o600)
        self._server.database = database
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="query-server", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer what has been asked, then stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
        self._server.close_reader()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False
    database: Path

    def __init__(self, address: str, handler: type[_Request]) -> None:
        super().__init__(address, handler)
        self._reading = threading.Lock()
        self._reader: Reader | None = None

    def answer(self, sql: str) -> Answer:
        """One question at a time: the run needs the processors more."""
        with self._reading:
            if self._reader is None:
                self._reader = Reader(self.database)
            return self._reader.answer(sql)

    def close_reader(self) -> None:
        """Let go of the connection, if there was a question at all."""
        with self._reading:
            if self._reader is not None:
                self._reader.close()


class _Request(socketserver.StreamRequestHandler):
    timeout = 5  # seconds for the question to arrive
    server: _Server

    def handle(self) -> None:
        try:
            line = self.rfile.readline(_LONGEST_REQUEST)
        except OSError:
            return  # whoever asked went away or never asked
        try:
            asked = msgspec.json.decode(line, type=dict[str, str])
            said: object = self.server.answer(asked["sql"])._asdict()
        except StreamsError as fault:
            said = {"zh": fault.text.zh, "en": fault.text.en}
        except (msgspec.DecodeError, KeyError) as fault:
            said = {"zh": f"无法理解的请求:{fault}", "en": f"the request cannot be understood: {fault}"}
        with contextlib.suppress(OSError):
            self.wfile.write(msgspec.json.encode(said) + b"\n")


def query_folder(folder: Path, sql: str, max_rows: int = MAX_ROWS) -> Answer:
    """The answer of the folder's ClickHouse, asked directly, or of the process that holds it.

    Raises QueryRefused when it is no read, wrong or too slow, FolderBusy when the holder does not answer,
    ResultsReadOnly when the folder cannot be written.
    """
    if not clickhouse_path(folder).is_dir():
        raise QueryRefused(
            f"{folder} 不是结果文件夹(没有 clickhouse 子文件夹)", f"{folder} holds no results (no folder clickhouse)"
        )
    for _ in range(_TRIES):
        try:
            return _asked(folder, sql)
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            pass  # nobody listens: nobody holds the folder, or the holder has just begun or is ending
        try:
            with contextlib.suppress(FolderBusy), FolderLock(folder):
                return _read(folder, sql, max_rows)
        except FolderNotWritable as fault:
            raise ResultsReadOnly(folder) from fault
        time.sleep(_PAUSE_SECONDS)
    raise FolderBusy(folder, holder_of(folder))


def _read(folder: Path, sql: str, max_rows: int) -> Answer:
    if not os.access(clickhouse_path(folder), os.W_OK):
        raise ResultsReadOnly(folder)
    reader = Reader(clickhouse_path(folder), max_rows)
    try:
        return reader.answer(sql)
    finally:
        reader.close()


def _asked(folder: Path, sql: str) -> Answer:
    path = socket_of(folder)
    if path.stat().st_uid != os.getuid():
        raise FolderBusy(folder, holder_of(folder))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(MAX_SECONDS * 3)
        line.connect(str(path))
        line.sendall(msgspec.json.encode({"sql": sql}) + b"\n")
        with line.makefile("rb") as answer:
            said = msgspec.json.decode(answer.readline())
    if "columns" not in said:
        raise _refused(said)
    return Answer(tuple(said["columns"]), said["rows"], said["cut"])


def _refused(said: dict[str, str]) -> QueryRefused:
    fault = QueryRefused("", "")
    fault.text = fault.text.model_copy(update=said)
    fault.args = (said["en"],)
    return fault
