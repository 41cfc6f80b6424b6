"""What the boards are made of: committed as made, sound, in two languages, every number leading to customers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest

from dashboards.grafana import build, indicators, lint, sql, store
from dashboards.grafana.alerts import alerts
from dashboards.grafana.boards import pipeline
from dashboards.grafana.languages import compare
from dashboards.grafana.links import CUSTOMER, CUSTOMERS, FIRST_INDICATOR, units_panel
from dashboards.grafana.model import Panel, laid_out
from dashboards.grafana.texts import Speech
from journeys.formulas import NOW, sample_sql, units_sql, value_sql
from journeys.registry import Indicator, shipped_registry
from streams.sinks.rows import HealthMetric

Json = Mapping[str, Any]
BOARDS = {str(one["uid"]): one for one in store.shipped("en")}
REGISTRY = shipped_registry()
ASKED_FOR = {
    "mot-wall", "mot-lifecycle", "mot-map", "mot-bills", "mot-handoffs", "mot-tiers", "mot-compliance", "mot-retention",
    "mot-quality", "mot-pipeline", "mot-customer", "mot-customers",
}  # fmt: skip
WITHOUT_CUSTOMERS = {
    ("mot-pipeline", None): "figures of processes and of records that belong to nobody",
    (CUSTOMERS, None): "it is the list of customers",
    (CUSTOMER, None): "it is one customer",
    ("mot-runbooks", None): "words",
    (None, "Age of the data"): "a time",
    ("mot-compliance", "Notices that are owed"): "the text of the packs",
    ("mot-wall", "Stream of events"): "events: they are counted and not listed",
    ("mot-handoffs", "Appeals per million users"): "published by others, without customers",
}
"""Panels whose numbers lead to no customers, and why."""


def test_committed_as_made() -> None:
    made = build.files()
    there = {path.relative_to(build.GENERATED).as_posix(): path for path in build.GENERATED.glob("*/*.json")}
    assert sorted(made) == sorted(there)
    stale = [name for name, text in made.items() if there[name].read_text(encoding="utf-8") != text]
    assert stale == [], "run python -m dashboards.grafana.generate"


def test_all_boards_are_there() -> None:
    assert set(BOARDS) >= ASKED_FOR
    assert {str(one["uid"]) for one in store.shipped("zh")} == {Speech("zh").uid(uid) for uid in BOARDS}


@pytest.mark.parametrize("language", store.LANGUAGES)
def test_lint_finds_nothing(language: store.Language) -> None:
    assert [one.said_in("en") for one in lint.lint(store.shipped(language))] == []


def test_two_languages_ask_the_same() -> None:
    assert [one.said_in("en") for one in compare(store.shipped("zh"), store.shipped("en"))] == []


def _numbers() -> Iterator[tuple[str, Json]]:
    """Panels that show numbers: where a click must lead somewhere."""
    for uid, board in BOARDS.items():
        for panel in lint.panels(board):
            if panel["type"] in {"stat", "timeseries", "table", "barchart", "nodeGraph"}:
                yield uid, panel


def _urls(value: Any) -> list[str]:
    return [text for key, text in lint.strings(value) if key == "url"]


def test_every_number_leads_to_customers() -> None:
    lost = []
    for uid, panel in _numbers():
        excused = {(uid, None), (None, panel["title"]), (uid, panel["title"])} & set(WITHOUT_CUSTOMERS)
        if not excused and not any(f"/d/{CUSTOMER}" in url for url in _urls(panel["fieldConfig"])):
            lost.append((uid, panel["title"]))
    assert lost == []


def test_a_number_leads_to_nothing_else_than_what_it_counts() -> None:
    """Events of all customers, and all customers, are no list of those with moments."""
    panel = next(one for one in lint.panels(BOARDS["mot-wall"]) if one["title"] == "Stream of events")
    assert _urls(panel) == []
    tiers = next(one for one in lint.panels(BOARDS["mot-tiers"]) if one["title"] == "The tiers")
    by_column = {one["matcher"]["options"]: _urls(one) for one in tiers["fieldConfig"]["overrides"]}
    assert by_column["people"] == []
    assert all("var-tier=${__data.fields.tier}" in url for urls in by_column.values() for url in urls)


def test_boards_ask_for_what_somebody_reports() -> None:
    reported = {*get_args(HealthMetric), "refresh_seconds"}
    assert set(pipeline.NAMES) == reported
    text = json.dumps([BOARDS["mot-pipeline"], *(one.sql for one in alerts())])
    assert {*re.findall(r"metric = '(\w+)'", text)} <= reported


def test_days_are_those_of_utc() -> None:
    for language in store.LANGUAGES:
        for board in store.shipped(language):
            assert board["timezone"] == "utc"
            assert "UTC" in board["description"]


def test_every_exception_is_needed() -> None:
    seen = {(uid, panel["title"]) for uid, panel in _numbers()} | {(uid, None) for uid in BOARDS}
    seen |= {(None, panel["title"]) for _, panel in _numbers()}
    assert set(WITHOUT_CUSTOMERS) <= seen


def test_links_keep_the_time_range_and_the_choices() -> None:
    for uid, panel in _numbers():
        for url in _urls(panel["fieldConfig"]):
            assert "${__url_time_range}" in url, (uid, panel["title"])
        for url in (one for one in _urls(panel["fieldConfig"]) if f"/d/{CUSTOMERS}" in one):
            names = {str(one["name"]) for one in BOARDS[uid]["templating"].get("list", ())} & set(sql.FILTER_DIMS)
            kept = {name for name in names if f"${{{name}:queryparam}}" in url or f"var-{name}=" in url}
            assert names == kept or panel["title"] in {"Handoffs and returns", "Time at a desk"}, (uid, panel["title"])


def test_every_customer_leads_to_the_timeline() -> None:
    for uid, panel in _numbers():
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == "customer_id" and uid != CUSTOMER:
                assert any(f"/d/{CUSTOMER}?" in url for url in _urls(override)), (uid, panel["title"])


def test_every_computed_indicator_is_shown_and_leads_to_its_units() -> None:
    lists = {panel["id"]: panel for panel in lint.panels(BOARDS[CUSTOMERS])}
    shown = json.dumps([one for uid, one in BOARDS.items() if uid != CUSTOMERS])
    for one in REGISTRY.computed():
        panel = lists[units_panel(one)]
        assert panel["title"] == one.name.en
        asked = sql.units(one).split("FROM (", 1)[1]
        assert asked in panel["targets"][0]["rawSql"]
        assert f"'{one.id}'" in shown, f"no board shows {one.id}"


def test_indicators_without_data_say_what_is_needed() -> None:
    texts = {panel["title"]: panel for one in BOARDS.values() for panel in lint.panels(one) if panel["type"] == "text"}
    for one in REGISTRY.values():
        if one.availability == "missing" and one.name.en in texts:
            assert one.obtain is not None
            assert one.obtain.en in texts[one.name.en]["options"]["content"]
    shown = [one.id for one in REGISTRY.values() if one.availability == "missing" and one.name.en in texts]
    assert shown == [one.id for one in REGISTRY.values() if one.availability == "missing"]


def test_every_board_but_the_single_customer_s_has_annotations_that_can_be_switched_off() -> None:
    without = {uid for uid, one in BOARDS.items() if not _annotations(one)}
    assert without == {"mot-map", "mot-pipeline", "mot-runbooks", CUSTOMER, CUSTOMERS}
    for board in BOARDS.values():
        for one in _annotations(board):
            assert "severity >= 4" in one["target"]["rawSql"]
            assert one["enable"]
            assert not one.get("hide")


def _annotations(board: Json) -> list[Json]:
    return [one for one in board["annotations"].get("list", ()) if one.get("target", {}).get("rawSql")]


def test_formulas_are_those_of_the_registry() -> None:
    say = Speech("en")
    shown = indicators.Indicators(say, sql.FILTER_DIMS)
    for one in REGISTRY.computed():
        asked = sql.total(one, sql.FILTER_DIMS)
        assert value_sql(one) in asked
        windows = sql.for_total(one.measure.grains)  # type: ignore[union-attr]
        since, until = (f"toDateTime64({each}, 3, 'UTC')" for each in (windows.since, windows.until))
        assert sql.units(one) == units_sql(
            one, f"greatest({since}, least({until}, {NOW}) - toIntervalDay($reach))", until
        )
        assert value_sql(one) in shown.standing_sql([one.id])
        assert sample_sql(one) in shown.standing_sql([one.id])


# --- colours and places


def _colour(one: Indicator, value: float) -> str:
    found = [step.color for step in indicators.steps(one) if step.value is None or value >= step.value]
    return {"green": "met", "orange": "warning", "red": "breach", "blue": "none"}[found[-1]]


@pytest.mark.parametrize("name", list(REGISTRY))
def test_colours_say_what_the_registry_says(name: str) -> None:
    one = REGISTRY[name]
    marks = [mark for mark in (one.target, one.warning) if mark is not None]
    for value in {0.0, *marks, *(mark * 0.99 for mark in marks), *(mark * 1.01 + 1e-6 for mark in marks)}:
        assert _colour(one, sql.shown(one, value)) == one.standing(value), value


def test_a_limit_of_zero_may_be_reached() -> None:
    one = REGISTRY["cancel_then_charged"]
    assert one.target == 0
    assert [_colour(one, value) for value in (0.0, 1.0)] == ["met", "breach"]
    raised = replace_target(one, 2.0)
    assert [_colour(raised, value) for value in (2.0, 3.0)] == ["met", "breach"]


def replace_target(one: Indicator, target: float) -> Indicator:
    return Indicator.model_validate({**dict(one), "target": target})


def test_panels_are_laid_out_in_lines() -> None:
    sizes = [(12, 8), (12, 4), (24, 3), (8, 2)]
    placed = [*laid_out([Panel(None, *size) for size in sizes], 5)]
    assert [(one.x, one.y) for one in placed] == [(0, 5), (12, 5), (0, 13), (0, 16)]


def test_panels_that_links_lead_to_keep_their_numbers() -> None:
    ids = [panel["id"] for panel in lint.panels(BOARDS[CUSTOMERS])]
    assert ids[:2] == [1, 2]
    expected = [FIRST_INDICATOR + at for at, one in enumerate(REGISTRY.values()) if one.measure is not None]
    assert sorted(one for one in ids if one >= FIRST_INDICATOR) == expected
