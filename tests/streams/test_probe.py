"""The probe says whether a process is well, against real answers."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from streams.probe import main
from streams.runners.health import serve
from streams.sinks import ddl
from streams.sinks.connect import server_at
from tests.streams.sinks.clickhouse_server import ClickHouseServer


@pytest.fixture
def process() -> Iterator[tuple[int, dict[str, bool]]]:
    """A process with `--port`, and how it is."""
    state = {"healthy": True, "ready": False}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = serve(0, healthy=lambda: state["healthy"], ready=lambda: state["ready"], registry=CollectorRegistry())
    server = asyncio.run_coroutine_threadsafe(made, loop).result(60)
    yield server.port, state
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def test_a_process_is_asked(process: tuple[int, dict[str, bool]], capsys: pytest.CaptureFixture[str]) -> None:
    port, state = process
    assert main(["healthy", str(port)]) == 0
    assert main(["ready", str(port)]) == 1
    assert "503" in capsys.readouterr().err
    state.update(healthy=False, ready=True)
    assert main(["healthy", str(port)]) == 1
    assert main(["ready", str(port)]) == 0


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["healthy", "1"]) == 1
    assert "no answer from port 1" in capsys.readouterr().err
    assert main(["refreshed", "http://127.0.0.1:1/x"], {}) == 1
    assert main(["refreshed", "nonsense"], {}) == 1


def test_the_indicators_are_refreshed_or_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ClickHouseServer(tmp_path)
    try:
        client = server_at(server.url, {}).connect()
        ddl.apply(client)
        asked = ["refreshed", server.url]
        assert main(asked, {}) == 1
        assert "never refreshed" in capsys.readouterr().err
        told = "INSERT INTO pipeline_health (at, component, instance, metric, value) SELECT now64(3) - {age}, '{who}'"
        told += ", 'a', 'refresh_seconds', 1"
        client.command(told.format(age=700, who="kpis"))
        client.command(told.format(age=0, who="worker"))
        assert main(asked, {}) == 1
        assert re.search(r"last refreshed 7\d\d s", capsys.readouterr().err)
        client.command(told.format(age=5, who="kpis"))
        assert main(asked, {}) == 0
    finally:
        server.kill()


@pytest.mark.parametrize("words", [[], ["healthy"], ["healthy", "x"], ["well", "1"]])
def test_wrong_words(words: list[str]) -> None:
    assert main(words) == 2
