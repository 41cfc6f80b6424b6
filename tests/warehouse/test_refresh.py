"""Rows of indicators are what a recount of the facts gives, however the facts came in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from detectors.catalogue import CATALOGUE
from journeys.registry import TAKEN, Indicator, Measure, Registry, shipped_registry
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client
from streams.warehouse.reference import active_packs, step_rows
from streams.warehouse.refresh import Refreshed, Refresher

FACTS = ("events", "moments", "handoffs", "journey_transitions")
ROWS = "indicator, grain, window_start, stage, touchpoint, channel, tier, department, region, detail"
VALUES = "numerator, denominator, customers, base_customers, spread"


SOME = Registry(
    shipped_registry()[name]
    for name in ("complaints", "complaint_rate", "fcr_7d", "stage_customers", "handoffs", "moments_negative", "bills")
)
"""Enough for what is the same for all: tables, facts, cycles, population, customers."""


def refreshed(client: Any, registry: Registry | None = None, *, full: bool = False) -> Refreshed:
    every = shipped_registry() if registry is None else registry
    return Refresher(client, every, step_rows(active_packs(CATALOGUE))).refresh(full=full)


def rows_of(client: Any) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Every row that says something, by key."""
    found = client.query(
        f"SELECT {ROWS}, {VALUES} FROM indicator_now WHERE numerator != 0 OR denominator != 0 "
        "OR notEmpty(customers) OR notEmpty(base_customers) OR notEmpty(spread)"
    ).result_rows
    return {row[:10]: row[10:] for row in found}


def stored(client: Any, hours_ago: int) -> None:
    """Let the refresh before have been so many hours ago."""
    marks = client.query("SELECT indicator, fingerprint, toString(front) FROM indicator_marks FINAL").result_rows
    read_until = client.query(f"SELECT toString(now('UTC') - INTERVAL {hours_ago} HOUR)").result_rows[0][0]
    client.command("TRUNCATE TABLE indicator_marks")
    client.insert(
        "indicator_marks",
        [[*mark[:2], datetime.fromisoformat(read_until), datetime.fromisoformat(mark[2])] for mark in marks],
        column_names=["indicator", "fingerprint", "read_until", "front"],
    )


@pytest.fixture(scope="module")
def once(facts_folder: Path) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The rows computed in one go."""
    client = open_client(facts_folder / "clickhouse")
    try:
        done = refreshed(client)
        assert done.computed == len(shipped_registry().computed())
        return rows_of(client)
    finally:
        client.close()


@pytest.fixture
def grown(facts_folder: Path, tmp_path: Path) -> Iterator[Any]:
    """The same facts in an empty warehouse, come in four portions with a refresh after each: the first three fifths of
    the time, then the rest but every seventh, then those, late, then half of all again."""
    source = open_client(facts_folder / "clickhouse")
    for table in FACTS:
        columns = "* REPLACE (toDateTime(0, 'UTC') AS stored_at)"
        source.command(f"SELECT {columns} FROM {table} INTO OUTFILE '{tmp_path / table}.native' FORMAT Native")
    source.close()
    client = open_client(tmp_path / "clickhouse")
    ddl.apply(client)
    yield client
    client.close()


def put(client: Any, folder: Path, which: str, hours_ago: int) -> None:
    for table, time in zip(FACTS, ("occurred_at", "decided_at", "at", "at"), strict=True):
        chosen = which.format(time=time, id="cityHash64(tuple(*))")
        client.command(
            f"INSERT INTO {table} SELECT * REPLACE (now('UTC') - INTERVAL {hours_ago} HOUR AS stored_at) "
            f"FROM file('{folder / table}.native', Native) WHERE {chosen}",
            settings={"max_partitions_per_insert_block": 0},
        )


def test_facts_that_come_in_portions_late_and_twice_give_the_rows_of_one_go(
    once: dict[tuple[Any, ...], tuple[Any, ...]], grown: Any, tmp_path: Path
) -> None:
    cut = "{time} < toDateTime64('2026-03-24 00:00:00', 3, 'UTC')"
    portions = [
        (cut, 9),
        (f"NOT ({cut}) AND {{id}} % 7 != 0", 7),
        (f"NOT ({cut}) AND {{id}} % 7 = 0", 5),
        ("{id} % 2 = 0", 3),
    ]
    looked = []
    for which, hours_ago in portions:
        put(grown, tmp_path, which, hours_ago)
        looked.append(refreshed(grown).computed)
        stored(grown, hours_ago - 1)
    assert looked[0] == len(shipped_registry().computed())
    assert rows_of(grown) == once
    stored(grown, -1)
    assert refreshed(grown).computed == 0


def test_a_full_refresh_changes_nothing(facts: Any) -> None:
    refreshed(facts, SOME)
    before, count = rows_of(facts), facts.query("SELECT count() FROM indicator_rows").result_rows
    refreshed(facts, SOME, full=True)
    assert rows_of(facts) == before
    assert facts.query("SELECT count() FROM indicator_rows").result_rows == count


def test_a_patient_refresh_leaves_what_hangs_on_customers_for_a_while(facts: Any) -> None:
    refresher = Refresher(facts, SOME, [])
    refresher.refresh()
    facts.command("INSERT INTO events SELECT * REPLACE (now('UTC') AS stored_at) FROM events LIMIT 10")
    assert refresher.refresh(patient=True).indicators == len(SOME) - 1
    stored(facts, 1)
    assert refresher.refresh(patient=True).indicators == len(SOME)


def test_a_moment_told_anew_leaves_the_day_it_was_on(facts: Any) -> None:
    refreshed(facts, SOME)
    stored(facts, -1)
    facts.command(
        "INSERT INTO moments SELECT * REPLACE (decided_at + INTERVAL 3 DAY AS decided_at, version + 1 AS version, "
        "now('UTC') + INTERVAL 2 HOUR AS stored_at) FROM moments_now WHERE status = 'confirmed' "
        "AND decided_at < (SELECT max(occurred_at) FROM events) - INTERVAL 9 DAY ORDER BY moment_id LIMIT 2"
    )
    refreshed(facts, SOME)
    said = rows_of(facts)
    refreshed(facts, SOME, full=True)
    assert rows_of(facts) == said


def test_facts_that_are_gone_leave_no_row_behind(facts: Any) -> None:
    refreshed(facts, SOME)
    before = rows_of(facts)
    facts.command("DELETE FROM events WHERE event_type = 'complaint.opened'")
    refreshed(facts, SOME, full=True)
    after = rows_of(facts)
    assert any(key[0] == "complaints" for key in before)
    assert not any(key[0] == "complaints" for key in after)


def complains(client: Any, days_ago: int) -> None:
    client.command(
        "INSERT INTO events (event_id, event_type, occurred_at, recorded_at, customer_id, attributes) SELECT "
        f"'e{days_ago}', 'complaint.opened', now64(3, 'UTC') - INTERVAL {days_ago} DAY, now64(3, 'UTC'), "
        f"'c{days_ago}', '{{\"category\":\"bill\"}}'"
    )


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Any]:
    client = open_client(tmp_path / "clickhouse")
    ddl.apply(client)
    yield client
    client.close()


def test_rows_outlive_the_facts_they_were_computed_from(empty: Any) -> None:
    for days_ago in (430, 100, 1):
        complains(empty, days_ago)
    refreshed(empty, SOME)
    before = rows_of(empty)
    empty.command(
        "INSERT INTO indicator_rows (indicator, grain, window_start, stored_at) "
        "SELECT 'first', 'day', now64(3, 'UTC'), now('UTC') - INTERVAL 500 DAY"
    )
    empty.command("DELETE FROM events WHERE event_id = 'e430'")
    complains(empty, 2)
    refreshed(empty, SOME, full=True)
    after = rows_of(empty)
    oldest = min(key[2] for key in before)
    assert {key: row for key, row in after.items() if key[2] == oldest} == {
        key: row for key, row in before.items() if key[2] == oldest
    }
    assert sum(row[0] for key, row in after.items() if key[:2] == ("complaints", "day")) == 4


def test_an_indicator_that_fails_holds_up_no_other_and_is_tried_again(empty: Any) -> None:
    complains(empty, 1)
    wrong = shipped_registry()["bills"].model_copy(
        update={"id": "wrong", "measure": Measure(kind="sum", by=(), units="SELECT nonsense FROM nowhere")}
    )
    for _ in range(2):
        done = refreshed(empty, Registry([wrong, *SOME.values()]))
        assert list(done.failed) == ["wrong"]
        assert "nonsense" in done.failed["wrong"] or "nowhere" in done.failed["wrong"]
    assert any(key[0] == "complaints" for key in rows_of(empty))


def test_customers_stored_before_a_refresh_that_broke_off_are_not_forgotten(
    empty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    complains(empty, 3)
    refreshed(empty, SOME)
    stored(empty, -1)
    complains(empty, 2)
    with monkeypatch.context() as broken:
        broken.setattr("streams.warehouse.refresh.note_customers", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            refreshed(empty, SOME)
    marks = empty.query("SELECT max(read_until) > now('UTC') + INTERVAL 30 MINUTE FROM indicator_marks").result_rows
    assert marks == [(1,)]  # the broken refresh noted nothing


def test_a_policy_step_that_is_no_more_is_no_longer_owed(empty: Any) -> None:
    step = {"pack": "p", "clause": "old", "metric": "roaming_entry", "purpose": "x", "percent": 0, "within_ms": 1,
            "effective_from": "2026-01-01", "effective_to": None, "active": True}  # fmt: skip
    Refresher(empty, SOME, [step]).refresh()
    Refresher(empty, SOME, [{**step, "clause": "new"}]).refresh()
    assert empty.query("SELECT clause FROM policy_steps FINAL WHERE active").result_rows == [("new",)]


def test_no_indicator_is_called_like_a_table() -> None:
    tables = {name.removeprefix("indicator_") for name in ddl.names() if name.startswith("indicator_")}
    assert tables == TAKEN
    with pytest.raises(ValueError, match="cannot be called"):
        Indicator.model_validate({**shipped_registry()["bills"].model_dump(), "id": "rows"})


def test_the_ddl_for_a_cluster_is_understood(tmp_path: Path) -> None:
    client = open_client(tmp_path / "clickhouse")
    try:
        tables = [one for one in ddl.statements() if one.startswith("CREATE TABLE")]
        made = ddl.clustered("mot")
        for statement in made:
            client.query(f"EXPLAIN AST {statement}")
            assert statement.count("ON CLUSTER 'mot'") == 1
        assert sum("Replicated" in one for one in made) == len(tables)
        assert not any(re.search(r"ENGINE = (Replacing|Aggregating)", one) for one in made)
    finally:
        client.close()
    with pytest.raises(ValueError, match="no name of a cluster"):
        ddl.clustered("a' b")


def test_a_measure_must_say_what_its_units_read() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Measure(kind="sum", by=(), units="SELECT 1 FROM {events}")
    with pytest.raises(ValueError, match="unknown event types"):
        Measure(kind="sum", by=(), reads=("no.such",), units="SELECT 1 FROM {events}")
    with pytest.raises(ValueError, match="quantile"):
        Measure(kind="quantile", by=(), units="SELECT 1")
