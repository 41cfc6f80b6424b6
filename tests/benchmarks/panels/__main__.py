"""`python -m tests.benchmarks.panels [--rows N] [--folder DIR] [--rounds N]`: every query of every board over 90 days.

Fills a ClickHouse with facts, computes the indicators, runs the queries; prints the slowest ten, the 95th percentile.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any, NamedTuple

from detectors.catalogue import CATALOGUE
from journeys.registry import shipped_registry
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client
from streams.warehouse.reference import active_packs, step_rows
from streams.warehouse.refresh import Refresher
from tests.benchmarks.panels.rows import DAYS, fill
from tests.dashboards.macros import ALL, Dashboard, Variable, Window, expanded

BOARDS = Path(__file__).parents[3] / "dashboards" / "generated" / "en"
_BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
_ENDS = _BEGINS + timedelta(days=DAYS)
_POINTS = 1_000
"""So many points Grafana asks for."""
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_BASELINE = "SELECT uniq(event_type) FROM events"
_LIMIT_SECONDS = 30


class Asked(NamedTuple):
    """One query of a board, as the server gets it."""

    board: str
    panel: str
    sql: str


def main() -> None:
    """Fill, compute, run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e8, help="events to make")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/mot-panels"), help="the database, kept for next time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="boards whose uid contains this")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    client = open_client(options.folder, settings={"max_threads": 2})
    prepare(client, round(options.rows))
    for own in (True, False):
        print("\ntime range: " + ("each board's own" if own else f"{DAYS} days"))
        asked = [one for one in questions(own) if options.only in one.board]
        report(
            client,
            asked,
            options.rounds,
            options.json.with_stem(f"{options.json.stem}-{own}") if options.json else None,
        )


def prepare(client: Any, rows: int) -> None:
    """Facts and indicators, unless they are there."""
    ddl.apply(client)
    there = client.query("SELECT count() FROM events").result_rows[0][0]
    if not there:
        began = perf_counter()
        customers = fill(client, rows)
        there = client.query("SELECT count() FROM events").result_rows[0][0]
        print(f"{there:,} events of {customers:,} customers made in {perf_counter() - began:.0f} s")
    done = Refresher(client, shipped_registry(), step_rows(active_packs(CATALOGUE))).refresh()
    count = client.query("SELECT count() FROM indicator_rows").result_rows[0][0]
    print(f"{there:,} events, {count:,} indicator rows; {done.computed} indicators computed in {done.seconds:.0f} s")
    print("  slowest: " + ", ".join(f"{name} {seconds:.1f} s" for seconds, name in done.slowest))


def questions(own: bool) -> Iterator[Asked]:
    """Every query of every panel, variable and annotation, with all variables at All, over the time range that the
    board opens with (`own`) or over everything."""
    for path in sorted(BOARDS.glob("*.json")):
        board = json.loads(path.read_text("utf-8"))
        variables = {one["name"]: _standing(one) for one in board["templating"].get("list", [])}
        dashboard = Dashboard(
            window=_window(board["time"]["from"] if own else f"now-{DAYS}d"), variables=variables, uid=board["uid"]
        )
        for title, sql in _texts(board):
            yield Asked(board["uid"], title, expanded(sql, dashboard))


def _window(since: str) -> Window:
    found = re.fullmatch(r"now-(\d+)([mhd])", since)
    length = timedelta(days=DAYS) if found is None else int(found[1]) * _UNITS[found[2]]
    interval = max(timedelta(seconds=1), length / _POINTS)
    return Window(since=_ENDS - length, until=_ENDS, interval=timedelta(seconds=round(interval.total_seconds())))


def _standing(variable: dict[str, Any]) -> Variable:
    if variable["type"] == "textbox":
        return Variable(value="C00000007")
    if variable["type"] in ("constant", "custom"):
        return Variable(value=str(variable.get("current", {}).get("value", variable.get("query", ""))))
    return Variable(value=ALL, options=("normal", "gold"), all_value=variable.get("allValue"))


def _texts(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    def of(panels: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        for panel in panels:
            yield from of(panel.get("panels", []))
            yield from ((panel.get("title", "?"), one["rawSql"]) for one in panel.get("targets", []) if "rawSql" in one)

    yield from of(board["panels"])
    for one in board["templating"].get("list", []):
        query = one.get("query")
        sql = query.get("rawSql") if isinstance(query, dict) else query
        if one["type"] == "query" and sql:
            yield f"variable {one['name']}", sql
    for one in board.get("annotations", {}).get("list", []):
        if "rawSql" in one.get("target", {}):
            yield f"annotation {one['name']}", one["target"]["rawSql"]


def report(client: Any, asked: list[Asked], rounds: int, file: Path | None) -> None:
    """Run each query `rounds` times and print."""
    baseline = median(_seconds(client, _BASELINE) for _ in range(rounds))
    times = {one: [_seconds(client, one.sql) for _ in range(rounds)] for one in dict.fromkeys(asked)}
    every = [seconds for found in times.values() for seconds in found]
    print(f"{len(times)} queries, {rounds} rounds; baseline ({_BASELINE}): {baseline:.3f} s")
    print(f"all runs: p50 {median(every):.3f} s, p95 {quantiles(every, n=20)[-1]:.3f} s, max {max(every):.3f} s")
    slowest = sorted(times.items(), key=lambda one: -median(one[1]))
    print("the slowest ten, median (max), x baseline:")
    for one, found in slowest[:10]:
        middle = median(found)
        print(f"  {middle:7.3f} ({max(found):.3f}) s {middle / baseline:7.2f} x  {one.board}: {one.panel}")
    slow = sum(quantiles([*found, *found], n=20)[-1] >= 1 for found in times.values())
    print(f"queries whose own p95 is 1 s or more: {slow}")
    if file is not None:
        rows = [{"board": one.board, "panel": one.panel, "seconds": found, "sql": one.sql} for one, found in slowest]
        file.write_text(json.dumps({"baseline": baseline, "queries": rows}, indent=1) + "\n", encoding="utf-8")


def _seconds(client: Any, sql: str) -> float:
    began = perf_counter()
    client.query(sql, settings={"max_execution_time": _LIMIT_SECONDS, "timeout_overflow_mode": "break"})
    return perf_counter() - began


if __name__ == "__main__":
    main()
