"""`mot kpi ls|show|refresh`: what is measured, its values, and computing them anew."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from journeys.registry import Indicator, Registry
from streams.cli.durations import duration_ms
from streams.cli.failures import CliError, UsageFault
from streams.cli.figures import STYLES, figure, target_of
from streams.cli.session import Session
from streams.errors import StreamsError
from streams.settings import OperatorSettings, load_settings
from streams.sinks.faults import translated
from streams.warehouse.reference import steps_of
from streams.warehouse.refresh import Refreshed
from streams.warehouse.upkeep import Upkeep
from streams.warehouse.values import Asked, Reach, Value, Window, after, as_json, front_of, grain_for, values, whole
from streams.warehouse.warehouse import open_warehouse

_WIDE = 120
"""From so many columns on, `ls` has room for the dimensions."""


class Where(NamedTuple):
    """The warehouse that was named: a result folder, or a server or folder by address; and the settings."""

    folder: Path
    clickhouse: str | None
    settings: Path | None


class ShowOptions(NamedTuple):
    """What `mot kpi show` was asked. `by` and `only` as written: dimension, dimension=value."""

    indicator: str
    by: Sequence[str]
    only: Sequence[str]
    since: str
    until: str | None
    window: Window
    as_json: bool


def settings_of(where: Where) -> OperatorSettings:
    """The settings named, else the shipped ones. Raises SettingsError."""
    return OperatorSettings() if where.settings is None else load_settings(where.settings)


def ls(session: Session, where: Where, *, as_json: bool) -> None:
    """List all indicators with what they need. Raises SettingsError."""
    registry = settings_of(where).registry()
    if as_json:
        session.write_json([one.model_dump(mode="json") for one in registry.values()])
        return
    wide = session.out.width >= _WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(session.say("kpi.id"), no_wrap=True)
    for column in ("name", "target", *(("by",) if wide else ()), "availability"):
        table.add_column(session.say(f"kpi.{column}"), overflow="fold")
    for one in registry.values():
        style = "" if one.measure is not None else "dim"
        by = (", ".join(one.measure.by) if one.measure else "",) if wide else ()
        said = (session.pick(one.name), target_of(session, one), *by, session.say(f"kpi.is_{one.availability}"))
        table.add_row(*(Text(cell, style=style) for cell in (one.id, *said)))
    session.out.print(table)
    computed = len(registry.computed())
    session.out.print(session.say("kpi.listed", count=len(registry), computed=computed), markup=False, soft_wrap=True)


def show(session: Session, where: Where, options: ShowOptions) -> None:
    """Print values of one indicator. Raises UsageFault, CliError, StreamsError."""
    indicator = the_indicator(settings_of(where).registry(), options.indicator)
    if indicator.measure is None:
        obtain = "" if indicator.obtain is None else session.pick(indicator.obtain)
        raise CliError("kpi.not_computed", what=indicator.id, obtain=obtain)
    warehouse = open_warehouse(where.folder, where.clickhouse, session.environment)
    front = front_of(warehouse)
    if front is None:
        raise CliError("kpi.empty", where=str(warehouse))
    reach = reach_of(options.since, options.until, front)
    grain = grain_for(indicator, options.window, reach)
    span = whole(reach, grain)
    asked = Asked(span, options.window, tuple(options.by), choices_of(options.only))
    found = values(warehouse, indicator, asked, grain)
    if options.as_json:
        session.write_json(
            {
                "indicator": indicator.id,
                "unit": indicator.unit,
                "since": span.since.isoformat(),
                "until": span.until.isoformat(),
                "target": indicator.target,
                "warning": indicator.warning,
                "values": as_json(found, options.by),
            }
        )
        return
    _print(session, indicator, asked, found)


def refresh(session: Session, where: Where, *, every: str | None, full: bool) -> None:
    """Compute the indicators once, or again and again until stopped.

    Raises StreamsError; with `every` only where there is no warehouse at all: other trouble is told, and tried again.
    """
    settings = settings_of(where)
    warehouse = open_warehouse(where.folder, where.clickhouse, session.environment)
    steps = steps_of(settings.catalogue())
    pause = None if every is None else duration_ms(every) / 1000
    while True:
        seconds = 0.0
        try:
            with warehouse.writing() as client, translated(str(warehouse)):
                upkeep = Upkeep(client, settings.registry(), steps, settings.touchpoints())
                done = upkeep.run(full=full, patient=every is not None)
            tell(session, done)
            full, seconds = False, done.seconds
        except StreamsError as fault:
            if pause is None:
                raise
            words = session.say("kpi.not_refreshed", reason=fault.said_in(session.language).rstrip(".。"))
            session.err.print(words, style="yellow", markup=False, soft_wrap=True)
        if pause is None:
            return
        time.sleep(max(0.0, pause - seconds))


def the_indicator(registry: Registry, name: str) -> Indicator:
    """The indicator with the id `name`, or called so in either language. Raises UsageFault with the nearest ids."""
    if name in registry:
        return registry[name]
    called = [one for one in registry.values() if name.lower() in {one.name.zh, one.name.en.lower()}]
    if called:
        return called[0]
    import difflib  # noqa: PLC0415 - only for a slip of the keyboard

    near = difflib.get_close_matches(name, list(registry), n=3, cutoff=0.4)
    raise UsageFault("kpi.no_indicator", what=name, near=", ".join(near) or "-")


def reach_of(since: str, until: str | None, front: datetime) -> Reach:
    """What `--since` and `--until` ask for: a duration or a time, and a time, else all up to the event at `front`.

    Raises UsageFault, also for a span that ends before it begins.
    """
    is_time = since[:4].isdigit() and "-" in since
    begin = moment_of(since) if is_time else timedelta(milliseconds=duration_ms(since))
    end = after(front) if until is None else moment_of(until)
    reach = Reach(begin, end, open=until is None)
    if reach.length <= timedelta(0):
        raise UsageFault("kpi.no_span", since=since, until=until or f"{front:%Y-%m-%d %H:%M}")
    return reach


def moment_of(text: str) -> datetime:
    """The time that `2026-05-01` or `2026-05-01T08:00` says, UTC unless it says otherwise. Raises UsageFault."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageFault("kpi.no_moment", what=text) from None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def choices_of(said: Sequence[str]) -> dict[str, list[str]]:
    """The values allowed of each dimension in `said`: words like tier=gold,diamond. Raises UsageFault."""
    chosen: dict[str, list[str]] = {}
    for one in said:
        name, equals, value = one.partition("=")
        if not equals:
            raise UsageFault("kpi.no_choice", what=one)
        chosen.setdefault(name.strip(), []).extend(part.strip() for part in value.split(","))
    return chosen


def _print(session: Session, indicator: Indicator, asked: Asked, found: Sequence[Value]) -> None:
    out = session.out
    out.print(Text(f"{session.pick(indicator.name)}  {indicator.id}", style="bold"))
    out.print(Text(f"= {session.pick(indicator.formula)}"))
    out.print(Text(session.pick(indicator.definition), style="dim"))
    since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in asked.span)
    out.print(session.say("kpi.span", since=since, until=until, target=target_of(session, indicator)), markup=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    if asked.window != "total":
        table.add_column(session.say("kpi.window"), no_wrap=True)
    for name in asked.by:
        table.add_column(session.say(f"kpi.dim_{name}"), overflow="fold")
    table.add_column(session.say("kpi.value"), justify="right", no_wrap=True)
    table.add_column(session.say("kpi.units"), justify="right", no_wrap=True)
    for one in found:
        window = [] if one.window_start is None else [Text(one.window_start[:16])]
        dims = [Text(value or "-") for value in one.dims]
        value = Text(figure(one.value, indicator.unit), style=STYLES[indicator.standing(one.value)])
        table.add_row(*window, *dims, value, Text(figure(one.units, "count"), style="dim"))
    out.print(table)
    if all(one.value is None for one in found):
        out.print(session.say("kpi.nothing"), markup=False, soft_wrap=True)


def tell(session: Session, done: Refreshed) -> None:
    """Say what a refresh did, and which indicators failed."""
    words = session.say("kpi.refreshed", count=done.indicators, computed=done.computed, seconds=f"{done.seconds:.1f}")
    session.err.print(words, markup=False, soft_wrap=True)
    for name, reason in done.failed.items():
        words = session.say("kpi.failed", what=name, reason=reason)
        session.err.print(words, style="yellow", markup=False, soft_wrap=True)
