"""`mot map`, `mot effect` and `mot scorecard` as a user types them, on planted facts."""

from __future__ import annotations

import csv
import json
import re
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - seeded

import pytest

from journeys.registry import shipped_registry
from journeys.touchpoints import shipped_touchpoints
from streams.lock import FolderLock
from streams.runners.folder import clickhouse_path
from streams.runners.query_server import QueryServer
from tests.streams.cli.conftest import Mot
from tests.warehouse.planted import Row, day, event, moment, stored, text

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CONTACT = "interaction.contact_completed"
GROUPS = ("--treated", "region=gd", "--control", "region=bj")
HEADER = "indicator,kind,name,period_start,period_end,value,difficulty,source,note\n"


def town() -> tuple[list[Row], list[Row]]:
    """Contacts of 1200 customers: 0.4 settled at once, 0.7 in gd from day 60; a moment makes three of ten complain."""
    rng, events, moments = Random(6), [event("end", "app.logged_in", day(150), "clock")], []
    for number in range(1200):
        customer, region = f"c{number}", "gd" if number % 2 else "bj"
        for again in range(2):
            at = rng.uniform(32, 60) if again == 0 else rng.uniform(60, 88)
            share = 0.7 if region == "gd" and again else 0.4
            said = {"reason": f"r{again}", "direction": "inbound"}
            where = {"region": region, "tier": "gold" if number % 5 == 0 else "normal"}
            name = f"e{number}.{again}"
            events.append(event(name, CONTACT, day(at), customer, "help_contact_made", resolved=True, **where, **said))
            if rng.random() >= share:
                events.append(event(f"{name}x", CONTACT, day(at + 3), customer, resolved=False, **where, **said))
        if number % 4 == 0:
            said = {"tier": where["tier"], "anchor_at": text(day(at))}
            moments.append(moment(f"m{number}", day(at + 0.01), customer, "help_contact_made", **said))
        if rng.random() < (0.35 if number % 4 == 0 else 0.05):
            gone = day(at) + timedelta(days=rng.uniform(1, 28))
            events.append(event(f"k{number}", "complaint.opened", gone, customer, region=region, category="bill"))
    return events, moments


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("planted")
    stored(found, *town())
    return found


@pytest.fixture
def computed(mot: Mot, folder: Path) -> Path:
    if not (folder / "computed").exists():
        assert mot("kpi", "refresh", "--in", folder).code == 0
        (folder / "computed").touch()
    return folder


@pytest.mark.parametrize("columns", [80, 120])
def test_the_map_shows_what_was_planted(mot: Mot, folder: Path, columns: int) -> None:
    english = mot("map", "--in", folder, "--since", "120d", columns=columns)
    chinese = mot("map", "--in", folder, "--since", "120d", "--lang", "zh", columns=columns)

    assert (english.code, chinese.code) == (0, 0)
    assert "Contacts the operator for help" in english.out
    assert "联系客服求助" in chinese.out
    assert "█" in english.out
    assert not CHINESE.search(english.out)
    assert "prior only (n < 50)" in english.out
    assert max(len(line) for line in english.out.splitlines()[3:-2]) <= columns


def test_the_map_as_json_is_whole_and_stored(mot: Mot, folder: Path) -> None:
    said = json.loads(mot("map", "--in", folder, "--since", "120d", "--json").out)
    rows = json.loads(mot("sql", "SELECT * FROM mot_power_now", "--in", folder, "--json").out)

    assert len(said) == len(rows) == 2 * len(shipped_touchpoints())
    one = next(row for row in said if row["from_data"])
    assert (one["touchpoint"], one["valence"]) == ("help_contact_made", "negative")
    assert one["low"] <= 0.3 <= one["high"]


def test_the_whole_map_names_every_touchpoint(mot: Mot, folder: Path) -> None:
    shown = mot("map", "--in", folder, "--since", "120d", "--all", columns=200).out
    assert all(one.name.en in shown for one in shipped_touchpoints().values())


def test_a_map_without_data_says_that_it_is_assumed(mot: Mot, folder: Path) -> None:
    assert "nothing measured" in mot("map", "--in", folder, "--since", "31d").out
    assert mot("map", "--in", folder, "--since", "30d").code == 2


def test_the_map_is_shown_while_another_process_holds_the_folder(mot: Mot, folder: Path) -> None:
    with FolderLock(folder):
        server = QueryServer(folder, clickhouse_path(folder))
        try:
            seen = mot("map", "--in", folder, "--since", "120d")
        finally:
            server.close()

    assert seen.code == 0
    assert "not stored" in seen.err
    assert "Contacts the operator for help" in seen.out


def test_the_effect_is_told_with_interval_and_verdict(mot: Mot, folder: Path) -> None:
    words = ("effect", "fcr_7d", "--at", "2026-03-02", "--in", folder)
    english, chinese = mot(*words, *GROUPS), mot(*words, *GROUPS, "--lang", "zh")

    assert (english.code, chinese.code) == (0, 0)
    assert "95 % interval" in english.out
    assert "95% 区间" in chinese.out
    assert not CHINESE.search(english.out)
    said = json.loads(mot(*words, *GROUPS, "--json").out)
    assert set(said["cells"]) == {"treated_before", "treated_after", "control_before", "control_after"}
    assert said["effect"]["low"] <= 0.3 <= said["effect"]["high"]
    assert said["verdict"] == "better"
    assert "So: better" in english.out
    assert "有改善" in chinese.out


def test_the_effect_on_repeat_lists_equals_that_by_region(mot: Mot, folder: Path, tmp_path: Path) -> None:
    words = ("effect", "contacts", "--at", "2026-03-02", "--in", folder, "--json")
    for name, part in (("gd", 1), ("bj", 0)):
        lines = "".join(f"c{number},x\n" for number in range(1200) if number % 2 == part)
        (tmp_path / f"{name}.csv").write_text(f"\ufeffcustomer_id,note\n{lines}", encoding="utf-8")
    lists = ("--treated-file", tmp_path / "gd.csv", "--control-file", tmp_path / "bj.csv")

    assert json.loads(mot(*words, *lists).out)["cells"] == json.loads(mot(*words, *GROUPS).out)["cells"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("fcr", "--at", "2026-03-02", *GROUPS), 2, "fcr_7d"),
        (("fcr_7d", "--at", "soon", *GROUPS), 2, "soon"),
        (("fcr_7d", "--at", "2026-03-02", "--before", "a week", *GROUPS), 2, "a week"),
        (("fcr_7d", "--at", "2026-03-02", "--treated", "region=gd"), 2, "--control"),
        (("fcr_7d", "--at", "2026-03-02", "--treated", "gd", "--control", "bj"), 2, "DIMENSION=VALUE"),
        (("fcr_7d", "--at", "2026-03-02", "--treated", "colour=a", "--control", "colour=b"), 2, "colour"),
        (("fcr_7d", "--at", "2026-03-02", "--treated", "region=gd", "--control", "region=gd"), 2, "the same"),
        (("fcr_7d", "--at", "2026-03-02", *GROUPS, "--treated-file", "a.csv"), 2, "not both"),
        (("fcr_7d", "--at", "2030-03-02", *GROUPS), 2, "2026-05-31"),
        (("appeal_rate_per_million", "--at", "2026-03-02", *GROUPS), 1, "appeal_rate_per_million"),
        (("fcr_7d", "--at", "2026-03-02", "--treated-file", "nowhere.csv", "--control", "region=bj"), 1, "nowhere.csv"),
    ],
)
def test_what_cannot_be_asked_is_said(mot: Mot, folder: Path, words: tuple[str, ...], code: int, said: str) -> None:
    english = mot("effect", *words, "--in", folder)

    assert (english.code, english.out) == (code, "")
    assert said in english.err
    assert CHINESE.search(mot("effect", *words, "--in", folder, "--lang", "zh").err)


def test_windows_beyond_the_data_and_few_customers_are_told(mot: Mot, folder: Path) -> None:
    late = mot("effect", "contacts", "--at", "2026-05-20", *GROUPS, "--in", folder).out
    assert "complete up to" in late
    assert "no effect can be computed" in late


@pytest.mark.parametrize(("language", "says"), [("en", "too early to say"), ("zh", "为时过早")])
def test_a_window_that_is_not_over_and_groups_that_overlap_are_told(
    mot: Mot, folder: Path, tmp_path: Path, language: str, says: str
) -> None:
    """Every third customer is on the list; half of them are in bj too."""
    (tmp_path / "list.txt").write_text("".join(f"c{number}\n" for number in range(0, 1200, 3)), encoding="utf-8")
    groups = ("--treated-file", tmp_path / "list.txt", "--control", "region=bj")
    words = ("effect", "contacts", "--at", "2026-03-02", "--after", "100d", *groups, "--in", folder, "--lang", language)
    seen, said = mot(*words), json.loads(mot(*words, "--json").out)

    assert seen.code == 0
    assert says in seen.out
    assert said["in_both_groups"] == 200
    assert ("200 customers are in both" if language == "en" else "200 个客户同时在两组中") in seen.out
    assert (said["verdict"], said["early"]) == ("early", True)
    assert said["computed_on"][2] == "2026-05-31T00:00:00.001000+00:00"
    assert "2026-05-31" in seen.out


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_scorecard_ranks_gaps(mot: Mot, computed: Path, language: str) -> None:
    seen = mot("scorecard", "--in", computed, "--since", "120d", "--lang", language, columns=120)

    assert seen.code == 0
    assert shipped_registry()["fcr_7d"].name.said_in(language) in seen.out
    assert bool(CHINESE.search(seen.out)) == (language == "zh")


def test_the_scorecard_says_where_there_are_no_data(mot: Mot, computed: Path) -> None:
    words = ("scorecard", "--in", computed, "--since", "120d", "--all", "--stage", "pay")

    assert "no data" in mot(*words, columns=120).out
    assert "无数据" in mot(*words, "--lang", "zh", columns=120).out


def test_import_twice_then_csv_and_json_say_the_same(mot: Mot, computed: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(HEADER + "fcr_7d,best_practice,甲,2025-01-01,2025-12-31,99%,1,s,n\n")
    words = ("scorecard", "--in", computed, "--import", tmp_path / "in.csv", "--csv", tmp_path / "out.csv")
    first, second = mot(*words), mot(*words)

    assert "1 new, 0 replaced, 0 there already" in first.err
    assert "0 new, 0 replaced, 1 there already" in second.err
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["indicator"]: row for row in csv.DictReader(file)}
    said = {row["indicator"]: row for row in json.loads(mot("scorecard", "--in", computed, "--json").out)}
    assert set(rows) == set(said) == set(shipped_registry())
    for name, row in rows.items():
        assert row["gap"] == ("" if said[name]["gap"] is None else str(said[name]["gap"]))
    assert said["fcr_7d"]["best_practice"] == 0.99


def test_a_stage_alone(mot: Mot, computed: Path) -> None:
    said = json.loads(mot("scorecard", "--in", computed, "--stage", "pay", "--json").out)
    assert {row["stage"] for row in said} == {"pay"}
    assert "no stage bills" in mot("scorecard", "--stage", "bills").err


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_bad_line_ends_with_one_and_imports_nothing(mot: Mot, computed: Path, tmp_path: Path, language: str) -> None:
    (tmp_path / "in.csv").write_text(
        HEADER + "transfer_rate,competitor,甲,2025-01-01,2025-12-31,1%,,,\nfcr,own,,2025-01-01,2025-12-31,99%,,,\n"
    )
    seen = mot("scorecard", "--in", computed, "--import", tmp_path / "in.csv", "--lang", language)

    assert (seen.code, seen.out) == (1, "")
    assert ("第 3 行，indicator 列" if language == "zh" else "line 3, column indicator") in seen.err
    asked = "SELECT count() AS n FROM external_now WHERE indicator = 'transfer_rate'"
    assert json.loads(mot("sql", asked, "--in", computed, "--json").out) == [{"n": 0}]


@pytest.mark.parametrize("words", [("map",), ("scorecard",), ("effect", "fcr_7d", "--at", "2026-03-02", *GROUPS)])
def test_a_folder_without_facts_is_named(mot: Mot, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert mot(*words, "--in", tmp_path).code == 2
    stored(tmp_path / "empty", [])
    seen = mot(*words, "--in", tmp_path / "empty")
    assert (seen.code, seen.out) == (1, "")
    assert "no events yet" in seen.err
