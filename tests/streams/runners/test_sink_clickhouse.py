"""From real topics into the real engine: whatever fails on the way, what Kafka holds is what ClickHouse holds."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from journeys.placement import Placement, Placements
from journeys.touchpoints import shipped_touchpoints
from schemas.envelope import Event
from streams.kafka import topics
from streams.kafka.settings import KafkaSettings
from streams.runners.query_server import query_folder, socket_of
from streams.runners.sink_clickhouse import ClickHouseSinkRunner, SinkCollector, SinkProgress, SinkSettings
from streams.sinks import ddl
from streams.sinks.connect import server_at, with_tables
from streams.sinks.rows import HealthFigure
from streams.sinks.topics import TopicSink
from streams.sinks.wire import health_record
from tests.conftest import KafkaFactory
from tests.streams.runners.sink_feed import alert_ids, alerts, effects, event_ids, events, send
from tests.streams.runners.stories import log
from tests.streams.sinks.clickhouse_server import ClickHouseServer
from tests.streams.sinks.test_topics import effects as all_effects

PATIENCE = 60.0
QUICK = SinkSettings(max_seconds=0.2, first_wait=0.05, longest_wait=0.5, report_seconds=0.5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    started = ClickHouseServer(tmp_path / "server")
    with_tables(server_at(started.url, {}).connect()).close()
    yield started
    started.kill()


class Process:
    """`mot run sink-clickhouse` as a user starts it."""

    def __init__(self, kafka: KafkaSettings, clickhouse: str, folder: Path, *words: str) -> None:
        folder.mkdir(exist_ok=True)
        config = folder / "kafka.yaml"
        config.write_text(kafka.model_dump_json(include={"bootstrap", "prefix", "events", "partitions", "group"}))
        self.errors = folder / f"errors-{time.monotonic_ns()}.txt"
        command = [
            sys.executable,
            "-m",
            "streams",
            "run",
            "sink-clickhouse",
            "--kafka",
            config,
            "--clickhouse",
            clickhouse,
        ]
        with self.errors.open("wb") as file:
            self.process = subprocess.Popen(
                [*map(str, command), *words], stderr=file, env={**os.environ, "MOT_LANG": "en"}
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=25)

    def said(self) -> str:
        return self.errors.read_text(encoding="utf-8")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(kafka: KafkaSettings, clickhouse: str, *words: str) -> Process:
        started.append(Process(kafka, clickhouse, tmp_path / "sink", *words))
        return started[-1]

    yield begin
    for one in started:
        one.kill()


def until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def ids(server: ClickHouseServer, table: str = "events", column: str = "event_id") -> list[str]:
    return [row[0] for row in server.rows(f"SELECT {column} FROM {table} FINAL")]


def stored(server: ClickHouseServer) -> int:
    return int(server.rows("SELECT uniqExact(event_id) FROM events")[0][0])


def runner_for(kafka: KafkaSettings, server: ClickHouseServer, **options: Any) -> ClickHouseSinkRunner:
    placements = options.pop("placements", None) or Placements(shipped_touchpoints())
    seconds = options.pop("answer_seconds", 5)
    settings = options.pop("settings", QUICK)
    address = server_at(server.url, {})
    return ClickHouseSinkRunner(
        kafka,
        lambda: TopicSink(with_tables(address.connect(seconds))),
        placements,
        now_ms=lambda: time.time_ns() // 1_000_000,
        where=server.url,
        settings=settings,
        **options,
    )


async def run_until(runner: ClickHouseSinkRunner, holds: Callable[[], bool], what: str) -> SinkProgress:
    """Run until something holds, then stop; the time to stop must be short."""
    task = asyncio.create_task(runner.run())
    deadline = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, what
        if task.done():
            task.result()
        await asyncio.sleep(0.2)
    runner.stop()
    begun = time.monotonic()
    progress = await task
    assert time.monotonic() - begun < 20
    return progress


def test_everything_arrives_in_a_folder_that_can_be_asked_meanwhile(
    kafka: KafkaFactory, start: Callable[..., Process], tmp_path: Path
) -> None:
    settings = kafka(partitions=2)
    send(settings, [*events(settings, log(1_000)), *effects(settings, all_effects())])
    expected = event_ids(settings)
    folder = tmp_path / "results"
    sink = start(settings, str(folder), "--port", "0")

    def asked(sql: str) -> Any:
        return query_folder(folder, sql).rows[0][0]

    until(socket_of(folder).exists, "the folder answers")
    tables = "SELECT count() FROM system.tables WHERE database = currentDatabase()"
    until(lambda: asked(tables) >= len(ddl.names()), "the tables are there")
    until(lambda: asked("SELECT count() FROM events_now") == len(expected), "all events")
    until(lambda: asked("SELECT count() FROM moments_now") == 5, "all moments")
    # tables are filled one after another, and rows are counted when their batch is committed
    until(lambda: asked("SELECT sum(value) FROM kpi") == 150, "all figures")
    assert asked("SELECT countIf(stage = '') FROM events_now") == 0
    port = int(re.findall(r"127\.0\.0\.1:(\d+)/healthz", sink.said())[0])

    def metrics() -> bytes:
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return answer.read()

    until(lambda: b'mot_sink_rows_total{table="kpis"} 5.0' in metrics(), "the rows are counted")
    assert sink.stop() == 0
    assert "Stopped" in sink.said()
    assert asked("SELECT count() FROM touchpoints") == len(shipped_touchpoints())


@pytest.mark.parametrize("fault", ["lose", "error", "cut"])
def test_one_insert_in_a_few_failing_costs_no_row_and_doubles_none(
    kafka: KafkaFactory, server: ClickHouseServer, fault: str
) -> None:
    settings = kafka(partitions=2)
    send(settings, [*events(settings, log(2_000)), *alerts(settings, 200)])
    server.fault(fault, every=3, code=252)
    small = SinkSettings(max_rows=150, max_seconds=0.2, first_wait=0.02, longest_wait=0.1)
    expected, expected_alerts = event_ids(settings), alert_ids(settings)

    def all_there() -> bool:
        return stored(server) == len(expected) and len(ids(server, "moments", "moment_id")) == len(expected_alerts)

    progress = asyncio.run(run_until(runner_for(settings, server, settings=small), all_there, "all rows"))

    assert server.fault()["met"] > 2
    if fault == "error":  # a broken connection is tried once more by the driver itself
        assert progress.retries > 2
    assert sorted(ids(server)) == sorted(expected)
    assert sorted(ids(server, "moments", "moment_id")) == sorted(expected_alerts)


def test_a_sink_killed_again_and_again_loses_nothing(
    kafka: KafkaFactory, server: ClickHouseServer, start: Callable[..., Process]
) -> None:
    settings = kafka(partitions=2)
    lines = log(6_000)
    server.fault("lose", every=5)
    for begin in range(0, len(lines), 2_000):
        sink = start(settings, server.url)
        until(lambda: "Ctrl-C" in sink.said(), "it begins")  # noqa: B023
        before = stored(server)
        send(settings, events(settings, lines[begin : begin + 2_000]))
        until(lambda: stored(server) > before, "something is stored")  # noqa: B023
        sink.kill()
    server.fault()
    sink = start(settings, server.url)
    until(lambda: "Ctrl-C" in sink.said(), "it begins")
    expected = event_ids(settings)
    until(lambda: stored(server) == len(expected), "all events")

    assert sink.stop() == 0
    assert sorted(ids(server)) == sorted(expected)


def test_a_server_away_at_the_start_and_killed_later_is_waited_for(
    kafka: KafkaFactory, server: ClickHouseServer
) -> None:
    settings = kafka(partitions=2)
    lines = log(2_000)
    send(settings, events(settings, lines[:500]))
    first = event_ids(settings)
    troubles: list[str] = []

    def tell(progress: SinkProgress) -> None:
        if progress.trouble is not None:
            troubles.append(progress.trouble.zh)

    async def live() -> None:
        server.kill()
        runner = runner_for(settings, server, told=tell)
        task = asyncio.create_task(runner.run())
        await asyncio.to_thread(until, lambda: bool(troubles), "it says what holds it up")
        assert not runner.ready()
        assert runner.healthy()
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(until, lambda: stored(server) == len(first), "what was waiting")
        await asyncio.to_thread(until, runner.ready, "it is well again")
        server.kill()
        await asyncio.to_thread(send, settings, events(settings, lines[500:]))
        await asyncio.to_thread(until, lambda: not runner.ready(), "it notices")
        await asyncio.to_thread(server.start)
        expected = await asyncio.to_thread(event_ids, settings)
        await asyncio.to_thread(until, lambda: stored(server) == len(expected), "what came meanwhile")
        runner.stop()
        await task

    asyncio.run(live())
    assert sorted(ids(server)) == sorted(event_ids(settings))
    assert any("127.0.0.1" in trouble for trouble in troubles)


class Counting(Placements):
    """Counts how many events have been decoded."""

    placed = 0

    def place(self, event: Event) -> Placement:
        self.placed += 1
        return super().place(event)


def test_while_clickhouse_hangs_no_more_than_one_batch_is_taken_ahead_and_it_stops_in_time(
    kafka: KafkaFactory, server: ClickHouseServer
) -> None:
    settings = kafka(partitions=2)
    send(settings, events(settings, log(20_000)))
    server.fault("hang")
    counting = Counting(shipped_touchpoints())
    limits = SinkSettings(max_rows=2_000, max_seconds=0.2, grace_seconds=1.0)

    async def live() -> float:
        runner = runner_for(settings, server, placements=counting, settings=limits, answer_seconds=60)
        task = asyncio.create_task(runner.run())
        await asyncio.to_thread(until, lambda: counting.placed > 2_000, "a batch hangs, the next is begun")
        await asyncio.sleep(4)
        runner.stop()
        begun = time.monotonic()
        await task
        return time.monotonic() - begun

    took = asyncio.run(live())

    assert 2_000 < counting.placed <= 2 * 2_000
    assert took < 10
    server.fault()
    again = runner_for(settings, server)
    expected = event_ids(settings)
    asyncio.run(run_until(again, lambda: stored(server) == len(expected), "all events after all"))
    assert sorted(ids(server)) == sorted(expected)


def test_an_insert_that_hangs_is_given_up_and_tried_again(kafka: KafkaFactory, server: ClickHouseServer) -> None:
    settings = kafka(partitions=1)
    send(settings, events(settings, log(600)))
    server.fault("hang", every=2)
    expected = event_ids(settings)
    small = SinkSettings(max_rows=100, max_seconds=0.1, first_wait=0.02, longest_wait=0.1)
    runner = runner_for(settings, server, settings=small, answer_seconds=1)
    progress = asyncio.run(run_until(runner, lambda: stored(server) == len(expected), "all events"))

    assert progress.retries > 0
    assert sorted(ids(server)) == sorted(expected)


def test_bad_rows_in_the_middle_of_batches_stop_nothing(kafka: KafkaFactory, server: ClickHouseServer) -> None:
    settings = kafka(partitions=1)
    good = alerts(settings, 40)
    topic, key, value, headers = good[20]
    assert value is not None
    bad = [(topic, key, value.replace(b'"anchor_at":"2', b'"anchor_at":"x'), headers), (topic, b"k", b"garbage", ())]
    facts = [(settings.facts_topic, b"p0", b"no arrow", (("mot-table", b"kpis"), ("mot-format", b"Arrow")))]
    send(settings, [*good[:20], *bad, *facts, *good[21:]])

    def done() -> bool:
        return len(ids(server, "moments", "moment_id")) == 39 and len(ids(server, "dead_letters", "origin")) == 3

    progress = asyncio.run(run_until(runner_for(settings, server), done, "the good ones and the dead letters"))

    assert progress.refused == 3
    assert {row[0].removeprefix("clickhouse:") for row in server.rows("SELECT origin FROM dead_letters FINAL")} == {
        f"{settings.alerts_topic}-0",
        f"{settings.facts_topic}-0",
    }
    registry = CollectorRegistry()
    SinkCollector(progress, registry)
    assert b"mot_sink_refused_total 3.0" in generate_latest(registry)


def test_health_is_stored_the_workers_and_the_sinks_own(kafka: KafkaFactory, server: ClickHouseServer) -> None:
    settings = kafka(partitions=1)
    figures = [
        HealthFigure(1_700_000_000_000, "worker", "host-1", "lag_records", 7),
        HealthFigure(1_700_000_000_000, "worker", "host-1", "commit_seconds", 0.25),
    ]
    told = health_record(figures)
    empty = told._replace(value=told.value.replace(b'"metric"', b'"unheard"'))
    mark = (settings.dlq_topic, b"letter", None, (("mot-id", b"letter"), ("mot-retried", b"1")))
    send(settings, [(settings.facts_topic, one.key, one.value, one.headers) for one in (told, told, empty)] + [mark])
    ask = "SELECT component, instance, metric, value FROM pipeline_health FINAL ORDER BY at"

    def own() -> list[list[Any]]:
        return [row for row in server.rows(ask) if row[0] == "sink-clickhouse" and row[2] == "lag_records"]

    def done() -> bool:  # at first it tells of a lag: what was sent is not stored yet
        said = own()
        return len(said) > 2 and said[-1][3] == 0

    progress = asyncio.run(run_until(runner_for(settings, server, instance="here"), done, "its own"))

    assert progress.rows["pipeline_health"] == 4
    assert progress.refused == 2
    assert sorted(row[2:] for row in server.rows(ask) if row[0] == "worker") == [
        ["commit_seconds", 0.25],
        ["lag_records", 7],
    ]
    assert own()[-1] == ["sink-clickhouse", "here", "lag_records", 0]


def test_two_sinks_share_the_work_and_hand_it_over(kafka: KafkaFactory, server: ClickHouseServer) -> None:
    settings = kafka(partitions=4)
    lines = log(6_000)
    small = SinkSettings(max_rows=500, max_seconds=0.2, first_wait=0.05, longest_wait=0.2)
    server.fault("lose", every=7)

    async def live() -> list[SinkProgress]:
        first, second = (runner_for(settings, server, settings=small) for _ in range(2))
        tasks = [asyncio.create_task(first.run())]
        await asyncio.to_thread(send, settings, events(settings, lines[:2_000]))
        await asyncio.to_thread(until, lambda: first.progress.rows["events"] > 0, "the first works")
        tasks.append(asyncio.create_task(second.run()))
        await asyncio.to_thread(until, second.ready, "the second has its share of the partitions")
        await asyncio.to_thread(send, settings, events(settings, lines[2_000:4_000]))
        await asyncio.to_thread(until, lambda: second.progress.rows.total() > 0, "the second works too")
        first.stop()
        await tasks[0]
        await asyncio.to_thread(send, settings, events(settings, lines[4_000:]))
        expected = await asyncio.to_thread(event_ids, settings)
        await asyncio.to_thread(until, lambda: stored(server) == len(expected), "all events")
        second.stop()
        return [await task for task in tasks]

    progresses = asyncio.run(live())

    assert all(progress.rows["events"] > 0 for progress in progresses)
    assert sorted(ids(server)) == sorted(event_ids(settings))


def test_a_new_start_goes_on_where_the_last_one_stopped(kafka: KafkaFactory, server: ClickHouseServer) -> None:
    settings = kafka(partitions=2)
    send(settings, events(settings, log(400)))
    expected = event_ids(settings)
    asyncio.run(run_until(runner_for(settings, server), lambda: stored(server) == len(expected), "all events"))
    send(settings, alerts(settings, 3))
    again = runner_for(settings, server)
    progress = asyncio.run(run_until(again, lambda: again.progress.rows.total() >= 3, "the new ones"))

    assert progress.rows == {"moments": 3}
    assert progress.lag == 0


def test_topics_that_do_not_exist_yet_are_waited_for(kafka: KafkaFactory, server: ClickHouseServer) -> None:
    settings = kafka(create=False, partitions=1)

    async def live() -> SinkProgress:
        runner = runner_for(settings, server)
        task = asyncio.create_task(runner.run())

        def told() -> bool:  # of what holds it up the last is told, at the very start that may be ClickHouse
            trouble = runner.progress.trouble
            return trouble is not None and settings.alerts_topic in trouble.en

        await asyncio.to_thread(until, told, "it says so")
        await asyncio.to_thread(topics.create, settings)
        await asyncio.to_thread(send, settings, alerts(settings, 3))
        await asyncio.to_thread(until, lambda: len(ids(server, "moments", "moment_id")) == 3, "the alerts")
        runner.stop()
        return await task

    assert asyncio.run(live()).rows == {"moments": 3}
