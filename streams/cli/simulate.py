"""`mot simulate`: write a simulated log and the truth planted in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from streams.cli.failures import UsageFault
from streams.cli.progress import advancing
from streams.cli.session import Session
from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


class SimulateOptions(NamedTuple):
    """What was asked for. `late` and `duplicates` are shares of events."""

    customers: int
    days: int
    seed: int
    out: Path
    truth: Path | None
    late: float
    duplicates: float


def run(session: Session, options: SimulateOptions) -> None:
    """Write the log. Raises UsageFault for a file type that cannot be written."""
    if not options.out.name.endswith(SUFFIXES):
        raise UsageFault("error.bad_suffix", path=options.out)
    config = SimulationConfig(
        customers=options.customers,
        days=options.days,
        seed=options.seed,
        late=options.late,
        duplicates=options.duplicates,
    )
    for path in (options.out, options.truth):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    span = config.end_ms - config.start_ms
    with advancing(session, session.say("simulate.writing", path=options.out.name)) as advance:
        written = write_log(
            config,
            options.out,
            options.truth,
            lambda until, lines: advance(lines, min(1.0, (until - config.start_ms) / span)),
        )
    what = {"customers": f"{config.customers:,}", "days": config.days, "seed": config.seed}
    out = session.out
    words = session.say("simulate.wrote", path=options.out, events=f"{written.lines:,}", **what)
    out.print(words, markup=False, soft_wrap=True)
    if options.truth is not None:
        words = session.say("simulate.wrote_truth", path=options.truth, count=f"{written.truths:,}")
        out.print(words, markup=False, soft_wrap=True)
