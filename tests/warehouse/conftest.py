"""Facts to compute indicators from: simulated journeys, run once through the embedded pipeline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detectors.catalogue import CATALOGUE
from streams.cli.demo_feed import SimulatedFeed
from streams.runners.embedded import EmbeddedRunner
from streams.runners.folder import clickhouse_path
from streams.simulator.config import SimulationConfig
from streams.sinks.clickhouse import open_client

CONFIG = SimulationConfig(customers=150, days=130, seed=5, usage_per_day=0.3)


@pytest.fixture(scope="session")
def facts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result folder with the facts of 150 customers over 130 days, and no indicators. To be copied, not changed."""
    folder = tmp_path_factory.mktemp("facts") / "run"
    EmbeddedRunner(folder, SimulatedFeed(CONFIG, speed=0, duration=None), CATALOGUE).run()
    return folder


@pytest.fixture
def facts(facts_folder: Path, tmp_path: Path) -> Iterator[Any]:
    """A client of a copy of those facts."""
    shutil.copytree(clickhouse_path(facts_folder), tmp_path / "clickhouse", symlinks=True)
    client = open_client(tmp_path / "clickhouse")
    yield client
    client.close()
