"""`mot demo`: simulated journeys through the embedded pipeline, the live board, then the finds beside the truth."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from detectors.catalogue import CATALOGUE
from schemas.moments import Moment
from schemas.times import from_ms, iso
from streams.cli.demo_board import Wall, showing
from streams.cli.demo_feed import SimulatedFeed
from streams.cli.failures import DONE, INTERRUPTED, CliError
from streams.cli.progress import telling_of_other_settings
from streams.cli.results import EmbeddedResults, keep_settings
from streams.cli.session import Session
from streams.errors import FolderBusy
from streams.lock import LOCK_NAME, FolderLock, holder_of, is_held
from streams.runners.embedded import EmbeddedRunner, Progress, Reading
from streams.settings import OperatorSettings, load_settings
from streams.simulator.config import SimulationConfig
from streams.simulator.scoring import Score, score
from streams.warehouse.reference import steps_of
from streams.warehouse.upkeep import Upkeep
from streams.warehouse.warehouse import FolderWarehouse

MARKER = "demo.json"
SUMMARY = "summary.json"
DEFAULT_FOLDER = Path("mot-demo")
QUERY = "SELECT stage, tier, count() AS moments FROM moments_now GROUP BY ALL ORDER BY moments DESC LIMIT 8"


class DemoOptions(NamedTuple):
    """What was asked for. `duration` in seconds of wall time, `speed` in event time per wall time (0: no limit)."""

    customers: int
    days: int
    seed: int
    speed: float
    duration: float | None
    out: Path
    settings: Path | None
    json_file: Path | None


def run(session: Session, options: DemoOptions) -> int:
    """Run the demo and print what came of it; returns the exit code.

    Raises CliError for a folder that is no demo's, SettingsError.
    """
    settings = OperatorSettings() if options.settings is None else load_settings(options.settings)
    config = SimulationConfig(customers=options.customers, days=options.days, seed=options.seed)
    prepare(options.out, config)
    keep_settings(options.out, settings)
    feed = SimulatedFeed(config, speed=options.speed, duration=options.duration)
    wall = Wall(session, feed)
    told = telling_of_other_settings(session, options.out, wall.commit)
    reading = Reading(settings.lateness(), settings.touchpoints(), settings.placements())
    catalogue = settings.catalogue()
    runner = EmbeddedRunner(options.out, feed, catalogue, reading=reading, told=told)
    began = time.monotonic()
    with interruptible(feed, runner) as interrupted, showing(session, wall, options.out):
        progress = runner.run()
    seconds = time.monotonic() - began
    if not session.err.is_terminal:
        session.err.print(session.say("demo.computing"), markup=False, soft_wrap=True)
    with FolderWarehouse(options.out).writing() as client, session.err.status(session.say("demo.computing")):
        Upkeep(client, settings.registry(), steps_of(catalogue), settings.touchpoints()).run()
    moments = EmbeddedResults(options.out).moments()
    until = from_ms(progress.front_ms) if feed.cut and progress.front_ms >= 0 else None
    summary = judged(summary_of(options, feed, progress, seconds), moments, score(feed.truths, moments, until))
    _write(options.out / SUMMARY, summary)
    if options.json_file is not None:
        _write(options.json_file, summary)
    _print(session, summary, moments)
    return INTERRUPTED if interrupted else DONE


def prepare(folder: Path, config: SimulationConfig) -> None:
    """An empty folder for a demo; an earlier demo in it is wiped. Raises CliError, FolderBusy, FolderNotWritable."""
    if is_held(folder):
        raise FolderBusy(folder, holder_of(folder))
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise CliError("error.not_a_demo", path=folder)
    with FolderLock(folder):
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != LOCK_NAME:
                entry.unlink()
        (folder / MARKER).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")


@contextmanager
def interruptible(feed: SimulatedFeed, runner: EmbeddedRunner) -> Iterator[list[int]]:
    """Ctrl-C ends the log, so that everything said so far is confirmed and committed; a second one commits at once.

    Gives a list that is empty unless that happened.
    """
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        feed.stop()
        if len(pressed) > 1:
            runner.stop()

    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield pressed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def summary_of(options: DemoOptions, feed: SimulatedFeed, progress: Progress, seconds: float) -> dict[str, Any]:
    """What a program may want to know of the run but the moments; times as RFC 3339 in UTC."""
    return {
        "customers": options.customers,
        "days": options.days,
        "seed": options.seed,
        "folder": str(options.out),
        "cut": feed.cut,
        "event_time": iso(progress.front_ms) if progress.front_ms >= 0 else None,
        "records": progress.records,
        "seconds": round(seconds, 2),
        "records_per_second": round(progress.records / seconds) if seconds else 0,
        "duplicates": progress.totals.get("duplicates", 0),
        "late": progress.totals.get("late", 0),
        "dead_letters": progress.dead_letters,
    }


def judged(summary: dict[str, Any], moments: list[Moment], scores: list[Score]) -> dict[str, Any]:
    """`summary` with the moments by status, and every detector beside the truth."""
    statuses = Counter(moment.status for moment in moments)
    return summary | {
        "moments": {status: statuses.get(status, 0) for status in ("pending", "confirmed", "retracted")},
        "detectors": {
            one.detector_id: {
                "planted": one.planted,
                "found": one.found,
                "missed": len(one.missed),
                "spurious": len(one.spurious),
                "open": len(one.undecided),
                "near_misses": one.near_misses,
                "precision": round(one.precision, 4),
                "recall": round(one.recall, 4),
            }
            for one in scores
        },
    }


def _write(path: Path, summary: dict[str, Any]) -> None:
    path.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _print(session: Session, summary: dict[str, Any], moments: list[Moment]) -> None:
    out = session.out
    out.print(Text(session.say("demo.truth"), style="bold"))
    out.print(_truth(session, summary["detectors"], cut=summary["cut"]))
    if summary["cut"]:
        out.print(session.say("demo.stopped", at=summary["event_time"]), markup=False, soft_wrap=True)
        if any(row["open"] for row in summary["detectors"].values()):
            out.print(session.say("demo.open_means"), markup=False, soft_wrap=True)
    figures = {name: f"{summary[name]:,}" for name in ("records", "duplicates", "late", "dead_letters")}
    rate = f"{summary['records_per_second']:,}"
    counts = session.say("demo.counts", seconds=f"{summary['seconds']:.1f}", rate=rate, **figures)
    out.print(counts, markup=False, soft_wrap=True)
    out.print(session.say("demo.standing", **summary["moments"]), markup=False, soft_wrap=True)
    out.print(session.say("demo.where", path=summary["folder"]), markup=False, soft_wrap=True)
    where = f" --in {summary['folder']}" if Path(summary["folder"]) != DEFAULT_FOLDER else ""
    out.print(f'  mot sql "{QUERY}"{where}', markup=False, soft_wrap=True)
    out.print(f"  mot kpi show transfer_rate --by tier --since 30d{where}", markup=False, soft_wrap=True)
    standing = [moment for moment in moments if moment.status == "confirmed" and not moment.model_only]
    if standing:
        gravest = max(standing, key=lambda moment: (moment.severity, moment.decided_at))
        out.print(f"  mot explain {gravest.moment_id[:10]}{where}", markup=False, soft_wrap=True)


def _truth(session: Session, detectors: dict[str, dict[str, Any]], *, cut: bool) -> Table:
    """The finds beside the truth; for a run that was `cut`, with what only its rest could have judged."""
    titles = {detector.meta.id: session.pick(detector.meta.title) for detector in CATALOGUE}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(session.say("demo.detector"), overflow="fold")
    open_too = ("open",) if cut else ()
    for column in ("planted", "found", "missed", "spurious", *open_too, "precision", "recall"):
        table.add_column(session.say(f"demo.{column}"), justify="right", no_wrap=True)
    for name, row in detectors.items():
        cells = [Text(f"{row[column]:,}") for column in ("planted", "found")]
        cells += [Text(f"{row[column]:,}", style="red" if row[column] else "dim") for column in ("missed", "spurious")]
        cells += [Text(f"{row[column]:,}", style="" if row[column] else "dim") for column in open_too]
        judged_by = {"precision": row["found"] + row["spurious"], "recall": row["planted"]}
        cells += [Text(f"{row[name]:.1%}" if count else "-", style="bold") for name, count in judged_by.items()]
        table.add_row(Text(f"{name} {titles.get(name, '')}"), *cells)
    return table
