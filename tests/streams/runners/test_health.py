"""What a process tells machines, on the loopback address alone."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from streams.runners.health import serve, served


def asked(*paths: str, **states: bool) -> list[tuple[int, str, Any]]:
    """Status, text and headers of each path."""

    async def ask() -> list[tuple[int, str, Any]]:
        registry = CollectorRegistry()
        Counter("mot_told", "As told", registry=registry).inc(3)
        healthy, ready = states.get("healthy", True), states.get("ready", True)
        server = await serve(0, healthy=lambda: healthy, ready=lambda: ready, registry=registry)
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
                found = []
                for path in paths:
                    async with session.get(path) as answer:
                        found.append((answer.status, await answer.text(), answer.headers))
                return found
        finally:
            await server.close()

    return asyncio.run(ask())


def test_health_readiness_and_metrics_are_told_and_kept_by_no_cache() -> None:
    answers = asked("/healthz", "/readyz", "/metrics")

    assert [status for status, _, _ in answers] == [200, 200, 200]
    assert "mot_told_total 3.0" in answers[2][1]
    assert {headers["Cache-Control"] for _, _, headers in answers} == {"no-store"}


@pytest.mark.parametrize(("path", "state"), [("/healthz", "healthy"), ("/readyz", "ready")])
def test_each_state_has_its_own_route(path: str, state: str) -> None:
    other = ({"/healthz", "/readyz"} - {path}).pop()

    assert [status for status, _, _ in asked(path, other, **{state: False})] == [503, 200]


@pytest.mark.parametrize("path", ["/", "/debug", "/metrics/x", "/healthz/", "/../healthz2"])
def test_there_is_nothing_else(path: str) -> None:
    assert asked(path)[0][0] == 404


def test_it_listens_on_the_loopback_address_only_and_stops_with_its_block() -> None:
    async def address() -> tuple[str, int]:
        async with served(0, healthy=bool, ready=bool, registry=CollectorRegistry()) as server:
            assert server is not None
            [(host, port, *_)] = server._runner.addresses
            socket.create_connection(("127.0.0.1", port), 1).close()
        return host, port

    host, port = asyncio.run(address())
    assert host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_a_port_in_use_is_said() -> None:
    async def twice() -> None:
        async with served(0, healthy=bool, ready=bool, registry=CollectorRegistry()) as server:
            assert server is not None
            await serve(server.port, healthy=bool, ready=bool, registry=CollectorRegistry())

    with pytest.raises(OSError, match="in use"):
        asyncio.run(twice())


def test_without_a_port_nothing_listens() -> None:
    async def none() -> None:
        async with served(None, healthy=bool, ready=bool, registry=CollectorRegistry()) as server:
            assert server is None

    asyncio.run(none())
