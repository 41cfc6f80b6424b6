"""The same log gives the same bytes, however it is cut, spread, shuffled or repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from streams.runners.replay import ReplayPlan, Summary, replay
from streams.simulator.config import SimulationConfig
from tests.parity.logs import shuffled, simulated, written

CONFIG = SimulationConfig(
    customers=400,
    days=140,
    seed=11,
    usage_per_day=0.1,
    late=0.03,
    shuffle_seconds=60,
    malformed=0.001,
    story_rates=dict.fromkeys(SimulationConfig().story_rates, 0.15),
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(simulated(CONFIG)[0], tmp_path_factory.mktemp("log") / "events.jsonl")


@pytest.fixture(scope="module")
def plain(log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReplayPlan, Summary]:
    plan = ReplayPlan(log=log, mapping=None, out=tmp_path_factory.mktemp("plain"))
    return plan, replay(plan)


def test_the_log_holds_something_of_everything(plain: tuple[ReplayPlan, Summary]) -> None:
    _, summary = plain

    assert {"N01", "N03", "N05", "N07", "N22", "N28", "N29", "N30"} <= set(summary.moments)
    assert summary.duplicates > 0
    assert summary.dead_letters > 0
    assert summary.detector_failures == 0
    assert summary.late == 0


@pytest.mark.parametrize(("batch_size", "processes"), [(1, 1), (17, 1), (5000, 1), (500, 2), (17, 3)])
def test_batches_and_processes_change_no_byte(
    plain: tuple[ReplayPlan, Summary], tmp_path: Path, batch_size: int, processes: int
) -> None:
    plan, summary = plain

    other = replay(replace(plan, out=tmp_path, batch_size=batch_size, processes=processes))

    same_bytes(plan.out, tmp_path, "moments.jsonl", "dead_letters.jsonl")
    assert pl.read_parquet(tmp_path / "kpis.parquet").equals(pl.read_parquet(plan.out / "kpis.parquet"))
    assert other.moments == summary.moments


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffles_within_lateness_and_repeats_change_no_moment(
    plain: tuple[ReplayPlan, Summary], log: Path, tmp_path: Path, seed: int
) -> None:
    plan, summary = plain
    disorder = written(shuffled(log.read_bytes().splitlines(), seed), tmp_path / "shuffled.jsonl")

    other = replay(replace(plan, log=disorder, out=tmp_path / "out"))

    same_bytes(plan.out, tmp_path / "out", "moments.jsonl")
    kpis = pl.read_parquet(tmp_path / "out" / "kpis.parquet")
    assert kpis.equals(pl.read_parquet(plan.out / "kpis.parquet"))
    assert other.late == 0
    assert other.duplicates > summary.duplicates


def test_kpis_equal_a_recount_of_the_log(plain: tuple[ReplayPlan, Summary], log: Path) -> None:
    plan, summary = plain
    times = recounted(log)

    kpis = pl.read_parquet(plan.out / "kpis.parquet").filter(pl.col("indicator") == "events")

    for grain, every in (("minute", "1m"), ("hour", "1h"), ("day", "1d")):
        recount = times.group_by(pl.col("occurred_at").dt.truncate(every).alias("start")).len().sort("start")
        ours = (
            kpis.filter(pl.col("grain") == grain)
            .group_by("window_start")
            .agg(pl.col("value").sum())
            .sort("window_start")
        )
        assert ours["value"].to_list() == recount["len"].to_list()
    assert summary.events == times.height


def recounted(log: Path) -> pl.DataFrame:
    """`occurred_at` of every readable event once, read without the product."""
    times: dict[tuple[str, str], datetime] = {}
    for line in log.read_bytes().splitlines():
        try:
            event = json.loads(line)
            times[event["customer_id"], event["event_id"]] = datetime.fromisoformat(event["occurred_at"])
        except (ValueError, KeyError):
            continue
    return pl.DataFrame({"occurred_at": list(times.values())})


def same_bytes(one: Path, other: Path, *names: str) -> None:
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
