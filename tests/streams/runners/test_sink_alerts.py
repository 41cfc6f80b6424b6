"""Alerts from real topics to real receivers: in order, under the same id, whatever the receiver does."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from streams.engine.effects import VersionedMoment
from streams.kafka.settings import KafkaSettings
from streams.runners.sink_alerts import AlertProgress, AlertRunner, AlertSettings, SetAside
from streams.sinks.alert_files import ConsoleTarget, JsonlTarget
from streams.sinks.alerts import AlertTarget
from streams.sinks.ports import Delivery
from streams.sinks.webhook import AddressPolicy, Signer, WebhookTarget
from tests.conftest import KafkaFactory
from tests.streams.runners.sink_feed import alerts, effects, send
from tests.streams.sinks.test_clickhouse import moment
from tests.streams.sinks.test_webhook import SECRET, verified

PATIENCE = 40.0
QUICK = AlertSettings(start_at="beginning", first_wait=0.02, longest_wait=0.2, grace_seconds=20.0)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Receiver:
    """A web service that keeps what it was sent; `answer` gives the status of each request."""

    def __init__(self, answer: Callable[[dict[str, Any], int], int]) -> None:
        self.answer = answer
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.tries: list[str] = []
        self.unverified = 0
        self.port = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.unverified += not verified(SECRET, request.headers, body)
        said, name = json.loads(body), request.headers["webhook-id"]
        self.tries.append(name)
        status = self.answer(said, self.tries.count(name))
        if status == 200:
            self.taken.append((name, said))
        return web.Response(status=status)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Receiver]:
        app = web.Application()
        app.router.add_post("/hook", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    def target(self, name: str = "hook") -> WebhookTarget:
        url = URL(f"http://127.0.0.1:{self.port}/hook")
        return WebhookTarget(name, url, Signer(SECRET), AddressPolicy(allow_http=True), now_ms, 30.0)

    def order(self) -> dict[str, list[int]]:
        """The numbers of each customer's alerts as they were taken."""
        taken: dict[str, list[int]] = {}
        for _, said in self.taken:
            taken.setdefault(said["customer_id"], []).append(int(said["scope"]))
        return taken


def runner_for(
    kafka: KafkaSettings,
    target: AlertTarget,
    folder: Path,
    settings: AlertSettings = QUICK,
    resumed: Callable[[], None] | None = None,
) -> AlertRunner:
    set_aside = SetAside(folder / "undelivered.jsonl")
    return AlertRunner(kafka, target, set_aside, now_ms=now_ms, settings=settings, resumed=resumed)


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


async def run_until(runner: AlertRunner, holds: Callable[[], bool], what: str) -> AlertProgress:
    task = asyncio.create_task(runner.run())
    await until(lambda: holds() or task.done(), what)
    runner.stop()
    return await task


def ordered(order: dict[str, list[int]]) -> bool:
    return all(numbers == sorted(numbers) for numbers in order.values())


def given_up(folder: Path) -> list[dict[str, Any]]:
    path = folder / "undelivered.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def test_every_alert_arrives_signed_and_in_its_customers_order_though_every_third_try_fails(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=3)
    send(settings, alerts(settings, 120))

    async def live() -> Receiver:
        receiver = Receiver(lambda said, tries: 500 if tries == 1 and int(said["scope"]) % 3 == 0 else 200)
        async with receiver.listening():
            runner = runner_for(settings, receiver.target(), tmp_path)
            progress = await run_until(runner, lambda: len(receiver.taken) == 120, "all alerts")
        assert (progress.sent, progress.failures, progress.set_aside) == (120, 40, 0)
        return receiver

    receiver = asyncio.run(live())
    assert sorted(name for name, _ in receiver.taken) == sorted(f"m{n}-1" for n in range(120))
    assert ordered(receiver.order())
    assert receiver.unverified == 0


def test_a_receiver_that_is_away_is_waited_for_and_nothing_is_lost(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    send(settings, alerts(settings, 30))

    async def live() -> Receiver:
        receiver = Receiver(lambda said, tries: 200)
        async with receiver.listening():
            pass  # it has a port now, and nobody listens there
        runner = runner_for(settings, receiver.target(), tmp_path)
        task = asyncio.create_task(runner.run())
        await until(lambda: runner.progress.failures > 3, "it fails")
        assert runner.progress.trouble is not None
        assert not runner.ready()
        async with receiver.listening():
            await until(lambda: len(receiver.taken) == 30, "all alerts")
            await until(runner.ready, "it is well again")
            runner.stop()
            await task
        return receiver

    assert ordered(asyncio.run(live()).order())


def test_a_dead_target_delays_only_itself(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    send(settings, alerts(settings, 50))
    screen = io.StringIO()

    async def live() -> AlertProgress:
        receiver = Receiver(lambda said, tries: 503)
        async with receiver.listening():
            dead = runner_for(settings, receiver.target(), tmp_path)
            file = runner_for(settings, JsonlTarget("file", tmp_path / "alerts.jsonl"), tmp_path)
            console = runner_for(settings, ConsoleTarget("console", screen, "zh"), tmp_path)
            tasks = [asyncio.create_task(runner.run()) for runner in (dead, file, console)]
            await until(lambda: file.progress.sent == console.progress.sent == 50, "the others get theirs")
            await until(lambda: dead.progress.failures > 0, "the dead one was tried")
            for runner in (dead, file, console):
                runner.stop()
            return (await asyncio.gather(*tasks))[0]

    progress = asyncio.run(live())
    assert (progress.sent, progress.set_aside) == (0, 0)
    assert len((tmp_path / "alerts.jsonl").read_bytes().splitlines()) == 50
    assert screen.getvalue().count("两次来电 → 回电") == 50


def test_after_a_restart_what_is_repeated_has_the_same_id_and_nothing_is_missing(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=2)
    send(settings, alerts(settings, 60))

    async def live() -> Receiver:
        receiver = Receiver(lambda said, tries: 200)
        async with receiver.listening():
            first = runner_for(settings, receiver.target(), tmp_path)
            await run_until(first, lambda: len(receiver.taken) >= 10, "some alerts")
            await asyncio.to_thread(send, settings, alerts(settings, 20, first=60))
            second = runner_for(settings, receiver.target(), tmp_path)
            await run_until(second, lambda: len({name for name, _ in receiver.taken}) == 80, "all alerts")
        return receiver

    receiver = asyncio.run(live())
    assert {name for name, _ in receiver.taken} == {f"m{n}-1" for n in range(80)}
    assert len(receiver.taken) == 80, "a stop in good order repeats nothing"


def test_updates_and_retractions_follow_under_the_same_moment(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=1)
    life: list[Any] = ["pending", "pending", "confirmed", "retracted"]
    said = [VersionedMoment(number, moment(status)) for number, status in enumerate(life)]
    send(settings, effects(settings, Delivery(moments=said)))
    send(settings, effects(settings, Delivery(moments=said)))  # the worker repeats itself after a crash

    async def live() -> Receiver:
        receiver = Receiver(lambda said, tries: 200)
        async with receiver.listening():
            runner = runner_for(settings, receiver.target(), tmp_path)
            await run_until(runner, lambda: runner.progress.left_out == 5, "the repeats are left out")
        return receiver

    taken = asyncio.run(live()).taken
    assert [(name, said["status"]) for name, said in taken] == [
        ("m1-0", "pending"),
        ("m1-2", "confirmed"),
        ("m1-3", "retracted"),
    ]


def test_an_alert_that_the_receiver_cannot_take_is_set_aside_whole_and_the_rest_goes_on(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=1)
    send(settings, [*alerts(settings, 10), (settings.alerts_topic, b"k", b"no alert", ())])
    send(settings, alerts(settings, 5, first=10))

    async def live() -> AlertProgress:
        receiver = Receiver(lambda said, tries: 422 if said["scope"] == "4" else 200)
        async with receiver.listening():
            runner = runner_for(settings, receiver.target(), tmp_path)
            return await run_until(runner, lambda: len(receiver.taken) == 14, "the others")

    progress = asyncio.run(live())
    assert (progress.sent, progress.set_aside, progress.unreadable) == (14, 1, 1)
    [entry] = given_up(tmp_path)
    assert (entry["message_id"], entry["target"], entry["position"]) == ("m4-1", "hook", 4)
    assert entry["origin"] == f"{settings.alerts_topic}-0"
    assert entry["alert"]["moment_id"] == "m4"
    assert "422" in entry["reason"]


def test_one_alert_that_breaks_the_receiver_does_not_hold_up_its_partition_for_ever(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=3)
    send(settings, alerts(settings, 90))

    async def live() -> AlertProgress:
        receiver = Receiver(lambda said, tries: 500 if said["scope"] == "4" else 200)
        async with receiver.listening():
            runner = runner_for(settings, receiver.target(), tmp_path)
            return await run_until(runner, lambda: len(receiver.taken) == 89, "the others")

    assert asyncio.run(live()).set_aside == 1
    assert [entry["message_id"] for entry in given_up(tmp_path)] == ["m4-1"]


def test_alerts_that_fail_for_too_long_are_given_up(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=1)
    send(settings, alerts(settings, 4))
    short = AlertSettings(start_at="beginning", first_wait=0.02, longest_wait=0.1, give_up_seconds=1.0)

    async def live() -> AlertProgress:
        receiver = Receiver(lambda said, tries: 503)
        async with receiver.listening():
            runner = runner_for(settings, receiver.target(), tmp_path, short)
            return await run_until(runner, lambda: runner.progress.set_aside == 4, "given up")

    assert asyncio.run(live()).sent == 0
    assert [entry["alert"]["scope"] for entry in given_up(tmp_path)] == ["0", "1", "2", "3"]


def test_a_receiver_that_is_gone_is_left_alone_and_its_place_is_kept(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=1)
    send(settings, alerts(settings, 6))

    async def live() -> Receiver:
        gone = True
        receiver = Receiver(lambda said, tries: 410 if gone and said["scope"] == "3" else 200)
        async with receiver.listening():
            progress = await asyncio.wait_for(runner_for(settings, receiver.target(), tmp_path).run(), PATIENCE)
            assert progress.gone
            assert (len(receiver.taken), receiver.tries.count("m3-1")) == (3, 1)
            gone = False
            again = runner_for(settings, receiver.target(), tmp_path)
            await run_until(again, lambda: len(receiver.taken) == 6, "the rest")
        return receiver

    assert asyncio.run(live()).order() == {"c0": [0, 5], "c1": [1], "c2": [2], "c3": [3], "c4": [4]}


def test_a_new_target_begins_with_now_and_a_restart_skips_nothing(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    send(settings, alerts(settings, 20))
    from_now = AlertSettings(first_wait=0.02, longest_wait=0.2)
    path = tmp_path / "alerts.jsonl"

    async def once(holds: Callable[[AlertRunner], bool]) -> None:
        runner = runner_for(settings, JsonlTarget("file", path), tmp_path, from_now)
        await run_until(runner, lambda: holds(runner), "alerts")

    async def live() -> None:
        begun = time.monotonic()
        await once(lambda runner: runner.ready() and time.monotonic() > begun + 3)
        await asyncio.to_thread(send, settings, alerts(settings, 10, first=20))  # nobody reads meanwhile
        await once(lambda runner: runner.progress.sent == 10)

    asyncio.run(live())
    scopes = [int(json.loads(line)["scope"]) for line in path.read_bytes().splitlines()]
    assert sorted(scopes) == list(range(20, 30))


def test_a_start_from_the_beginning_that_delivered_nothing_loses_nothing_at_the_next(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=3)
    send(settings, alerts(settings, 20, customers=1))  # two partitions have none yet
    resumed: list[str] = []

    async def live() -> Receiver:
        receiver = Receiver(lambda said, tries: 200)
        async with receiver.listening():
            pass  # it has a port now, and nobody listens there
        first = runner_for(settings, receiver.target(), tmp_path, resumed=lambda: resumed.append("first"))
        await run_until(first, lambda: first.progress.failures > 0, "it fails")
        await asyncio.to_thread(send, settings, alerts(settings, 20, first=20))  # nobody reads meanwhile
        async with receiver.listening():
            from_now = AlertSettings(first_wait=0.02, longest_wait=0.2)
            second = runner_for(settings, receiver.target(), tmp_path, from_now)
            await run_until(second, lambda: len(receiver.taken) == 40, "what was not sent")
            third = runner_for(settings, receiver.target(), tmp_path, resumed=lambda: resumed.append("third"))
            await run_until(third, third.ready, "it goes on where it stood")
        return receiver

    assert len(asyncio.run(live()).taken) == 40
    assert resumed == ["third"]


def test_two_processes_share_a_target_and_hand_over_without_losing_or_disordering(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=4)
    send(settings, alerts(settings, 200, customers=12))

    async def live() -> Receiver:
        receiver = Receiver(lambda said, tries: 200)
        async with receiver.listening():
            first, second = (runner_for(settings, receiver.target(), tmp_path) for _ in range(2))
            tasks = [asyncio.create_task(first.run())]
            await until(lambda: len(receiver.taken) > 20, "some alerts")
            tasks.append(asyncio.create_task(second.run()))
            await until(second.ready, "the second has its share")
            await asyncio.to_thread(send, settings, alerts(settings, 200, customers=12, first=200))
            await until(lambda: len({name for name, _ in receiver.taken}) == 400, "all alerts")
            first.stop()
            second.stop()
            await asyncio.gather(*tasks)
            assert second.progress.sent > 0
        return receiver

    receiver = asyncio.run(live())
    first_seen = list(dict.fromkeys(name for name, _ in receiver.taken))
    order: dict[int, list[int]] = {}
    for name in first_seen:
        number = int(name[1:-2])
        order.setdefault(number % 12, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in order.values())


def test_the_command_prints_alerts_and_ends_well_on_sigterm(kafka: KafkaFactory, tmp_path: Path) -> None:
    settings = kafka(partitions=2)
    send(settings, alerts(settings, 3))
    config = tmp_path / "kafka.yaml"
    config.write_text(settings.model_dump_json(include={"bootstrap", "prefix", "events", "partitions", "group"}))
    words = ["run", "sink-alerts", "--kafka", str(config), "--to", "console", "--from", "beginning", "--lang", "zh"]
    command = [sys.executable, "-m", "streams", *words, "--undelivered", str(tmp_path / "u.jsonl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ})
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=25)
    finally:
        process.kill()

    assert all("级别3 待确认 N28 重复来电" in line for line in lines)
    assert process.returncode == 0
    assert "已送 3 条" in errors.decode()
