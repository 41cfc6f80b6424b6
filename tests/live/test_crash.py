"""What ends a worker: also a failure deep inside Faust, of which nobody would be told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from streams.kafka.settings import KafkaSettings
from streams.runners.faust_app import LiveApp


def test_a_failed_service_of_faust_ends_the_worker(tmp_path: Path) -> None:
    told: list[BaseException] = []
    fault = AttributeError("a record without a topic")

    async def fail() -> None:
        app = LiveApp(KafkaSettings(), tmp_path, failed=told.append)
        await app._fetcher.crash(fault)

    asyncio.run(fail())
    assert told[:1] == [fault]


def test_a_service_of_faust_that_is_cancelled_ends_the_worker_too(tmp_path: Path) -> None:
    told: list[BaseException] = []

    async def fail() -> None:
        app = LiveApp(KafkaSettings(), tmp_path, failed=told.append)
        await app._fetcher.crash(asyncio.CancelledError())

    asyncio.run(fail())
    assert [type(fault) for fault in told[:1]] == [RuntimeError]


def test_what_fails_while_it_stops_is_no_reason_to_end(tmp_path: Path) -> None:
    told: list[BaseException] = []

    async def fail() -> None:
        app = LiveApp(KafkaSettings(), tmp_path, failed=told.append)
        app.stopping = True
        await app._fetcher.crash(AttributeError("late"))

    asyncio.run(fail())
    assert told == []
