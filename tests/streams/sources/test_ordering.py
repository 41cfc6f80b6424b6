"""Sorting in bounded memory gives the same order as sorting at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.sources.ordering import TimedRow, by_time

START = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(minutes=st.lists(st.integers(0, 5), max_size=20), in_memory=st.integers(1, 25))
def test_runs_on_disk_change_nothing(minutes: list[int], in_memory: int) -> None:
    rows = [
        TimedRow(START + timedelta(minutes=minute), number, datetime(2026, 1, 1), "k", {"a": None, "b": "é中"})  # noqa: DTZ001
        for number, minute in enumerate(minutes, 1)
    ]

    assert list(by_time(rows, in_memory)) == sorted(rows, key=lambda row: (row.at, row.number))
