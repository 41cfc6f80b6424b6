"""This product: `mot run worker`, watched from outside through its metrics; its alerts are read from `mot.alerts`.

Runs in the product's own environment. The clock starts with the last look that saw nothing done and ends with the first
that saw everything, so looking (every 20 ms) can only add to the time. N03 and N07 are told the job's rules as far as
they have them: 24 h for any channel, 1.5 times without a floor, no charges before the bill.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import topics
from streams.kafka.settings import load_kafka_settings
from tests.benchmarks.peers.tally import Stamp, Task, report, task

PARAMETERS = {
    "N03": {
        "acknowledge_hours": 24,
        "supply_hours": None,
        "lookup_days": 0,
        "channels": ["dealer", "partner", "store", "web", "app", "call_centre"],
    },
    "N07": {"ratio": 1.5, "floor_minor": 0, "notable_minor": 10**9, "packs": []},
}
LOOK_SECONDS = 0.02
_RECORDS = re.compile(rb"^mot_worker_records_total (\S+)$", re.MULTILINE)


class Files(NamedTuple):
    """What the worker is given, in the run's folder."""

    kafka: Path
    settings: Path
    state: Path
    port: int


class Named(msgspec.Struct):
    """The ids of an event: moments name events, the job's alerts name bills and orders."""

    event_id: str
    event_type: str
    order_id: str | None = None
    bill_id: str | None = None


def prepared(told: Task) -> Files:
    """Settings (JSON is YAML), a free port, and the product's topics."""
    files = Files(told.folder / "kafka.yaml", told.folder / "settings.yaml", told.folder / "state", _free_port())
    kafka = {
        "bootstrap": told.bootstrap,
        "prefix": f"{told.group}.",
        "events": [told.topic],
        "partitions": told.partitions,
        "group": told.group,
    }
    files.kafka.write_text(json.dumps(kafka), encoding="utf-8")
    files.settings.write_text(json.dumps({"detectors": PARAMETERS}), encoding="utf-8")
    topics.create(load_kafka_settings(files.kafka))
    return files


def worker(files: Files, variant: str) -> list[str]:
    """The command line of the worker; `two` has only the job's detectors on, `all` the eight that ship."""
    options = {"kafka": files.kafka, "settings": files.settings, "state": files.state, "port": files.port}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    chosen = ["--detectors", ",".join(PARAMETERS)] if variant == "two" else []
    return [sys.executable, "-m", "streams", "run", "worker", *words, *chosen]


def watched(process: subprocess.Popen[bytes], port: int, events: int) -> tuple[int, tuple[Stamp, Stamp]]:
    """The number of records taken in; the stamps before the first and after the last."""
    first = _stamp(process.pid)
    while process.poll() is None:
        asked = _stamp(process.pid)
        seen = _records(port)
        if seen == 0:
            first = asked
        if seen >= events:
            return seen, (first, _stamp(process.pid))
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"the worker ended with {process.returncode}")


def _stamp(pid: int) -> Stamp:
    """As `tally.stamp`, of the worker's process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return time.monotonic(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _records(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            found = _RECORDS.search(answer.read())
    except OSError:
        return 0
    return int(float(found[1])) if found else 0


async def alerts(told: Task) -> list[str]:
    """The moments that stand at the end, as the job names its alerts."""
    standing = {}
    async for line in _whole(told, f"{told.group}.alerts"):
        row = json.loads(line)
        if row["detector_id"] in PARAMETERS:
            standing[row["moment_id"]] = row
    events = {}
    read = msgspec.json.Decoder(Named).decode
    async for line in _whole(told, told.topic):
        event = read(line)
        if event.order_id or event.bill_id:
            events[event.event_id] = event
    return sorted(_named(row, events) for row in standing.values() if row["status"] != "retracted")


def _named(row: dict[str, Any], events: dict[str, Named]) -> str:
    told = [events[event_id] for event_id in row["evidence_events"] if event_id in events]
    if row["detector_id"] == "N03":
        return f"order {told[0].order_id}"
    return f"bill {[event.bill_id for event in told if event.event_type == 'bill.issued'][-1]}"


async def _whole(told: Task, topic: str) -> AsyncIterator[bytes]:
    """All values of a topic as it is now."""
    places = [TopicPartition(topic, number) for number in range(told.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=told.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    yield record.value
    finally:
        await consumer.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    told = task()
    files = prepared(told)
    process = subprocess.Popen(worker(files, told.variant))
    try:
        seen, stamps = watched(process, files.port, told.events)
        process.terminate()
        process.wait(60)
    finally:
        process.kill()
    report(told, seen, stamps, asyncio.run(alerts(told)))


if __name__ == "__main__":
    main()
