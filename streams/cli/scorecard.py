"""`mot scorecard`: own values beside what others reach, what is worth closing first; import of others' values."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from journeys.lifecycle import STAGES
from journeys.registry import Indicator
from journeys.scorecard import Line, scorecard
from streams.cli.failures import CliError, UsageFault
from streams.cli.figures import STYLES, figure
from streams.cli.kpi import Where, reach_of, settings_of
from streams.cli.session import Session
from streams.warehouse.external import import_external, known_external, read_external
from streams.warehouse.scorecard import own_values
from streams.warehouse.values import front_of
from streams.warehouse.warehouse import Warehouse, open_warehouse

_STAGES = [stage.id for stage in STAGES]
_BOM = "\ufeff"
"""Before a CSV, so that Excel reads its Chinese as UTF-8."""
_WIDE = 100
"""From so many columns on there is room for targets."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ScorecardOptions(NamedTuple):
    """What `mot scorecard` was asked."""

    since: str
    stage: str | None
    imported: Path | None
    csv: Path | None
    every: bool
    as_json: bool


def run(session: Session, where: Where, options: ScorecardOptions) -> None:
    """Import if asked, then write the scorecard. Raises UsageFault, ImportRefused, CliError, StreamsError, OSError."""
    if options.stage not in {None, *_STAGES}:
        raise UsageFault("scorecard.no_stage", what=options.stage, known=", ".join(_STAGES))
    registry = settings_of(where).registry()
    warehouse = open_warehouse(where.folder, where.clickhouse, session.environment)
    if options.imported is not None:
        done = import_external(warehouse, read_external(options.imported, registry))
        counts = {name: f"{count:,}" for name, count in done._asdict().items()}
        said = session.say("scorecard.imported", path=options.imported, **counts)
        session.err.print(said, markup=False, soft_wrap=True)
    chosen = [one for one in registry.values() if options.stage in {None, one.stage}]
    lines = _lines(warehouse, chosen, options.since)
    if options.csv is not None:
        options.csv.write_text(_BOM + as_csv(lines), encoding="utf-8", newline="")
        words = session.say("scorecard.wrote", path=options.csv, count=len(lines))
        session.err.print(words, markup=False, soft_wrap=True)
    if options.as_json:
        session.write_json([_plain(line) for line in lines])
    elif options.csv is None:
        _print(session, lines, options)


def _lines(warehouse: Warehouse, indicators: Sequence[Indicator], since: str) -> list[Line]:
    front = front_of(warehouse)
    if front is None:
        raise CliError("kpi.empty", where=str(warehouse))
    own = own_values(warehouse, indicators, reach_of(since, None, front))
    return scorecard(indicators, own, known_external(warehouse.rows))


def _print(session: Session, lines: Sequence[Line], options: ScorecardOptions) -> None:
    out = session.out
    shown = [line for line in lines if options.every or line.gap is not None]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column(session.say("scorecard.indicator"), overflow="fold", ratio=1)
    for name in ("own", "benchmark", "best", "gap"):
        table.add_column(session.say(f"scorecard.{name}"), justify="right", no_wrap=True)
    table.add_column(session.say("scorecard.reference"), overflow="fold")
    table.add_column(session.say("scorecard.difficulty"), justify="right", no_wrap=True)
    for line in shown:
        table.add_row(*_cells(session, line), style="" if line.rank else "dim")
    out.print(session.say("scorecard.means", since=options.since), style="dim", markup=False, soft_wrap=True)
    out.print(table)
    if not shown:
        out.print(session.say("scorecard.nothing"), markup=False, soft_wrap=True)
    if len(shown) < len(lines):
        words = session.say("scorecard.hidden", count=len(lines) - len(shown))
        out.print(words, style="dim", markup=False, soft_wrap=True)


def _cells(session: Session, line: Line) -> list[Text]:
    unit = line.indicator.unit
    own = Text(figure(line.own, unit), style=STYLES[line.indicator.standing(line.own)])
    if line.own is None and line.indicator.measure is not None:
        own = Text(session.say("scorecard.no_data"), style="dim")
    elif line.own is not None and not line.measured:
        own.append("*")
    return [
        Text("" if line.rank is None else str(line.rank)),
        Text(session.pick(line.indicator.name)),
        own,
        Text(figure(line.benchmark, unit)),
        Text(figure(line.best_practice, unit)),
        Text("-" if line.gap is None else f"{line.gap:.0%}", style="bold" if line.rank else ""),
        Text(_reference(session, line)),
        Text(f"{line.difficulty:g}"),
    ]


def _reference(session: Session, line: Line) -> str:
    """What the gap is to; a target, which has no column of its own, with its value if there is room."""
    if line.reference is None:
        return ""
    said = session.say(f"scorecard.to_{line.reference}")
    told = line.reference == "target" and session.out.width >= _WIDE
    return f"{said} {figure(line.indicator.target, line.indicator.unit)}" if told else said


def _plain(line: Line) -> dict[str, Any]:
    one = line.indicator
    return {
        "rank": line.rank,
        "indicator": one.id,
        "name_zh": one.name.zh,
        "name_en": one.name.en,
        "stage": one.stage or "",
        "owner": one.owner,
        "unit": one.unit,
        "direction": one.direction,
        "own": line.own,
        "units": line.units,
        "measured": line.measured,
        "benchmark": line.benchmark,
        "benchmark_kind": line.benchmark_kind,
        "best_practice": line.best_practice,
        "target": one.target,
        "gap": line.gap,
        "reference": line.reference,
        "difficulty": line.difficulty,
        "score": line.score,
    }


def as_csv(lines: Sequence[Line]) -> str:
    """The scorecard as CSV, a header and a line per indicator, values in their units."""
    rows = [_plain(line) for line in lines]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["rank"])
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is quoted: operators name their own indicators."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
