"""F6 and F7: ClickHouse refuses, hangs, loses answers, comes back; detection does not notice and no row is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.sinks.connect import server_at, with_tables
from tests.chaos.figures import Chaos
from tests.chaos.oracles import event_of
from tests.chaos.traffic import events, portions, reached, until
from tests.live.bed import Bed, Ledger
from tests.streams.sinks.clickhouse_server import ClickHouseServer


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouseServer]:
    started = ClickHouseServer(tmp_path / "clickhouse")
    with_tables(server_at(started.url, {}).connect()).close()
    yield started
    started.kill()


@pytest.fixture
def start_sink(live: Bed, clickhouse: ClickHouseServer) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts `mot run sink-clickhouse` as a user does."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        words = ["run", "sink-clickhouse", "--kafka", str(live.settings), "--clickhouse", clickhouse.url]
        with (live.folder / "sink.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams", *words], stderr=log, env={**os.environ, "MOT_LANG": "en"}
            )
        started.append(process)
        return process

    yield start
    for one in started:
        one.kill()
        one.wait()


def rows_in(clickhouse: ClickHouseServer) -> tuple[int, int, int]:
    """Rows of events, of moments and of KPI windows."""
    return (
        int(clickhouse.rows("SELECT count() FROM events FINAL")[0][0]),
        int(clickhouse.rows("SELECT count() FROM moments FINAL")[0][0]),
        int(clickhouse.rows("SELECT count() FROM kpis FINAL")[0][0]),
    )


def same_rows(clickhouse: ClickHouseServer, said: Ledger, lines: list[bytes]) -> None:
    """ClickHouse holds each event once, the last version of each moment, and each KPI window's last value."""
    ids = sorted(row[0] for row in clickhouse.rows("SELECT event_id FROM events FINAL"))
    assert ids == sorted({event_of(line).event_id for line in lines})
    last: dict[str, int] = {}
    for name, version in said.alerts:
        last[name] = max(version, last.get(name, 0))
    stored = {row[0]: int(row[1]) for row in clickhouse.rows("SELECT moment_id, version FROM moments FINAL")}
    assert stored == last
    columns = "indicator, grain, toString(window_start), stage, touchpoint, channel, tier, department, region"
    kept = {
        (*row[:2], row[2][:19].replace(" ", "T") + ".000Z", *row[3:9], int(row[9])): int(row[10])
        for row in clickhouse.rows(f"SELECT {columns}, partition, value FROM kpis FINAL")
    }
    assert kept == said.kpis


def seconds_of(live: Bed, lines: list[bytes]) -> float:
    """How long the running worker takes from now until it has committed `lines` more."""
    began = time.monotonic()
    live.produce(lines)
    live.wait(120)
    commits = [at for word, at in live.trace_of() if word == "acknowledged" and at > began]
    return max(commits) - began


@pytest.mark.fault("F6")
def test_detection_does_not_notice_that_clickhouse_is_away(
    live: Bed, clickhouse: ClickHouseServer, start_sink: Callable[[], subprocess.Popen[bytes]], chaos: Chaos
) -> None:
    lines = events(chaos.size("events", 1_200_000, 16_000), chaos.seed + 6)
    seconds = chaos.size("away s", 600, 4)
    chaos.injected = "ClickHouse gone (refused), then hung, then back; the sink runs on"
    warm, alive, refused, hung = portions(lines, 4)
    sink = start_sink()
    live.start()
    seconds_of(live, list(warm))
    until("the sink stores", lambda: rows_in(clickhouse)[0] > 0, 60, 0.5)
    rates = {"alive": len(alive) / seconds_of(live, list(alive))}
    clickhouse.kill()
    rates["refused"] = len(refused) / seconds_of(live, list(refused))
    time.sleep(seconds / 2)
    clickhouse.start()
    clickhouse.fault("hang")
    rates["hung"] = len(hung) / seconds_of(live, list(hung))
    time.sleep(seconds / 2)
    clickhouse.kill()  # the connections that hang must go, as they do when a machine is started anew
    clickhouse.start()
    assert live.stop() == 0, live.log_of()
    said = live.check()
    chaos.said(said)
    wanted = (len({event_of(line).event_id for line in lines}), len({name for name, _ in said.alerts}), len(said.kpis))
    chaos.figures["drained_s"] = round(until("all rows", lambda: rows_in(clickhouse) == wanted, 300, 0.5), 1)
    assert sink.poll() is None
    chaos.figures["events_per_s"] = {name: round(rate) for name, rate in rates.items()}
    same_rows(clickhouse, said, lines)
    if chaos.scale >= 0.1:  # a small size is over in a second; that it ended while ClickHouse was away is enough
        assert min(rates["refused"], rates["hung"]) >= 0.8 * rates["alive"]


@pytest.mark.thorough
@pytest.mark.fault("F7")
def test_lost_answers_double_no_row_even_when_the_sink_is_killed(
    live: Bed, clickhouse: ClickHouseServer, start_sink: Callable[[], subprocess.Popen[bytes]], chaos: Chaos
) -> None:
    lines = events(chaos.size("events", 60_000, 8_000), chaos.seed + 7)
    rounds = chaos.size("kills of the sink", 10, 1)
    chaos.injected = "1 in 20 inserts is stored and its answer lost; the sink is killed (SIGKILL) meanwhile"
    clickhouse.fault("lose", every=20 if chaos.scale >= 0.5 else 4)
    live.start()
    sink = start_sink()
    for part in portions(lines, rounds + 1):
        live.produce(part)
        before = sum(rows_in(clickhouse))
        until("something is stored", lambda before=before: sum(rows_in(clickhouse)) > before, 60, 0.3)
        sink.kill()
        sink.wait()
        sink = start_sink()
    live.wait(60)
    assert live.stop() == 0, live.log_of()
    said = live.check()
    chaos.said(said)
    wanted = (len({event_of(line).event_id for line in lines}), len({name for name, _ in said.alerts}), len(said.kpis))
    chaos.figures["drained_s"] = round(until("all rows", lambda: rows_in(clickhouse) == wanted, 120, 0.5), 1)
    told = clickhouse.fault()
    chaos.figures |= {"inserts": told["inserts"], "answers_lost": told["met"]}
    same_rows(clickhouse, said, lines)
    sink.send_signal(signal.SIGTERM)
    assert sink.wait(20) == 0
    assert told["met"] > 0
    assert json.dumps(chaos.figures)
    assert reached(live, "acknowledged") is not None
