"""What a running process tells machines: whether it lives, whether it is ready, and its figures.

Three routes and no others, on the loopback address only: `/healthz`, `/readyz` (200 or 503) and `/metrics` in the text
format of Prometheus. Nothing may be kept by a cache on the way.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

ADDRESS = "127.0.0.1"
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_CLOSING_SECONDS = 1.0


class HealthServer:
    """A listening server; made by `serve`. `port` is the one it got, also when 0 was asked for."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


async def serve(
    port: int, *, healthy: Callable[[], bool], ready: Callable[[], bool], registry: CollectorRegistry
) -> HealthServer:
    """Listen on 127.0.0.1:`port`, 0 for any free one. Both callables are asked at every request, on the event loop.

    Raises OSError when the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={**_NO_STORE, "Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", _answering(healthy, "ok", "not healthy"))
    app.router.add_get("/readyz", _answering(ready, "ready", "not ready"))
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_CLOSING_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, ADDRESS, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return HealthServer(runner, runner.addresses[0][1])


@contextlib.asynccontextmanager
async def served(
    port: int | None, *, healthy: Callable[[], bool], ready: Callable[[], bool], registry: CollectorRegistry
) -> AsyncIterator[HealthServer | None]:
    """`serve` for the length of a block; nothing when `port` is None."""
    server = None if port is None else await serve(port, healthy=healthy, ready=ready, registry=registry)
    try:
        yield server
    finally:
        if server is not None:
            await server.close()


def _answering(asked: Callable[[], bool], yes: str, no: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        holds = asked()
        return web.Response(text=(yes if holds else no) + "\n", status=200 if holds else 503, headers=_NO_STORE)

    return answer
