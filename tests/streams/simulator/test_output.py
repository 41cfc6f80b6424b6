"""Logs in files hold what the simulation says, in every format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.codec import decode
from schemas.envelope import Event
from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log
from streams.simulator.simulation import Simulation
from streams.simulator.truth import read_truth, write_truth

CONFIG = SimulationConfig(customers=120, days=6, malformed=0.01)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return [line for part in Simulation(CONFIG).slices() for line in part.lines]


def test_json_lines_hold_every_line(tmp_path: Path, lines: list[bytes]) -> None:
    steps: list[tuple[int, int]] = []
    written = write_log(CONFIG, tmp_path / "log.jsonl", tmp_path / "truth.jsonl", lambda at, n: steps.append((at, n)))
    assert (tmp_path / "log.jsonl").read_bytes().splitlines() == lines
    assert written.lines == len(lines) == steps[-1][1]
    assert steps == sorted(steps)
    assert len(list(read_truth(tmp_path / "truth.jsonl"))) == written.truths > 5


def test_gzip_holds_the_same_and_repeats_byte_for_byte(tmp_path: Path, lines: list[bytes]) -> None:
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write_log(CONFIG, tmp_path / name)
    assert gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()).splitlines() == lines
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()


def test_parquet_holds_events_by_columns_and_other_lines_whole(tmp_path: Path, lines: list[bytes]) -> None:
    write_log(CONFIG, tmp_path / "log.parquet")
    rows = pq.read_table(tmp_path / "log.parquet").to_pylist()
    whole = 0
    for row, line in zip(rows, lines, strict=True):
        event = decode(line)
        whole += row["payload"] is not None
        if not isinstance(event, Event):
            assert row["payload"] == line
        elif event.model_extra:
            assert (row["payload"], row["event_id"]) == (line, event.event_id)
        else:
            assert row["payload"] is None
            said = event.model_dump(exclude={"schema_version", "attributes"})
            assert {name: row[name] for name in said} == said
            assert (row["attributes"] is None) is (b'"attributes"' not in line)
    assert 0 < whole < len(lines) / 20


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.jsonl"):
        write_log(CONFIG, tmp_path / "log.csv")


def test_truth_survives_a_file_and_a_broken_line_is_named(tmp_path: Path) -> None:
    truths = [record for part in Simulation(CONFIG).slices() for record in part.truths]
    path = tmp_path / "truth.jsonl"
    assert write_truth(path, truths) == len(truths)
    assert list(read_truth(path)) == truths
    path.write_text(path.read_text("utf-8") + "{}\n", "utf-8")
    with pytest.raises(ValueError, match=rf"truth\.jsonl:{len(truths) + 1}"):
        list(read_truth(path))
