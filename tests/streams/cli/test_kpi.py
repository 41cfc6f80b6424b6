"""`mot kpi` on the results of a small demo, as a user would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from journeys.registry import shipped_registry
from streams.cli.figures import figure
from streams.runners.folder import clickhouse_path
from streams.sinks.clickhouse import open_client
from tests.streams.cli.conftest import Mot
from tests.warehouse.planted import day, event, stored


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo with its indicators."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    words = ["demo", "--customers", "60", "--days", "90", "--seed", "4", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "streams", *words], check=True, capture_output=True)
    return folder


def test_a_demo_ends_with_its_indicators_computed(mot: Mot, demo: Path) -> None:
    seen = mot("kpi", "show", "contacts", "--since", "100d", "--in", demo, "--json")
    assert seen.code == 0
    said = json.loads(seen.out)
    counted = mot(
        "sql",
        "SELECT count() AS n FROM events_now WHERE event_type = 'interaction.contact_completed'",
        "--in",
        demo,
        "--json",
    )
    assert said["values"][0]["value"] == json.loads(counted.out)[0]["n"] > 0


def test_values_by_dimension_and_window_add_up(mot: Mot, demo: Path) -> None:
    def total(*words: str) -> float:
        seen = mot("kpi", "show", "contacts", "--since", "100d", "--in", demo, "--json", *words)
        return sum(one["value"] for one in json.loads(seen.out)["values"])

    assert total() == total("--by", "tier") == total("--per", "day") == total("--per", "month", "--by", "tier") > 0
    assert 0 < total("--where", "tier=normal") <= total()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_show_names_the_indicator_its_span_and_target(mot: Mot, demo: Path, language: str) -> None:
    seen = mot("kpi", "show", "transfer_rate", "--by", "tier", "--since", "60d", "--in", demo, "--lang", language)
    indicator = shipped_registry()["transfer_rate"]
    assert seen.code == 0
    assert indicator.name.said_in(language) in seen.out
    assert "normal" in seen.out
    assert "≤ 10.0%" in seen.out


def test_ls_lists_every_indicator_and_says_what_is_missing(mot: Mot) -> None:
    seen = mot("kpi", "ls", "--json")
    listed = {one["id"]: one for one in json.loads(seen.out)}
    assert set(listed) == set(shipped_registry())
    said = mot("kpi", "ls", "--lang", "zh", columns=140)
    assert all(name in said.out for name in listed)
    assert "缺少" in said.out


def test_an_indicator_without_data_says_how_to_get_them(mot: Mot, demo: Path) -> None:
    missing = next(one for one in shipped_registry().values() if one.availability == "missing")
    seen = mot("kpi", "show", missing.id, "--in", demo)
    assert seen.code == 1
    assert missing.obtain is not None
    assert missing.obtain.en.split()[0] in seen.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("kpi", "show", "transfer_rat"), "transfer_rate"),
        (("kpi", "show", "bills", "--by", "department"), "cannot be split by department"),
        (("kpi", "show", "bills", "--where", "tier"), "DIMENSION=VALUE"),
        (("kpi", "show", "bills", "--since", "soon"), "no duration"),
        (("kpi", "show", "bills", "--until", "soon"), "is no time"),
        (("kpi", "show", "bills", "--per", "minute"), "cannot be split by minute"),
    ],
)
def test_a_wrong_question_is_answered_with_what_to_do(mot: Mot, demo: Path, words: tuple[str, ...], says: str) -> None:
    seen = mot(*words, "--in", demo, columns=400)
    assert seen.code == 2
    assert says in seen.err


def test_an_indicator_is_found_by_its_name_too(mot: Mot, demo: Path) -> None:
    named = shipped_registry()["transfer_rate"].name
    for name in (named.zh, named.en):
        seen = mot("kpi", "show", name, "--in", demo)
        assert seen.code == 0, seen.err
        assert "transfer_rate" in seen.out


def test_a_server_that_is_not_there_is_named(mot: Mot) -> None:
    seen = mot("kpi", "show", "bills", "--clickhouse", "http://127.0.0.1:1", "--lang", "zh", columns=400)
    assert seen.code == 1
    assert "连不上 ClickHouse http://default@127.0.0.1:1/default" in seen.err


def test_a_folder_without_facts_is_named_with_what_to_do(mot: Mot, tmp_path: Path) -> None:
    seen = mot("kpi", "show", "bills", "--in", tmp_path, columns=400)
    assert seen.code == 2
    assert "mot demo" in seen.err
    assert mot("kpi", "refresh", "--in", tmp_path).code == 2


def test_an_operators_own_targets_and_indicators(mot: Mot, demo: Path, tmp_path: Path) -> None:
    settings = tmp_path / "ours.yaml"
    settings.write_text(
        "indicators:\n  transfer_rate: {target: 0.02, warning: null}\n"
        "added_indicators:\n"
        "  - id: app_logins\n    name: {zh: 应用登录数, en: App logins}\n    definition: {zh: 登录次数, en: logins}\n"
        "    formula: {zh: 计数, en: count}\n    cycle: day\n    unit: count\n    direction: up\n    source: app\n"
        "    availability: available\n    owner: channel\n    quadrant: customer\n    etom: x\n"
        "    measure:\n      kind: sum\n      reads: [app.logged_in]\n      by: [tier]\n"
        "      units: SELECT occurred_at AS at, customer_id, tier, 1 AS hit FROM {events}\n",
        encoding="utf-8",
    )
    assert mot("kpi", "refresh", "--in", demo, "--settings", settings).code == 0
    seen = mot("kpi", "show", "app_logins", "--since", "100d", "--in", demo, "--settings", settings, "--json")
    assert json.loads(seen.out)["values"][0]["value"] > 0
    assert "≤ 2.0%" in mot("kpi", "show", "transfer_rate", "--in", demo, "--settings", settings).out
    settings.write_text("indicators:\n  transfer_rat: {target: 0.02}\n", encoding="utf-8")
    seen = mot("kpi", "ls", "--settings", settings, columns=400)
    assert seen.code == 2
    assert "line 2" in seen.err
    assert "transfer_rate" in seen.err


def test_refresh_every_so_often_goes_on_until_it_is_stopped(demo: Path) -> None:
    words = [sys.executable, "-m", "streams", "kpi", "refresh", "--every", "200 ms", "--in", str(demo), "--lang", "en"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(2)]
    process.terminate()
    process.wait(timeout=120)
    assert all("computed anew" in line for line in lines), lines


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder in which ClickHouse refuses to compute anything."""
    stored(tmp_path, [event("e", "app.logged_in", day(1), "c")])
    client = open_client(clickhouse_path(tmp_path))
    client.command("DROP TABLE indicator_registry")
    client.command("CREATE TABLE indicator_registry (other UInt8) ENGINE = MergeTree ORDER BY other")
    client.close()
    return tmp_path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_refresh_that_clickhouse_refuses_is_told_in_words(mot: Mot, broken: Path, language: str) -> None:
    seen = mot("kpi", "refresh", "--in", broken, "--lang", language, columns=400)

    assert seen.code == 1
    assert ("失败" if language == "zh" else "failed") in seen.err
    assert "Traceback" not in seen.err


def test_refresh_every_so_often_goes_on_after_an_error(broken: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "streams",
        "kpi",
        "refresh",
        "--every",
        "200 ms",
        "--in",
        str(broken),
        "--lang",
        "en",
    ]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(2)]
    going = process.poll() is None
    process.terminate()
    process.wait(timeout=120)
    assert going
    assert all("tried again" in line for line in lines), lines


def test_a_span_is_that_which_was_named(mot: Mot, demo: Path) -> None:
    words = ("kpi", "show", "contacts", "--in", demo, "--json")
    last = max(one["window_start"] for one in json.loads(mot(*words, "--since", "60d", "--per", "day").out)["values"])
    until = datetime.fromisoformat(last).replace(tzinfo=UTC)
    since = until - timedelta(days=7)

    def said(*more: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(mot(*words, *more).out)
        return found

    week = said("--since", f"{since:%Y-%m-%d}", "--until", f"{until:%Y-%m-%d}")
    assert (week["since"], week["until"]) == (since.isoformat(), until.isoformat())
    days = said("--since", f"{since:%Y-%m-%d}", "--until", f"{until:%Y-%m-%d}", "--per", "day")
    assert all(since.isoformat()[:10] <= one["window_start"][:10] < until.isoformat()[:10] for one in days["values"])
    assert week["values"][0]["value"] == sum(one["value"] for one in days["values"])
    assert said("--since", "7d", "--until", f"{until:%Y-%m-%d}") == week
    hours = said("--since", "20h", "--until", f"{until:%Y-%m-%dT08:00}")
    assert (hours["since"], hours["until"]) == (
        (until - timedelta(hours=12)).isoformat(),
        (until + timedelta(hours=8)).isoformat(),
    )
    assert mot(*words, "--since", f"{until:%Y-%m-%d}", "--until", f"{since:%Y-%m-%d}").code == 2


@pytest.mark.parametrize("name", ["contacts", "stage_customers", "fcr_7d"])
def test_a_span_in_which_nothing_was_measured_has_no_value(mot: Mot, demo: Path, name: str) -> None:
    words = ("kpi", "show", name, "--since", "2001-01-01", "--until", "2001-02-01", "--in", demo)
    assert [one["value"] for one in json.loads(mot(*words, "--json").out)["values"]] == [None]
    assert "Nothing was measured" in mot(*words).out


def test_figures_are_written_with_their_units() -> None:
    assert figure(0.8754, "share") == "87.5%"
    assert figure(8_280, "seconds") == "2.3 h"
    assert figure(12_050, "minor") == "120.50"
    assert figure(1_234, "count") == "1,234"
    assert figure(None, "count") == "-"
