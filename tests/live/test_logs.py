"""Logs as they are in the field: written in transactions, made anew; and what the partition promises whatever waits."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.times import iso
from streams.kafka import topics
from streams.kafka.clients import admin_of
from streams.kafka.settings import KafkaSettings
from streams.live import partition as live_partition
from streams.live.handover import TakenOver
from streams.live.partition import Common, LivePartition
from streams.live.settings import LiveSettings
from streams.stores.mirrored import Mirror
from tests.chaos.traffic import until
from tests.live.bed import Bed, bed

AT = 1_760_000_000_000


def contact(name: str) -> bytes:
    event = {
        "event_id": name,
        "event_type": "interaction.contact_completed",
        "occurred_at": iso(AT),
        "recorded_at": iso(AT),
        "customer_id": "c1",
        "attributes": {"reason": "bill"},
    }
    return json.dumps(event).encode()


async def in_transactions(kafka: KafkaSettings) -> None:
    producer = AIOKafkaProducer(**kafka.aiokafka(), transactional_id=f"{kafka.prefix}source")
    async with producer:
        for outcome in ("aborted", "committed"):
            await producer.begin_transaction()
            await producer.send_and_wait(kafka.events[0], contact(outcome), key=b"c1")
            await (producer.abort_transaction() if outcome == "aborted" else producer.commit_transaction())


def asked(live: Bed, path: str) -> tuple[int, str]:
    process = live.workers["w1"]
    if not hasattr(process, "address"):
        assert process.stdout is not None
        process.address = process.stdout.readline().strip()  # type: ignore[attr-defined]
    try:
        with urllib.request.urlopen(f"{process.address}{path}", timeout=10) as answer:  # type: ignore[attr-defined]
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, ""


def test_what_a_source_took_back_is_not_judged_and_its_marks_are_no_lag(
    kafka: Callable[..., KafkaSettings], tmp_path: Path
) -> None:
    with bed(kafka(partitions=1), tmp_path) as live:
        asyncio.run(in_transactions(live.kafka))
        live.start(stuck_after=15, unready_after=8)
        deadline = time.monotonic() + 40
        while "mot_worker_records_total 1.0" not in asked(live, "/metrics")[1]:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        time.sleep(18)  # longer than it may be stuck
        assert live.workers["w1"].poll() is None, live.log_of()
        until("ready", lambda: asked(live, "/readyz")[0] == 200, 30)
        said = asked(live, "/metrics")[1]
        assert "mot_worker_records_total 1.0" in said
        assert 'mot_worker_lag_records{partition="0"} 0.0' in said


def test_an_events_topic_that_was_made_anew_is_told_and_not_read_across(
    kafka: Callable[..., KafkaSettings], tmp_path: Path
) -> None:
    with bed(kafka(partitions=1), tmp_path) as live:
        live.produce([contact(f"old{number}") for number in range(50)])
        live.start()
        live.wait()
        assert live.stop() == 0
        with admin_of(live.kafka) as admin:
            admin.delete_topics(list(live.kafka.events))
            while set(live.kafka.events) & set(admin.list_topics()):
                time.sleep(0.3)
        topics.create(live.kafka)
        live.produce([contact(f"new{number}") for number in range(20)])
        live.start()
        assert live.workers["w1"].wait(60) == 70
        assert "made anew" in live.log_of()


class Stub:
    """Engine, store, hand-over and metrics of a partition, writing down the order of what happens."""

    front = 1
    applied = 0

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.moments_may_leave = asyncio.Event()

    def load(self) -> Stub:
        return self

    def checkpoint(self) -> Any:
        from streams.engine.effects import Checkpoint  # noqa: PLC0415

        nothing: Any = None
        return Checkpoint([], b"", False, b"", nothing)

    def committed(self, *_: Any) -> None:
        """Nothing leaves memory here."""

    async def send(self, delivery: Any, _: int) -> list[asyncio.Future[None]]:
        if delivery.moments:
            await self.moments_may_leave.wait()
            self.happened.append("alert")
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return [done]

    async def write(self, *given: Any) -> Mirror:
        self.happened.append("handed over")
        mirror: Mirror = given[2]
        return mirror

    def commit_mirrored(self, *_: Any) -> None:
        self.happened.append("file")

    def __getattr__(self, _: str) -> Any:
        return lambda *args, **named: self


class Record:
    offset = 41
    timestamp = AT


def test_a_commit_waits_for_an_alert_that_has_not_left_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> list[str]:
        stub: Any = Stub()
        mirror = Mirror("s-0", 0, 1, {}, (0, 0))
        common = Common(stub, LiveSettings(commit_seconds=0.0), stub)
        partition = LivePartition(0, stub, stub, stub, TakenOver(mirror, []), None, common)
        monkeypatch.setattr(partition, "_compute", lambda taken: partition._delivery.moments.append(taken[0]))
        monkeypatch.setattr(live_partition, "taken_in", lambda _, records: list(records))
        taking = asyncio.create_task(partition.take("events", [Record()], lambda: stub.happened.append("ack")))
        await asyncio.sleep(0)
        committing = asyncio.create_task(partition.commit())
        with pytest.raises(RuntimeError, match="under way"):
            partition.commit()
        await asyncio.sleep(0.05)
        assert stub.happened == []
        stub.moments_may_leave.set()
        await asyncio.gather(taking, committing)
        return list(stub.happened)

    assert asyncio.run(story()) == ["alert", "handed over", "file", "ack"]
