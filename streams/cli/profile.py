"""`mot profile LOG`: what an engineer wants to know of a log first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from schemas.mapping import LogMapping
from schemas.times import iso, to_ms
from streams.cli.failures import UsageFault
from streams.cli.progress import advancing
from streams.cli.session import Session
from streams.profile.profile import Profile, profile_log
from streams.sources.files import must_be_file
from streams.sources.mapping_file import parse_mapping, shipped_mappings
from streams.sources.parquet import open_parquet

OWN = "own_events.yaml"
TOP = 8
"""Rows of a long table that are shown; `--json` has them all."""
TOP_VARIANTS = 6
VARIANT_WIDTH = 120
"""Characters of a variant that are shown; a customer's whole life would fill pages."""
_STEP = " > "
_SPREAD = {"n", "mean", "median"}
_UNITS = (("years", 365.25), ("days", 1.0), ("hours", 1 / 24), ("minutes", 1 / 1_440), ("seconds", 1 / 86_400))


def run(session: Session, log: Path, mapping: str | None, *, as_json: bool) -> None:
    """Print the figures of a log. Raises LogError, MappingError, UsageFault for a log that needs a mapping."""
    must_be_file(log)
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
        words = session.say(
            "profile.dead", count=profile.ledger.dead, position=first.position, why=session.why(first.detail)
        )
        session.err.print(words, style="yellow", markup=False, soft_wrap=True)


def own_mapping(log: Path) -> LogMapping:
    """The mapping of a log of our own events, by the file's name. Raises UsageFault when it is some other log."""
    name = log.name.removesuffix(".gz")
    mapping = parse_mapping(resources.files("streams.cli").joinpath(OWN).read_text(encoding="utf-8"), OWN)
    if name.endswith(".jsonl"):
        return mapping
    if name.endswith(".parquet"):  # attributes are JSON within a column there, which a mapping does not look into
        timestamp = mapping.process.timestamp
        schema = open_parquet(log).schema_arrow
        if "occurred_at" in schema.names and str(schema.field("occurred_at").type) == "int64":
            timestamp = timestamp.model_copy(update={"formats": ("epoch_ms",)})
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
    figures = profile.as_json()
    for key, value in figures.items():
        if key in {"log", "mapping"}:
            continue
        if isinstance(value, dict | list) and key != "range":
            parts.append((key, value))
        else:
            plain.add_row(*_plain_row(session, profile, key, value))
    yield Padding(plain, (0, 0, 1, 2))
    for key, value in parts:
        title = session.say("profile.duration") if key == "duration_days" else session.pick(profile.title_of(key))
        yield Text(title, style="bold")
        if key == "top_variants":
            part = _variants(session, value, different=figures.get("variants") == figures.get("cases"))
        elif isinstance(value, Mapping) and set(value) == _SPREAD:
            part = _spread(session, profile, value)
        else:
            part = _part(session, profile, value)
        yield Padding(part, (0, 0, 1, 2))


def _plain_row(session: Session, profile: Profile, key: str, value: Any) -> tuple[Text, Text]:
    title = session.pick(profile.title_of(key))
    if key == "range" and value:
        return Text(title), Text(" - ".join(value))
    if key in {"first_ts", "last_ts"} and value:
        return Text(title), Text(_time(value))
    if key == "total_duration_s":
        return Text(session.say("profile.total")), Text(_lasting(session, value / 86_400))
    return Text(title), Text(_shown(value))


def _time(text: str) -> str:
    """A time of the figures as every command prints it; one whose log states no offset stays without."""
    at = datetime.fromisoformat(text)
    return at.isoformat(timespec="milliseconds") if at.tzinfo is None else iso(to_ms(at))


def _lasting(session: Session, days: float) -> str:
    """So many days in the largest unit of which there is at least one."""
    unit, length = next((one for one in _UNITS if abs(days) >= one[1]), _UNITS[-1])
    digits = 0 if unit in {"minutes", "seconds"} else 1  # figures come in thousandths of a day
    return session.say(f"profile.{unit}", count=f"{days / length:,.{digits}f}")


def _variants(session: Session, variants: Sequence[tuple[int, str]], *, different: bool) -> RenderableType:
    """The commonest variants, each cut to a line or two; one sentence where no two cases run alike."""
    if not variants:
        return Text("-", style="dim")
    if different:
        return Text(session.say("profile.all_different"), style="dim")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for count, variant in variants[:TOP_VARIANTS]:
        table.add_row(Text(_shown(count)), Text(shortened(session, variant)))
    return table


def shortened(session: Session, variant: str) -> str:
    """`A > B > … (n steps)` in about `VARIANT_WIDTH` characters; a short variant as it is."""
    if len(variant) <= VARIANT_WIDTH:
        return variant
    steps = variant.split(_STEP)
    ending = session.say("profile.steps", count=len(steps))
    kept = variant[: VARIANT_WIDTH - len(ending)]
    whole = kept.rpartition(_STEP)[0] or kept
    return f"{whole}{_STEP}{ending}" if whole != kept else f"{kept}{ending}"


def _spread(session: Session, profile: Profile, value: Mapping[str, Any]) -> RenderableType:
    """A delay: how many, mean and median with their unit; one that runs backwards is no delay and is said to be so."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_row(Text(session.pick(profile.title_of("n"))), Text(_shown(value["n"])))
    said = {name: value[name] for name in ("mean", "median") if value[name] is not None}
    if any(days < 0 for days in said.values()):
        return Group(table, Text(session.say("profile.backwards"), style="dim"))
    for name, days in said.items():
        table.add_row(Text(session.pick(profile.title_of(name))), Text(_lasting(session, days)))
    return table


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
    return [(str(what), _shown(count)) for count, what in value]


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
