"""Computes the rows of all indicators from the facts: again and again, always whole windows, always absolute values.

A refresh asks what was stored since the one before, takes the days that this can have changed, computes them anew and
writes the rows that are others than before, under a higher version. Whatever is stored twice, late or by a replay, the
next refresh gives what a recount of the facts gives. One refresh at a time.

Facts are kept for 400 days, rows for 800: once a warehouse is nearly as old, windows whose facts may have gone are left
as they are. An indicator that fails is told of and tried again; it does not hold up the others.
"""

# ruff: noqa: S608 - nothing but our own words and the registry's SQL

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from journeys.formulas import ROW_DIMS, measure_of, rollup_sql, views
from journeys.registry import Indicator, Registry, RowGrain
from streams.sinks import ddl
from streams.sinks.faults import code_of
from streams.sinks.literals import in_utc, midnight, time_sql, time_text
from streams.sinks.rows import encoded
from streams.warehouse.customers import count_population, note_customers
from streams.warehouse.dirty import BEGINNING, END, News, Span, changed, news_since
from streams.warehouse.reference import registry_rows

OVERLAP_SECONDS = 120
"""So far behind the last reading a refresh begins: a row's time of storing is taken when its insert begins."""
_FEW_FACTS = 2_000_000
_TOGETHER = 12
"""So many indicators are computed by one statement while there are few facts."""
PATIENCE = timedelta(minutes=15)
_FACTS_LAST = timedelta(days=390)
_ALL = "*"
"""The name under which the registry as a whole is marked."""
_WHOLE: dict[str, Any] = {
    "max_partitions_per_insert_block": 0,
    "distributed_foreground_insert": 1,
    "distributed_product_mode": "global",
    "join_use_nulls": 0,
    "do_not_merge_across_partitions_select_final": 1,
    "optimize_aggregation_in_order": 0,
}
_KEYS = ", ".join(("indicator", "grain", "window_start", *ROW_DIMS))
_VALUES = ("numerator", "denominator", "customers", "base_customers", "spread")


@dataclass(slots=True)
class Refreshed:
    """What a refresh did: indicators looked at and computed anew, seconds it took; `slowest` as (seconds, id), `failed`
    by id with ClickHouse's reason."""

    indicators: int = 0
    computed: int = 0
    seconds: float = 0.0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Mark:
    fingerprint: str
    read_until: datetime
    front: datetime


_Noted = tuple[str, str, datetime | None]
"""Of a mark: the indicator, the fingerprint it was computed with, the latest event time then."""


class _Due(NamedTuple):
    """Windows of an indicator that are to be computed anew."""

    indicator: Indicator
    grains: Sequence[RowGrain]
    span: Span


class Refresher:
    """Refreshes the indicators of `registry` in the client's database. `steps` are the rows of table `policy_steps`."""

    def __init__(self, client: Any, registry: Registry, steps: Sequence[dict[str, Any]]) -> None:
        self._client = client
        self._registry = registry
        self._steps = steps

    def refresh(self, *, full: bool = False, patient: bool = False) -> Refreshed:
        """Bring all rows up to date; `full` computes everything anew.

        `patient` leaves those that hang on customers as they are now, and so on all of the past, for a quarter of an
        hour: right for whoever refreshes every minute. Raises ClickHouseError.
        """
        began = monotonic()
        ddl.apply(self._client)
        marks = {} if full else self._marks()
        read_until = self._scalar("SELECT toString(now('UTC'))")
        described = self._describe(marks.get(_ALL))
        since = _stored_since(marks.get(_ALL))
        note_customers(self._client, since)
        count_population(self._client, self._scalar("SELECT max(version) + 1 FROM population"))
        news: dict[str, News] = {}
        noted: list[_Noted] = [described]
        floor = self._oldest_facts()
        due: list[_Due] = []
        done = Refreshed()
        for indicator in self._registry.computed():
            mark, meant = marks.get(indicator.id), self._fingerprint(indicator)
            if mark is not None and mark.fingerprint != meant:
                mark = None
            if patient and mark is not None and _waits(indicator, mark, read_until):
                continue
            stored = _stored_since(mark)
            if stored not in news:
                news[stored] = news_since(self._client, stored)
            with _telling(indicator.id, done):
                due += self._look_at(indicator, mark, news[stored], floor, done)
                noted.append((indicator.id, meant, news[stored].front))
        self._compute(due, done)
        self._note([one for one in noted if one[0] not in done.failed], read_until)
        done.seconds = monotonic() - began
        self._client.command(
            "INSERT INTO pipeline_health (at, component, instance, metric, value) "
            f"SELECT now64(3, 'UTC'), 'kpis', 'kpis', 'refresh_seconds', {done.seconds:.3f}"
        )
        return done

    def _oldest_facts(self) -> datetime | None:
        """Before this, facts may have gone already; None while the warehouse is younger than that."""
        now, oldest, count = self._client.query(
            "SELECT now('UTC'), min(stored_at), count() FROM indicator_rows"
        ).result_rows[0]
        aged = count and now - oldest > _FACTS_LAST
        return in_utc(now - _FACTS_LAST) if aged else None

    def _look_at(
        self, indicator: Indicator, mark: _Mark | None, news: News, floor: datetime | None, done: Refreshed
    ) -> list[_Due]:
        """What of `indicator` is due."""
        done.indicators += 1
        if mark is None:
            for statement in views(indicator):
                self._client.command(statement)
            span: Span | None = Span(BEGINNING, END)
        else:
            span = changed(measure_of(indicator), news, mark.front)
        if span is None:
            return []
        done.computed += 1
        least = BEGINNING
        if floor is not None:
            least = midnight(floor + timedelta(days=measure_of(indicator).back_days + 1))
            span = Span(max(span.first, least), max(span.last, least))
        grains = measure_of(indicator).grains
        usual = [grain for grain in grains if grain != "cycle"]
        due = [_Due(indicator, usual, span)] if usual else []
        if "cycle" in grains:  # a bill period begins long before the bill: all of them, there is one a month
            due.append(_Due(indicator, ["cycle"], Span(least, END)))
        return due

    def _compute(self, due: Sequence[_Due], done: Refreshed) -> None:
        """Compute what is due: several at once where facts are few, since each insert costs files."""
        version = self._scalar("SELECT max(version) + 1 FROM indicator_rows")
        together = _TOGETHER if self._scalar("SELECT count() FROM events") < _FEW_FACTS else 1
        for first in range(0, len(due), together):
            began = monotonic()
            part = due[first : first + together]
            self._insert_all(part, version, done)
            names = ", ".join(dict.fromkeys(one.indicator.id for one in part))
            done.slowest.append((round(monotonic() - began, 3), names))
        done.slowest = sorted(done.slowest, reverse=True)[:10]

    def _insert_all(self, due: Sequence[_Due], version: int, done: Refreshed) -> None:
        """Compute what is due at once; if that fails, one after the other."""
        try:
            self._client.command(_insert(due, version), settings=_WHOLE)
        except ClickHouseError as fault:
            if code_of(fault) is None:
                raise
            for one in due:
                with _telling(one.indicator.id, done):
                    self._client.command(_insert([one], version), settings=_WHOLE)

    def _describe(self, mark: _Mark | None) -> _Noted:
        """Write the reference rows when they are others than last time; gives what is to be noted in the end."""
        said = self._fingerprint(None)
        if mark is None or mark.fingerprint != said:
            self._client.command(
                "INSERT INTO policy_steps SELECT * REPLACE (false AS active, now64(3, 'UTC') AS stored_at) "
                "FROM policy_steps FINAL"
            )
            for table, rows in (("indicator_registry", registry_rows(self._registry)), ("policy_steps", self._steps)):
                self._client.raw_insert(table, insert_block=b"\n".join(encoded(rows)), fmt="JSONEachRow")
        return _ALL, said, None

    def _fingerprint(self, indicator: Indicator | None) -> str:
        """A hash of all that decides the rows of `indicator`, or of the whole registry."""
        meant: Any = list(self._steps)
        if indicator is None:
            meant = [meant, [one.model_dump(mode="json") for one in self._registry.values()]]
        else:
            measure = measure_of(indicator)
            steps = meant if "{steps}" in measure.units else []
            meant = [steps, measure.model_dump(mode="json"), rollup_sql(indicator, measure.grains, "since", "until")]
        return sha256(msgspec.json.encode(meant)).hexdigest()[:16]

    def _marks(self) -> dict[str, _Mark]:
        rows = self._client.query(
            "SELECT indicator, fingerprint, read_until, front FROM indicator_marks FINAL"
        ).result_rows
        return {str(name): _Mark(said, until, in_utc(front)) for name, said, until, front in rows}

    def _note(self, noted: Sequence[_Noted], read_until: str) -> None:
        rows = []
        for name, fingerprint, front in noted:
            row = {"indicator": name, "fingerprint": fingerprint, "read_until": read_until}
            if front is not None:
                row["front"] = time_text(front)
            rows.append(msgspec.json.encode(row))
        self._client.raw_insert("indicator_marks", insert_block=b"\n".join(rows), fmt="JSONEachRow")

    def _scalar(self, sql: str) -> Any:
        return self._client.query(sql).result_rows[0][0]


@contextmanager
def _telling(name: str, done: Refreshed) -> Iterator[None]:
    """Note that ClickHouse refuses what `name` asks for, and go on; a lost connection is raised."""
    try:
        yield
    except ClickHouseError as fault:
        if code_of(fault) is None:
            raise
        done.failed[name] = str(fault).splitlines()[0][:300]


def _insert(due: Sequence[_Due], version: int) -> str:
    """Write, of the windows that are due, the rows that are new, others than before, or no more."""
    columns = ", ".join(f"anyIf({name}, fresh = 1) AS new_{name}" for name in _VALUES)
    same = " AND ".join(f"new_{name} = anyIf({name}, fresh = 0)" for name in _VALUES)
    return (
        f"INSERT INTO indicator_rows ({_KEYS}, {', '.join(_VALUES)}, version) "
        f"SELECT {_KEYS}, {columns}, {version} FROM ({' UNION ALL '.join(map(_fresh_and_kept, due))}) "
        f"GROUP BY {_KEYS} HAVING NOT ({same})"
    )


def _fresh_and_kept(due: _Due) -> str:
    since, until = time_sql(due.span.first), time_sql(due.span.last)
    grains = ", ".join(f"'{grain}'" for grain in due.grains)
    fresh = rollup_sql(due.indicator, due.grains, since, until)
    return (
        f"SELECT {_KEYS}, {', '.join(_VALUES)}, 1 AS fresh FROM ({fresh}) "
        f"WHERE window_start >= {since} AND window_start < {until} UNION ALL "
        f"SELECT {_KEYS}, {', '.join(_VALUES)}, 0 AS fresh FROM indicator_rows FINAL "
        f"WHERE indicator = '{due.indicator.id}' AND grain IN ({grains}) "
        f"AND window_start >= {since} AND window_start < {until}"
    )


def _waits(indicator: Indicator, mark: _Mark, now: str) -> bool:
    if "{customers}" not in measure_of(indicator).units:
        return False
    return datetime.fromisoformat(now) - mark.read_until.replace(tzinfo=None) < PATIENCE


def _stored_since(mark: _Mark | None) -> str:
    if mark is None:
        return "toDateTime(0, 'UTC')"
    return f"toDateTime('{mark.read_until:%Y-%m-%d %H:%M:%S}', 'UTC') - INTERVAL {OVERLAP_SECONDS} SECOND"
