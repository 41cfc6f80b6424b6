"""Reading back what a run wrote: moments, and a customer's events, from a folder of `mot demo` or of `mot replay`."""

# ruff: noqa: S608 - values are quoted by `quoted` or are numbers; the reader refuses all but reads

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol

from schemas.codec import decode
from schemas.envelope import Event
from schemas.moments import Moment
from schemas.times import to_ms
from streams.cli.failures import CliError
from streams.runners.query_server import query_folder
from streams.settings import OperatorSettings, load_settings
from streams.sinks.literals import quoted
from streams.sources.logs import open_log

SETTINGS = "settings.json"
"""In a result folder: the settings and parameters that were asked for, so that `mot explain` reads with the same."""
PAGE = 5_000
_OURS = {"stage", "touchpoint", "stored_at"}
"""Columns of table `events` that the event itself does not have."""


class ResultFolder(Protocol):
    """What `mot explain` asks of a result folder."""

    def moment(self, name: str) -> Moment | None:
        """The moment with this id or the only one whose id begins so; None when there is none. Raises CliError."""
        ...

    def events_of(self, customer_id: str) -> list[Event]:
        """All events of a customer. Raises CliError when there are none."""
        ...

    def until_ms(self) -> int:
        """How far event time had come when the run ended, in ms."""
        ...

    def settings(self) -> OperatorSettings:
        """The settings of the run."""
        ...


def open_results(folder: Path) -> ResultFolder:
    """The results in `folder`. Raises CliError when there are none."""
    if (folder / "clickhouse").is_dir():
        return EmbeddedResults(folder)
    if (folder / "moments.jsonl").is_file():
        return ReplayResults(folder)
    raise CliError("error.not_a_result", path=folder)


class EmbeddedResults:
    """A folder with a ClickHouse, asked directly or through the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def moment(self, name: str) -> Moment | None:
        """See ResultFolder."""
        wanted = f"startsWith(moment_id, {quoted(name)})"
        found = self._rows(f"SELECT * FROM moments_now WHERE {wanted} ORDER BY moment_id LIMIT 2")
        count = len(found)
        if count > 1:
            count = int(self._rows(f"SELECT count() AS n FROM moments_now WHERE {wanted}")[0]["n"])
        return _the_one(name, [moment_of(row) for row in found], count)

    def moments(self) -> list[Moment]:
        """Every moment as it stands, by id."""
        found: list[Moment] = []
        while rows := self._rows(f"SELECT * FROM moments_now ORDER BY moment_id LIMIT {PAGE} OFFSET {len(found)}"):
            found.extend(moment_of(row) for row in rows)
            if len(rows) < PAGE:
                break
        return found

    def events_of(self, customer_id: str) -> list[Event]:
        """See ResultFolder."""
        events: list[Event] = []
        wanted = f"SELECT * FROM events_now WHERE customer_id = {quoted(customer_id)} ORDER BY occurred_at, event_id"
        while rows := self._rows(f"{wanted} LIMIT {PAGE} OFFSET {len(events)}"):
            events.extend(_event(row) for row in rows)
            if len(rows) < PAGE:
                break
        if not events:
            raise CliError("error.no_target", what=customer_id, path=self._folder)
        return events

    def until_ms(self) -> int:
        """See ResultFolder."""
        rows = self._rows("SELECT toUnixTimestamp64Milli(max(occurred_at)) AS until FROM events")
        return int(rows[0]["until"])

    def settings(self) -> OperatorSettings:
        """See ResultFolder."""
        return kept_settings(self._folder)

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        answer = query_folder(self._folder, sql)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


class ReplayResults:
    """A folder of `mot replay`; the events are read again from the log that its summary names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))

    def moment(self, name: str) -> Moment | None:
        """See ResultFolder."""
        with (self._folder / "moments.jsonl").open(encoding="utf-8") as lines:
            moments = map(Moment.model_validate_json, lines)
            found = [moment for moment in moments if moment.moment_id.startswith(name)]
        return _the_one(name, found, len(found))

    def events_of(self, customer_id: str) -> list[Event]:
        """See ResultFolder."""
        events = list(self._read(customer_id))
        if not events:
            raise CliError("error.no_target", what=customer_id, path=self._folder)
        return events

    def until_ms(self) -> int:
        """See ResultFolder."""
        return to_ms(datetime.fromisoformat(self._summary["last_event_at"]))

    def settings(self) -> OperatorSettings:
        """See ResultFolder."""
        return kept_settings(self._folder)

    def _read(self, customer_id: str) -> Iterator[Event]:
        log, named = Path(self._summary["log"]), customer_id.encode()
        if not log.is_file():
            raise CliError("error.no_events", what=customer_id, log=log)
        for batch in open_log(log, self._summary["mapping"]).batches(1_000):
            made: Iterable[Any] = batch.events or repeat(None, len(batch))
            for place, one in enumerate(made):
                if one is not None:  # to have its record spelled would cost more than all the rest
                    event = one.whole() if one.customer_id == customer_id else None
                else:
                    raw = batch.raws[place]
                    event = raw if not isinstance(raw, bytes) else decode(raw) if named in raw else None
                if isinstance(event, Event) and event.customer_id == customer_id:
                    yield event


def keep_settings(folder: Path, settings: OperatorSettings) -> None:
    """Write down in a result folder what it was made with."""
    (folder / SETTINGS).write_text(settings.written(), encoding="utf-8")


def kept_settings(folder: Path) -> OperatorSettings:
    """What a result folder was made with; shipped settings where nothing was written down. Raises SettingsError."""
    path = folder / SETTINGS
    return load_settings(path) if path.is_file() else OperatorSettings()


def _the_one(name: str, found: list[Moment], count: int) -> Moment | None:
    """The moment `name` of `found`, the first of `count` whose ids begin so."""
    exact = [moment for moment in found if moment.moment_id == name]
    if exact:
        return exact[0]
    if len(found) > 1:
        raise CliError("error.many_targets", what=name, count=count)
    return found[0] if found else None


def _event(row: dict[str, Any]) -> Event:
    said = {name: value for name, value in row.items() if name not in _OURS and value not in {None, ""}}
    said["attributes"] = json.loads(row["attributes"] or "{}")
    event = decode(json.dumps(said).encode())
    if not isinstance(event, Event):
        raise TypeError(f"table events holds what is no event: {event}")
    return event


def moment_of(row: dict[str, Any]) -> Moment:
    """The moment in a row of table `moments`."""
    both = {name: {"zh": row[f"{name}_zh"], "en": row[f"{name}_en"]} for name in ("explanation", "recovery")}
    evidence = {
        "events": row["evidence_events"],
        "missing": row["evidence_missing"] or None,
        "clause": row["evidence_clause"] or None,
        "measures": json.loads(row["measures"] or "{}"),
    }
    own = {name: row[name] for name in Moment.model_fields if name in row}
    return Moment.model_validate({**own, **both, "evidence": evidence})
