"""The same log gives the same bytes, however it is cut, spread, shuffled or repeated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from streams.runners.replay import ReplayPlan, Summary, replay
from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log
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


@pytest.mark.parametrize(("batch_size", "processes"), [(500, 1), (17, 2)])
def test_the_same_life_by_columns_changes_no_byte(
    plain: tuple[ReplayPlan, Summary], tmp_path: Path, batch_size: int, processes: int
) -> None:
    plan, summary = plain
    write_log(CONFIG, tmp_path / "events.parquet")
    by_columns = replace(plan, log=tmp_path / "events.parquet", out=tmp_path / "out")

    other = replay(replace(by_columns, batch_size=batch_size, processes=processes))

    same_bytes(plan.out, tmp_path / "out", "moments.jsonl", "retractions.jsonl")
    assert pl.read_parquet(tmp_path / "out" / "kpis.parquet").equals(pl.read_parquet(plan.out / "kpis.parquet"))
    ours, theirs = (
        [json.loads(line) for line in (folder / "dead_letters.jsonl").read_text("utf-8").splitlines()]
        for folder in (tmp_path / "out", plan.out)
    )
    assert [(one["position"], one["reason"], one["detail"]) for one in ours] == [
        (one["position"], one["reason"], one["detail"]) for one in theirs
    ]
    assert (other.events, other.duplicates, other.late) == (summary.events, summary.duplicates, summary.late)


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


def test_late_events_keep_their_line_whoever_set_them_aside(log: Path, tmp_path: Path) -> None:
    lines = log.read_bytes().splitlines()
    late = written([*lines, *lines[:50]], tmp_path / "late.jsonl")  # months too late to be told from new events

    for processes in (1, 3):
        replay(ReplayPlan(log=late, mapping=None, out=tmp_path / str(processes), processes=processes))

    same_bytes(tmp_path / "1", tmp_path / "3", "dead_letters.jsonl", "moments.jsonl")
    letters = map(json.loads, (tmp_path / "3" / "dead_letters.jsonl").read_text(encoding="utf-8").splitlines())
    places = [(letter["origin"], letter["position"]) for letter in letters if letter["reason"] == "too_late"]
    assert places == [("late.jsonl", len(lines) + place) for place in range(1, 51)]


def test_a_replay_ends_when_one_of_its_processes_is_killed(log: Path, tmp_path: Path) -> None:
    """In a process of its own: were it to hang, the test would say so."""
    big = written(log.read_bytes().splitlines() * 40, tmp_path / "big.jsonl")
    script = (
        "import sys, signal, os, threading, time\n"
        "from multiprocessing import active_children\n"
        "from pathlib import Path\n"
        "from streams.runners.replay import ReplayDied, ReplayPlan, replay\n"
        "def kill():\n"
        "    while not active_children(): time.sleep(0.01)\n"
        "    time.sleep(2)\n"
        "    os.kill(active_children()[0].pid, signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    threading.Thread(target=kill, daemon=True).start()\n"
        "    try:\n"
        "        replay(ReplayPlan(Path(sys.argv[1]), None, Path(sys.argv[2]), processes=2))\n"
        "    except ReplayDied as died:\n"
        "        print('told:', died.said_in('zh'))\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script, encoding="utf-8")
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, str(program), str(big), str(tmp_path / "out")],
        capture_output=True, text=True, timeout=240, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False,
    )  # fmt: skip

    assert "told: 回放的一个进程意外终止" in ended.stdout, ended.stderr


def same_bytes(one: Path, other: Path, *names: str) -> None:
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
