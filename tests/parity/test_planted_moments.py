"""Planted moments of every story are found, and nothing else is, at the size the issue names.

Background usage is left out (it plants nothing and would be nine tenths of the log); duplicates, lateness and shuffle
stay.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.runners.replay import ReplayPlan, replay
from streams.runners.results import MOMENTS, read_moments
from streams.simulator.config import SimulationConfig
from streams.simulator.scoring import score
from streams.simulator.simulation import Simulation
from streams.simulator.truth import TruthRecord

CUSTOMERS = int(os.environ.get("MOT_PLANTED_CUSTOMERS", "100000"))


@pytest.mark.slow
def test_precision_and_recall_of_each_detector(tmp_path: Path) -> None:
    config = SimulationConfig(customers=CUSTOMERS, usage_per_day=0.0, ordinary_rate=0.3, duplicates=0.02, late=0.05)
    truth: list[TruthRecord] = []
    with (tmp_path / "events.jsonl").open("wb") as file:
        for part in Simulation(config).slices():
            truth += part.truths
            file.writelines(line + b"\n" for line in part.lines)

    summary = replay(ReplayPlan(log=tmp_path / "events.jsonl", mapping=None, out=tmp_path / "out", processes=2))

    table = score(truth, read_moments(tmp_path / "out" / MOMENTS))
    print(table)
    assert {row.detector_id for row in table} == {"N01", "N03", "N05", "N07", "N22", "N28", "N29", "N30"}
    assert all(row.planted >= CUSTOMERS // 1000 for row in table), table
    assert [row for row in table if row.precision < 0.98 or row.recall < 0.98] == []
    assert summary.late == 0
    assert summary.detector_failures == 0
