"""The JSON-lines sink says the same as the ClickHouse one."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from streams.engine.effects import VersionedMoment
from streams.errors import DiskFull
from streams.sinks.clickhouse import ClickHouseSink, open_client
from streams.sinks.jsonl import KINDS, JsonlSink
from streams.sinks.ports import Delivery
from tests.streams.runners.stories import BEGIN, raw
from tests.streams.sinks.test_clickhouse import events, kpis, moment


def delivery() -> Delivery:
    made = events(raw("e1", "usage.recorded", BEGIN, "客户-1", {"kind": "data", "units": 1}))
    made.moments.append(VersionedMoment(3, moment()))
    made.kpis.append(kpis(7, [1, 2, 3, 4], dims=4))
    return made


def read(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_each_kind_has_its_file_and_deliveries_are_appended(tmp_path: Path) -> None:
    for _ in range(2):
        with JsonlSink(tmp_path) as sink:
            assert sink.write(delivery()) == []

    assert {path.stem for path in tmp_path.glob("*.jsonl")} == set(KINDS)
    assert [event["stage"] for event in read(tmp_path, "events")] == ["resolve", "resolve"]
    assert [said["explanation_zh"] for said in read(tmp_path, "moments")] == ["两次来电"] * 2
    assert [row["value"] for row in read(tmp_path, "kpis")] == [1, 2, 3, 4] * 2


def test_kpi_lines_and_kpi_columns_say_the_same(tmp_path: Path) -> None:
    with JsonlSink(tmp_path / "lines") as lines:
        lines.write(delivery())
    client = open_client(tmp_path / "clickhouse")
    sink = ClickHouseSink(client, tmp_path)
    sink.write(delivery())
    from_columns = client.query("SELECT * EXCEPT (stored_at) FROM kpis ORDER BY touchpoint")
    sink.write_rows("kpis", read(tmp_path / "lines", "kpis"))
    doubled = client.query("SELECT * EXCEPT (stored_at) FROM kpis ORDER BY touchpoint").result_rows
    sink.close()

    assert len(from_columns.result_rows) == 4
    assert doubled == [row for row in from_columns.result_rows for _ in range(2)]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with JsonlSink(tmp_path) as sink, pytest.raises(DiskFull):
        sink.write(delivery())
