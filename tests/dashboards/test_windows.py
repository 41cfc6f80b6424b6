"""Which rows a panel reads: minutes of a short time range while there are any, hours after they have expired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.grafana.sql import COUNTER_GRAINS, LATENCY, bucket, counter, for_total, for_trend, per_minute
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client
from tests.dashboards.macros import Window, time_expanded

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
Store = Callable[[str, datetime, int], None]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = open_client(tmp_path_factory.mktemp("windows"))
    ddl.apply(opened)
    yield opened
    opened.close()


@pytest.fixture
def store(client: Any) -> Store:
    client.command("TRUNCATE TABLE kpis")

    def insert(grain: str, at: datetime, value: int) -> None:
        row = {"indicator": "events", "grain": grain, "window_start": at, "value": value, "version": 1}
        client.insert("kpis", [[*row.values()]], column_names=[*row])

    return insert


def span(since: float, until: float, interval: float = 60) -> Window:
    """Minutes after noon; the interval in seconds."""
    begin, end = (NOON + timedelta(minutes=one) for one in (since, until))
    return Window(since=begin, until=end, interval=timedelta(seconds=interval))


def both(store: Store, *minutes: int) -> None:
    """Events in these minutes after noon, as the engine counts them: by minute and by hour."""
    for minute in minutes:
        store("minute", NOON + timedelta(minutes=minute), 6)
    for hour in {minute // 60 for minute in minutes}:
        store("hour", NOON + timedelta(hours=hour), 6 * sum(minute // 60 == hour for minute in minutes))


def total(client: Any, window: Window) -> tuple[str, int]:
    """The grain that was chosen, and the events of the time range."""
    windows = for_total(COUNTER_GRAINS)
    asked = f"SELECT {windows.grain}, sum(value) {counter(('events',), (), windows)}"
    return tuple(client.query(time_expanded(asked, window)).result_rows[0])  # type: ignore[return-value]


def test_minutes_while_there_are_any(client: Any, store: Store) -> None:
    both(store, 5, 20, 70, 100)
    assert total(client, span(0, 30)) == ("minute", 12)
    assert total(client, span(10, 30)) == ("minute", 6)
    assert total(client, span(30, 50)) == ("minute", 0), "nothing happened then, though something did in that hour"
    assert total(client, span(30, 75)) == ("minute", 6)


def test_hours_when_the_minutes_have_expired(client: Any, store: Store) -> None:
    both(store, 5, 20, 70, 100)
    client.command("DELETE FROM kpis WHERE grain = 'minute'")
    assert total(client, span(0, 30)) == ("hour", 12)
    assert total(client, span(0, 75)) == ("hour", 24)
    assert total(client, span(-600, -590)) == ("minute", 0), "nothing at all"


def test_hours_when_the_first_minutes_have_expired(client: Any, store: Store) -> None:
    """They go in the order in which they were stored, the oldest first."""
    both(store, 5, 20, 70, 100)
    client.command("DELETE FROM kpis WHERE grain = 'minute' AND window_start < '2026-03-04 13:00:00'")
    assert total(client, span(0, 100)) == ("hour", 24)
    assert total(client, span(60, 101)) == ("minute", 12)


@pytest.mark.parametrize(("hours", "grain"), [(2.9, "minute"), (3, "hour"), (71, "hour"), (72, "day")])
def test_long_ranges_read_long_windows(hours: float, grain: str, client: Any, store: Store) -> None:
    both(store, 5, 20)
    assert total(client, span(0, hours * 60))[0] == grain


@pytest.mark.parametrize(("expired", "points"), [(False, [(5, 6.0), (20, 6.0)]), (True, [(0, 0.2)])])
def test_a_rate_is_per_minute_whatever_rows_it_reads(
    expired: bool, points: list[tuple[int, float]], client: Any, store: Store
) -> None:
    both(store, 5, 20)
    if expired:
        client.command("DELETE FROM kpis WHERE grain = 'minute'")
    windows = for_trend(COUNTER_GRAINS)
    asked = (
        f"SELECT toMinute({bucket('window_start')}) AS minute, {per_minute('sum(value)')} AS rate "
        f"{counter(('events',), (), windows)} GROUP BY minute ORDER BY minute"
    )
    found = client.query(time_expanded(asked, span(0, 30, 15))).result_rows
    assert [(minute, pytest.approx(rate)) for minute, rate in points] == found


def test_the_mark_of_all_reading_is_no_indicator(client: Any) -> None:
    """Only an indicator that was read makes the indicators new."""
    client.command(
        "INSERT INTO indicator_marks (indicator, fingerprint, read_until, front) SELECT arrayJoin(['*', 'bills']), '', "
        "now('UTC') - if(arrayJoin(['*', 'bills']) = '*', 0, 3600), now64(3, 'UTC')"
    )
    found = client.query(LATENCY)
    assert dict(zip(found.column_names, found.result_rows[0], strict=True))["newest_refresh"] == pytest.approx(
        3600, abs=60
    )
