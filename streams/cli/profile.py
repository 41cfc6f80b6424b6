"""`mot profile LOG`: what an engineer wants to know of a log first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from schemas.mapping import LogMapping
from streams.cli.failures import UsageFault
from streams.cli.progress import advancing
from streams.cli.session import Session
from streams.profile.profile import Profile, profile_log
from streams.sources.mapping_file import parse_mapping, shipped_mappings

OWN = "own_events.yaml"
TOP = 8
"""Rows of a long table that are shown; `--json` has them all."""


def run(session: Session, log: Path, mapping: str | None, *, as_json: bool) -> None:
    """Print the figures of a log. Raises LogError, MappingError, UsageFault for a log that needs a mapping."""
    if not log.is_file():
        raise FileNotFoundError(2, "", str(log))
    chosen = own_mapping(log) if mapping is None else mapping
    with advancing(session, session.say("profile.running", log=log.name)) as advance:
        profile = profile_log(log, chosen, advance)
    if as_json:
        session.write_json(profile.as_json())
        return
    session.out.print(Text(f"{profile.log} · {session.pick(profile.title)}", style="bold"))
    session.out.print(Group(*_figures(session, profile)))
    if profile.dead_letters:
        first = profile.dead_letters[0]
        words = session.say("profile.dead", count=profile.ledger.dead, position=first.position, why=first.detail)
        session.err.print(words, style="yellow", markup=False, soft_wrap=True)


def own_mapping(log: Path) -> LogMapping:
    """The mapping of a log of our own events, by the file's name. Raises UsageFault when it is some other log."""
    name = log.name.removesuffix(".gz")
    mapping = parse_mapping(resources.files("streams.cli").joinpath(OWN).read_text(encoding="utf-8"), OWN)
    if name.endswith(".jsonl"):
        return mapping
    if name.endswith(".parquet"):  # the columns beside the payload know no attributes
        timestamp = mapping.process.timestamp.model_copy(update={"formats": ("epoch_ms",)})
        return mapping.model_copy(
            update={
                "source": mapping.source.model_copy(update={"format": "parquet"}),
                "process": mapping.process.model_copy(update={"timestamp": timestamp}),
                "profile": mapping.profile.model_copy(update={"teams": {}}),
            }
        )
    raise UsageFault("error.needs_mapping", path=log, known=", ".join(shipped_mappings()))


def _figures(session: Session, profile: Profile) -> Iterator[RenderableType]:
    """Plain figures first, side by side with their titles; then one block per figure with parts."""
    plain = Table.grid(padding=(0, 2))
    plain.add_column(style="dim", overflow="fold")
    plain.add_column(justify="right", overflow="fold")
    parts: list[tuple[str, Any]] = []
    for key, value in profile.as_json().items():
        if key in {"log", "mapping"}:
            continue
        if isinstance(value, dict | list) and key != "range":
            parts.append((key, value))
        else:
            shown = " - ".join(value) if key == "range" and value else _shown(value)
            plain.add_row(session.pick(profile.title_of(key)), shown)
    yield Padding(plain, (0, 0, 1, 2))
    for key, value in parts:
        yield Text(session.pick(profile.title_of(key)), style="bold")
        yield Padding(_part(session, profile, value), (0, 0, 1, 2))


def _part(session: Session, profile: Profile, value: Any) -> RenderableType:
    """A figure with parts, the largest first where the parts are counts."""
    rows = _rows(value)
    if not rows:
        return Text("-", style="dim")
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(justify="right", overflow="fold")
    for name, shown in rows[:TOP]:
        within = re.fullmatch(r"le_(\d+)d", name)
        title = session.say("profile.within", days=within[1]) if within else session.pick(profile.title_of(name))
        table.add_row(Text(title), shown)
    if len(rows) > TOP:
        table.add_row(Text(session.say("profile.more", count=len(rows) - TOP), style="dim"), "")
    return table


def _rows(value: Any) -> list[tuple[str, str]]:
    """Names and figures of a table of counts, or of a list of (count, what) pairs."""
    if isinstance(value, Mapping):
        entries = list(value.items())
        if len(entries) > TOP and all(isinstance(count, int) for _, count in entries):
            entries.sort(key=lambda entry: -entry[1])
        return [(str(name), _shown(count)) for name, count in entries]
    return [(_words(what), _shown(count)) for count, what in value]


def _words(part: Any) -> str:
    return " > ".join(str(word) for word in part) if isinstance(part, list | tuple) else str(part)


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return str(value)
