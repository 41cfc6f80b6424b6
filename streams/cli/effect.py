"""`mot effect`: what an improvement did to an indicator, before and after, against a control group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from journeys.effect import CELLS, MIN_CUSTOMERS, Effect, Estimate, Windows, is_total
from journeys.formulas import measure_of
from journeys.registry import Indicator
from streams.cli.durations import duration_ms
from streams.cli.failures import CliError, UsageFault
from streams.cli.figures import figure
from streams.cli.kpi import Where, choices_of, moment_of, settings_of, the_indicator
from streams.cli.session import Session
from streams.warehouse.effect import Members, effect
from streams.warehouse.values import front_of
from streams.warehouse.warehouse import open_warehouse

_COMMAS = {"zh": "、", "en": ", "}
_SMALL = 100
"""Below it a difference of counts is told to a tenth."""
_VERDICTS = {"better": "bold green", "worse": "bold red", "changed": "bold", "unclear": "yellow"}
"""Other verdicts are yellow too."""


class EffectOptions(NamedTuple):
    """What `mot effect` was asked: conditions as written (dimension=value), files with a customer id per line."""

    indicator: str
    at: str
    before: str
    after: str
    treated: Sequence[str]
    control: Sequence[str]
    treated_file: Path | None
    control_file: Path | None
    seed: int
    as_json: bool


def run(session: Session, where: Where, options: EffectOptions) -> None:
    """Compute the effect and print it. Raises UsageFault, CliError, StreamsError, OSError for an unreadable file."""
    indicator = the_indicator(settings_of(where).registry(), options.indicator)
    if indicator.measure is None:
        obtain = "" if indicator.obtain is None else session.pick(indicator.obtain)
        raise CliError("kpi.not_computed", what=indicator.id, obtain=obtain)
    at = moment_of(options.at)
    before, after = (timedelta(milliseconds=duration_ms(text)) for text in (options.before, options.after))
    windows = Windows(at - before, at, at + after)
    treated = _members(options.treated, options.treated_file, "treated")
    control = _members(options.control, options.control_file, "control")
    if treated == control:
        raise UsageFault("effect.same_groups")
    warehouse = open_warehouse(where.folder, where.clickhouse, session.environment)
    front = front_of(warehouse)
    if front is None:
        raise CliError("kpi.empty", where=str(warehouse))
    if at >= front:
        raise UsageFault("effect.not_yet", at=f"{at:%Y-%m-%d %H:%M}", front=f"{front:%Y-%m-%d %H:%M}")
    found = effect(warehouse, indicator, windows, (treated, control), options.seed)
    if options.as_json:
        session.write_json(_plain(indicator, windows, found, front))
    else:
        _print(session, indicator, windows, found, front)


def _members(conditions: Sequence[str], file: Path | None, group: str) -> Members:
    if not conditions and file is None:
        raise UsageFault("effect.no_group", option=f"--{group}", file=f"--{group}-file")
    if conditions and file is not None:
        raise UsageFault("effect.one_of_two", option=f"--{group}", file=f"--{group}-file")
    return Members(choices_of(conditions), None if file is None else _customers(file))


def _customers(file: Path) -> list[str]:
    """The customer ids in a file, one a line; a CSV's first column, so that an export needs no editing."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CliError("effect.not_text", path=file) from None
    found = (line.split(",")[0].strip().strip('"') for line in lines)
    customers = list(dict.fromkeys(one for one in found if one and one != "customer_id"))
    if not customers:
        raise CliError("effect.no_customers", path=file)
    return customers


def _print(session: Session, indicator: Indicator, windows: Windows, found: Effect, front: datetime) -> None:
    out = session.out
    out.print(Text(f"{session.pick(indicator.name)}  {indicator.id}", style="bold"))
    out.print(Text(session.pick(indicator.definition), style="dim"))
    start, at, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in windows)
    out.print(session.say("effect.windows", start=start, at=at, end=end), markup=False, soft_wrap=True)
    out.print(_table(session, indicator, found))
    for words, style in _findings(session, indicator, found):
        out.print(words, style=style, markup=False, soft_wrap=True)
    for words in _warnings(session, indicator, windows, found, front):
        out.print(f"! {words}", style="yellow", markup=False, soft_wrap=True)
    out.print(session.say("effect.limits"), style="dim", markup=False, soft_wrap=True)


def _table(session: Session, indicator: Indicator, found: Effect) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(session.say("effect.group"), no_wrap=True)
    for name in ("before", "after", "change"):
        table.add_column(session.say(f"effect.{name}"), justify="right", no_wrap=True)
    for name in ("units", "customers"):
        table.add_column(session.say(f"effect.{name}"), justify="right", no_wrap=True)
    for group, (before, after) in (("treated", found.cells[:2]), ("control", found.cells[2:])):
        change = None if before.value is None or after.value is None else after.value - before.value
        table.add_row(
            session.say(f"effect.{group}"),
            figure(before.value, indicator.unit),
            figure(after.value, indicator.unit),
            _signed(session, change, indicator),
            f"{before.units:,.0f} → {after.units:,.0f}",
            f"{before.customers:,} → {after.customers:,}",
        )
    return table


def _findings(session: Session, indicator: Indicator, found: Effect) -> Iterator[tuple[str, str]]:
    """The effect, what was to be expected, and what that means, each with its colour."""
    verdict = found.verdict(indicator.direction)
    style = _VERDICTS.get(verdict, "yellow")
    if found.estimate is not None:
        limits = _limits(session, found.estimate, indicator)
        value = _signed(session, found.estimate.value, indicator)
        yield session.say("effect.effect", value=value, limits=limits), "bold"
    if found.estimate is not None and found.expected is not None and _possible(found.expected, indicator):
        came, wanted = figure(found.cells[1].value, indicator.unit), figure(found.expected, indicator.unit)
        way = "factor" if is_total(measure_of(indicator).kind) else "difference"
        yield session.say(f"effect.expected_{way}", wanted=wanted, came=came), "dim"
    if found.too_few and verdict in {"better", "worse", "changed"}:
        yield session.say("effect.verdict_few"), "yellow"
    else:
        yield session.say(f"effect.verdict_{verdict}"), style


def _warnings(
    session: Session, indicator: Indicator, windows: Windows, found: Effect, front: datetime
) -> Iterator[str]:
    known = found.windows or windows
    if known != windows:
        start, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in (known.start, known.end))
        yield session.say("effect.cut", start=start, end=end)
    if found.shared:
        yield session.say("effect.shared", count=f"{found.shared:,}")
    if found.estimate is None:
        lacking = {None, 0.0} if is_total(measure_of(indicator).kind) else {None}
        empty = [name for name, cell in zip(CELLS, found.cells, strict=True) if cell.value in lacking]
        if empty:
            cells = _COMMAS[session.language].join(session.say(f"effect.{name}") for name in empty)
            yield session.say("effect.empty_cells", cells=cells)
    if found.too_few:
        few = [
            session.say("effect.few_cell", name=session.say(f"effect.{name}"), count=cell.customers)
            for name, cell in zip(CELLS, found.cells, strict=True)
            if cell.customers < MIN_CUSTOMERS
        ]
        yield session.say("effect.few", least=MIN_CUSTOMERS, cells=_COMMAS[session.language].join(few))
    if found.trends_differ and found.trend is not None:
        value = _signed(session, found.trend.value, indicator)
        yield session.say("effect.trend", value=value, limits=_limits(session, found.trend, indicator))
    ripe = front - timedelta(days=measure_of(indicator).ahead_days)
    if found.early:
        said, end = f"{ripe:%Y-%m-%d %H:%M}", f"{windows.end:%Y-%m-%d %H:%M}"
        yield session.say("effect.not_ripe", known=said, end=end)


def _possible(value: float, indicator: Indicator) -> bool:
    """Whether an indicator can have this value: going the same way as others may lead a share beyond all of it."""
    return 0 <= value <= 1 if indicator.unit == "share" else True


def _signed(session: Session, value: float | None, indicator: Indicator) -> str:
    """A difference with its sign; of shares in percentage points."""
    if value is None:
        return "-"
    if indicator.unit == "share":
        return session.say("effect.points", value=f"{100 * value:+.1f}")
    small = indicator.unit == "count" and abs(value) < _SMALL
    return ("+" if value >= 0 else "") + (f"{value:.1f}" if small else figure(value, indicator.unit))


def _limits(session: Session, estimate: Estimate, indicator: Indicator) -> str:
    low, high = (_signed(session, one, indicator) for one in (estimate.low, estimate.high))
    return session.say("effect.limits_of", low=low, high=high)


def _plain(indicator: Indicator, windows: Windows, found: Effect, front: datetime) -> dict[str, Any]:
    start, at, end = (moment.isoformat() for moment in windows)
    return {
        "indicator": indicator.id,
        "unit": indicator.unit,
        "direction": indicator.direction,
        "start": start,
        "at": at,
        "end": end,
        "known_until": front.isoformat(),
        "computed_on": [moment.isoformat() for moment in found.windows or windows],
        "early": found.early,
        "in_both_groups": found.shared,
        "cells": {name: cell._asdict() for name, cell in zip(CELLS, found.cells, strict=True)},
        "effect": None if found.estimate is None else found.estimate._asdict(),
        "expected": found.expected,
        "verdict": found.verdict(indicator.direction),
        "too_few": found.too_few,
        "trend": None if found.trend is None else found.trend._asdict(),
        "trends_differ": found.trends_differ,
    }
