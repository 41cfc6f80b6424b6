"""A bed for live workers: real broker, real worker processes, and a ledger of the topics to compare with an oracle.

The oracle is the engine alone, run once over what the broker's log holds, partition by partition. A ledger is the set
of everything said: each alert and fact with its id, version and bytes, each dead letter, and the final value of each
KPI window. Crashes may repeat what was said, never say something else.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pyarrow as pa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from detectors.base import AnyDetector
from detectors.catalogue import CATALOGUE
from schemas.codec import FUTURE_TOLERANCE_MS, dead_letter, decode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Tick
from streams.engine.engine import Engine
from streams.kafka.settings import KafkaSettings
from streams.kafka.wire import event_bytes
from streams.sinks.rows import handoff_row, kpi_rows, moment_row, transition_row
from streams.sinks.wire import block_of

Keyed = tuple[bytes, bytes | None]


@dataclass
class Ledger:
    """Everything that was said. `alerts` maps (moment id, version) to the bytes; `repeats` counts what came again."""

    alerts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    facts: set[bytes] = field(default_factory=set)
    dead_letters: dict[str, str] = field(default_factory=dict)
    kpis: dict[tuple[Any, ...], int] = field(default_factory=dict)
    repeats: int = 0


def differences(found: Ledger, expected: Ledger) -> dict[str, tuple[int, int]]:
    """What differs: kind -> (missing, spurious). Empty when the ledgers are the same."""
    pairs = {
        "alerts": (set(found.alerts.items()), set(expected.alerts.items())),
        "facts": (found.facts, expected.facts),
        "dead_letters": (set(found.dead_letters.items()), set(expected.dead_letters.items())),
        "kpis": (set(found.kpis.items()), set(expected.kpis.items())),
    }
    return {kind: (len(wanted - said), len(said - wanted)) for kind, (said, wanted) in pairs.items() if said != wanted}


def customer_of(line: bytes) -> bytes | None:
    """The key of a line of ours, None when it has none."""
    try:
        return str(json.loads(line)["customer_id"]).encode()
    except (ValueError, KeyError, TypeError):
        return None


class Bed:
    """Topics of one test, workers on them, and what was said."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.workers: dict[str, subprocess.Popen[str]] = {}
        self._addresses: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = folder / "kafka.json"
        self.settings.write_text(kafka.model_dump_json(exclude={"retention"}, exclude_defaults=True))

    # what goes in

    def produce(self, lines: Iterable[bytes | Keyed], topic: str | None = None) -> int:
        """Write lines (keyed by their customer) or (key, value) pairs. Returns how many were acknowledged."""
        pairs = [line if isinstance(line, tuple) else (customer_of(line) or b"?", line) for line in lines]
        return asyncio.run(self._produce(pairs, topic or self.kafka.events[0]))

    async def _produce(self, pairs: Sequence[Keyed], topic: str) -> int:
        partitions = list(range(self.kafka.partitions))
        choose = DefaultPartitioner()
        size = max(1 << 20, self.kafka.max_message_bytes - 1024)
        async with AIOKafkaProducer(
            **self.kafka.aiokafka(), enable_idempotence=True, max_batch_size=size, max_request_size=size + 4096
        ) as producer:
            open_batches: dict[int, Any] = {}
            sent = []
            for key, value in pairs:
                number = choose(key, partitions, partitions)
                batch = open_batches.get(number) or open_batches.setdefault(number, producer.create_batch())
                if batch.append(key=key, value=value, timestamp=None) is None:
                    sent.append(await producer.send_batch(batch, topic, partition=number))
                    batch = open_batches[number] = producer.create_batch()
                    assert batch.append(key=key, value=value, timestamp=None) is not None, "a record too large"
            sent += [await producer.send_batch(b, topic, partition=n) for n, b in open_batches.items()]
            await asyncio.gather(*sent)
        return len(pairs)

    # workers

    def start(
        self, name: str = "w1", *, crash_at: str = "", after: int = 1, deed: str = "kill", **settings: Any
    ) -> subprocess.Popen[str]:
        """Start a worker process; `crash_at` names a protocol step at which it meets `deed` (see worker_child) the
        `after`-th time."""
        command = [
            sys.executable,
            "-m",
            "tests.live.worker_child",
            str(self.settings),
            str(self.folder / name),
            name,
            crash_at or "-",
            str(after),
            deed,
            json.dumps(settings),
        ]
        self._addresses.pop(name, None)
        log = (self.folder / f"{name}.log").open("ab")
        self.workers[name] = process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(os.environ), start_new_session=True
        )
        log.close()
        return process

    def log_of(self, name: str = "w1") -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def trace_of(self, name: str = "w1") -> list[tuple[str, float]]:
        """What the workers of this name did: protocol step and monotonic time (s), see worker_child."""
        path = self.folder / f"{name}.trace"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(word, float(at)) for word, _, at in (line.partition(" ") for line in lines) if at]

    def asked(self, route: str, name: str = "w1", patience: float = 3) -> tuple[int, str]:
        """Status and text of `/healthz`, `/readyz` or `/metrics` of a worker; status 0 when it does not answer."""
        address = self._addresses.get(name) or self._address(name)
        try:
            with urlopen(f"{address}{route}", timeout=patience) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def _address(self, name: str) -> str:
        stdout = self.workers[name].stdout
        assert stdout is not None
        self._addresses[name] = address = stdout.readline().strip()
        return address

    def kill(self, name: str = "w1") -> None:
        self.workers[name].kill()
        self.workers[name].wait(10)

    def stop(self, name: str = "w1", timeout: float = 20) -> int:
        """SIGTERM; returns the exit code. Raises TimeoutExpired when it does not end in time."""
        process = self.workers[name]
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout)

    def close(self) -> None:
        for process in self.workers.values():
            if process.poll() is None:
                process.kill()
                process.wait(10)
            if process.stdout is not None:
                process.stdout.close()

    # how far

    def ends(self) -> dict[TopicPartition, int]:
        return asyncio.run(self._ends([*self.kafka.events]))

    async def _ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        async with AIOKafkaConsumer(**self.kafka.aiokafka(), enable_auto_commit=False) as consumer:
            asked = [TopicPartition(t, n) for t in topics for n in range(self.kafka.partitions)]
            return dict(await consumer.end_offsets(asked))

    def committed(self) -> dict[tuple[str, int], int]:
        """What the workers' group has committed at the broker."""
        admin = KafkaAdminClient(**self.kafka.kafka_python())
        try:
            found = admin.list_group_offsets([self.kafka.group])[self.kafka.group]
            return {(at.topic, at.partition): offset.offset for at, offset in found.items()}
        except KafkaError:  # no coordinator yet
            return {}
        finally:
            admin.close()

    def is_done(self) -> bool:
        """Whether the group has committed up to the end of every events partition."""
        ends = self.ends()  # asked first: ticks may be written meanwhile
        committed = self.committed()
        return all(end == 0 or committed.get((at.topic, at.partition), -1) >= end for at, end in ends.items())

    def wait(self, timeout: float = 120, *, alive: Sequence[str] = ("w1",)) -> float:
        """Wait until all is committed; returns the seconds it took. A worker that died meanwhile is a failure."""
        began = time.monotonic()
        while not self.is_done():
            for name in alive:
                code = self.workers[name].poll()
                assert code is None, f"{name} ended with {code}\n{self.log_of(name)}"
            assert time.monotonic() - began < timeout, (
                f"no end after {timeout} s: {self.committed()} of {self.ends()}\n"
                + "\n".join(self.log_of(name) for name in alive)
            )
            time.sleep(0.3)
        return time.monotonic() - began

    def wait_for_events(self, count: int, timeout: float = 40) -> None:
        """Wait until so many records lie in the events topics."""
        began = time.monotonic()
        while (there := sum(self.ends().values())) < count:
            assert time.monotonic() - began < timeout, f"{there} of {count} events after {timeout} s"
            time.sleep(0.3)
        assert there == count

    # what came out

    def read(self, topic: str) -> Iterator[Any]:
        """All records of a topic, partition by partition."""
        return iter(asyncio.run(self._read(topic)))

    async def _read(self, topic: str) -> list[Any]:
        records: list[Any] = []
        async with AIOKafkaConsumer(
            **self.kafka.aiokafka(), enable_auto_commit=False, isolation_level="read_committed"
        ) as consumer:
            for number in range(self.kafka.partitions):
                at = TopicPartition(topic, number)
                end = (await consumer.end_offsets([at]))[at]
                consumer.assign([at])
                await consumer.seek_to_beginning(at)
                while await consumer.position(at) < end:
                    for batch in (await consumer.getmany(at, timeout_ms=500)).values():
                        records += batch
        return records

    def ledger(self) -> Ledger:
        """What the topics say."""
        ledger = Ledger()
        versions: dict[tuple[Any, ...], int] = {}
        for record in self.read(self.kafka.alerts_topic):
            row = json.loads(record.value)
            key = (row["moment_id"], row["version"])
            if key in ledger.alerts:
                ledger.repeats += 1
                assert ledger.alerts[key] == record.value, f"{key} was said twice, differently"
            ledger.alerts[key] = record.value
        for record in self.read(self.kafka.facts_topic):
            block = block_of("facts", record.value, record.headers)
            if block.table == "pipeline_health":
                continue  # about the process, not about the log
            if block.format == "Arrow":
                _keep_latest(ledger.kpis, versions, pa.ipc.open_file(block.data).read_all().to_pylist())
            else:
                ledger.facts |= {block.table.encode() + b" " + line for line in block.data.split(b"\n")}
        for record in self.read(self.kafka.dlq_topic):
            row = json.loads(record.value)
            ledger.dead_letters[row["dead_letter_id"]] = row["reason"]
        return ledger

    def oracle(self, catalogue: Sequence[AnyDetector] = CATALOGUE) -> Ledger:
        """What the engine says of the same log when nothing fails."""
        ledger = Ledger()
        versions: dict[tuple[Any, ...], int] = {}
        by_partition: dict[int, list[Any]] = {number: [] for number in range(self.kafka.partitions)}
        for record in self.read(self.kafka.events[0]):
            by_partition[record.partition].append(record)
        for number, records in by_partition.items():
            engine = Engine(catalogue, partition=number, strict=True)
            accepted, places = [], []
            for record in records:
                raw = event_bytes(record.value, record.headers, record.key)
                event = decode(raw, f"{record.topic}-{number}", record.offset)
                if isinstance(event, DeadLetter):
                    ledger.dead_letters[event.dead_letter_id] = event.reason.value
                elif isinstance(event, Tick) or (flaw := _misplaced(event, record)) is None:
                    accepted.append(event)
                    places.append((raw or b"", record.offset))
                else:
                    letter = dead_letter(raw or b"", f"{record.topic}-{number}", record.offset, flaw, "")
                    ledger.dead_letters[letter.dead_letter_id] = flaw.value
            effects = engine.process(accepted)
            for said in effects.moments:
                row = moment_row(said)
                ledger.alerts[row["moment_id"], said.version] = _as_sent(row)
            ledger.facts |= {b"journey_transitions " + _as_sent(transition_row(one)) for one in effects.transitions}
            ledger.facts |= {b"handoffs " + _as_sent(handoff_row(one)) for one in effects.handoffs}
            _keep_latest(ledger.kpis, versions, list(kpi_rows(engine.kpi_changes())))
            for place, _ in effects.too_late:
                raw, offset = places[place]
                letter = dead_letter(raw, f"{self.kafka.events[0]}-{number}", offset, Reason.TOO_LATE, "")
                ledger.dead_letters[letter.dead_letter_id] = letter.reason.value
        return ledger

    def check(self) -> Ledger:
        """Compare with the oracle; returns what was said."""
        said = self.ledger()
        found = differences(said, self.oracle())
        assert found == {}, f"kind -> (missing, spurious): {found}"
        return said


def _misplaced(event: Any, record: Any) -> Reason | None:
    if record.key != event.customer_id.encode():
        return Reason.WRONG_KEY
    return Reason.FUTURE_TIME if event.occurred_ms > record.timestamp + FUTURE_TOLERANCE_MS else None


def _as_sent(row: Mapping[str, Any]) -> bytes:
    import msgspec  # noqa: PLC0415

    return msgspec.json.encode(row)


_KPI_KEY = ("indicator", "grain", "window_start", "stage", "touchpoint", "channel", "tier", "department", "region")


def _keep_latest(
    kpis: dict[tuple[Any, ...], int], versions: dict[tuple[Any, ...], int], rows: Iterable[Mapping[str, Any]]
) -> None:
    for row in rows:
        window = row["window_start"]
        at = window if isinstance(window, str) else window.strftime("%Y-%m-%dT%H:%M:%S.") + "000Z"
        key = (*(at if name == "window_start" else row[name] for name in _KPI_KEY), row["partition"])
        if row["version"] >= versions.get(key, -1):
            versions[key] = row["version"]
            kpis[key] = row["value"]


@contextmanager
def bed(kafka: KafkaSettings, folder: Path) -> Iterator[Bed]:
    """A Bed whose workers are gone afterwards."""
    made = Bed(kafka, folder)
    try:
        yield made
    finally:
        made.close()
