"""A Grafana as far as the publisher talks to one: real HTTP on loopback, every request recorded.

It answers as the API pages of Grafana 11.6 and 13 describe it, and where the two differ, as the one asked for; it was
not recorded from a live Grafana. What it keeps can be read back, so that a second push is a real second push.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "glsa_good"


@dataclass(frozen=True)
class Request:
    """What came in. `headers` in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass
class FakeGrafana:
    """The state of one Grafana. `next` holds answers to give before anything else."""

    version: str = "13.0.1"
    plugin: str | None = "4.20.0"
    prefix: str = ""
    source_health: Answer = field(
        default_factory=lambda: Answer(200, {"status": "OK", "message": "Data source is working"})
    )
    requests: list[Request] = field(default_factory=list)
    next: deque[Answer] = field(default_factory=deque)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    datasources: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=lambda: {"receiver": "grafana-default-email", "routes": []})
    annotations: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def modern(self) -> bool:
        return int(self.version.split(".")[0]) >= 12

    def calls(self) -> list[str]:
        """`METHOD path` of everything that came in."""
        return [f"{one.method} {one.path}" for one in self.requests]

    def answer(self, request: Request) -> Answer:
        if self.next:
            return self.next.popleft()
        if not request.path.startswith(f"{self.prefix}/api"):
            return Answer(404, "<html>a page of the proxy, with a message</html>", {"Content-Type": "text/html"})
        parts = urlsplit(request.path[len(f"{self.prefix}/api") :])
        way = [unquote(part) for part in parts.path.strip("/").split("/")]
        if way == ["health"]:
            return Answer(200, {"database": "ok", "version": self.version, "commit": "abc"})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"message": "Invalid API key"})
        if way[0] == "v1":  # /api/v1/provisioning/...
            way = way[2:]
        handler = getattr(self, "_" + way[0].replace("-", "_"), None)
        return handler(request, way[1:], parse_qs(parts.query)) if handler else _no_such()

    def _plugins(self, _request: Request, way: list[str], _query: Any) -> Answer:
        if way != ["grafana-clickhouse-datasource", "settings"] or self.plugin is None:
            return Answer(404, {"message": "Plugin not found, no installed plugin with that id"})
        return Answer(200, {"id": way[0], "info": {"version": self.plugin}})

    def _folders(self, request: Request, way: list[str], _query: Any) -> Answer:
        if request.method == "POST":
            uid = request.body["uid"]
            if uid in self.folders:
                return Answer(409 if self.modern else 412, {"message": "a folder with that uid already exists"})
            self.folders[uid] = {**request.body, "version": 1}
            return Answer(200, self.folders[uid])
        if not way or way[0] not in self.folders:
            return Answer(404, {"message": "folder not found", "status": "not-found"})
        if request.method == "PUT":
            self.folders[way[0]].update(title=request.body["title"])
        return Answer(200, self.folders[way[0]])

    def _datasources(self, request: Request, way: list[str], _query: Any) -> Answer:
        if request.method == "POST" and not way:
            self.datasources[request.body["uid"]] = {**request.body, "version": 1}
            return Answer(200, {"message": "Datasource added"})
        if way[0] != "uid":  # by number: off in 13
            return _no_such() if self.modern else Answer(200, {"message": "by number"})
        if way[1] not in self.datasources:
            return Answer(404, {"message": "Data source not found"})
        if way[2:] == ["health"]:
            return self.source_health
        if request.method == "PUT":
            if self.datasources[way[1]].get("readOnly"):
                return Answer(403, {"message": "Cannot update read-only data source"})
            self.datasources[way[1]] = {**request.body, "version": request.body["version"] + 1}
        return Answer(200, self.datasources[way[1]])

    def _dashboards(self, request: Request, _way: list[str], _query: Any) -> Answer:
        dashboard = request.body["dashboard"]
        self.dashboards[dashboard["uid"]] = request.body
        slug = f"/d/{dashboard['uid']}/x"
        return Answer(200, {"status": "success", "uid": dashboard["uid"], "version": 1, "url": f"{self.prefix}{slug}"})

    def _folder(self, request: Request, way: list[str], _query: Any) -> Answer:
        uid, _, group = way
        if uid not in self.folders:
            return Answer(404, {"message": "folder does not exist"})
        self.groups[uid, group] = request.body
        return Answer(200, request.body)

    def _contact_points(self, request: Request, way: list[str], query: Any) -> Answer:
        if request.method == "GET":
            wanted = query.get("name", [None])[0]
            return Answer(200, [one for one in self.points.values() if wanted in (None, one["name"])])
        if request.method == "PUT" and way[0] not in self.points:
            return Answer(404, {"message": "contact point not found"})
        self.points[request.body["uid"]] = request.body
        return Answer(204) if self.modern else Answer(202, {"message": "contactpoint updated"})

    def _policies(self, request: Request, _way: list[str], _query: Any) -> Answer:
        if request.method == "GET":
            return Answer(200, {**self.policy, "provenance": "api"})
        self.policy = request.body
        return Answer(202, None if self.modern else {"message": "policies updated"})

    def _annotations(self, request: Request, _way: list[str], _query: Any) -> Answer:
        self.annotations.append(request.body)
        return Answer(200, {"message": "Annotation added", "id": len(self.annotations)})


def _no_such() -> Answer:
    return Answer(404, {"message": "Not found"})


class _Handler(BaseHTTPRequestHandler):
    """Hands requests to `grafana` and writes its answers."""

    grafana: FakeGrafana
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, json.loads(raw) if raw else None)
        self.grafana.requests.append(request)
        answer = self.grafana.answer(request)
        if answer.drop:
            self.close_connection = True
            self.connection.close()
            return
        body = b"" if answer.body is None else _encoded(answer.body)
        self.send_response(answer.status)
        if answer.body is not None and "Content-Type" not in answer.headers:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(body)))
        with suppress(OSError):  # the client did not wait
            self.end_headers()
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(grafana: FakeGrafana) -> Iterator[FakeGrafana]:
    """`grafana` answering on a port of loopback; `grafana.url` says where."""
    handler = type("Handler", (_Handler,), {"grafana": grafana})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    grafana.url = f"http://127.0.0.1:{server.server_port}{grafana.prefix}"
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _encoded(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
