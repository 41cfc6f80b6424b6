"""`mot map`: how far each touchpoint can lower or raise what customers do, measured and stored for the boards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from journeys.lifecycle import STAGES
from journeys.power import HORIZON_DAYS, MIN_VISITS
from journeys.touchpoints import Touchpoints
from streams.cli.failures import CliError, UsageFault
from streams.cli.kpi import Where, reach_of, settings_of
from streams.cli.session import Session
from streams.errors import FolderBusy
from streams.sinks import ddl
from streams.sinks.faults import translated
from streams.warehouse.asking import asking
from streams.warehouse.motmap import Point, mot_map, ripe_span, store
from streams.warehouse.values import Span, front_of
from streams.warehouse.warehouse import Warehouse, open_warehouse

_BAR = 12
"""Cells of the longest bar."""
_FULL = 0.3
"""The power whose bar is that long; longer ones are cut, the number says how long."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_JUSTIFY: tuple[Literal["left", "right"], ...] = ("left", "left", "right", "right", "left")
_COLOURS = {"negative": "red", "positive": "green"}
_ARROWS = {"negative": "▼", "positive": "▲"}


def run(session: Session, where: Where, since: str, *, every: bool, as_json: bool) -> None:
    """Compute the map, store it and print it. Raises UsageFault, CliError, StreamsError."""
    touchpoints = settings_of(where).touchpoints()
    warehouse = open_warehouse(where.folder, where.clickhouse, session.environment)
    front = front_of(warehouse)
    if front is None:
        raise CliError("kpi.empty", where=str(warehouse))
    reach = reach_of(since, None, front)
    span = ripe_span(reach.until, reach.length)
    if span.since >= span.until:
        raise UsageFault("map.not_ripe", since=since, days=HORIZON_DAYS)
    points = _computed(session, warehouse, touchpoints, span)
    if as_json:
        session.write_json([_plain(point, span) for point in points])
    else:
        _print(session, touchpoints, points, span, every=every)


def _computed(session: Session, warehouse: Warehouse, touchpoints: Touchpoints, span: Span) -> list[Point]:
    """The map, stored if nobody holds the folder: then it is computed by asking who holds it."""
    try:
        with warehouse.writing() as client, translated(str(warehouse)):
            ddl.apply(client)
            points = mot_map(asking(client), touchpoints, span)
            store(client, points, span)
            return points
    except FolderBusy:
        session.err.print(session.say("map.not_stored"), style="yellow", markup=False, soft_wrap=True)
        return mot_map(warehouse.rows, touchpoints, span)


def _print(session: Session, touchpoints: Touchpoints, points: Sequence[Point], span: Span, *, every: bool) -> None:
    out = session.out
    since, until = (f"{moment:%Y-%m-%d}" for moment in span)
    out.print(session.say("map.title", since=since, until=until), style="bold", markup=False, soft_wrap=True)
    out.print(session.say("map.means", days=HORIZON_DAYS), style="dim", markup=False, soft_wrap=True)
    seen = {point.power.touchpoint for point in points if point.power.visits or point.purged}
    hidden = len({point.power.touchpoint for point in points} - seen)
    out.print(_table(session, touchpoints, [one for one in points if every or one.power.visits or one.purged]))
    if not any(point.power.from_data for point in points):
        out.print(session.say("map.none", least=MIN_VISITS), style="yellow", markup=False, soft_wrap=True)
    if hidden and not every:
        out.print(session.say("map.hidden", count=hidden), style="dim", markup=False, soft_wrap=True)
    out.print(session.say("map.legend", least=MIN_VISITS), style="dim", markup=False, soft_wrap=True)


def _table(session: Session, touchpoints: Touchpoints, points: Sequence[Point]) -> Table:
    """The touchpoints by stage, in the catalogue's order, a line for each of their powers."""
    table = Table.grid(padding=(0, 1))
    table.add_column(overflow="fold", min_width=18)
    for justify in _JUSTIFY:
        table.add_column(justify=justify, no_wrap=True)
    order = {name: at for at, name in enumerate(touchpoints)}
    for stage in (*STAGES, None):
        there = [point for point in points if point.stage == (stage.id if stage else "")]
        title = session.pick(stage.name) if stage else session.say("map.elsewhere")
        if there:
            table.add_row(Text(f"\n{title}", style="bold"))
        before = ""
        for point in sorted(there, key=lambda one: (order.get(one.power.touchpoint, len(order)), one.valence)):
            name = point.power.touchpoint
            said = session.pick(touchpoints[name].name) if name in touchpoints else name
            table.add_row(Text("" if name == before else said), *_cells(session, point))
            before = name
    table.add_row("")
    return table


def _cells(session: Session, point: Point) -> list[Text]:
    power = point.power
    colour = _COLOURS[point.valence] if power.from_data else "dim"
    count = Text(session.say("map.visits", count=f"{power.visits:,}"), style="dim")
    if point.purged:
        count.append(session.say("map.purged", count=f"{point.purged:,}"))
    limits = session.say("map.prior") if not power.from_data else f"{100 * power.low:.1f} … {100 * power.high:.1f}"
    return [
        Text(_ARROWS[point.valence], style=colour),
        Text(_bar(power.power, hollow=not power.from_data), style=colour),
        Text(f"{100 * power.power:.1f}", style=colour),
        Text(limits, style="dim"),
        count,
    ]


def _bar(value: float, *, hollow: bool) -> str:
    """A bar of whole and eighth cells; one that is an assumption is drawn in shades."""
    eighths = round(max(0.0, min(1.0, value / _FULL)) * _BAR * 8)
    if hollow:
        return ("░" * max(1, round(eighths / 8))).ljust(_BAR)
    return ("█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")).ljust(_BAR)


def _plain(point: Point, span: Span) -> dict[str, Any]:
    return {
        "stage": point.stage,
        "valence": point.valence,
        **point.power._asdict(),
        "purged": point.purged,
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
    }
