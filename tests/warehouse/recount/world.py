"""The pipeline under the recount: a log, runs over it with stops between, refreshes, and the comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from shutil import rmtree
from typing import Any

import msgspec

from detectors.catalogue import CATALOGUE
from detectors.policy import shipped_packs
from journeys.registry import shipped_registry
from schemas.times import DAY, MINUTE, iso
from streams.runners.embedded import EmbeddedRunner, Settings
from streams.runners.feeds import LineFileSource, Records
from streams.runners.folder import HEADER_NAME, clickhouse_path
from streams.simulator.config import STORY_RATES, SimulationConfig
from streams.simulator.simulation import Simulation
from streams.sinks.clickhouse import open_client
from streams.warehouse.reference import step_rows
from streams.warehouse.refresh import OVERLAP_SECONDS, Refreshed, Refresher
from tests.warehouse.recount.compare import compare
from tests.warehouse.recount.counters import differing_counters
from tests.warehouse.recount.facts import HAND_MADE, facts_of
from tests.warehouse.recount.fuzz import Fuzz, mixed
from tests.warehouse.recount.log import Log, ms

STEPS = step_rows(set(shipped_packs()))
"""All packs are active, so that every kind of step is owed."""
COUNTERS = {"events", "late_events", "handoffs", "moments_negative", "moments_retracted"}
_SETTINGS = Settings(answers_queries=False, strict=True)


class _Time(msgspec.Struct):
    occurred_at: datetime


def written(path: Path, *, customers: int, made_up: int) -> list[bytes]:
    """A log of simulated customers with many stories, and of made-up ones at every edge; its lines, also at `path`.

    1 % of the events come twice, 0.5 % of the usage too late.
    """
    config = SimulationConfig(
        customers=customers,
        seed=5,
        usage_per_day=0.3,
        duplicates=0.01,
        beyond_allowance=0.005,
        story_rates=dict.fromkeys(STORY_RATES, 0.15),
    )
    told = [line for part in Simulation(config).slices() for line in part.lines]
    fuzz = Fuzz(11, config.start_ms - 200 * DAY, config.end_ms).lines(made_up, 60)
    read = msgspec.json.Decoder(_Time).decode
    lines = mixed(told, fuzz, lambda line: ms(read(line).occurred_at))
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return lines


class _CutSource(LineFileSource):
    """A log whose reader is told to stop once line `until` is in his hands."""

    def __init__(self, path: Path, until: int) -> None:
        super().__init__(path)
        self._until = until
        self.stop: Callable[[], None] = bool

    def batches(self, start: int, size: int) -> Iterator[Records]:
        for records in super().batches(start, size):
            if records.first + len(records.raws) >= self._until:
                self.stop()
            yield records


def run(folder: Path, log: Path, until: int | None = None) -> int:
    """Let a new runner go on in the log, to its end or a little beyond line `until`; to where it has come."""
    source = LineFileSource(log) if until is None else _CutSource(log, until)
    runner = EmbeddedRunner(folder, source, CATALOGUE, settings=_SETTINGS)
    if isinstance(source, _CutSource):
        source.stop = runner.stop
    return runner.run().position


def forget(folder: Path) -> None:
    """Lose all state but ClickHouse: the next run reads the whole log again."""
    rmtree(folder / "state")
    (folder / HEADER_NAME).unlink()


def refresh(client: Any, *, later: bool = True) -> Refreshed:
    """Refresh the indicators; `later`: let the next refresh look only at what is stored from now on."""
    done = Refresher(client, shipped_registry(), STEPS).refresh()
    if later:
        client.command(
            "INSERT INTO indicator_marks SELECT indicator, fingerprint, "
            f"now('UTC') + INTERVAL {OVERLAP_SECONDS} SECOND, front, now64(3, 'UTC') FROM indicator_marks FINAL"
        )
    return done


def put_moments(client: Any, log: Log) -> None:
    """Moments that no shipped detector makes: positive ones, and those that are still pending."""
    random = Random(3)
    people = sorted(log.people)
    rows = []
    for number in range(120):
        at = log.now - random.randrange(50 * DAY)
        moment = {
            "moment_id": f"{HAND_MADE}{number}",
            "detector_id": random.choice(("P01", "P02")),
            "customer_id": random.choice(people),
            "stage": random.choice(("use", "pay")),
            "touchpoint": random.choice(("bill_received", "complaint_returned")),
            "channel": random.choice(("app", "store")),
            "tier": random.choice(("gold", "normal")),
            "region": random.choice(("zhejiang", "unknown")),
            "department": "billing",
            "valence": random.choice(("positive", "positive", "positive", "negative")),
            "status": random.choice(("pending", "confirmed", "confirmed", "retracted")),
            "anchor_at": iso(at - MINUTE),
            "decided_at": iso(at),
            "version": 1,
        }
        rows.append(msgspec.json.encode(moment))
    client.raw_insert("moments", insert_block=b"\n".join(rows), fmt="JSONEachRow")


def opened(folder: Path) -> Any:
    """A client of the folder's ClickHouse."""
    return open_client(clickhouse_path(folder))


def check(client: Any, lines: Sequence[bytes], *, whole: bool = True) -> str:
    """Compare everything with the recount of `lines`; `whole`: nothing may be missing from the log.

    Returns a table of units and values per indicator.
    """
    log = Log(lines)
    facts = facts_of(client, STEPS)
    counted, wrong_counters = differing_counters(client, log, facts)
    assert wrong_counters.empty, wrong_counters.head(10).to_string()
    found = compare(client, shipped_registry().computed(), log, facts)
    wrong = {name: one.examples for name, one in found.items() if one.wrong}
    assert not wrong, "\n".join(f"{name}: {examples[:3]}" for name, examples in wrong.items())
    if whole:
        assert set(counted) >= COUNTERS, counted
        assert not [name for name, one in found.items() if not one.units]
    return "\n".join(f"{name:40} {one.units:9} units {one.values:9} values" for name, one in found.items())
