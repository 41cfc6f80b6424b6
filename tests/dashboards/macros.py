"""What Grafana and the ClickHouse plugin make of a query before the server sees it: variables first, then macros.

Grafana (in the browser) replaces dashboard variables and its own `$__from`, `$__interval` and the like; the plugin's
front end replaces `$__conditionalAll` and `$__adHocFilters` even before that, its back end the time macros. Alert rules
go through the back end only. Written from the plugin's documentation (4.20) and Grafana's page on variable syntax.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

ALL = "$__all"
"""The value of a variable that stands at «All»."""


class MacroError(ValueError):
    """A macro has the wrong arguments: the plugin answers with an error."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time picker: `since` to `until`, and the width of one pixel's worth of data."""

    since: datetime
    until: datetime
    interval: timedelta = timedelta(minutes=1)

    @property
    def since_ms(self) -> int:
        return _ms(self.since)

    @property
    def until_ms(self) -> int:
        return _ms(self.until)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A dashboard variable as it stands now. `value` is one value, several, or ALL; `options` are what All means,
    unless the dashboard says so itself (`all_value`, put in as it is)."""

    value: str | Sequence[str]
    options: Sequence[str] = ()
    all_value: str | None = None

    @property
    def stands_at_all(self) -> bool:
        return self.value == ALL or list(self.value) == [ALL]

    @property
    def empty(self) -> bool:
        return not self.value or list(self.value) == [""]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """What a panel's query is expanded with."""

    window: Window
    variables: Mapping[str, Variable] = field(default_factory=dict)
    ad_hoc: Sequence[tuple[str, str, str]] = ()
    uid: str = "uid"


def expanded(sql: str, dashboard: Dashboard) -> str:
    """The query of a panel, variable or annotation as the server gets it. Raises MacroError."""
    sql = _conditional_all(sql, dashboard.variables)
    sql = _ad_hoc(sql, dashboard.ad_hoc)
    return time_expanded(_variables(sql, dashboard), dashboard.window)


def time_expanded(sql: str, window: Window) -> str:
    """What the back end alone does; all that happens to the query of an alert rule. Raises MacroError."""
    return _back_end(without_comments(sql), window)


# --- the front end

_CONDITIONAL = "$__conditionalAll("
_AD_HOC = re.compile(r"\$__adHocFilters\s*\(([^)]+)\)")
_VARIABLE = re.compile(r"\$\{(?P<braced>\w+)(?:\.(?P<path>[^:}]+))?(?::(?P<format>[^}]+))?\}|\$(?P<bare>\w+)")


def _conditional_all(sql: str, variables: Mapping[str, Variable]) -> str:
    """`$__conditionalAll(condition, $variable)`: the condition, or 1=1 where the variable stands at All. Innermost
    (rightmost) first, as they may stand in each other."""
    while (start := sql.rfind(_CONDITIONAL)) >= 0:
        opening = start + len(_CONDITIONAL) - 1
        closing, arguments = _arguments(sql, opening)
        if len(arguments) != 2:
            raise MacroError(f"$__conditionalAll takes a condition and a variable, got {arguments}")
        named = re.fullmatch(r"\$(\w+)|\$\{(\w+)\}", arguments[1].strip())
        if named is None:
            raise MacroError(f"the second argument of $__conditionalAll is a bare variable, not {arguments[1]!r}")
        variable = variables.get(named[1] or named[2])
        phrase = arguments[0]
        if variable is not None and (variable.stands_at_all or variable.empty):
            phrase = "1=1"
        sql = sql[:start] + phrase + sql[closing + 1 :]
    return sql


def _ad_hoc(sql: str, filters: Sequence[tuple[str, str, str]]) -> str:
    conditions = " AND ".join(f" {key} {operator} \\'{value}\\' " for key, operator, value in filters)

    def one(found: re.Match[str]) -> str:
        tables = re.findall(r"['\"]([^'\"]+)['\"]", found[1])
        if not conditions or not tables:
            return "additional_table_filters={}"
        return "additional_table_filters={" + ", ".join(f"'{table}': '{conditions}'" for table in tables) + "}"

    return _AD_HOC.sub(one, sql)


def _variables(sql: str, dashboard: Dashboard) -> str:
    known = {**_globals(dashboard), **dashboard.variables}

    def one(found: re.Match[str]) -> str:
        name = found["braced"] or found["bare"]
        return found[0] if name not in known else _formatted(name, known[name], found["format"])

    return _VARIABLE.sub(one, sql)


def _globals(dashboard: Dashboard) -> dict[str, Variable]:
    """What Grafana itself knows. `$__interval_s` and the like are the plugin's."""
    window = dashboard.window
    ms = max(1, int(window.interval / timedelta(milliseconds=1)))
    span = window.until - window.since
    values = {
        "__from": window.since_ms,
        "__to": window.until_ms,
        "__interval": _interval_words(ms),
        "__interval_ms": ms,
        "__range_ms": window.until_ms - window.since_ms,
        "__range_s": round(span.total_seconds()),
        "__range": f"{round(span.total_seconds())}s",
        "__dashboard": dashboard.uid,
    }
    return {name: Variable(value=str(value)) for name, value in values.items()}


def _formatted(name: str, variable: Variable, wanted: str | None) -> str:
    if name in ("__from", "__to") and wanted and wanted.startswith("date"):
        return _date(int(str(variable.value)), wanted)
    if variable.stands_at_all:
        if variable.all_value is not None:
            return variable.all_value
        values: Sequence[str] = tuple(variable.options)
        several = True
    else:
        several = not isinstance(variable.value, str)
        values = [variable.value] if isinstance(variable.value, str) else variable.value
    if wanted is None:  # the plugin's own way
        return ",".join(f"'{one}'" for one in values) if several else values[0]
    return _FORMATS.get(wanted, _glob)(values)


def _glob(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"


def _quoted(mark: str, escape: str) -> Callable[[Sequence[str]], str]:
    return lambda values: ",".join(f"{mark}{one.replace(mark, escape)}{mark}" for one in values)


_FORMATS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "csv": ",".join,
    "raw": ",".join,
    "text": " + ".join,
    "pipe": "|".join,
    "singlequote": _quoted("'", "\\'"),
    "doublequote": _quoted('"', '\\"'),
    "sqlstring": _quoted("'", "''"),
    "json": lambda values: json.dumps(values[0] if len(values) == 1 else list(values), ensure_ascii=False),
    "regex": lambda values: (
        "|".join(map(re.escape, values)) if len(values) == 1 else f"({'|'.join(map(re.escape, values))})"
    ),
    "percentencode": lambda values: quote(_glob(values), safe=""),
}


def _date(ms: int, wanted: str) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    if wanted == "date:seconds":
        return str(ms // 1000)
    if wanted in ("date", "date:iso"):
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
    raise MacroError(f"no such date format here: {wanted}")


def _interval_words(ms: int) -> str:
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms >= size and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


# --- the back end

_MACRO = re.compile(r"\$__(\w+)")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(h|m|s|ms))+")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def without_comments(sql: str) -> str:
    """Comments blanked, strings and quoted names left alone: a macro in a comment is no macro."""
    pattern = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/"
    return re.sub(pattern, lambda found: found[0] if found[0][0] in "'\"`" else " ", sql, flags=re.DOTALL)


def _back_end(sql: str, window: Window) -> str:
    written: list[str] = []
    at = 0
    while (found := _MACRO.search(sql, at)) is not None:
        written.append(sql[at : found.start()])
        macro = _MACROS.get(found[1])
        end = found.end()
        if macro is None:
            written.append(found[0])
        else:
            arguments: list[str] = []
            if sql[end : end + 1] == "(":
                closing, raw = _arguments(sql, end)
                arguments = [_back_end(one.strip(), window) for one in raw]
                end = closing + 1
            written.append(macro(window, found[1], [one for one in arguments if one]))
        at = end
    return "".join(written) + sql[at:]


def _arguments(sql: str, opening: int) -> tuple[int, list[str]]:
    """Where the bracket opened at `opening` closes, and what stands between its commas. Strings count as one."""
    depth, start, arguments, at = 0, opening + 1, [], opening
    while at < len(sql):
        char = sql[at]
        if char in "'`":
            at = sql.find(char, at + 1)
            if at < 0:
                break
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
            if depth == 0:
                return at, [*arguments, sql[start:at]]
        elif char == "," and depth == 1:
            arguments.append(sql[start:at])
            start = at + 1
        at += 1
    raise MacroError(f"no closing bracket after {sql[max(0, opening - 30) : opening + 1]}")


_Macro = Callable[[Window, str, Sequence[str]], str]


def _taking(count: int, write: Callable[[Window, Sequence[str]], str]) -> _Macro:
    def macro(window: Window, name: str, arguments: Sequence[str]) -> str:
        if len(arguments) != count:
            raise MacroError(f"$__{name} takes {count} argument(s), got {list(arguments)}")
        return write(window, arguments)

    return macro


def _any(write: Callable[[Window], str]) -> _Macro:
    return lambda window, _name, _arguments: write(window)


def _second(moment: datetime) -> str:
    return f"toDateTime({_ms(moment) // 1000})"


def _milli(moment: datetime) -> str:
    return f"fromUnixTimestamp64Milli({_ms(moment)})"


def _day(moment: datetime) -> str:
    return f"toDate('{moment.astimezone(UTC):%Y-%m-%d}')"


def _between(column: str, window: Window, write: Callable[[datetime], str]) -> str:
    return f"{column} >= {write(window.since)} AND {column} <= {write(window.until)}"


def _date_and_time(window: Window, columns: Sequence[str]) -> str:
    return f"({_between(columns[0], window, _day)}) AND ({_between(columns[1], window, _second)})"


def _bucket(column: str, seconds: float) -> str:
    return f"toStartOfInterval(toDateTime({column}), INTERVAL {max(1, int(seconds))} second)"


def _bucket_ms(window: Window, arguments: Sequence[str]) -> str:
    ms = max(1, int(window.interval / timedelta(milliseconds=1)))
    return f"toStartOfInterval(toDateTime64({arguments[0]}, 3), INTERVAL {ms} millisecond)"


def _grouped(_window: Window, arguments: Sequence[str]) -> str:
    words = arguments[1].strip("'\"")
    if not _DURATION.fullmatch(words):
        raise MacroError(f"$__timeGroup: no duration: {words!r}")
    seconds = sum(float(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", words))
    if round(seconds) <= 0:
        raise MacroError("$__timeGroup: the width must be positive")
    return _bucket(arguments[0], round(seconds))


def _seconds(window: Window) -> str:
    return str(max(1, int(window.interval.total_seconds())))


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


_MACROS: Mapping[str, _Macro] = {
    "timeFilter": _taking(1, lambda window, given: _between(given[0], window, _second)),
    "timeFilter_ms": _taking(1, lambda window, given: _between(given[0], window, _milli)),
    "dateFilter": _taking(1, lambda window, given: _between(given[0], window, _day)),
    "dateTimeFilter": _taking(2, _date_and_time),
    "dt": _taking(2, _date_and_time),
    "timeFrom": _taking(1, lambda window, given: f"{given[0]} >= {_second(window.since)}"),
    "timeTo": _taking(1, lambda window, given: f"{given[0]} <= {_second(window.until)}"),
    "fromTime": _any(lambda window: _second(window.since)),
    "toTime": _any(lambda window: _second(window.until)),
    "fromTime_ms": _any(lambda window: _milli(window.since)),
    "toTime_ms": _any(lambda window: _milli(window.until)),
    "timeInterval": _taking(1, lambda window, given: _bucket(given[0], window.interval.total_seconds())),
    "timeInterval_ms": _taking(1, _bucket_ms),
    "timeGroup": _taking(2, _grouped),
    "interval_s": _any(_seconds),
}
