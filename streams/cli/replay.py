"""`mot replay LOG --out DIR`: a log through the engine, with a progress bar, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rich import box
from rich.table import Table
from rich.text import Text

from detectors.catalogue import CATALOGUE
from streams.cli.failures import CliError
from streams.cli.progress import advancing
from streams.cli.results import keep_settings
from streams.cli.session import Session
from streams.lock import FolderLock
from streams.runners.replay import ReplayPlan, Summary, replay
from streams.settings import OperatorSettings, load_settings
from streams.sources.files import must_be_file

Parameters = Mapping[str, Mapping[str, Any]]


class ReplayOptions(NamedTuple):
    """What was asked for."""

    log: Path
    mapping: str | None
    out: Path
    batch_size: int
    processes: int
    settings: Path | None
    params: Path | None
    as_json: bool


def run(session: Session, options: ReplayOptions) -> None:
    """Replay and say what was found.

    Raises SettingsError, CliError for parameters that no detector has, FolderBusy while another replay writes there.
    """
    settings = OperatorSettings() if options.settings is None else load_settings(options.settings)
    if options.params is not None:
        settings = settings.with_parameters(read_parameters(options.params))
    plan = ReplayPlan(
        log=options.log,
        mapping=settled(options.mapping),
        out=options.out,
        batch_size=options.batch_size,
        processes=options.processes,
        settings=settings,
    )
    try:
        plan.catalogue()
    except (ValueError, KeyError) as fault:
        raise CliError("error.bad_params", path=options.params, why=_first_line(fault)) from fault
    must_be_file(options.log)
    label = session.say("replay.running", log=options.log.name)
    with FolderLock(options.out), advancing(session, label) as advance:
        summary = replay(plan, advance)
        keep_settings(options.out, settings)
    if options.as_json:
        session.write_json(asdict(summary))
    else:
        _show(session, options.out, summary)


def settled(mapping: str | None) -> str | None:
    """A mapping file by its full path, so that the result folder can be read from anywhere; a shipped name as it is."""
    return str(Path(mapping).resolve()) if mapping is not None and Path(mapping).is_file() else mapping


def read_parameters(path: Path) -> dict[str, dict[str, Any]]:
    """Detector id -> parameter -> value, from YAML or JSON. Raises CliError for a file of another shape."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise CliError("error.bad_params", path=path, why=_first_line(fault)) from fault
    if not isinstance(data, dict) or not all(isinstance(values, dict) for values in data.values()):
        raise CliError("error.params_shape", path=path)
    return {str(detector): dict(values) for detector, values in data.items()}


def _first_line(fault: Exception) -> str:
    words = str(fault.args[0]) if isinstance(fault, KeyError) and fault.args else str(fault)
    return " ".join(words.split())[:300]


def _show(session: Session, out: Path, summary: Summary) -> None:
    titles = {detector.meta.id: session.pick(detector.meta.title) for detector in CATALOGUE}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(session.say("demo.detector"))
    table.add_column(session.say("demo.moments"), justify="right")
    for detector, title in titles.items():
        count = summary.moments.get(detector, 0)
        table.add_row(Text(f"{detector} {title}"), Text(f"{count:,}", style="bold" if count else "dim"))
    session.out.print(table)
    rate = summary.records / summary.seconds if summary.seconds else 0
    counts = session.say(
        "replay.counts",
        records=f"{summary.records:,}",
        seconds=f"{summary.seconds:.1f}",
        rate=f"{rate:,.0f}",
        duplicates=f"{summary.duplicates:,}",
        late=f"{summary.late:,}",
        dead_letters=f"{summary.dead_letters:,}",
    )
    session.out.print(counts, markup=False, soft_wrap=True)
    session.out.print(session.say("replay.where", path=out), markup=False, soft_wrap=True)
    if summary.detector_failures:
        failures = session.say("replay.failures", count=summary.detector_failures)
        session.err.print(failures, style="yellow", markup=False, soft_wrap=True)
