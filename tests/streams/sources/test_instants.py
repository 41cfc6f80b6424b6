"""Times, and what summer time does to them (Europe/Rome: 2024-03-31 02:00 -> 03:00, 2024-10-27 03:00 -> 02:00)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.mapping import Instant
from streams.sources.instants import InstantReader


def _reader(**declared: object) -> InstantReader:
    return InstantReader(Instant.model_validate({"field": "at", "zone": "Europe/Rome", **declared}))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        ("iso", "2024-01-01T13:00:00+01:00"),
        ("iso", "2024-01-01 13:00"),
        ("%d.%m.%Y %H:%M", "01.01.2024 13:00"),
        ("%Y年%m月%d日 %H:%M", "2024年01月01日 13:00"),
        ("epoch_s", "1704110400"),
        ("epoch_ms", "1704110400000"),
        (["%d/%m/%Y", "iso"], "2024-01-01T13:00"),
    ],
)
def test_one_instant_in_many_spellings(formats: str | list[str], text: str) -> None:
    assert _reader(formats=formats).read(text, "k").at == _utc("2024-01-01T12:00")


def test_the_wall_shows_local_time_also_for_times_with_an_offset() -> None:
    assert _reader().read("2024-07-01T00:30:00Z", "k").wall == datetime(2024, 7, 1, 2, 30)  # noqa: DTZ001


def test_a_time_shown_twice_is_the_earlier_one_unless_the_case_would_run_backwards() -> None:
    times = _reader()

    read = [times.read(f"2024-10-27T{clock}", case).at for case, clock in
            [("k", "02:40"), ("k", "02:10"), ("other", "02:10"), ("k", "02:20")]]  # fmt: skip

    assert read == [_utc(f"2024-10-27T{clock}") for clock in ("00:40", "01:10", "00:10", "01:20")]
    assert times.ambiguous == 4


@pytest.mark.parametrize(("ambiguous", "at"), [("earlier", "00:10"), ("later", "01:10")])
def test_a_time_shown_twice_can_be_declared(ambiguous: str, at: str) -> None:
    assert _reader(ambiguous=ambiguous).read("2024-10-27T02:10", "k").at == _utc(f"2024-10-27T{at}")


def test_a_time_that_the_clocks_skip_is_moved_over_the_gap() -> None:
    times = _reader()

    when = times.read("2024-03-31T02:30", "k")

    assert when.at == _utc("2024-03-31T01:30")
    assert when.wall == datetime(2024, 3, 31, 3, 30)  # noqa: DTZ001
    assert times.nonexistent == 1


@pytest.mark.parametrize(
    ("declared", "text", "says"),
    [
        ({"ambiguous": "refuse"}, "2024-10-27T02:10", "twice"),
        ({"nonexistent": "refuse"}, "2024-03-31T02:30", "skip"),
        ({"zone": None}, "2024-01-01T10:00", "add `zone`"),
        ({}, "yesterday", "fits none of the formats iso"),
        ({}, "0001-01-01", "before 1970"),
        ({"formats": "epoch_s"}, "1e300", "fits none"),
        ({"formats": "epoch_s"}, "nan", "fits none"),
    ],
)
def test_a_time_that_cannot_be_used_says_why(declared: dict[str, object], text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _reader(**declared).read(text, "k")
