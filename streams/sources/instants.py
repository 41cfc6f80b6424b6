"""Times as logs write them, made into instants; what summer time does to them is decided here and counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.mapping import Instant
from schemas.times import EPOCH

FIRST_YEAR, LAST_YEAR = 1970, 2199


class When(NamedTuple):
    """An instant: `at` in UTC, and `wall`, what the clock on the wall showed, without a zone."""

    at: datetime
    wall: datetime


class InstantReader:
    """Reads the times of one column. `ambiguous` and `nonexistent` count the local times that summer time made so;
    `offsets_stated` is true once a time said its offset itself.

    Rows must come in file order: a time that the clocks show twice is placed after the row of the same case before it.
    """

    def __init__(self, declared: Instant) -> None:
        self.ambiguous = 0
        self.nonexistent = 0
        self.offsets_stated = False
        self._declared = declared
        self._zone = None if declared.zone is None else ZoneInfo(declared.zone)
        self._plain_utc = declared.zone == "UTC"
        self._last_in_doubt: dict[str, datetime] = {}

    def read(self, text: str, case: str) -> When:
        """The instant of `text`. Raises ValueError saying what to mend in the mapping or the row."""
        stated = self._parsed(text)
        if not FIRST_YEAR <= stated.year <= LAST_YEAR:
            raise ValueError(f"the time is before {FIRST_YEAR} or after {LAST_YEAR}")
        return self._with_zone(stated, case) if stated.tzinfo is None else self._with_offset(stated)

    def _parsed(self, text: str) -> datetime:
        for form in self._declared.formats:
            try:
                if form == "iso":
                    return datetime.fromisoformat(text)
                if form == "epoch_s":
                    return EPOCH + timedelta(seconds=float(text))
                if form == "epoch_ms":
                    return EPOCH + timedelta(milliseconds=int(text))
                return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is attached by _with_zone
            except (ValueError, OverflowError):
                continue
        raise ValueError(f"the time fits none of the formats {', '.join(self._declared.formats)}")

    def _with_offset(self, stated: datetime) -> When:
        self.offsets_stated = True
        at = stated.astimezone(UTC)
        wall = stated if self._zone is None else at.astimezone(self._zone)
        return When(at, wall.replace(tzinfo=None))

    def _with_zone(self, wall: datetime, case: str) -> When:
        if self._plain_utc:
            return When(wall.replace(tzinfo=UTC), wall)
        if self._zone is None:
            raise ValueError(
                "the time has no offset and the mapping no zone; add `zone` (an IANA name) beside the formats"
            )
        local = wall.replace(tzinfo=self._zone)
        offset, other = local.utcoffset(), local.replace(fold=1).utcoffset()
        if offset is None or other is None:  # a ZoneInfo always has an offset for a date and time
            raise ValueError("the zone states no offset for this time")
        at = (wall - offset).replace(tzinfo=UTC)
        if offset > other:
            return When(self._shown_twice(at, offset - other, case), wall)
        if offset < other:
            return self._skipped(at)
        return When(at, wall)

    def _shown_twice(self, earlier: datetime, apart: timedelta, case: str) -> datetime:
        """The clocks went back: `earlier` and `earlier + apart` look the same on the wall."""
        self.ambiguous += 1
        choice = self._declared.ambiguous
        if choice == "refuse":
            raise ValueError("the clocks show this time twice (end of summer time) and the mapping refuses such times")
        before = self._last_in_doubt.get(case)
        backwards = choice == "by_order" and before is not None and earlier < before
        at = earlier + apart if choice == "later" or backwards else earlier
        if choice == "by_order":
            self._last_in_doubt[case] = at
        return at

    def _skipped(self, forward: datetime) -> When:
        """The clocks went forward over this time: it is read with the offset before, so it lands after the gap."""
        self.nonexistent += 1
        if self._declared.nonexistent == "refuse" or self._zone is None:
            raise ValueError("the clocks skip this time (begin of summer time) and the mapping refuses such times")
        return When(forward, forward.astimezone(self._zone).replace(tzinfo=None))
