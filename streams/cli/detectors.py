"""`mot detectors list` and `mot detectors show ID`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from detectors.base import AnyDetector
from detectors.catalogue import CATALOGUE
from detectors.pages import page_of
from detectors.titles import title_of
from journeys.lifecycle import STAGES
from streams.cli.failures import UsageFault
from streams.cli.session import Session


def list_all(session: Session, *, as_json: bool) -> None:
    """Print one row per detector of the catalogue."""
    if as_json:
        session.write_json([_as_data(detector) for detector in CATALOGUE])
        return
    stages = {stage.id: session.pick(stage.name) for stage in STAGES}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "title", "stage", "owner", "tiers"):
        table.add_column(session.say(f"detectors.{column}"), no_wrap=column != "title", overflow="fold")
    for detector in CATALOGUE:
        meta = detector.meta
        title = Text.assemble((session.pick(meta.title), ""), (f"\n{meta.name}", "dim"))
        owner = session.say(f"department.{meta.owner}")
        table.add_row(Text(meta.id, style="bold cyan"), title, stages[meta.stage], owner, _severity(detector))
    session.out.print(table)


def _severity(detector: AnyDetector) -> str:
    return "/".join(str(grade) for grade in detector.meta.severity)


def show(session: Session, name: str, *, as_json: bool) -> None:
    """Print the page of one detector. Raises UsageFault naming those there are when `name` is none."""
    detector = find(name)
    if as_json:
        session.write_json({**_as_data(detector), "page": page_of(detector)})
        return
    session.out.print(Group(*_page(session, detector)))


def find(name: str) -> AnyDetector:
    """The detector with this id or name, whatever the case. Raises UsageFault."""
    wanted = name.casefold()
    for detector in CATALOGUE:
        if wanted in {detector.meta.id.casefold(), detector.meta.name.casefold()}:
            return detector
    raise UsageFault("error.no_detector", what=name, known=", ".join(detector.meta.id for detector in CATALOGUE))


def _as_data(detector: AnyDetector) -> dict[str, Any]:
    meta = detector.meta
    return {
        "id": meta.id,
        "name": meta.name,
        "version": meta.version,
        "title": meta.title.model_dump(),
        "stage": meta.stage,
        "touchpoint": meta.touchpoint,
        "valence": meta.valence,
        "primitives": list(meta.primitives),
        "consumes": list(meta.consumes),
        "severity": meta.severity._asdict(),
        "owner": meta.owner,
        "model_only": meta.model_only,
        "maturity": meta.maturity,
        "recovery": meta.recovery.model_dump(),
        "params": detector.params.model_dump(mode="json"),
    }


def _page(session: Session, detector: AnyDetector) -> Sequence[RenderableType]:
    meta = detector.meta
    stage = next(session.pick(stage.name) for stage in STAGES if stage.id == meta.stage)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    rows = (
        ("stage", stage),
        ("touchpoint", meta.touchpoint),
        ("owner", session.say(f"department.{meta.owner}")),
        ("severity", _severity(detector)),
        ("primitives", ", ".join(meta.primitives)),
        ("consumes", ", ".join(meta.consumes)),
        ("says", session.pick(meta.explanation)),
        ("recovery", session.pick(meta.recovery)),
    )
    for key, value in rows:
        facts.add_row(session.say(f"detectors.{key}"), Text(value))
    if meta.model_only:
        facts.add_row("", Text(session.say("detectors.model_only"), style="yellow"))
    title = f"{meta.id} {session.pick(meta.title)} ({meta.name} v{meta.version})"
    return (
        Panel(facts, title=title, title_align="left", box=box.ROUNDED),
        Markdown(page_of(detector, session.language)),
        _parameters(session, detector),
        _examples(session, detector),
    )


def _parameters(session: Session, detector: AnyDetector) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    columns: tuple[str, ...] = ("parameter", "default", "meaning")
    if not any(field.description for field in type(detector.params).model_fields.values()):
        columns = columns[:2]
    for column in columns:
        table.add_column(session.say(f"detectors.{column}"), overflow="fold")
    values = detector.params.model_dump(mode="json")
    for name, field in type(detector.params).model_fields.items():
        cells = (Text(name, style="cyan"), Text(str(values[name])), Text(field.description or ""))
        table.add_row(*cells[: len(columns)])
    said = inspect.cleandoc(type(detector.params).__doc__ or "")
    heading = Text(session.say("detectors.parameters"), style="bold")
    return Group(Text(), heading, Text(said), Text(), table, Text())


def _examples(session: Session, detector: AnyDetector) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for example in detector.examples:
        table.add_row(session.say(f"example.{example.kind}"), Text(session.pick(title_of(example))))
    return Group(Text(session.say("detectors.examples"), style="bold"), table)
