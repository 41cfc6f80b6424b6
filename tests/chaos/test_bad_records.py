"""F12, F13, F21, F25: records that cannot be read, are too large, lie about numbers, or are of another version."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from schemas.codes import CURRENCIES
from schemas.deadletters import Reason
from tests.chaos.figures import Chaos
from tests.chaos.oracles import alone, event_of, said_by
from tests.chaos.poison import NOT_FINITE, PILLS, some
from tests.chaos.traffic import events, portions, seconds_to_read
from tests.conftest import KafkaFactory
from tests.live.bed import Bed, Keyed, bed, customer_of
from tests.schemas.records import record

MiB = 1 << 20


def keyed(lines: Sequence[bytes]) -> list[Keyed]:
    return [(customer_of(line) or b"?", line) for line in lines]


def dead_letters(live: Bed) -> list[dict[str, Any]]:
    """Every record of the topic, repeats and all."""
    return [json.loads(record.value) for record in live.read(live.kafka.dlq_topic)]


@pytest.mark.fault("F12")
def test_poison_is_set_aside_once_each_and_hardly_slows_the_rest(
    live: Bed, kafka: KafkaFactory, tmp_path: Path, chaos: Chaos
) -> None:
    random = chaos.random
    lines = events(chaos.size("records", 100_000, 15_000), chaos.seed + 20)
    chaos.injected = f"20 % of the records are poison of {len(PILLS)} kinds"
    good = keyed(lines[: len(lines) * 4 // 5])
    pills = some(len(lines) - len(good), random)
    mixed: list[Keyed] = list(good)
    for (key, raw, _), place in zip(pills, sorted(random.sample(range(len(lines)), len(pills))), strict=True):
        mixed.insert(place, (key, raw))
    with bed(kafka(partitions=2), tmp_path / "clean") as clean:
        clean.produce(lines)
        clean_seconds = seconds_to_read(clean, "w1")
    live.produce(mixed)
    seconds = seconds_to_read(live, "w1")
    said = live.check()
    chaos.said(said)
    letters = dead_letters(live)
    chaos.figures |= {
        "clean_records_per_s": round(len(lines) / clean_seconds),
        "poisoned_records_per_s": round(len(mixed) / seconds),
        "ratio": round(clean_seconds / seconds, 2),
        "restarts": 0,
    }
    assert len(letters) == len({one["dead_letter_id"] for one in letters}) == len(pills)
    assert Counter(one["reason"] for one in letters) == Counter(reason.value for _, _, reason in pills)
    assert all(len(one["payload"].encode()) <= 4_096 and len(one["payload_sha256"]) == 64 for one in letters)
    assert len({(one["origin"], one["position"]) for one in letters}) == len(pills)
    if chaos.scale >= 1:  # small sizes measure the start-up, and the machine's mood
        assert clean_seconds / seconds >= 0.8


@pytest.mark.thorough
@pytest.mark.fault("F21")
def test_numbers_that_are_none_never_reach_a_figure(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    lines = events(chaos.size("events", 100_000, 5_000), chaos.seed + 21)
    chaos.injected = "NaN, Infinity, 1e999, 2^64 and 5,000 digits among good events, and the largest numbers there are"
    mixed: list[Keyed] = keyed(lines)
    bad = [PILLS[name][0] for name in sorted(NOT_FINITE)] * max(1, len(lines) // 5_000)
    largest = [
        record(event_id=f"large-{number}", customer_id="C-1", amount_minor=2**63 - 1 - number) for number in range(20)
    ]
    for raw in bad:
        mixed.insert(random.randrange(len(mixed)), (b"C-1", raw))
    mixed += [(b"C-1", raw) for raw in largest]  # last: their time must not make others late
    live.produce(mixed)
    seconds_to_read(live, "w1")
    said = live.check()
    chaos.said(said)
    chaos.figures["not_finite"] = len(bad)
    assert Counter(said.dead_letters.values())[Reason.WRONG_VALUE.value] == len(bad)
    for alert in said.alerts.values():
        json.loads(alert, parse_constant=_refuse)
    for fact in said.facts:
        json.loads(fact.partition(b" ")[2], parse_constant=_refuse)
    assert all(math.isfinite(value) for value in said.kpis.values())
    told = said_by(said.alerts.values(), {}).verdicts
    undisturbed = alone([event_of(line) for line in lines], 2).verdicts
    assert {name: status for name, status in told.items() if name in undisturbed} == undisturbed


def _refuse(word: str) -> float:
    raise AssertionError(f"{word} came out")


def as_version_0(line: bytes) -> bytes:
    """The same event as sources of the first version wrote it."""
    stated = json.loads(line) | {"schema_version": 0}
    for new, old in (("occurred_at", "event_time"), ("recorded_at", "ingest_time"), ("customer_id", "subscriber_id")):
        stated[old] = stated.pop(new)
    if "amount_minor" in stated:
        digits = CURRENCIES[stated["currency"]]
        whole = stated.pop("amount_minor")
        stated["amount"] = f"{'-' if whole < 0 else ''}{abs(whole) // 10**digits}" + (
            f".{abs(whole) % 10**digits:0{digits}d}" if digits else ""
        )
    return json.dumps(stated, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.fault("F25")
def test_versions_mix_unknown_fields_pass_and_unknown_versions_are_set_aside(live: Bed, chaos: Chaos) -> None:
    random = chaos.random
    lines = events(chaos.size("events", 50_000, 6_000), chaos.seed + 25)
    chaos.injected = "version 0 and 1 mixed, a field nobody knows, 1 % of an unknown major version; restarts between"
    mixed: list[Keyed] = []
    newer = 0
    for line in lines:
        key = customer_of(line) or b"?"
        kind = random.randrange(4)
        if kind == 0:
            mixed.append((key, as_version_0(line)))
        elif kind == 1:
            mixed.append((key, line[:-1] + b',"new_optional":{"a":[1,2]},"loyalty_level":"gold"}'))
        else:
            mixed.append((key, line))
        if random.random() < 0.01:
            mixed.append((key, line[:-1] + b',"schema_version":3}'))
            newer += 1
    for part in portions(mixed, chaos.size("runs", 3, 1)):  # type: ignore[arg-type]
        live.produce(part)
        live.start()
        live.wait(90)
        assert live.stop() == 0, live.log_of()
    said = live.check()
    chaos.said(said)
    told, expected = said_by(said.alerts.values(), said.kpis), alone([event_of(line) for line in lines], 2)
    assert told.verdicts == expected.verdicts
    assert told.kpis == expected.kpis
    assert Counter(said.dead_letters.values()) == {Reason.UNKNOWN_VERSION.value: newer}


@pytest.fixture
def roomy(kafka: KafkaFactory, tmp_path: Path) -> Iterator[Bed]:
    """A bed whose topics take records of 16 MiB."""
    with bed(kafka(partitions=2, max_message_bytes=16 * MiB), tmp_path) as made:
        yield made


async def _send(live: Bed, values: Sequence[tuple[str, bytes]], compression: str | None) -> None:
    numbers = list(range(live.kafka.partitions))
    async with AIOKafkaProducer(
        **live.kafka.aiokafka(),
        compression_type=compression,
        max_request_size=160 * MiB,
        partitioner=DefaultPartitioner(),
        request_timeout_ms=60_000,
    ) as producer:
        for key, value in values:
            number = DefaultPartitioner()(key.encode(), numbers, numbers)
            await producer.send_and_wait(live.kafka.events[0], value, key=key.encode(), partition=number)


def _memory(live: Bed, word: str) -> float:
    """VmHWM or VmRSS of the worker, in MiB."""
    status = Path(f"/proc/{live.workers['w1'].pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(word))


@pytest.mark.fault("F13")
def test_huge_and_highly_compressed_records_become_small_dead_letters(roomy: Bed, chaos: Chaos) -> None:
    largest = chaos.size("largest bytes", 100 * MiB, 12 * MiB)
    lines = portions(events(chaos.size("events", 20_000, 3_000), chaos.seed + 13), 2)
    chaos.injected = "records of 1 and 10 MiB, and bombs of blanks and of one long text in gzip, lz4 and zstd batches"
    roomy.produce(lines[0])
    roomy.start()
    roomy.wait()
    before = _memory(roomy, "VmRSS")
    sizes = [MiB + 1, 10 * MiB]
    asyncio.run(_send(roomy, [("C-1", b"x" * size) for size in sizes], None))
    bombs = [("C-1", b" " * largest), ("C-2", b'{"a":"' + b"a" * largest + b'"}')]
    for number, compression in enumerate(("gzip", "lz4", "zstd")):
        asyncio.run(_send(roomy, bombs, compression))
        between = [(key.decode(), line or b"") for key, line in keyed(lines[1][50 * number : 50 * number + 50])]
        asyncio.run(_send(roomy, between, compression))
    roomy.produce(lines[1][150:])
    chaos.figures["drained_s"] = round(roomy.wait(120), 1)
    peak = _memory(roomy, "VmHWM")
    assert roomy.stop() == 0, roomy.log_of()
    said = roomy.check()
    chaos.said(said)
    chaos.figures |= {"rss_before_MiB": round(before), "rss_peak_MiB": round(peak)}
    letters = dead_letters(roomy)
    assert len(letters) == len(sizes) + 6
    assert {one["reason"] for one in letters} == {Reason.TOO_LARGE.value}
    assert all(len(one["payload"].encode()) <= 4_096 for one in letters)
    chaos.figures["growth_in_largest"] = round((peak - before) * MiB / largest, 1)
    assert peak - before <= 3 * largest / MiB + (0 if chaos.scale >= 1 else 100)  # small sizes measure everything else
