"""The suite's sizes, seed and table of figures. `python -m tests.chaos` runs it at the matrix's sizes."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.figures import Chaos, table

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings
    from tests.conftest import KafkaFactory

SEED = int(os.environ.get("MOT_CHAOS_SEED", "20261122"))
SCALE = float(os.environ.get("MOT_CHAOS_SIZE", "0.01"))
THOROUGH_FROM = 0.1
ROWS: list[Chaos] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(name): the row of the fault matrix that a test stands for")
    config.addinivalue_line("markers", "thorough: left to `make chaos`, a like test runs in `make test`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = os.environ.get("MOT_CHAOS_ONLY", "")

    def is_wanted(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("fault")
        if marker is None:
            return True
        if asked:
            return marker.args[0] in asked.split(",")
        return SCALE >= THOROUGH_FROM or item.get_closest_marker("thorough") is None

    left_out = [item for item in items if not is_wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if is_wanted(item)]


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> Iterator[Chaos]:
    """The row of this test; its seed is printed with a failure."""
    marker = request.node.get_closest_marker("fault")
    row = Chaos(marker.args[0], SCALE, SEED, title=request.node.name.removeprefix("test_").replace("_", " "))
    ROWS.append(row)
    print(f"MOT_CHAOS_SEED={SEED} MOT_CHAOS_SIZE={SCALE}")
    request.node.chaos = row
    return row


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    row = getattr(item, "chaos", None)
    if row is not None and report.when == "call":
        row.result, row.seconds = report.outcome, report.duration


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not ROWS:
        return
    terminalreporter.section(f"chaos: seed {SEED}, size {SCALE}")
    terminalreporter.write_line(table(ROWS))
    if path := os.environ.get("MOT_CHAOS_JSON"):
        told = {
            "machine": platform.platform(),
            "cores": os.cpu_count(),
            "seed": SEED,
            "size": SCALE,
            "rows": [row.as_json() for row in ROWS],
        }
        Path(path).write_text(json.dumps(told, indent=2) + "\n")


@pytest.fixture
def live(kafka: KafkaFactory, tmp_path: Path) -> Iterator[Any]:
    """A bed of two partitions on the shared broker."""
    from tests.live.bed import bed  # noqa: PLC0415 collecting needs no Kafka

    settings: KafkaSettings = kafka(partitions=2)
    with bed(settings, tmp_path) as made:
        yield made
