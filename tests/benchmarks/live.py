"""`python -m tests.benchmarks.live [--json FILE] [--size F] [--only WORDS] [--bootstrap HOST:PORT]`: the live worker.

One real broker (niced, so that the worker has a core before it), one log, each measure in processes of its own. The
worker is `mot run worker` as people start it, all eight detectors, alerts and facts on, state committed to the
hand-over topic and to SQLite; it is watched from outside through its metrics. The baseline is a plain aiokafka loop
over the same engine that keeps nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from schemas.times import iso
from streams.kafka import topics
from streams.kafka.settings import KafkaSettings
from tests.benchmarks import corpus
from tests.benchmarks.brokers import niced_broker, send_part
from tests.benchmarks.peers.traffic import split

PARTITIONS = 2
Figures = dict[str, float]
_numbers = count(1)


class Log(NamedTuple):
    """Events in a topic of their own."""

    topic: str
    parts: list[list[tuple[bytes, bytes]]]
    events: int


class Worker:
    """A `mot run worker` process, watched through its metrics."""

    def __init__(self, kafka: KafkaSettings, folder: Path, name: str = "w", **environment: str) -> None:
        settings = folder / "kafka.json"
        settings.write_text(kafka.model_dump_json(exclude={"retention"}, exclude_defaults=True))
        command = [sys.executable, "-m", "streams", "run", "worker", "--kafka", str(settings), "--port", "0"]
        self._log = (folder / f"{name}.log").open("w+b")
        self.process = subprocess.Popen(
            [*command, "--state", str(folder / name)], stderr=self._log, env={**os.environ, **environment}
        )
        self._port = 0

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while the worker does not answer."""
        lines = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self._metrics(), re.MULTILINE)
        return sum(map(float, lines))

    def buckets(self, name: str) -> list[tuple[float, float]]:
        """Upper bounds and cumulative counts of a histogram."""
        found = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\S+)$', self._metrics(), re.MULTILINE)
        return [(float(bound), float(seen)) for bound, seen in found]

    def _metrics(self) -> str:
        if not self._port:
            said = Path(self._log.name).read_text(errors="replace")
            found = re.search(r"127\.0\.0\.1:(\d+)/healthz", said)
            self._port = int(found[1]) if found else 0
        with suppress(OSError):
            url = f"http://127.0.0.1:{self._port}/metrics"
            return str(urllib.request.urlopen(url, timeout=10).read().decode()) if self._port else ""
        return ""

    def memory_mb(self, which: str = "VmHWM") -> float:
        """Resident memory: VmRSS now, VmHWM at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{which}:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0

    def cpu_seconds(self) -> float:
        """Of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check(self) -> None:
        """Raise when it has ended."""
        if self.process.poll() is not None:
            raise SystemExit(f"the worker ended: {Path(self._log.name).read_text(errors='replace')[-2000:]}")

    def stop(self, *, kill: bool = False) -> None:
        """End it."""
        if self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(30)
        self._log.close()


class Bench:
    """A broker and what runs on it."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder

    def load(self, lines: list[bytes], partitions: int = PARTITIONS) -> Log:
        """Write a log into a topic of its own."""
        topic = f"live{os.getpid()}-{next(_numbers)}"
        log = Log(topic, split(lines, partitions), len(lines))
        self.settings(log)
        asyncio.run(write(self.bootstrap, log))
        return log

    def settings(self, log: Log) -> KafkaSettings:
        """A group of its own on that log, its topics made."""
        prefix = f"{log.topic}-{next(_numbers)}."
        kafka = KafkaSettings(
            bootstrap=self.bootstrap, prefix=prefix, group=f"{prefix}g", events=(log.topic,), partitions=len(log.parts)
        )
        topics.create(kafka)
        return kafka

    @contextmanager
    def workers(self, kafka: KafkaSettings, names: Sequence[str], **environment: str) -> Iterator[list[Worker]]:
        """Workers of one group."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder, ExitStack() as stack:
            made = []
            for name in names:
                made.append(Worker(kafka, Path(folder), name, **environment))
                stack.callback(made[-1].stop)
            yield made

    def one_worker(self, log: Log) -> Figures:
        """Events per second of one worker, from the first record taken in to the last."""
        with self.workers(self.settings(log), ["w"]) as (worker,):
            return until_taken([worker], log.events)

    def two_workers(self, log: Log) -> Figures:
        """Two workers, one partition each. Both have joined before the log is written, so none reads alone."""
        empty = Log(f"{log.topic}-two-{next(_numbers)}", log.parts, log.events)
        kafka = self.settings(empty)
        with self.workers(kafka, ["a", "b"]) as workers:
            while not all(worker.metric("mot_worker_ready") for worker in workers):
                [worker.check() for worker in workers]
                time.sleep(0.2)
            time.sleep(3)  # the second to join moved a partition
            asyncio.run(write(self.bootstrap, empty))
            return until_taken(workers, log.events)

    def plain_loop(self, log: Log) -> Figures:
        """The baseline, in a process of its own."""
        command = [sys.executable, "-m", "tests.benchmarks.plain_loop", self.bootstrap, log.topic, str(log.events)]
        said: Figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return said

    def latency(self, log: Log, rate: float, seconds: float = 20.0) -> Figures:
        """Event -> acknowledged alert at `rate` events/s, from the broker's stamp on the oldest event of the fetch."""
        paced = Log(f"{log.topic}-paced-{next(_numbers)}", log.parts, log.events)
        kafka = self.settings(paced)
        with self.workers(kafka, ["w"]) as (worker,):
            while not worker.metric("mot_worker_ready"):
                worker.check()
                time.sleep(0.2)
            sent = asyncio.run(write_paced(self.bootstrap, paced, rate, seconds))
            until_taken([worker], sent)
            time.sleep(1)
            buckets = worker.buckets("mot_worker_alert_latency_seconds")
        alerts = buckets[-1][1] if buckets else 0
        return {
            "asked_events_per_second": rate,
            "events_per_second": sent / seconds,
            "fetches_with_alerts": alerts,
            "p50_seconds": quantile(buckets, 0.5),
            "p99_seconds": quantile(buckets, 0.99),
        }

    def many_customers(self, customers: int) -> Figures:
        """A worker that has seen `customers` customers: memory, and how long another needs to take all over."""
        lines = [line for line, _ in zip(strangers(customers), range(customers), strict=False)]
        log = self.load(lines)
        kafka = self.settings(log)
        with self.workers(kafka, ["w"]) as (worker,):
            figures = until_taken([worker], log.events)
            time.sleep(4)  # the last commit
            figures |= {"customers": customers, "memory_mb": worker.memory_mb()}
            worker.stop()
        with self.workers(kafka, ["heir"]) as (worker,):
            while not worker.metric("mot_worker_ready"):
                worker.check()
                time.sleep(0.2)
            figures |= {
                "restore_seconds": max(worker.metric("mot_worker_restore_seconds") / PARTITIONS, 0),
                "restored_records": worker.metric("mot_worker_restored_records"),
                "memory_after_restore_mb": worker.memory_mb("VmRSS"),
            }
        return figures


def strangers(customers: int) -> Iterator[bytes]:
    """One event of each of so many customers, twenty a second of event time."""
    for number in range(customers):
        at = iso(1_772_323_200_000 + number * 50).encode()
        yield (
            b'{"event_id":"s%d","event_type":"interaction.contact_completed","occurred_at":"%s","recorded_at":"%s",'
            b'"customer_id":"C%08d","tier":"normal","channel":"call_centre","attributes":{"reason":"bill"}}'
        ) % (number, at, at, number)


def until_taken(workers: Sequence[Worker], events: int) -> Figures:
    """Wait until `workers` have taken in `events`.

    Looking costs a worker a fifth of its speed when done all the time (operators look every 15 s), so it is done often
    only at the beginning and near the expected end; looking late can only add to the time.
    """
    began = time.monotonic()
    cpu = 0.0
    while True:
        looked = time.monotonic()
        taken = sum(worker.metric("mot_worker_records_total") for worker in workers)
        if taken == 0:
            began, cpu = looked, sum(worker.cpu_seconds() for worker in workers)
        if taken >= events:
            seconds = time.monotonic() - began
            used = sum(worker.cpu_seconds() for worker in workers) - cpu
            return {
                "events": taken,
                "seconds": seconds,
                "events_per_second": taken / seconds,
                "cpu_microseconds_per_event": used / taken * 1e6,
            }
        for worker in workers:
            worker.check()
        expected = (looked - began) * (events - taken) / taken if taken else 0.0
        time.sleep(min(max(0.1, expected / 2), 3.0))


def quantile(buckets: Sequence[tuple[float, float]], part: float) -> float:
    """The upper bound of the bucket that holds the quantile: at most so much."""
    total = buckets[-1][1] if buckets else 0
    return next((bound for bound, seen in buckets if total and seen >= part * total), float("nan"))


async def write(bootstrap: str, log: Log) -> None:
    """The whole log, as fast as it goes."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 << 10) as producer:
        for number, part in enumerate(log.parts):
            await send_part(producer, log.topic, number, part)
            await producer.flush()


async def write_paced(bootstrap: str, log: Log, rate: float, seconds: float) -> int:
    """`rate` events a second for `seconds`, in portions of 20 ms. Returns how many were written."""
    portion = max(1, int(rate * 0.02 / len(log.parts)))
    sent, began = 0, time.monotonic()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 << 10) as producer:
        for step in range(int(seconds / 0.02)):
            for number, part in enumerate(log.parts):
                share = part[step * portion : (step + 1) * portion]
                if share:
                    await send_part(producer, log.topic, number, share)
                    sent += len(share)
            await asyncio.sleep(max(0.0, began + (step + 1) * 0.02 - time.monotonic()))
        await producer.flush()
    return sent


def measures(bench: Bench, size: float) -> dict[str, Callable[[], Figures]]:
    """Name -> measure, in order; the first is the baseline."""
    log = bench.load(corpus.lines(int(600_000 * size)))
    speed: Figures = {}

    def worker() -> Figures:
        speed.update(bench.one_worker(log))
        return dict(speed)

    return {
        "plain loop over the same engine": lambda: bench.plain_loop(log),
        "worker, eight detectors": worker,
        "two workers, two partitions": lambda: bench.two_workers(log),
        "alert latency at half load": lambda: bench.latency(log, speed.get("events_per_second", 40_000) / 2),
        "a million customers": lambda: bench.many_customers(int(1_000_000 * size)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", type=float, default=1.0, help="factor on the number of events and customers")
    parser.add_argument("--only", default="", help="measure only names that contain this")
    parser.add_argument("--bootstrap", default="")
    options = parser.parse_args()
    with niced_broker(options.bootstrap) as bootstrap, tempfile.TemporaryDirectory(prefix="mot-live-") as folder:
        table = {}
        before = os.getloadavg()[0]
        for name, measure in measures(Bench(bootstrap, Path(folder)), options.size).items():
            if options.only in name:
                table[name] = measure()
                words = "  ".join(f"{key} {value:,.2f}" for key, value in table[name].items())
                print(f"{name:34} {words}", flush=True)
    print(f"load before {before:.1f}, {os.cpu_count()} cores, {platform.platform()}")
    if options.json:
        options.json.write_text(json.dumps({"machine": platform.platform(), "figures": table}, indent=2) + "\n")


if __name__ == "__main__":
    main()
