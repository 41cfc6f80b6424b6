"""The mapping file: how any event log becomes our events, declared and not programmed.

A mapping says how the file is written (`source`), which columns hold case, activity, time and customer (`process`),
which rule turns a row into which event type (`events`, the first that fits), which further events follow from the
row's place in its case (`derived`, all that fit), and what `mot profile` counts (`profile`).
`streams/sources/README.md` teaches it by example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from schemas.moments import Text

Loc = tuple[str | int, ...]
"""Where something stands in a mapping file: keys and list positions from the top."""


class Declared(BaseModel):
    """House settings of what a mapping's author writes: a misspelt key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as flaw:
        raise ValueError(f"is not a regular expression: {flaw}") from None
    return pattern


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


Column = Annotated[str, Field(min_length=1)]
"""The name of a column of the log, or of one declared under `columns`. XES: `case:<key>` is an attribute of the trace;
JSON: `a.b` is `b` inside `a`."""
Columns = Annotated[tuple[Column, ...], BeforeValidator(_as_list, json_schema_input_type=Column | tuple[Column, ...])]
Words = Annotated[tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | tuple[str, ...])]
Regex = Annotated[str, AfterValidator(_regex)]
Clock = Literal["elapsed", "wall", "calendar"]
"""`elapsed`: seconds that really passed; `wall`: difference of the times on the wall, blind to summer time;
`calendar`: local dates apart, in whole days."""


class Value(Declared):
    """Where a value comes from: exactly one of `field` (the first that is stated), `before`, `const`, `join`.

    Then, in this order: `capture` keeps the first group of a regular expression (nothing found: not stated), `map`
    translates (a value outside the map sets the row aside, unless `otherwise` is given), `otherwise` stands in for
    what is not stated, `as` makes a number, a truth value or a time of the text. `minor_units` turns "12.34" into
    1234.
    """

    field: Columns = ()
    before: Column | None = Field(None, description="last stated value of this column in earlier rows of the case")
    const: str | None = None
    join: tuple[Column, ...] = ()
    joined_with: str = "/"
    capture: Regex | None = None
    map: dict[str, str] = {}
    otherwise: str | None = None
    as_: Literal["text", "integer", "number", "boolean", "time", "minor_units"] = Field("text", alias="as")

    @model_validator(mode="after")
    def _one_origin(self) -> Value:
        given = [bool(self.field), self.before is not None, self.const is not None, bool(self.join)]
        if sum(given) != 1:
            raise ValueError("give exactly one of field, before, const, join")
        return self


def _value(given: Any) -> Any:
    return {"field": given} if isinstance(given, str) else given


From = Annotated[Value, BeforeValidator(_value, json_schema_input_type=str | Value)]
"""A value, or in short the name of the column it stands in."""


class Test(Declared):
    """What must hold of one value; all that is given must hold. A value that is not stated fails all but `missing:
    true`."""

    __test__ = False  # pytest: this is no test class

    equals: str | None = None
    not_equals: str | None = None
    in_: Words = Field((), alias="in")
    not_in: Words = ()
    matches: Regex | None = Field(None, description="regular expression found anywhere in the value")
    missing: bool | None = None

    def says_something(self) -> bool:
        """True when at least one thing is asked."""
        return bool(self.model_fields_set & {"equals", "not_equals", "in_", "not_in", "matches", "missing"})


class Condition(Test):
    """A test of a column in this row, of what it was `before` in the case, or of the row's place.

    `changed: true` holds when the column states another value than it last did in the case (what is missing is passed
    over; the first stated value is no change). `row: first` holds for the first row of a case, `row: later` for the
    others.
    """

    field: Column | None = None
    before: Test | None = None
    changed: bool | None = None
    row: Literal["first", "later"] | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        of_field = self.says_something() or self.before is not None or self.changed is not None
        if of_field and self.field is None:
            raise ValueError("name the `field` to test")
        if not of_field and self.row is None:
            raise ValueError(
                "says nothing: add equals, not_equals, in, not_in, matches, missing, changed, before or row"
            )
        return self


class Instant(Declared):
    """How a time is written and where it was written.

    `formats` are `iso`, `epoch_s`, `epoch_ms` or strptime patterns, tried in order. `zone` (IANA name) is for times
    without an offset: without it they are set aside. An hour that the clocks show twice is taken by `ambiguous`:
    `by_order` takes the earlier one unless the case would then run backwards in the file. A time that the clocks skip
    is moved `forward` by the gap.
    """

    field: Column
    formats: Words = ("iso",)
    zone: str | None = None
    ambiguous: Literal["by_order", "earlier", "later", "refuse"] = "by_order"
    nonexistent: Literal["forward", "refuse"] = "forward"


class Source(Declared):
    """How the file is written. `missing` are the spellings of "not stated"; compression (.gz) is seen from the
    bytes."""

    format: Literal["jsonl", "csv", "parquet", "xes"]
    encoding: Literal["utf-8", "gb18030", "latin-1"] = "utf-8"
    separator: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    missing: Words = ("",)
    order: Literal["time", "file"] = Field("time", description="time: ties in file order; file: as written, streaming")


class Process(Declared):
    """The log as a process: what the cases are, what happened, when, to whom. Without `customer` the case stands for
    one."""

    case: From
    activity: From
    timestamp: Instant
    recorded: Instant | None = Field(None, description="when it was recorded; without it, when it occurred")
    customer: From | None = None
    customer_of: Literal["opening", "row"] = Field(
        "opening", description="opening: a case belongs to the customer its first row states; row: each row to its own"
    )


class Envelope(Declared):
    """Fields of the event's envelope, each optional; a rule's own ones stand before those given for all rules."""

    tier: From | None = None
    channel: From | None = None
    source: From | None = None
    account_id: From | None = None
    line_id: From | None = None
    touchpoint_id: From | None = None
    department: From | None = None
    region: From | None = None
    order_id: From | None = None
    bill_id: From | None = None
    ticket_id: From | None = None
    interaction_id: From | None = None
    trip_id: From | None = None
    outage_id: From | None = None
    payment_id: From | None = None
    amount_minor: From | None = None
    currency: From | None = None


class Rule(Declared):
    """When a row fits, it gives an event of type `emit`; `skip: true` leaves it out, counted in the ledger.

    `attributes` are those the event type knows; `extra` are further ones, kept with the event as they are.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    when: tuple[Condition, ...] = ()
    emit: str | None = None
    skip: bool = False
    attributes: dict[str, From] = {}
    extra: dict[str, From] = {}
    envelope: Envelope = Envelope()

    @model_validator(mode="after")
    def _emits_or_skips(self) -> Rule:
        if (self.emit is None) != self.skip:
            raise ValueError("give either `emit: <event type>` or `skip: true`")
        return self


class Figure(Declared):
    """A figure of the profile: `name` is its key in the JSON output, `title` what people read."""

    name: str = Field(min_length=1)
    title: Text | None = None


def _figure(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


Renamed = Annotated[Figure, BeforeValidator(_figure, json_schema_input_type=str | Figure)]
"""A figure under another key; in short the key alone."""


class Reopen(Figure):
    """Steps from an activity in `after` to one outside `unless`: `<name>_transitions` and `<name>_cases`."""

    after: Words
    unless: Words


class Repeat(Figure):
    """Cases opened at most W days after the same customer's previous opening, optionally with the same `by` columns
    too."""

    within_days: tuple[int, ...]
    by: Columns = ()
    clock: Clock | None = None


class Over(Declared):
    """How many delays are longer than `days`, under the key `name`."""

    days: int
    name: str


class Delay(Figure):
    """Days between the first `from` and the first `to` of a case: n, mean, median; cases that have both."""

    from_: str = Field(alias="from")
    to: str
    clock: Clock | None = None
    over: Over | None = None


class CasesWhere(Figure):
    """How many cases: `ever` one of these values, `never` any, `always` only these, one of `repeated` more than once.

    `field` is a column; without it the activity. `complete: true` counts only complete cases.
    """

    field: Column | None = None
    ever: Words = ()
    never: Words = ()
    always: Words = ()
    repeated: Words = ()
    complete: bool = False


class Occurrences(Figure):
    """Rows that fit: how many, in how many cases, in how many at least three times, the most in one case.

    `unit` names the rows (calls, events); `flat` writes `<name>_<unit>` and `<name>_cases` instead of a table.
    """

    when: tuple[Condition, ...]
    unit: str = "events"
    flat: bool = False


class OfColumn(Figure):
    """A figure of one column."""

    field: Column


class Complete(Declared):
    """Complete cases: begin with one of `starts`, end with one of `ends`; their variants, median days and `edges`
    commonest steps."""

    starts: Words = ()
    ends: Words
    edges: int = Field(12, ge=1)


class ProfileSection(Declared):
    """What `mot profile` counts beyond what it counts for every log. `rename` gives standard figures another key."""

    rename: dict[str, Renamed] = {}
    clock: Clock = Field("elapsed", description="clock of durations, delays and repeats that name none")
    top_variants: int = Field(6, ge=1)
    teams: dict[str, Column] = Field(
        {}, description="handoffs and ping-pong of these columns, by the name of the figure"
    )
    reopen: tuple[Reopen, ...] = ()
    repeat: tuple[Repeat, ...] = ()
    delays: tuple[Delay, ...] = ()
    cases_where: tuple[CasesWhere, ...] = ()
    occurrences: tuple[Occurrences, ...] = ()
    first_values: tuple[OfColumn, ...] = Field((), description="cases by the value of the column in their first row")
    value_counts: tuple[OfColumn, ...] = Field((), description="rows by the value of the column")
    distinct: tuple[OfColumn, ...] = Field((), description="how many different values the column has")
    complete: Complete | None = None


class LogMapping(Declared):
    """A whole mapping file; `mapping: 1` is the version of the format."""

    mapping: Literal[1, "1"]
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    title: Text
    source: Source
    columns: dict[str, From] = Field({}, description="columns made from others, in order")
    process: Process
    envelope: Envelope = Envelope()
    events: tuple[Rule, ...] = Field(min_length=1, description="the first rule that fits gives the row's event")
    derived: tuple[Rule, ...] = Field((), description="all that fit add an event before the row's own")
    profile: ProfileSection = ProfileSection()

    _lines: dict[Loc, int] = PrivateAttr(default_factory=dict)
    _file: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _names_differ(self) -> LogMapping:
        names = [rule.name for rule in (*self.events, *self.derived)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are called {twice[0]!r}; event ids are made from rule names")
        return self

    def columns_read(self) -> dict[str, Loc]:
        """The columns of the file that the mapping reads, each with the place that first names it."""
        found: dict[str, Loc] = {}
        for loc, column in _column_names(self, ()):
            if column not in self.columns:
                found.setdefault(column, loc)
        return found

    def rules(self) -> Iterator[tuple[Loc, Rule]]:
        """Every rule with its place."""
        for part, rules in (("events", self.events), ("derived", self.derived)):
            for index, rule in enumerate(rules):
                yield (part, index), rule


_COLUMN_KEYS = {"field", "before", "join", "by"}


def _column_names(part: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Column names inside `part`: what stands under field, before, join, by and under profile.teams."""
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            child, at = getattr(part, name), (*loc, name.rstrip("_"))
            if name in _COLUMN_KEYS and isinstance(child, str | tuple):
                yield from ((at, column) for column in ([child] if isinstance(child, str) else child))
            elif name == "teams":
                yield from (((*at, key), column) for key, column in child.items())
            else:
                yield from _column_names(child, at)
    elif isinstance(part, dict):
        for key, child in part.items():
            yield from _column_names(child, (*loc, key))
    elif isinstance(part, tuple):
        for index, child in enumerate(part):
            yield from _column_names(child, (*loc, index))


def mapping_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a mapping file, for editors that complete and check while one writes."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **LogMapping.model_json_schema()}
