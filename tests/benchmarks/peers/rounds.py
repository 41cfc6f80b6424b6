"""Runs the contenders in turn, one process each, and puts their figures beside each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tests.benchmarks.peers.contenders import LOOP, TABLE, Contender
from tests.benchmarks.peers.tally import Task

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 600.0


class Result(NamedTuple):
    """One run of one contender: seconds and CPU seconds from the first event to the last, and the alerts, sorted."""

    events: int
    seconds: float
    cpu_seconds: float
    alerts: list[str]
    load: float


class Failed(Exception):
    """A contender ended without a report, or made none in time; the message ends with its last words."""


def run_once(contender: Contender, task: Task) -> Result:
    """Start it, wait for its report, end it."""
    report = task.folder / "report.json"
    with (task.folder / "log.txt").open("wb") as log, _process(contender.command(task), log) as process:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not report.exists():
            if process.poll() is not None and not report.exists():
                raise Failed(f"{contender.name}: ended ({process.returncode}) without a report\n{_tail(task)}")
            if time.monotonic() > give_up:
                raise Failed(f"{contender.name}: no report after {PATIENCE_SECONDS:.0f} s\n{_tail(task)}")
            time.sleep(0.1)
    said = json.loads(report.read_text(encoding="utf-8"))
    return Result(said["events"], said["seconds"], said["cpu_seconds"], said["alerts"], os.getloadavg()[0])


@contextmanager
def _process(command: list[str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        for signals in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, signals)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    continue


def _tail(task: Task) -> str:
    return (task.folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-2_000:]


def run_all(contenders: Sequence[Contender], task: Task, rounds: int) -> dict[str, list[Result]]:
    """A B C, A B C, ...: each run with a group and a folder of its own. One that fails is left out and said."""
    results: dict[str, list[Result]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for place, contender in enumerate(contenders):
            print(f"\rround {number + 1}/{rounds}: {contender.name:40}", end="", flush=True)
            with tempfile.TemporaryDirectory(prefix="mot-peers-") as folder:
                mine = task._replace(group=f"{task.group}-{number}-{place}", folder=Path(folder))
                try:
                    results[contender.name].append(run_once(contender, mine))
                except Failed as failed:
                    print(f"\n{failed}", flush=True)
    print("\r" + " " * 70, end="\r")
    return results


def figures(results: dict[str, list[Result]]) -> dict[str, dict[str, float]]:
    """Medians of events/s and CPU microseconds per event; ratios to the Faust agent with a Table and the plain loop."""
    table = {}
    for name, rounds in results.items():
        if rounds:
            speeds = [one.events / one.seconds for one in rounds]
            cpu = median(one.cpu_seconds / one.events * 1e6 for one in rounds)
            table[name] = {
                "events_per_second": median(speeds),
                "least": min(speeds),
                "most": max(speeds),
                "cpu_microseconds_per_event": cpu,
            }
    for one in table.values():
        for baseline, key in ((TABLE, "x_faust_table"), (LOOP, "x_loop")):
            if baseline in table:
                one[key] = one["events_per_second"] / table[baseline]["events_per_second"]
    return table


def print_table(table: dict[str, dict[str, float]], contenders: Sequence[Contender]) -> None:
    """For people, and for the README."""
    print(f"{'':33} {'events/s':>9} {'least':>9} {'most':>9} {'x Table':>8} {'x loop':>7} {'CPU us':>7}  durable")
    for contender in contenders:
        one = table.get(contender.name)
        if one is None:
            print(f"{contender.name:33} {'failed':>9}")
            continue
        speeds = "".join(f" {one[key]:>9,.0f}" for key in ("events_per_second", "least", "most"))
        ratios = f" {one.get('x_faust_table', 0):>8.2f} {one.get('x_loop', 0):>7.2f}"
        ratios += f" {one['cpu_microseconds_per_event']:>7.1f}"
        print(f"{contender.name:33}{speeds}{ratios}  {contender.durable}")


def difference(found: Sequence[str], expected: Sequence[str]) -> dict[str, list[str]]:
    """Alerts found too often or wrongly (`more`) and not found (`missing`)."""
    counted, wanted = Counter(found), Counter(expected)
    return {"more": sorted((counted - wanted).elements()), "missing": sorted((wanted - counted).elements())}


def print_differences(
    results: dict[str, list[Result]], expected: Sequence[str], contenders: Sequence[Contender]
) -> dict[str, list[dict[str, list[str]]]]:
    """Say who found other alerts than the reference, and give the differences of each round by name."""
    print(f"\nalerts of the reference: {_by_rule(expected)}")
    apart = {}
    for contender in contenders:
        rounds = [difference(one.alerts, expected) for one in results[contender.name]]
        if any(one["more"] or one["missing"] for one in rounds):
            apart[contender.name] = rounds
            excuse = f" ({contender.excuse})" if contender.excuse else ""
            print(f"  {contender.name}: DIFFERENT{excuse}")
            for number, one in enumerate(rounds, 1):
                words = (f"{key} {_by_rule(ids)}, e.g. {', '.join(ids[:3])}" for key, ids in one.items() if ids)
                print(f"    round {number}: {'; '.join(words) or 'the same'}")
    if not apart:
        print("  every contender found exactly these in every round")
    return apart


def _by_rule(alerts: Sequence[str]) -> str:
    counts = Counter(alert.split()[0] for alert in alerts)
    return ", ".join(f"{count} {rule}s" for rule, count in sorted(counts.items())) or "none"
