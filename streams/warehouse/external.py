"""Values that others published, imported from CSV (seed A9): all of a file or nothing, and twice the same as once.

Columns: indicator, kind, period_start, period_end, value; name, difficulty, source and note may be left out. A share is
0 to 1 or written with a percent sign. A value is known by indicator, kind, name and period: a later file replaces it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from journeys.registry import Indicator
from journeys.scorecard import EASIEST, EXTERNAL_KINDS, HARDEST, External
from schemas.moments import Text
from streams.errors import StreamsError
from streams.sinks import ddl
from streams.sinks.faults import translated
from streams.sinks.rows import encoded
from streams.warehouse.asking import Ask, asking
from streams.warehouse.warehouse import Warehouse, paged

REQUIRED = ("indicator", "kind", "period_start", "period_end", "value")
OPTIONAL = ("name", "difficulty", "source", "note")
MAX_BYTES = 8 << 20
_MAX_TEXT = 500
_SHOWN = 20
_FIRST_YEAR, _LAST_YEAR = 1970, 2148  # what a Date of ClickHouse holds
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_KEY = ("indicator", "kind", "name", "period_start", "period_end")


class Flaw(NamedTuple):
    """What is wrong in a line of the file; `column` is empty when it is the whole line."""

    line: int
    column: str
    what: Text


class ImportRefused(StreamsError):
    """The file has flaws; nothing of it was imported. `flaws` are all of them, the message names the first 20."""

    def __init__(self, file: str, flaws: Sequence[Flaw]) -> None:
        self.flaws = tuple(flaws)
        more = len(flaws) - _SHOWN
        shown = flaws[:_SHOWN]
        zh = [f"{file} 有 {len(flaws)} 处错误，没有导入任何内容："]
        en = [f"{file} has {len(flaws)} flaw{'s' * (len(flaws) > 1)}; nothing was imported:"]
        zh += [f"  第 {one.line} 行{f'，{one.column} 列' if one.column else ''}：{one.what.zh}" for one in shown]
        en += [f"  line {one.line}{f', column {one.column}' if one.column else ''}: {one.what.en}" for one in shown]
        if more > 0:
            zh.append(f"  …… 另有 {more} 处")
            en.append(f"  ... {more} more")
        super().__init__(Text(zh="\n".join(zh), en="\n".join(en)))


class Imported(NamedTuple):
    """What an import did: values new, replaced, and there already."""

    new: int
    changed: int
    same: int


class _Bad(ValueError):
    """A cell that cannot be taken."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)


def read_external(path: Path, registry: Mapping[str, Indicator]) -> list[External]:
    """The values in a CSV file. Raises ImportRefused naming every flaw, OSError when it cannot be read."""
    text = _text(path)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    flaws: list[Flaw] = []
    found: dict[tuple[Any, ...], tuple[int, External]] = {}
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        flaws += _header_flaws(header)
        if not flaws:
            for cells in rows:
                if any(cell.strip() for cell in cells):
                    _take(cells, header, rows.line_num, registry, found, flaws)
    except csv.Error as fault:
        flaws.append(
            Flaw(rows.line_num, "", Text(zh=f"不是有效的 CSV（{fault}）", en=f"this is no valid CSV ({fault})"))
        )
    if not found and not flaws:
        flaws.append(Flaw(1, "", Text(zh="标题行之后没有数据", en="no line follows the header")))
    if flaws:
        raise ImportRefused(path.name, flaws)
    return [one for _, one in found.values()]


def _text(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        too_long = Text(zh="文件超过 8 MiB", en="the file is larger than 8 MiB")
        raise ImportRefused(path.name, [Flaw(1, "", too_long)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        what = Text(
            zh="不是 UTF-8 文本；在 Excel 中请另存为“CSV UTF-8”",
            en="this is not UTF-8 text; in Excel save it as “CSV UTF-8”",
        )
        raise ImportRefused(path.name, [Flaw(line, "", what)]) from None


def _header_flaws(header: Sequence[str]) -> list[Flaw]:
    if not any(header):
        return [Flaw(1, "", Text(zh="文件是空的，或缺少标题行", en="the file is empty, or its header is missing"))]
    known = ", ".join((*REQUIRED, *OPTIONAL))
    flaws = [
        Flaw(
            1,
            name,
            Text(zh="缺少此列（各列以逗号分隔）", en="this column is missing (columns are separated by commas)"),
        )
        for name in REQUIRED
        if name not in header
    ]
    for at, name in enumerate(header):
        if name not in REQUIRED + OPTIONAL:
            flaws.append(
                Flaw(1, name, Text(zh=f"没有这样的列；可用：{known}", en=f"there is no such column; known: {known}"))
            )
        elif name in header[:at]:
            flaws.append(Flaw(1, name, Text(zh="此列出现两次", en="this column is there twice")))
    return flaws


def _take(
    cells: Sequence[str],
    header: Sequence[str],
    line: int,
    registry: Mapping[str, Indicator],
    found: dict[tuple[Any, ...], tuple[int, External]],
    flaws: list[Flaw],
) -> None:
    """Read one line into `found`, or what is wrong with it into `flaws`."""
    if len(cells) != len(header):
        zh = f"有 {len(cells)} 格，标题行有 {len(header)} 列；含逗号的文字请加双引号"
        en = f"it has {len(cells)} cells, the header {len(header)}; put texts with commas in double quotes"
        flaws.append(Flaw(line, "", Text(zh=zh, en=en)))
        return
    said = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    read: dict[str, Any] = {}
    for name in (*REQUIRED, *OPTIONAL):
        try:
            read[name] = _READERS.get(name, _words)(said.get(name, ""), registry, said)
        except _Bad as flaw:
            flaws.append(Flaw(line, name, flaw.text))
    if len(read) < len(REQUIRED) + len(OPTIONAL):
        return
    one = External(**read)
    key = _key(one)
    if one.period_end < one.period_start:
        flaws.append(Flaw(line, "period_end", Text(zh="早于 period_start", en="it is before period_start")))
    elif key in found:
        first = found[key][0]
        again = Text(zh=f"与第 {first} 行是同一指标、类别、名称与时段", en=f"line {first} has the same key and period")
        flaws.append(Flaw(line, "", again))
    found.setdefault(key, (line, one))


def _indicator(cell: str, registry: Mapping[str, Indicator], _said: Mapping[str, str]) -> str:
    if cell in registry:
        return cell
    near = ", ".join(get_close_matches(cell, list(registry), n=3, cutoff=0.5)) or "mot kpi ls"
    raise _Bad(
        f"没有指标 {cell or '（空）'}；相近的：{near}", f"there is no indicator {cell or '(empty)'}; near it: {near}"
    )


def _kind(cell: str, _registry: Mapping[str, Indicator], _said: Mapping[str, str]) -> str:
    if cell in EXTERNAL_KINDS:
        return cell
    known = ", ".join(EXTERNAL_KINDS)
    raise _Bad(f"没有类别 {cell or '（空）'}；可用：{known}", f"there is no kind {cell or '(empty)'}; known: {known}")


def _date(cell: str, _registry: Mapping[str, Indicator], _said: Mapping[str, str]) -> date:
    parts = _DATE.fullmatch(cell)
    try:
        day = date(*map(int, parts.groups())) if parts else None
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise _Bad(
            f"{cell or '（空）'} 不是日期；写法：2026-01-31", f"{cell or '(empty)'} is no date; write 2026-01-31"
        )
    return day


def _value(cell: str, registry: Mapping[str, Indicator], said: Mapping[str, str]) -> float:
    unit = registry[said["indicator"]].unit if said.get("indicator") in registry else None
    percent = cell.endswith(("%", "％"))
    number = _number(cell[:-1].strip() if percent else cell)
    if percent and unit not in {"share", None}:
        raise _Bad(f"该指标的单位是 {unit}，不能写百分号", f"the unit of this indicator is {unit}: no percent sign")
    number = number / 100 if percent else number
    if unit == "share" and not 0 <= number <= 1:
        raise _Bad(f"{cell} 不是比例：请写 0 到 1，或带百分号", f"{cell} is no share: write 0 to 1, or a percent sign")
    return number


def _difficulty(cell: str, _registry: Mapping[str, Indicator], _said: Mapping[str, str]) -> float | None:
    if not cell:
        return None
    number = _number(cell)
    if not EASIEST <= number <= HARDEST:
        raise _Bad("难度为 1（容易）到 5（困难）", "difficulty is 1 (easy) to 5 (hard)")
    return number


def _number(cell: str) -> float:
    try:
        number = float(cell) if "_" not in cell else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        zh, en = (
            f"{cell or '（空）'} 不是数；不写千位分隔符",
            f"{cell or '(empty)'} is no number; no thousands separators",
        )
        raise _Bad(zh, en)
    return number


def _words(cell: str, _registry: Mapping[str, Indicator], _said: Mapping[str, str]) -> str:
    if len(cell) > _MAX_TEXT:
        raise _Bad(f"超过 {_MAX_TEXT} 个字符", f"it is longer than {_MAX_TEXT} characters")
    return cell


_READERS: Mapping[str, Callable[[str, Mapping[str, Indicator], Mapping[str, str]], Any]] = {
    "indicator": _indicator,
    "kind": _kind,
    "period_start": _date,
    "period_end": _date,
    "value": _value,
    "difficulty": _difficulty,
}


def known_external(ask: Ask) -> list[External]:
    """All imported values as they stand, by key. Raises what `ask` raises."""
    columns = f"{', '.join(_KEY)}, value, difficulty, source, note"
    asked = f"SELECT {columns} FROM external_now ORDER BY {', '.join(_KEY)}"  # noqa: S608 - our own words
    return [_external(row) for row in paged(ask, asked)]


def _external(row: Mapping[str, Any]) -> External:
    days = {name: date.fromisoformat(str(row[name])[:10]) for name in ("period_start", "period_end")}
    return External(**{**{name: row[name] for name in External._fields}, **days})


def import_external(warehouse: Warehouse, values: Iterable[External]) -> Imported:
    """Store what is new or other than before. Raises StreamsError."""
    given = {_key(one): one for one in values}
    with warehouse.writing() as client, translated(str(warehouse)):
        ddl.apply(client)
        known = {_key(one): one for one in known_external(asking(client))}
        news = [one for key, one in given.items() if known.get(key) != one]
        if news:
            version = int(client.query("SELECT max(version) + 1 FROM external_values").result_rows[0][0])
            rows = [{**_row(one), "version": version} for one in news]
            client.raw_insert("external_values", insert_block=b"\n".join(encoded(rows)), fmt="JSONEachRow")
    changed = sum(_key(one) in known for one in news)
    return Imported(len(news) - changed, changed, len(given) - len(news))


def _key(one: External) -> tuple[Any, ...]:
    return tuple(getattr(one, name) for name in _KEY)


def _row(one: External) -> dict[str, Any]:
    return {**one._asdict(), "period_start": one.period_start.isoformat(), "period_end": one.period_end.isoformat()}
