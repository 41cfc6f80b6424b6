"""What is measured. Each function runs in a process of its own and returns events and seconds (or other figures)."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

from detectors.catalogue import CATALOGUE
from schemas.codec import read_event
from schemas.deadletters import DeadLetter
from schemas.envelope import Attributes, Event, Tick
from streams.engine.engine import Engine
from streams.runners.collecting import long_lived_state
from streams.runners.embedded import EmbeddedRunner, Settings
from streams.runners.feeds import ListSource
from streams.runners.replay import DEFAULT_BATCH, ReplayPlan, replay
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from streams.stores.sqlite import PartitionStore
from tests.benchmarks import corpus

RULES = tuple(detector for detector in CATALOGUE if not detector.meta.model_only)
BATCH = DEFAULT_BATCH
Figures = dict[str, float]


def bare_loop(events: int) -> Figures:
    """The baseline: json.loads of each line and a count by type, the least that any Python consumer does."""
    log = corpus.lines(events)
    counts: Counter[str] = Counter()
    began = perf_counter()
    for line in log:
        counts[json.loads(line)["event_type"]] += 1
    return _timed(len(log), began)


def decode_only(events: int) -> Figures:
    """Bytes to validated events."""
    log = corpus.lines(events)
    began = perf_counter()
    for start in range(0, len(log), BATCH):
        [read_event(line) for line in log[start : start + BATCH]]
    return _timed(len(log), began)


def engine_only(events: int) -> Figures:
    """Decoded events through the engine with all eight detectors."""
    batches = _decoded(corpus.lines(events))
    engine = Engine(RULES)
    began = perf_counter()
    for batch in batches:
        engine.process(batch)
    return _timed(sum(map(len, batches)), began) | {"moments": _moments(engine)}


def decode_and_engine(events: int) -> Figures:
    """Bytes to moments in memory, all eight detectors: the issue asks for 100k events/s."""
    log = corpus.lines(events)
    engine = Engine(RULES)
    began = perf_counter()
    for start in range(0, len(log), BATCH):
        engine.process(_readable(log[start : start + BATCH]))
    return _timed(len(log), began) | {"moments": _moments(engine)}


def embedded(events: int) -> Figures:
    """Bytes to moments, facts and KPIs in ClickHouse and state in SQLite, commits included: 50k events/s are asked."""
    log = corpus.lines(events)
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        progress = EmbeddedRunner(Path(folder), ListSource(log), CATALOGUE, settings=Settings()).run()
        return _timed(progress.records, began) | {"commits": progress.commits}


def replay_parquet(events: int, processes: int) -> Figures:
    """A Parquet log to a result folder."""
    with tempfile.TemporaryDirectory() as folder:
        log = corpus.parquet(events, Path(folder) / "log.parquet")
        began = perf_counter()
        summary = replay(ReplayPlan(log=log, mapping=None, out=Path(folder) / "out", processes=processes))
        return _timed(summary.records, began)


def per_customer_count(events: int, customers: int) -> Figures:
    """Cost of an event when the engine knows `customers` customers already."""
    base = corpus.lines(events)
    over = max(50, events // 285)
    log = corpus.spread(base, over, customers)
    engine = Engine(RULES)
    engine.process(_first_meeting(max(over, customers)))
    batches = _decoded(log)
    began = perf_counter()
    for batch in batches:
        engine.process(batch)
    return _timed(len(log), began)


def idle_customers(customers: int) -> Figures:
    """Bytes on disk per customer after 130 days, and memory when one in ten fits the cache: 1 KB is asked."""
    config = SimulationConfig(customers=customers, days=corpus.DAYS, usage_per_day=0.3)
    with tempfile.TemporaryDirectory() as folder:
        store = PartitionStore(Path(folder) / "state.sqlite")
        engine = Engine(RULES, records=store, max_cached=customers // 10)
        applied = 0
        before, began = _resident_mb(), perf_counter()
        for log in Simulation(config).batches(20_000):
            engine.process(_readable(log))
            applied += len(log)
            store.commit(engine.checkpoint(), applied)
            engine.committed()
        timed = _timed(applied, began)
        store.close()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        return timed | {"bytes_per_customer": size / customers, "memory_mb": _resident_mb() - before}


def _timed(events: int, began: float) -> Figures:
    return {"events": events, "seconds": perf_counter() - began}


def _moments(engine: Engine) -> float:
    return sum(count for name, count in engine.summary().items() if name.startswith("moments."))


def _readable(log: Sequence[bytes]) -> list[Event | Tick]:
    return [record for record in map(read_event, log) if type(record) is not DeadLetter]


def _decoded(log: Sequence[bytes]) -> list[list[Event | Tick]]:
    return [_readable(log[start : start + BATCH]) for start in range(0, len(log), BATCH)]


def _first_meeting(customers: int) -> list[Event]:
    """One event of each customer a day before everything else."""
    at = SimulationConfig().start - timedelta(days=1)
    return [
        Event(
            event_id=f"m{number}",
            event_type="web.page_viewed",
            occurred_at=at,
            recorded_at=at,
            customer_id=f"C{number:08d}",
            attributes=Attributes(),
        )
        for number in range(customers)
    ]


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


MEASURES: dict[str, tuple[Callable[..., Figures], dict[str, Any]]] = {
    "bare json loop": (bare_loop, {"events": 300_000}),
    "decode": (decode_only, {"events": 300_000}),
    "engine": (engine_only, {"events": 300_000}),
    "decode + engine": (decode_and_engine, {"events": 300_000}),
    "embedded end to end": (embedded, {"events": 300_000}),
    "replay of Parquet, 1 process": (replay_parquet, {"events": 600_000, "processes": 1}),
    "replay of Parquet, 2 processes": (replay_parquet, {"events": 600_000, "processes": 2}),
    "replay of Parquet, 2 processes, long log": (replay_parquet, {"events": 2_400_000, "processes": 2}),
    "engine, 1k customers": (per_customer_count, {"events": 300_000, "customers": 1_000}),
    "engine, 10k customers": (per_customer_count, {"events": 300_000, "customers": 10_000}),
    "engine, 100k customers": (per_customer_count, {"events": 300_000, "customers": 100_000}),
    "engine, 1M customers": (per_customer_count, {"events": 300_000, "customers": 1_000_000}),
    "state on disk, 20k customers": (idle_customers, {"customers": 20_000}),
}
"""Name -> function and its size. The first is the baseline of all ratios."""


def apart(name: str, size: float) -> Figures:
    """One measurement in a process of its own, so that none inherits another's memory."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(name, size, theirs))
    process.start()
    theirs.close()
    figures: Figures = ours.recv()
    process.join()
    return figures


def _measure(name: str, size: float, parent: Connection) -> None:
    function, sizes = MEASURES[name]
    with long_lived_state():
        parent.send(function(**{key: _scaled(key, value, size) for key, value in sizes.items()}))


def _scaled(key: str, value: Any, size: float) -> Any:
    return int(value * size) if key == "events" else value
