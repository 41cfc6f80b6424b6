"""A log read through a mapping: rows in, our events and dead letters out, and a ledger that shows that nothing was
lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from schemas.codec import decode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event
from schemas.mapping import Condition, Envelope, LogMapping, Rule, Value
from streams.sources.instants import InstantReader
from streams.sources.ordering import TimedRow, by_time
from streams.sources.rows import Row, set_aside
from streams.sources.values import Evaluate, Holds, Stated, all_hold, value_of

ENVELOPE_FIELDS = tuple(Envelope.model_fields)
RECORDED = "\x00recorded"
"""Key under which a row carries the time it was recorded; no column can have this name."""


_to_json = msgspec.json.Encoder().encode


@dataclass
class Ledger:
    """What became of the rows: `rows == mapped + skipped + dead` when the log has been read.

    `events` counts what the mapped rows gave; `ambiguous_times` and `nonexistent_times` the local times that the
    change to or from summer time shows twice or skips; `unseen_columns` those the mapping reads and no row ever
    stated.
    """

    rows: int = 0
    mapped: int = 0
    skipped: int = 0
    dead: int = 0
    events: int = 0
    ambiguous_times: int = 0
    nonexistent_times: int = 0
    unseen_columns: set[str] = field(default_factory=set)


class RowFault(Exception):
    """A row that the mapping cannot use: what to mend, and the mapping's key that read it."""

    def __init__(self, detail: str, key: str) -> None:
        super().__init__(detail)
        self.key = key


class Timing:
    """First step: columns made from others, case and time of each row, in file order."""

    def __init__(self, mapping: LogMapping, origin: str, ledger: Ledger) -> None:
        process = mapping.process
        self._origin = origin
        self._ledger = ledger
        self._columns = [(name, value_of(value)) for name, value in mapping.columns.items()]
        self._case = value_of(process.case)
        self._column = process.timestamp.field
        self._times = InstantReader(process.timestamp)
        self._recorded_column = process.recorded.field if process.recorded else ""
        self._recorded = InstantReader(process.recorded) if process.recorded else None
        self._unseen = set(mapping.columns_read())

    @property
    def offsets_stated(self) -> bool:
        """True when a time read so far stated its offset from UTC itself."""
        return self._times.offsets_stated

    def timed(self, rows: Iterable[Row | DeadLetter]) -> Iterator[TimedRow | DeadLetter]:
        """Rows with case and time; those without become dead letters."""
        ledger = self._ledger
        ledger.unseen_columns = self._unseen
        for row in rows:
            ledger.rows += 1
            if isinstance(row, DeadLetter):
                ledger.dead += 1
                yield row
                continue
            if self._unseen:
                self._unseen.difference_update([name for name in self._unseen if row.values.get(name) is not None])
            try:
                yield self._timed(row)
            except RowFault as fault:
                ledger.dead += 1
                yield dead_row(self._origin, row.number, row.values, fault)
            ledger.ambiguous_times = self._times.ambiguous
            ledger.nonexistent_times = self._times.nonexistent

    def _timed(self, row: Row) -> TimedRow:
        values = row.values if isinstance(row.values, dict) else dict(row.values)
        for name, evaluate in self._columns:
            values[name] = _evaluated(evaluate, values, {}, f"columns.{name}")
        case = _evaluated(self._case, values, {}, "process.case")
        if not case:
            raise RowFault("the row states no case", "process.case")
        when = self._read(self._times, values.get(self._column), case, "process.timestamp")
        if self._recorded is not None:
            recorded = self._read(self._recorded, values.get(self._recorded_column), case, "process.recorded")
            values[RECORDED] = recorded.at.isoformat()
        return TimedRow(when.at, row.number, when.wall, case, values)

    @staticmethod
    def _read(times: InstantReader, text: str | None, case: str, key: str) -> Any:
        if text is None:
            raise RowFault("the row states no time", key)
        try:
            return times.read(text, case)
        except ValueError as flaw:
            raise RowFault(str(flaw), key) from None


class _Plan(NamedTuple):
    """A rule made ready: `suffix` ends the event id, `parts` fill the envelope; without `event_type` it skips."""

    name: str
    suffix: str
    holds: Holds
    event_type: str
    attributes: list[tuple[str, Evaluate]]
    parts: list[tuple[str, Evaluate]]


class Mapper:
    """Second step: rows in their final order, events out; keeps what each case last stated where rules ask for it."""

    def __init__(self, mapping: LogMapping, origin: str, log: str, ledger: Ledger) -> None:
        self._mapping = mapping
        self._origin = origin
        self._log = log
        self._ledger = ledger
        self._customer = value_of(mapping.process.customer) if mapping.process.customer else None
        self._derived = [_plan(mapping, rule, at) for at, rule in enumerate(mapping.derived)]
        self._events = [_plan(mapping, rule, 99) for rule in mapping.events]
        self._tracked = tuple(sorted(_tracked(mapping)))
        self._cases: dict[str, dict[str, str | None]] = {}
        self._owners: dict[str, str] | None = {} if mapping.process.customer_of == "opening" else None
        self._remembers = bool(self._tracked) or _asks_for_first(mapping)

    def events(self, row: TimedRow) -> list[Event] | DeadLetter:
        """The events of one row, the derived ones first; none when a rule skips it; a dead letter when no rule fits."""
        last = self._cases.get(row.case)
        try:
            made = self._made(row, last or {}, first=last is None)
        except RowFault as fault:
            self._ledger.dead += 1
            return dead_row(self._origin, row.number, row.values, fault)
        finally:
            if self._remembers:
                self._remember(row, last)
        if made:
            self._ledger.mapped += 1
            self._ledger.events += len(made)
        else:
            self._ledger.skipped += 1
        return made

    def _made(self, row: TimedRow, last: Stated, *, first: bool) -> list[Event]:
        own = next((plan for plan in self._events if plan.holds(row.values, last, first)), None)
        if own is None:
            raise RowFault("no rule under `events` fits the row; add one, or a last rule without `when`", "events")
        chosen = [plan for plan in self._derived if plan.holds(row.values, last, first)]
        return [self._event(plan, row, last) for plan in (*chosen, own) if plan.event_type]

    def _customer_of(self, row: TimedRow, last: Stated) -> str:
        if self._customer is None:
            return row.case
        if self._owners is not None and row.case in self._owners:
            return self._owners[row.case]
        customer = _evaluated(self._customer, row.values, last, "process.customer")
        if not customer:
            raise RowFault("the row states no customer", "process.customer")
        if self._owners is not None:
            self._owners[row.case] = customer
        return str(customer)

    def _remember(self, row: TimedRow, last: dict[str, str | None] | None) -> None:
        if last is None:
            last = self._cases[row.case] = {}
        for column in self._tracked:
            text = row.values.get(column)
            if text is not None:
                last[column] = text

    def _event(self, plan: _Plan, row: TimedRow, last: Stated) -> Event:
        values = row.values
        recorded = values.get(RECORDED)
        fields: dict[str, Any] = {
            "event_id": f"{self._log}:{row.number:09d}:{plan.suffix}",
            "event_type": plan.event_type,
            "occurred_at": row.at,
            "recorded_at": row.at if recorded is None else recorded,
            "customer_id": self._customer_of(row, last),
            "source": self._mapping.name,
        }
        for name, evaluate in plan.parts:
            value = _evaluated(evaluate, values, last, f"{plan.name}.envelope.{name}")
            if value is not None:
                fields[name] = value
        attributes = {}
        for name, evaluate in plan.attributes:
            value = _evaluated(evaluate, values, last, f"{plan.name}.attributes.{name}")
            if value is not None:
                attributes[name] = value
        if attributes:
            fields["attributes"] = attributes
        return self._read_back(plan, fields)

    def _read_back(self, plan: _Plan, fields: dict[str, Any]) -> Event:
        """The event as the one codec reads it: a mapped log obeys the rules that live input obeys, and no others."""
        try:
            event = decode(_to_json(fields), self._origin)
        except UnicodeEncodeError:
            raise RowFault("a text holds half of a character; see source.encoding", plan.name) from None
        if isinstance(event, Event):
            return event
        if isinstance(event, DeadLetter):
            raise RowFault(f"{plan.event_type}: {event.detail}", f"{plan.name}.{event.field or ''}".rstrip("."))
        raise RowFault("a mapping cannot emit clock.tick", plan.name)


def _plan(mapping: LogMapping, rule: Rule, place: int) -> _Plan:
    zone = mapping.process.timestamp.zone
    given = {
        name: getattr(rule.envelope, name) or getattr(mapping.envelope, name) for name in ENVELOPE_FIELDS
    }  # a rule's own value stands before the one for all rules
    minor = given["amount_minor"]
    if minor is not None and minor.as_ == "text":
        given["amount_minor"] = minor.model_copy(update={"as_": "integer"})
    return _Plan(
        name=rule.name,
        suffix=f"{place:02d}.{rule.name}",
        holds=all_hold(rule.when),
        event_type=rule.emit or "",
        attributes=[(name, value_of(value, zone)) for name, value in (*rule.attributes.items(), *rule.extra.items())],
        parts=[(name, value_of(value, zone)) for name, value in given.items() if value is not None],
    )


def _evaluated(evaluate: Evaluate, values: Stated, last: Stated, key: str) -> Any:
    try:
        return evaluate(values, last)
    except ValueError as flaw:
        raise RowFault(str(flaw), key) from None


def _conditions(mapping: LogMapping) -> Iterator[Condition]:
    for _, rule in mapping.rules():
        yield from rule.when


def _tracked(mapping: LogMapping) -> set[str]:
    """Columns whose last stated value in the case some rule asks for."""
    asked = {
        condition.field or ""
        for condition in _conditions(mapping)
        if condition.before is not None or condition.changed is not None
    }
    for value in _values(mapping):
        if value.before is not None:
            asked.add(value.before)
    return asked


def _values(mapping: LogMapping) -> Iterator[Value]:
    envelopes = [mapping.envelope]
    for _, rule in mapping.rules():
        yield from (*rule.attributes.values(), *rule.extra.values())
        envelopes.append(rule.envelope)
    for envelope in envelopes:
        yield from (value for name in ENVELOPE_FIELDS if (value := getattr(envelope, name)) is not None)
    if mapping.process.customer is not None:
        yield mapping.process.customer


def _asks_for_first(mapping: LogMapping) -> bool:
    return any(condition.row is not None for condition in _conditions(mapping))


def dead_row(origin: str, number: int, values: Stated, fault: RowFault) -> DeadLetter:
    """The dead letter of a row that the mapping cannot use."""
    stated = {name: text for name, text in values.items() if text is not None and name != RECORDED}
    payload = json.dumps(stated, ensure_ascii=False).encode("utf-8", errors="replace")
    return set_aside(origin, number, str(fault), payload, field=fault.key)


def map_events(
    rows: Iterable[Row | DeadLetter],
    mapping: LogMapping,
    *,
    log: str = "log",
    origin: str | None = None,
    ledger: Ledger | None = None,
) -> Iterator[Event | DeadLetter]:
    """The events of `rows`, in the mapping's order; rows it cannot use as dead letters, as soon as they are met.

    `log` names the log in event ids, `origin` in dead letters. Never raises for a row: `ledger` says what became of it.
    """
    for _, made in numbered_events(rows, mapping, log=log, origin=origin, ledger=ledger):
        yield made


def numbered_events(
    rows: Iterable[Row | DeadLetter],
    mapping: LogMapping,
    *,
    log: str,
    origin: str | None,
    ledger: Ledger | None,
) -> Iterator[tuple[int, Event | DeadLetter]]:
    """As `map_events`, each with the number of the row it was made of."""
    ledger = Ledger() if ledger is None else ledger
    origin = log if origin is None else origin
    mapper = Mapper(mapping, origin, log, ledger)
    aside: list[DeadLetter] = []
    for row in ordered_rows(rows, mapping, origin=origin, ledger=ledger, aside=aside):
        yield from ((letter.position, letter) for letter in aside)
        aside.clear()
        made = mapper.events(row)
        if isinstance(made, DeadLetter):
            yield row.number, made
        else:
            yield from ((row.number, event) for event in made)
    yield from ((letter.position, letter) for letter in aside)


def ordered_rows(
    rows: Iterable[Row | DeadLetter], mapping: LogMapping, *, origin: str, ledger: Ledger, aside: list[DeadLetter]
) -> Iterator[TimedRow]:
    """The usable rows with case and time in the mapping's order; the others are added to `aside`."""

    def usable() -> Iterator[TimedRow]:
        for row in Timing(mapping, origin, ledger).timed(rows):
            if isinstance(row, DeadLetter):
                aside.append(row)
            else:
                yield row

    return by_time(usable()) if mapping.source.order == "time" else usable()
