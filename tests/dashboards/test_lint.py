"""Each rule of the linter: silent on a sound dashboard, loud on one that breaks just that rule."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from dashboards.grafana.languages import base_uid, compare, uid_in, without_words
from dashboards.grafana.lint import lint, lint_alerts, panels, queries

SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "mot-ch"}
Board = dict[str, Any]


def panel(number: int, x: int, y: int, sql: str, **more: Any) -> Board:
    return {
        "id": number,
        "type": "timeseries",
        "title": f"Panel {number}",
        "description": "What it shows.",
        "gridPos": {"x": x, "y": y, "w": 12, "h": 8},
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": "short"}, "overrides": []},
        "targets": [
            {
                "refId": "A",
                "datasource": SOURCE,
                "editorType": "sql",
                "format": 0,
                "queryType": "timeseries",
                "rawSql": sql,
            }
        ],
        **more,
    }


TIER = {
    "name": "tier",
    "label": "Tier",
    "type": "query",
    "datasource": SOURCE,
    "multi": True,
    "includeAll": True,
    "query": "SELECT DISTINCT tier FROM customers_now",
}


def sound(uid: str = "mot-one") -> Board:
    filtered = "SELECT window_start, value FROM kpi_now WHERE $__timeFilter_ms(window_start)"
    filtered += " AND $__conditionalAll(tier IN (${tier:singlequote}), $tier)"
    link = {"title": "Customers", "url": f"/d/{uid}?var-tier=${{tier:queryparam}}&${{__url_time_range}}"}
    row = {"id": 9, "type": "row", "title": "More", "collapsed": True, "gridPos": {"x": 0, "y": 8, "w": 24, "h": 1}}
    inner = panel(10, 0, 9, "SELECT 1")
    board = {
        "id": None,
        "uid": uid,
        "title": "One",
        "description": "What it is for.",
        "tags": ["mot"],
        "timezone": "utc",
        "schemaVersion": 41,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [deepcopy(TIER)]},
        "annotations": {
            "list": [{"name": "Moments", "datasource": SOURCE, "target": {"rawSql": "SELECT $__fromTime"}}]
        },
        "links": [{"type": "dashboards", "tags": ["mot"], "title": "All"}],
        "panels": [
            panel(1, 0, 0, filtered, links=[link]),
            panel(2, 12, 0, "SELECT max(value) FROM pipeline_health WHERE metric = 'behind_ms'"),
            {**row, "panels": [inner]},
            {
                "id": 11,
                "type": "text",
                "title": "Help",
                "description": "Help.",
                "gridPos": {"x": 0, "y": 9, "w": 24, "h": 3},
            },
        ],
    }
    return deepcopy(board)  # parts are shared, and tests break them


def test_a_sound_dashboard_has_no_findings() -> None:
    assert [str(one) for one in lint([sound()])] == []


def _set(path: str, value: Any) -> Callable[[Board], None]:
    def change(board: Board) -> None:
        *way, last = path.split(".")
        place: Any = board
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if value is ...:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = value

    return change


def _again(board: Board) -> None:
    board["templating"]["list"].append(deepcopy(board["templating"]["list"][0]))


def _before(board: Board) -> None:
    board["templating"]["list"].insert(0, {**board["templating"]["list"][0], "name": "who", "query": "SELECT $tier"})
    board["panels"][0]["title"] += " $who"


BREAKS = [
    ("uid", _set("uid", "not a uid"), "no proper uid"),
    ("title", _set("title", ""), "title is missing"),
    ("description", _set("description", ...), "description is missing"),
    ("timezone", _set("timezone", ...), "timezone is missing"),
    ("id", _set("id", 7), "`id` belongs to one Grafana"),
    ("panel title", _set("panels.0.title", ""), "the panel has no title"),
    ("panel description", _set("panels.0.description", ""), "the panel has no description"),
    ("text description", _set("panels.3.description", ""), "the panel has no description"),
    ("unit", _set("panels.0.fieldConfig.defaults", {}), "the panel has no unit"),
    ("inner unit", _set("panels.2.panels.0.fieldConfig.defaults", {}), "the panel has no unit"),
    ("panel source", _set("panels.0.datasource", {"uid": "other"}), "the data source must be mot-ch, not other"),
    ("query source", _set("panels.0.targets.0.datasource", ...), "the data source must be mot-ch, not None"),
    ("no query", _set("panels.0.targets", []), "the panel has no query"),
    ("empty query", _set("panels.0.targets.0.rawSql", " "), "the query is empty"),
    ("editor", _set("panels.0.targets.0.editorType", "builder"), "editorType must be sql"),
    ("format", _set("panels.0.targets.0.format", 9), "format must be 0 to 4"),
    ("panel id", _set("panels.1.id", 1), "the panel id 1 is used twice"),
    ("inner panel id", _set("panels.2.panels.0.id", 1), "the panel id 1 is used twice"),
    ("no panel id", _set("panels.1.id", None), "no proper panel id"),
    ("overlap", _set("panels.1.gridPos.x", 11), "lies on panel 2 Panel 2"),
    ("outside", _set("panels.1.gridPos.x", 13), "does not lie within 24 columns"),
    ("no place", _set("panels.1.gridPos", {}), "does not lie within 24 columns"),
    ("undefined", _set("panels.1.title", "for $nobody"), "the variable $nobody is not defined"),
    ("undefined in braces", _set("panels.1.targets.0.rawSql", "SELECT stored_at, ${x:csv}"), "${x:csv} is not defined"),
    ("macro", _set("panels.1.targets.0.rawSql", "SELECT stored_at, $__timeFilte(x)"), "there is no macro $__timeFilte"),
    ("annotation source", _set("annotations.list.0.datasource.uid", "x"), "the data source must be mot-ch, not x"),
    ("annotation macro", _set("annotations.list.0.target.rawSql", "$__tme"), "there is no macro $__tme"),
    ("no all", _set("templating.list.0.includeAll", False), "has no «All»"),
    ("no label", _set("templating.list.0.label", ""), "the variable has no label"),
    ("twice", _again, "the variable tier is defined twice"),
    ("order", _before, "uses tier, which stands after it"),
    ("unused", _set("templating.list.0.name", "tiers"), "no query uses the variable"),
    ("latency", _set("panels.1.targets.0.rawSql", "SELECT 1"), "no panel says how old the data are"),
    ("link", _set("panels.0.links.0.url", "/d/mot-nowhere"), "a link leads to no dashboard: /d/mot-nowhere"),
    ("tags", _set("links.0.tags", ["other"]), "no dashboard bears the tags ['other']"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in BREAKS], ids=[case[0] for case in BREAKS])
def test_each_rule(change: Callable[[Board], None], words: str) -> None:
    board = sound()
    change(board)
    found = [one.said_in("en") for one in lint([board])]
    assert any(words in one for one in found), found
    assert all(one.text.zh != one.text.en for one in lint([board]))


def test_uids_are_unique_and_links_may_lead_to_dashboards_elsewhere() -> None:
    assert [one.text.en for one in lint([sound(), sound()])] == ["the uid is used twice"]
    board = sound()
    board["panels"][0]["links"][0]["url"] = "https://grafana.example.com/d/mot-two/two?x=1"
    assert lint([board], known_uids=["mot-two"]) == []
    assert lint([board, sound("mot-two")]) == []


def test_queries_and_panels_are_all_found() -> None:
    board = sound()
    assert [one["id"] for one in panels(board)] == [1, 2, 10, 11]
    assert [where for where, _ in queries(board)] == [
        "1 Panel 1 A",
        "2 Panel 2 A",
        "10 Panel 10 A",
        "$tier",
        "@Moments",
    ]


def test_an_alert_names_no_variable() -> None:
    def rule(sql: str) -> Board:
        return {"uid": "mot-x", "data": [{"refId": "A", "model": {"rawSql": sql}}, {"refId": "B", "model": {}}]}

    assert lint_alerts([rule("SELECT count() FROM moments_now WHERE decided_at > now64(3) - INTERVAL 5 MINUTE")]) == []
    for sql in ("SELECT $tier", "SELECT ${tier:csv}", "SELECT $__interval", "WHERE $__timeFilter(at)"):
        assert len(lint_alerts([rule(sql)])) == 1, sql


def test_a_link_names_what_the_other_dashboard_has() -> None:
    board = sound()
    board["panels"][0]["links"][0]["url"] = "/d/mot-one?var-tier=x&viewPanel=panel-10"
    assert lint([board]) == []
    board["panels"][0]["links"][0]["url"] = "/d/mot-one?var-level=${tier}&viewPanel=panel-99"
    assert [one.text.en for one in lint([board])] == [
        "a link names panel-99, which mot-one has not",
        "a link names var-level, which mot-one has not",
    ]


def test_the_links_of_an_alert_lead_somewhere() -> None:
    rules = [
        {"uid": "mot-x", "annotations": {"dashboard": "/d/mot-wall", "runbook_url": "/d/mot-runbooks?viewPanel=1"}}
    ]
    assert lint_alerts(rules) == []
    assert lint_alerts(rules, ["mot-wall", "mot-runbooks"]) == []
    assert len(lint_alerts(rules, ["mot-wall"])) == 1


# --- two languages


def spoken(board: Board) -> Board:
    """A Chinese version of `sound`."""
    zh = deepcopy(board)
    zh.update(title="一", description="用途。", uid="mot-one-zh", tags=["mot-zh"])
    zh["templating"]["list"][0]["label"] = "等级"
    for one in (*zh["panels"], zh["panels"][2]["panels"][0]):
        one["title"] = f"面板 {one['id']}"
        if "description" in one:
            one["description"] = "说明。"
    zh["panels"][0]["links"][0]["title"] = "客户"
    zh["panels"][0]["links"][0]["url"] = zh["panels"][0]["links"][0]["url"].replace("mot-one", "mot-one-zh")
    zh["links"][0].update(title="全部", tags=["mot-zh"])
    return zh


def test_versions_that_differ_in_words_are_the_same() -> None:
    assert [str(one) for one in compare([spoken(sound())], [sound()])] == []


QUERY = "panels.0.targets.0.rawSql"
DIFFERENCES = [
    ("panel missing", _set("panels", [])),
    ("unit", _set("panels.0.fieldConfig.defaults.unit", "percent")),
    ("type", _set("panels.0.type", "stat")),
    ("place", _set("panels.0.gridPos.x", 1)),
    ("key", _set("panels.0.links", ...)),
    ("query", _set(QUERY, "SELECT 2")),
    ("variable", _set("templating.list.0.name", "level")),
    ("link", _set("panels.0.links.0.url", "/d/mot-one?var-tier=${tier:csv}")),
]


@pytest.mark.parametrize("change", [case[1] for case in DIFFERENCES], ids=[case[0] for case in DIFFERENCES])
def test_versions_that_differ_in_more(change: Callable[[Board], None]) -> None:
    zh = spoken(sound())
    change(zh)
    assert any("differ" in one.text.en for one in compare([zh], [sound()]))


def test_queries_differ_in_words_only() -> None:
    assert without_words("SELECT a AS `客户`, 'x'  FROM t") == without_words("SELECT a AS `customer`, 'y' FROM t")
    assert without_words("SELECT a AS `客户` FROM t") != without_words("SELECT b AS `customer` FROM t")


def test_each_version_speaks_its_own_language() -> None:
    both = [one.text.en for one in compare([sound()], [sound()])]
    assert "not Chinese in the Chinese version: One" in both
    assert "Chinese in the English version: 一" in [
        one.text.en for one in compare([spoken(sound())], [spoken(sound())])
    ]
    en = sound()
    en["panels"][0]["targets"][0]["rawSql"] = "SELECT 1 AS `客户`, $tier"
    assert any("Chinese in a query" in one.text.en for one in compare([spoken(sound())], [en]))


def test_whose_version_a_uid_is() -> None:
    assert (uid_in("mot-wall", "zh"), uid_in("mot-wall", "en")) == ("mot-wall-zh", "mot-wall")
    assert (base_uid("mot-wall-zh"), base_uid("mot-wall")) == ("mot-wall", "mot-wall")


def test_a_version_that_is_missing() -> None:
    assert [one.text.en for one in compare([], [sound()])] == ["there is a version in one language only"]
