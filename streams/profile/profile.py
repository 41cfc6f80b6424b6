"""`mot profile`: read a log through its mapping and count what its profile section asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.deadletters import DeadLetter
from schemas.mapping import Figure, LogMapping, ProfileSection
from schemas.moments import Text
from streams.profile import figures as count
from streams.profile.figures import Figures
from streams.profile.labels import PART_TITLES, TITLES
from streams.profile.table import Case, Table
from streams.sources.logs import open_reader
from streams.sources.mapped import Ledger, RowFault, Timing, dead_row
from streams.sources.mapping_file import load_mapping
from streams.sources.rows import Reader
from streams.sources.values import value_of

Progress = Callable[[int, float], None]
"""Called now and then with the rows read so far and the part of the file that they are (0 to 1)."""
_TELL_EVERY = 20_000
DEAD_LETTERS_KEPT = 100


@dataclass
class Profile:
    """The figures of a log under the keys of the JSON output, their titles, and what became of the rows."""

    log: str
    mapping: str
    title: Text
    figures: dict[str, Any]
    titles: dict[str, Text]
    ledger: Ledger
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def title_of(self, key: str) -> Text:
        """What people read instead of `key`; the key itself where the mapping gives no title."""
        return self.titles.get(key) or TITLES.get(key) or PART_TITLES.get(key) or Text(zh=key, en=key)

    def as_json(self) -> dict[str, Any]:
        """All figures, with the number of rows that could not be used."""
        return {"log": self.log, "mapping": self.mapping, **self.figures, "dead_letters": self.ledger.dead}


def profile_log(path: str | Path, mapping: str | Path | LogMapping, progress: Progress | None = None) -> Profile:
    """Count a log. `mapping` is a file, the name of a shipped one, or loaded.

    At most `DEAD_LETTERS_KEPT` dead letters are kept; all are counted. Raises LogError or MappingError, never for a
    single row.
    """
    path = Path(path)
    mapping = mapping if isinstance(mapping, LogMapping) else load_mapping(mapping)
    ledger = Ledger()
    profile = Profile(path.name, mapping.name, mapping.title, {}, _titles(mapping.profile), ledger)
    table, bare = _filled(path, mapping, profile, progress)
    cases = table.cases(mapping.source.order)
    profile.figures = _renamed(_counted(table, cases, mapping, bare=bare), mapping.profile.rename)
    return profile


def _filled(path: Path, mapping: LogMapping, profile: Profile, progress: Progress | None) -> tuple[Table, bool]:
    """The log as a table; true when its times were stated without an offset."""
    reader = open_reader(path, mapping)
    table = Table(sorted(_columns_asked(mapping.profile)))
    timing = Timing(mapping, path.name, profile.ledger)
    activity = value_of(mapping.process.activity)
    customer = value_of(mapping.process.customer) if mapping.process.customer else None
    for row in timing.timed(_told(reader, progress)):
        if isinstance(row, DeadLetter):
            _keep(row, profile)
            continue
        try:
            does = activity(row.values, {})
            whom = None if customer is None else customer(row.values, {})
        except ValueError as flaw:
            profile.ledger.dead += 1
            _keep(dead_row(path.name, row.number, row.values, RowFault(str(flaw), "process")), profile)
            continue
        profile.ledger.mapped += 1
        table.add(row, does, whom)
    return table, not timing.offsets_stated


def _keep(letter: DeadLetter, profile: Profile) -> None:
    if len(profile.dead_letters) < DEAD_LETTERS_KEPT:
        profile.dead_letters.append(letter)


def _told(reader: Reader, progress: Progress | None) -> Iterator[Any]:
    """The reader's rows, telling `progress` how far it is."""
    for number, row in enumerate(reader.rows(), 1):
        if progress is not None and number % _TELL_EVERY == 0:
            progress(number, reader.fraction())
        yield row


def _columns_asked(asked: ProfileSection) -> set[str]:
    """The columns that the profile section counts."""
    columns = set(asked.teams.values())
    columns.update(part.field for part in (*asked.first_values, *asked.value_counts, *asked.distinct))
    columns.update(part.field for part in asked.cases_where if part.field is not None)
    columns.update(name for part in asked.repeat for name in part.by)
    columns.update(one.field or "" for part in asked.occurrences for one in part.when)
    return columns


def _counted(table: Table, cases: Sequence[Case], mapping: LogMapping, *, bare: bool) -> Figures:
    asked = mapping.profile
    found = count.of_every_log(table, cases, asked.clock, asked.top_variants)
    found |= _span(table, bare=bare)
    if mapping.process.customer is not None:
        found |= count.customers(cases)
    for name, column in asked.teams.items():
        found[name] = count.handoffs(table, cases, table.columns[column])
    for reopen in asked.reopen:
        found |= count.reopened(table, cases, reopen)
    for repeat in asked.repeat:
        found |= count.repeats(table, cases, repeat, asked.clock)
    for delay in asked.delays:
        found |= count.delays(table, cases, delay, asked.clock)
    return found | _by_column(table, cases, asked)


def _by_column(table: Table, cases: Sequence[Case], asked: ProfileSection) -> Figures:
    found: Figures = {}
    complete = count.complete_cases(table, cases, asked.complete) if asked.complete else []
    if asked.complete is not None:
        found |= count.of_complete(table, complete, asked.complete, asked.clock)
    for where in asked.cases_where:
        found |= count.cases_where(table, complete if where.complete else cases, where)
    for occurrences in asked.occurrences:
        found |= count.occurrences(table, cases, occurrences)
    for part in asked.first_values:
        found[part.name] = count.value_counts(table.columns[part.field], (case.rows[0] for case in cases))
    for part in asked.value_counts:
        found[part.name] = count.value_counts(table.columns[part.field], range(len(table)))
    for part in asked.distinct:
        found[part.name] = len(table.columns[part.field].texts)
    return found


def _span(table: Table, *, bare: bool) -> Figures:
    """First and last time: as written where the log states no offset, else in UTC; and the local dates."""
    if not len(table):
        return {"first_ts": None, "last_ts": None, "range": None}
    rows = range(len(table))
    first, last = min(rows, key=table.at.__getitem__), max(rows, key=table.at.__getitem__)
    spell = table.local if bare else table.utc
    return {
        "first_ts": str(spell(first)),
        "last_ts": str(spell(last)),
        "range": [str(table.local_date(first)), str(table.local_date(last))],
    }


def _renamed(figures: Figures, names: Mapping[str, Figure]) -> Figures:
    return {names[key].name if key in names else key: value for key, value in figures.items()}


def _titles(asked: ProfileSection) -> dict[str, Text]:
    """Titles that the mapping gives to its own figures, under the keys they have in the output."""
    titles: dict[str, Text] = {}
    parts: tuple[tuple[Figure, ...], ...] = (
        asked.reopen, asked.repeat, asked.delays, asked.cases_where, asked.occurrences,
        asked.first_values, asked.value_counts, asked.distinct,
    )  # fmt: skip
    for part in parts:
        for figure in part:
            if figure.title is None:
                continue
            for ending in ("", "_transitions", "_cases", "_events", "_calls"):
                titles[figure.name + ending] = _with(figure.title, PART_TITLES.get(ending.removeprefix("_")))
    for key, figure in asked.rename.items():
        titles[figure.name] = figure.title or TITLES.get(key) or Text(zh=figure.name, en=figure.name)
    for delay in asked.delays:
        if delay.over is not None and delay.title is not None:
            days = delay.over.days
            titles[delay.over.name] = _with(delay.title, Text(zh=f"超过 {days} 天的案例", en=f"cases over {days} days"))
    return titles


def _with(title: Text, part: Text | None) -> Text:
    return title if part is None else Text(zh=f"{title.zh}:{part.zh}", en=f"{title.en}: {part.en}")
