"""A log as a table of numbers: one line a row, texts kept once. About 40 bytes a row, so that long logs fit."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from schemas.mapping import Clock
from schemas.times import EPOCH
from streams.sources.ordering import TimedRow

MICROSECOND = timedelta(microseconds=1)
DAY_US = 86_400_000_000
_WALL_EPOCH = EPOCH.replace(tzinfo=None)
MISSING = -1


class Texts:
    """Texts and their codes; a text that is not stated is -1."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def code(self, text: str | None) -> int:
        """The code of `text`, a new one when it is new."""
        if text is None:
            return MISSING
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self._texts)
            self._texts.append(text)
        return code

    def known(self, text: str) -> int:
        """The code of `text`, or -2 when no row states it."""
        return self._codes.get(text, -2)

    def text(self, code: int) -> str:
        """The text of a code that is not -1."""
        return self._texts[code]


class Column:
    """One column: a code for each row."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.codes = array("i")

    def add(self, text: str | None) -> None:
        """Add the next row's value."""
        self.codes.append(self.texts.code(text))


class Case(NamedTuple):
    """One case: its rows (indexes into the table) in order, and the code of its customer (-1: none)."""

    rows: list[int]
    customer: int


class Table:
    """Rows in file order. `at` and `wall` are microseconds since 1970, of UTC and of the clock on the wall."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.at = array("q")
        self.wall = array("q")
        self.case = Column()
        self.activity = Column()
        self.customer = Column()
        self.columns = {name: Column() for name in columns}

    def __len__(self) -> int:
        return len(self.at)

    def add(self, row: TimedRow, activity: str | None, customer: str | None) -> None:
        """Add the next row of the file."""
        self.at.append((row.at - EPOCH) // MICROSECOND)
        self.wall.append((row.wall - _WALL_EPOCH) // MICROSECOND)
        self.case.add(row.case)
        self.activity.add(activity)
        self.customer.add(customer)
        for name, column in self.columns.items():
            column.add(row.values.get(name))

    def in_order(self, order: str) -> list[int]:
        """Rows by time, ties in file order; or as in the file."""
        rows = range(len(self))
        return sorted(rows, key=self.at.__getitem__) if order == "time" else list(rows)

    def cases(self, order: str) -> list[Case]:
        """All cases, by the first row of each."""
        grouped: dict[int, list[int]] = {}
        codes = self.case.codes
        for row in self.in_order(order):
            grouped.setdefault(codes[row], []).append(row)
        customers = self.customer.codes
        return [Case(rows, customers[rows[0]]) for rows in grouped.values()]

    def days_between(self, earlier: int, later: int, clock: Clock) -> float:
        """Days from row `earlier` to row `later` on `clock`; whole ones for `calendar`."""
        if clock == "calendar":
            return self.wall[later] // DAY_US - self.wall[earlier] // DAY_US
        times = self.wall if clock == "wall" else self.at
        return (times[later] - times[earlier]) / DAY_US

    def seconds_in_all(self, cases: Sequence[Case], clock: Clock) -> float:
        """Sum of all cases' durations in seconds, summed exactly; by whole days for `calendar`."""
        if clock == "calendar":
            return 86_400 * sum(self.days_between(case.rows[0], case.rows[-1], clock) for case in cases)
        times = self.wall if clock == "wall" else self.at
        return sum(times[case.rows[-1]] - times[case.rows[0]] for case in cases) / 1_000_000

    def utc(self, row: int) -> datetime:
        """The row's time in UTC."""
        return (EPOCH + self.at[row] * MICROSECOND).astimezone(UTC)

    def local(self, row: int) -> datetime:
        """The row's time as the clock on the wall showed it, without a zone."""
        return _WALL_EPOCH + self.wall[row] * MICROSECOND

    def local_date(self, row: int) -> date:
        """The row's date as the calendar on the wall showed it."""
        return self.local(row).date()

    def values(self, rows: Sequence[int], column: Column) -> Iterator[int]:
        """Codes of `column` in `rows`."""
        return map(column.codes.__getitem__, rows)
