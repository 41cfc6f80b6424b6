"""Every query of every dashboard on the real engine, over seeded data: rows, columns and types as its panel needs them.

What is checked is the committed JSON. A panel that stays empty fails: there is no list of panels that may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from itertools import chain
from typing import Any

import pytest

from dashboards.grafana import store
from dashboards.grafana.alerts import alerts
from dashboards.grafana.links import CUSTOMERS, FIRST_INDICATOR, units_panel
from dashboards.grafana.lint import panels
from dashboards.grafana.sql import for_total, rows, standing, total
from journeys.formulas import measure_of, sample_sql
from journeys.registry import Indicator, shipped_registry
from tests.dashboards.answers import Answer, faults, kind_of, named
from tests.dashboards.macros import ALL, Dashboard, Variable, Window, expanded, time_expanded
from tests.dashboards.seeds import SINCE, seeded

pytestmark = pytest.mark.slow

Json = Mapping[str, Any]
BOARDS = {str(one["uid"]): one for language in store.LANGUAGES for one in store.shipped(language)}
TEXT_BOXES = ("customer",)


@dataclass
class Asked:
    """A seeded database, and the variables of each board with the values they can take."""

    client: Any
    window: Window
    customer: str
    options: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def board(self, uid: str, reach: str = "9999", **chosen: str) -> Dashboard:
        """The dashboard `uid` with `chosen` values, lists over `reach` days, every other variable at All."""
        variables: dict[str, Variable] = {}
        for one in BOARDS[uid]["templating"].get("list", ()):
            name = str(one["name"])
            if name in TEXT_BOXES:
                variables[name] = Variable(value=self.customer)
            elif name in chosen:
                variables[name] = Variable(value=(chosen[name],), options=self.values(uid, name))
            else:
                variables[name] = Variable(value=(ALL,), options=("never", "asked"))
        if "reach" in variables:
            variables["reach"] = Variable(value=reach)
        return Dashboard(window=self.window, variables=variables, uid=uid)

    def values(self, uid: str, name: str) -> tuple[str, ...]:
        """What the variable offers."""
        if (uid, name) not in self.options:
            variable = next(one for one in BOARDS[uid]["templating"]["list"] if one["name"] == name)
            self.options[uid, name] = tuple(self.ask(variable["query"], self.board(uid)).column("code"))
        return self.options[uid, name]

    def ask(self, sql: str, board: Dashboard) -> Answer:
        """The answer to a query as Grafana would send it."""
        found = self.client.query(expanded(sql, board))
        return Answer([*found.column_names], [one.name for one in found.column_types], [*found.result_rows])


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    client = seeded(tmp_path_factory.mktemp("boards"))
    now = client.query("SELECT now('UTC')").result_rows[0][0].replace(tzinfo=UTC)
    window = Window(since=SINCE, until=now + timedelta(hours=1), interval=timedelta(hours=6))
    both = "SELECT customer_id FROM moments_now WHERE customer_id IN (SELECT customer_id FROM handoffs_now) LIMIT 1"
    yield Asked(client, window, client.query(both).result_rows[0][0])
    client.close()


def _answers(asked: Asked, panel: Json, board: Dashboard) -> dict[str, Answer]:
    return {target["refId"]: asked.ask(target["rawSql"], board) for target in panel["targets"]}


def _asking(uid: str) -> Iterator[Json]:
    return (panel for panel in panels(BOARDS[uid]) if panel.get("targets"))


# --- the tests


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_has_what_it_needs(asked: Asked, uid: str) -> None:
    board = asked.board(uid)
    wrong = {panel["title"]: faults(panel, _answers(asked, panel, board)) for panel in _asking(uid)}
    assert {title: said for title, said in wrong.items() if said} == {}


@pytest.mark.parametrize("uid", [uid for uid in BOARDS if not uid.endswith("-zh")])
def test_every_panel_follows_its_variables(asked: Asked, uid: str) -> None:
    """For each variable that a query names there is a value with which the panel still has what it needs."""
    wrong = []
    for panel in _asking(uid):
        text = " ".join(target["rawSql"] for target in panel["targets"])
        for variable in BOARDS[uid]["templating"].get("list", ()):
            name = str(variable["name"])
            if uid == CUSTOMERS and name not in ("tier", "region"):
                continue  # a hundred lists are filtered by one function; two of its dimensions are enough
            if name not in TEXT_BOXES and f"${{{name}:" in text and not _fits(asked, panel, uid, name):
                wrong.append((panel["title"], name))
    assert wrong == []


def _fits(asked: Asked, panel: Json, uid: str, name: str) -> bool:
    """Values that fitted another panel of the board are tried first."""
    for value in _likely(asked, panel, uid, name):
        if not faults(panel, _answers(asked, panel, asked.board(uid, **{name: value}))):
            others = (one for one in asked.values(uid, name) if one != value)
            asked.options[uid, name] = (value, *others)
            return True
    return False


def _likely(asked: Asked, panel: Json, uid: str, name: str) -> Sequence[str]:
    """What the variable offers; for the units of an indicator, which take long, only values that it has rows of."""
    offered = asked.values(uid, name)
    indicators = [*shipped_registry()]
    place = panel["id"] - FIRST_INDICATOR
    if uid != CUSTOMERS or not 0 <= place < len(indicators):
        return offered
    rows = f"FROM indicator_now WHERE indicator = '{indicators[place]}' AND grain = 'day'"
    found = asked.client.query(f"SELECT DISTINCT toString({name}) {rows}").result_rows
    return [one for one in offered if (one,) in found]


@pytest.mark.parametrize("uid", [uid for uid in BOARDS if not uid.endswith("-zh")])
def test_every_panel_answers_over_a_short_range(asked: Asked, uid: str) -> None:
    """Minutes in place of days: other rows are read, so other mistakes show. Rows may be missing there, but not those
    of a moment on the wall."""
    decided = asked.client.query("SELECT max(decided_at) FROM moments_now WHERE valence = 'negative'").result_rows[0][0]
    at = decided.replace(tzinfo=UTC)
    hour = timedelta(hours=1)
    short = Window(since=at - hour, until=at + hour, interval=timedelta(seconds=15))
    board = Dashboard(window=short, variables=asked.board(uid).variables, uid=uid)
    for panel in _asking(uid):
        found = _answers(asked, panel, board)
        if panel["title"].startswith("Negative moments per minute"):
            assert faults(panel, found) == []
            assert found["A"].column("time")[-1] == decided.replace(second=0, microsecond=0)


@pytest.mark.parametrize("uid", BOARDS)
def test_variables_offer_values(asked: Asked, uid: str) -> None:
    for variable in BOARDS[uid]["templating"].get("list", ()):
        if variable["type"] == "query":
            found = asked.ask(variable["query"], asked.board(uid))
            assert found.columns in (["code", "name"], ["code"])
            assert found.of("word") == found.columns
            assert found.rows
            assert all(chain.from_iterable(found.rows)), variable["name"]


@pytest.mark.parametrize("uid", BOARDS)
def test_annotations_are_moments(asked: Asked, uid: str) -> None:
    for annotation in BOARDS[uid]["annotations"].get("list", ()):
        if "target" not in annotation or "rawSql" not in annotation["target"]:
            continue
        found = asked.ask(annotation["target"]["rawSql"], asked.board(uid))
        assert found.columns == ["time", "text", "tags"]
        assert found.of("time") == ["time"]
        assert 0 < len(found.rows) <= 200


def test_alerts_give_one_number(asked: Asked) -> None:
    for alert in alerts():
        found = asked.client.query(time_expanded(alert.sql, asked.window))
        assert len(found.result_rows) <= 1, alert.uid
        assert all(kind_of(one.name) in {"number", "time"} for one in found.column_types), alert.uid


@pytest.mark.parametrize("name", [one.id for one in shipped_registry().computed()])
def test_the_customers_behind_a_number_make_it_up(asked: Asked, name: str) -> None:
    """The list that a number leads to counts the same units."""
    one = shipped_registry()[name]
    measure = measure_of(one)
    board = asked.board(CUSTOMERS)
    (value,) = asked.ask(total(one, ()), board).rows[0]
    (units,) = asked.ask(f"SELECT {sample_sql(one)} {rows(one, (), for_total(measure.grains))}", board).rows[0]
    panel = next(each for each in panels(BOARDS[CUSTOMERS]) if each["id"] == units_panel(one))
    found = asked.ask(panel["targets"][0]["rawSql"], board)
    assert 0 < len(found.rows) < 500
    if measure.kind == "sum":
        assert sum(found.column("hits")) * measure.scale == pytest.approx(value * (100 if one.unit == "minor" else 1))
    elif measure.kind == "ratio" and "{population}" in measure.units:
        assert sum(found.column("hits")) * measure.scale == pytest.approx(value * units)
    elif measure.kind == "ratio":
        assert sum(found.column("hits")) + sum(found.column("missed")) == pytest.approx(units)
    elif measure.kind == "quantile":
        assert sum(found.column("units")) == units
    elif measure.kind == "customers":
        assert sum(hits > 0 for hits in found.column("hits")) == value
    else:
        assert len(found.rows) == units


@pytest.mark.parametrize("name", ["contacts", "bills", "transfer_rate"])
def test_a_list_begins_two_days_before_the_end_of_the_time_range(asked: Asked, name: str) -> None:
    one = shipped_registry()[name]
    sql = next(each for each in panels(BOARDS[CUSTOMERS]) if each["id"] == units_panel(one))["targets"][0]["rawSql"]
    window = Window(since=SINCE, until=SINCE + timedelta(days=100), interval=timedelta(hours=6))
    boards = (asked.board(CUSTOMERS, reach) for reach in ("9999", "2"))
    whole, newest = (asked.ask(sql, replace(board, window=window)) for board in boards)
    assert 0 < len(newest.rows) < len(whole.rows)
    assert min(newest.column("latest")) >= max(whole.column("latest")) - timedelta(days=3)


@pytest.mark.parametrize(("direction", "target", "warning"), [("up", 0.8, 0.7), ("down", 5, 8), ("down", 5, None)])
def test_standing_in_sql_is_that_of_the_registry(asked: Asked, direction: str, target: float, warning: Any) -> None:
    like = next(one for one in shipped_registry().values() if one.target is not None)
    one = Indicator.model_validate(
        {**dict(like), "unit": "count", "direction": direction, "target": target, "warning": warning}
    )
    for value in (None, 0, 0.69, 0.7, 0.75, 0.8, 0.9, 5, 6, 8, 9):
        written = ["NULL" if each is None else f"toFloat64({each})" for each in (value, target, warning)]
        said = asked.client.query("SELECT " + standing(*written, f"'{direction}'")).result_rows
        assert said == [(one.standing(value),)], value


def _panel(uid: str, title: str) -> Json:
    return next(one for one in panels(BOARDS[uid]) if one["title"] == title)


def test_indicators_without_rows_are_listed_as_such(asked: Asked) -> None:
    """Nobody must take a missing line for a good one."""
    sql = _panel("mot-wall", "Indicators against target")["targets"][0]["rawSql"]
    wanted = {one.name.en for one in shipped_registry().computed() if one.target is not None}
    before = Window(since=SINCE - timedelta(days=900), until=SINCE - timedelta(days=890))
    for window, unmeasured in ((asked.window, False), (before, True)):
        found = asked.ask(sql, Dashboard(window=window, variables=asked.board("mot-wall").variables, uid="mot-wall"))
        assert set(found.column("name")) == wanted
        assert len(found.rows) == len(wanted)
        assert ("unmeasured" in found.column("standing")) is unmeasured
        assert set(found.column("shown")) == {"–"} or not unmeasured


def test_the_latest_reports_are_those_of_who_is_alive(asked: Asked) -> None:
    """Two instances of each report 7.5; a third one said five million before it stopped."""
    panel = _panel("mot-pipeline", "Latest reports")
    (found,) = asked.ask(panel["targets"][0]["rawSql"], asked.board("mot-pipeline")).rows
    assert dict(zip(named(panel), found, strict=True)) == {
        "lag_worker": 15.0, "behind_worker": 0.0075, "lag_sink": 15.0, "behind_sink": 0.0075, "restore": 7.5,
    }  # fmt: skip


def test_a_timeline_begins_with_the_stage_the_customer_was_in(asked: Asked) -> None:
    moves = asked.client.query(
        f"SELECT at, toString(to_stage) FROM transitions_now WHERE customer_id = '{asked.customer}' ORDER BY at"
    ).result_rows
    (at, stage), (following, _) = moves[0], moves[1]
    middle = at.replace(tzinfo=UTC) + (following - at) / 2
    window = Window(since=middle, until=asked.window.until)
    board = Dashboard(window=window, variables=asked.board("mot-customer").variables, uid="mot-customer")
    found = asked.ask(_panel("mot-customer", "Stages")["targets"][0]["rawSql"], board)
    assert len(found.rows) == len(moves)
    assert found.rows[0][1] == stage
    assert abs(found.rows[0][0].replace(tzinfo=UTC) - middle) < timedelta(milliseconds=1)


def test_an_empty_panel_fails(asked: Asked) -> None:
    """The checks can fail: in a time before all data every panel that looks at time is found out."""
    before = Window(since=SINCE - timedelta(days=900), until=SINCE - timedelta(days=890), interval=timedelta(hours=1))
    board = Dashboard(window=before, variables=asked.board("mot-wall").variables, uid="mot-wall")
    found = {panel["title"]: faults(panel, _answers(asked, panel, board)) for panel in _asking("mot-wall")}
    silent = [title for title, said in found.items() if not said]
    assert silent == ["Moments of truth", "Stream of events", "Age of the data"]


WRONG = [
    ("timeseries", ["time", "value"], ["DateTime", "String"], [(1, "a")], "numbers"),
    ("timeseries", ["value", "time"], ["Float64", "DateTime"], [(1.0, 1)], "time comes first"),
    ("timeseries", ["time", "name", "value"], ["DateTime", "String", "Float64"], [(1, "a", 1.0)] * 2, "two rows"),
    ("timeseries", ["time", "name", "value"], ["DateTime", "String", "Nullable(Float64)"], [(1, "a", None)], "NULL"),
    (
        "timeseries",
        ["time", "name", "value"],
        ["DateTime", "String", "Float64"],
        [(2, "a", 1.0), (1, "a", 1.0)],
        "rise",
    ),
    ("stat", ["value"], ["Nullable(Float64)"], [(None,)], "NULL"),
    ("stat", ["value"], ["Float64"], [(1.0,), (2.0,)], "2 rows"),
    ("stat", ["other"], ["Float64"], [(1.0,)], "to be shown"),
    ("table", ["value", "more"], ["Float64", "String"], [(1.0, "a")], "more"),
    ("barchart", ["value"], ["Float64"], [(1.0,)], "no label"),
]


@pytest.mark.parametrize(("kind", "columns", "types", "rows", "words"), WRONG)
def test_wrong_answers_are_found(kind: str, columns: Any, types: Any, rows: Any, words: str) -> None:
    named = {"matcher": {"id": "byName", "options": "value"}, "properties": [{"id": "unit", "value": "s"}]}
    options = {"xField": "name"}
    panel = {"type": kind, "options": options, "fieldConfig": {"overrides": [named]}}
    assert words in " ".join(faults(panel, {"A": Answer(columns, types, rows)}))
