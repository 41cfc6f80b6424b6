"""Values and conditions of a mapping made into plain functions, once, before the first row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.mapping import Condition, Instant, Test, Value
from streams.sources.instants import InstantReader

Stated = Mapping[str, str | None]
"""Values of a row, or the last stated values of a case, by column."""
Evaluate = Callable[[Stated, Stated], Any]
"""(row, last stated values of the case before it) -> value or None. Raises ValueError with what to mend."""
Holds = Callable[[Stated, Stated, bool], bool]
"""(row, last stated values of the case before it, first row of the case?) -> does the condition hold?"""


def value_of(value: Value, zone: str | None = None) -> Evaluate:
    """The function that finds `value` in a row; `zone` is for times without an offset (`as: time`)."""
    origin = _origin(value)
    if not (value.capture or value.map or value.otherwise is not None or value.as_ != "text"):
        return origin
    pattern = re.compile(value.capture) if value.capture else None
    table, otherwise, convert = value.map, value.otherwise, _converter(value, zone)

    def evaluate(row: Stated, last: Stated) -> Any:
        text = origin(row, last)
        if pattern is not None and text is not None:
            found = pattern.search(text)
            text = None if found is None else found.group(1 if pattern.groups else 0)
        if table and text is not None:
            if text not in table and otherwise is None:
                raise ValueError("the value is not in the map; add it there, or an `otherwise`")
            text = table.get(text, otherwise)
        if text is None:
            text = otherwise
        return None if text is None else convert(text)

    return evaluate


def _origin(value: Value) -> Evaluate:
    if value.const is not None:
        const = value.const
        return lambda row, last: const
    if value.before is not None:
        before = value.before
        return lambda row, last: last.get(before)
    if value.join:
        columns, between = value.join, value.joined_with
        return lambda row, last: between.join(row.get(name) or "" for name in columns)
    if len(value.field) == 1:
        column = value.field[0]
        return lambda row, last: row.get(column)
    columns = value.field
    return lambda row, last: next((text for name in columns if (text := row.get(name)) is not None), None)


def _converter(value: Value, zone: str | None) -> Callable[[str], Any]:
    converters: dict[str, Callable[[str], Any]] = {
        "text": str,
        "integer": _integer,
        "number": _number,
        "boolean": _boolean,
        "minor_units": _minor_units,
    }
    if value.as_ != "time":
        return converters[value.as_]
    times = InstantReader(Instant(field="value", zone=zone, ambiguous="earlier"))

    def instant(text: str) -> datetime:
        return times.read(text, "").at

    return instant


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("the value is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(Decimal(text))
    except InvalidOperation:
        raise ValueError("the value is not a number") from None


def _minor_units(text: str) -> int:
    try:
        hundredfold = Decimal(text) * 100
        if hundredfold == (amount := int(hundredfold)):
            return amount
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise ValueError("the value is not an amount of money with at most two decimals")


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in {"true", "1", "yes", "y"}:
        return True
    if word in {"false", "0", "no", "n"}:
        return False
    raise ValueError("the value is not true or false; translate it with a `map`")


def passes(test: Test) -> Callable[[str | None], bool]:
    """The function that tells whether a value passes `test`."""
    checks: list[Callable[[str], bool]] = []
    if test.equals is not None:
        checks.append(test.equals.__eq__)
    if test.not_equals is not None:
        checks.append(test.not_equals.__ne__)
    if test.in_:
        checks.append(frozenset(test.in_).__contains__)
    if test.not_in:
        excluded = frozenset(test.not_in)
        checks.append(lambda text: text not in excluded)
    if test.matches is not None:
        search = re.compile(test.matches).search
        checks.append(lambda text: search(text) is not None)
    missing = test.missing

    def check(text: str | None) -> bool:
        if text is None:
            return missing is True
        return missing is not True and all(holds(text) for holds in checks)

    return check


def condition_of(condition: Condition) -> Holds:
    """The function that tells whether `condition` holds for a row."""
    checks: list[Holds] = []
    if condition.row is not None:
        wants_first = condition.row == "first"
        checks.append(lambda row, last, first: first is wants_first)
    column = condition.field or ""
    if condition.says_something():
        check = passes(condition)
        checks.append(lambda row, last, first: check(row.get(column)))
    if condition.before is not None:
        check_before = passes(condition.before)
        checks.append(lambda row, last, first: not first and check_before(last.get(column)))
    if condition.changed is not None:
        wanted = condition.changed
        checks.append(lambda row, last, first: _changed(row.get(column), last.get(column)) is wanted)
    return checks[0] if len(checks) == 1 else lambda row, last, first: all(holds(row, last, first) for holds in checks)


def _changed(now: str | None, before: str | None) -> bool:
    return now is not None and before is not None and now != before


def all_hold(conditions: Sequence[Condition]) -> Holds:
    """The function that tells whether all conditions hold; none given holds always."""
    checks = [condition_of(condition) for condition in conditions]
    if len(checks) == 1:
        return checks[0]
    return lambda row, last, first: all(holds(row, last, first) for holds in checks)
