"""`mot dashboards build|push|check` as a user types them; the Grafana at the other end answers real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dashboards.grafana import store
from dashboards.grafana.alerts import GROUPS
from tests.dashboards.fake_grafana import TOKEN, Answer, FakeGrafana, serving
from tests.streams.cli.conftest import Mot

ENV = {"MOT_GRAFANA_TOKEN": TOKEN}
BOARDS = len(store.shipped("en"))


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    with serving(FakeGrafana()) as running:
        yield running


# --- build


def test_build_writes_what_grafana_reads(mot: Mot, tmp_path: Path) -> None:
    seen = mot("dashboards", "build", "--out", tmp_path)
    assert seen.code == 0, seen.err
    assert f"{BOARDS} dashboards (en)" in seen.out
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert {
        "provisioning/datasources/mot.yaml",
        "provisioning/dashboards/mot.yaml",
        "provisioning/alerting/rules.yaml",
        "provisioning/alerting/contact-points.yaml",
        "provisioning/alerting/policies.yaml",
        "dashboards/en/mot-wall.json",
    } <= there
    assert not any(name.startswith("dashboards/zh/") for name in there)
    providers = yaml.safe_load((tmp_path / "provisioning/dashboards/mot.yaml").read_text("utf-8"))["providers"]
    assert [one["options"]["path"] for one in providers] == ["/var/lib/grafana/dashboards/mot/en"]


def test_build_speaks_chinese_and_holds_both(mot: Mot, tmp_path: Path) -> None:
    seen = mot("dashboards", "build", "--out", tmp_path, "--boards", "both", "--lang", "zh")
    assert f"{2 * BOARDS} 个看板（zh + en）" in seen.out
    rules = (tmp_path / "provisioning/alerting/rules.yaml").read_text("utf-8")
    assert "MOT 告警" in rules
    assert (tmp_path / "dashboards/zh/mot-wall-zh.json").exists()
    assert (tmp_path / "dashboards/en/mot-wall.json").exists()
    assert mot("dashboards", "check", "--in", tmp_path).code == 0


def test_build_for_another_data_source_and_contacts(mot: Mot, tmp_path: Path) -> None:
    words = ("--datasource-uid", "other", "--contact", "dingtalk", "--contact", "wecom", "--runbooks", "https://w/R.md")
    assert mot("dashboards", "build", "--out", tmp_path, *words, "--json").code == 0
    for path in (*tmp_path.glob("dashboards/en/*.json"), *tmp_path.rglob("rules.yaml")):
        assert "mot-ch" not in path.read_text("utf-8"), path
    points = yaml.safe_load((tmp_path / "provisioning/alerting/contact-points.yaml").read_text("utf-8"))
    assert [one["type"] for one in points["contactPoints"][0]["receivers"]] == ["dingding", "wecom"]
    assert "https://w/R.md#mot-data-stale" in (tmp_path / "provisioning/alerting/rules.yaml").read_text("utf-8")
    assert mot("dashboards", "check", "--in", tmp_path, "--datasource-uid", "other").code == 0
    assert mot("dashboards", "check", "--in", tmp_path).code == 1


def test_an_operators_own_limits_reach_the_rules(mot: Mot, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("indicators:\n  handoff_loss: {warning: 0.07}\n")
    assert mot("dashboards", "build", "--out", tmp_path / "out", "--settings", settings).code == 0
    groups = yaml.safe_load((tmp_path / "out/provisioning/alerting/rules.yaml").read_text("utf-8"))["groups"]
    rules = {rule["uid"]: rule for group in groups for rule in group["rules"]}
    limit = rules["mot-handoff-loss"]["data"][2]["model"]["conditions"][0]["evaluator"]["params"]
    assert limit == [0.07]


@pytest.mark.parametrize(("lang", "words"), [("en", "no kind of contact sms"), ("zh", "没有联络方式 sms")])
def test_a_contact_there_is_not(mot: Mot, tmp_path: Path, lang: str, words: str) -> None:
    seen = mot("dashboards", "build", "--out", tmp_path, "--contact", "sms", "--lang", lang)
    assert seen.code == 2
    assert words in seen.err
    assert not list(tmp_path.iterdir())


# --- push


def test_push_twice_is_push_once(mot: Mot, grafana: FakeGrafana) -> None:
    first = mot("dashboards", "push", "--url", grafana.url, env=ENV)
    assert first.code == 0, first.err
    state = (dict(grafana.dashboards), dict(grafana.groups), dict(grafana.folders))
    assert mot("dashboards", "push", "--url", grafana.url, env=ENV).code == 0
    assert (grafana.dashboards, grafana.groups, grafana.folders) == state
    assert set(grafana.dashboards) == {one["uid"] for one in store.shipped("en")}
    assert {one["folderUid"] for one in grafana.dashboards.values()} == {"mot"}
    assert grafana.groups.keys() == {("mot-alerts", group) for group in GROUPS}
    assert grafana.datasources == {}
    assert grafana.policy == {"receiver": "grafana-default-email", "routes": []}
    assert "dashboard /d/mot-wall/x" in first.out


def test_push_the_data_source_and_contacts(mot: Mot, grafana: FakeGrafana, tmp_path: Path) -> None:
    secret, token = tmp_path / "secret", tmp_path / "token"
    secret.write_text("s3cret\n")
    token.write_text(TOKEN + "\n")
    seen = mot(
        *("dashboards", "push", "--url", grafana.url, "--boards", "both", "--no-alerts", "--json", "--lang", "zh"),
        *("--clickhouse", "https://reader@ch:8443/mot", "--contact", "wecom=https://wecom/send?key=1"),
        env={"MOT_GRAFANA_TOKEN_FILE": str(token), "MOT_CLICKHOUSE_PASSWORD_FILE": str(secret)},
    )
    assert seen.code == 0, seen.err
    source = grafana.datasources["mot-ch"]
    assert source["jsonData"] | {"host": "ch", "port": 8443, "secure": True, "username": "reader"} == source["jsonData"]
    assert source["secureJsonData"] == {"password": "s3cret"}
    assert "s3cret" not in seen.out + seen.err
    assert grafana.points["mot-wecom"]["settings"]["url"] == "https://wecom/send?key=1"
    assert "责任部门" in grafana.points["mot-wecom"]["settings"]["message"]
    assert grafana.policy["routes"][0]["receiver"] == "mot"
    assert grafana.groups == {}
    assert grafana.folders.keys() == {"mot", "mot-zh"}
    assert len(json.loads(seen.out)) == 2 * BOARDS + 2


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_push_says_what_is_missing(mot: Mot, grafana: FakeGrafana, lang: str) -> None:
    push = ("dashboards", "push", "--lang", lang, "--url")
    cases = [
        (mot(*push, grafana.url), 2, {"zh": "缺少 Grafana 令牌", "en": "The token for Grafana is missing"}),
        (mot(*push, "grafana", env=ENV), 2, {"zh": "不是 Grafana 地址", "en": "is no address of a Grafana"}),
        (
            mot(*push, grafana.url, "--contact", "wecom", env=ENV),
            2,
            {"zh": "不是联络方式", "en": "wecom is no contact"},
        ),
        (
            mot(*push, grafana.url, env={"MOT_GRAFANA_TOKEN": "glsa_wrong"}),
            1,
            {"zh": "令牌无效或已过期", "en": "The token is wrong or has expired"},
        ),
    ]
    for seen, code, words in cases:
        assert seen.code == code, seen
        assert words[lang] in seen.err
        assert "glsa_wrong" not in seen.err


# --- check


def test_check_of_what_ships(mot: Mot) -> None:
    seen = mot("dashboards", "check")
    assert (seen.code, seen.err) == (0, ""), seen.out
    assert f"✓ {2 * BOARDS} dashboard files, nothing wrong" in seen.out
    assert "看板文件均无问题" in mot("dashboards", "check", "--lang", "zh").out


def test_check_of_a_grafana(mot: Mot, grafana: FakeGrafana) -> None:
    check = ("dashboards", "check", "--url", grafana.url)
    assert mot("dashboards", "push", "--url", grafana.url, "--clickhouse", "http://ch/mot", env=ENV).code == 0
    seen = mot(*check, env=ENV)
    assert seen.code == 0, seen.out
    assert "✓ Grafana 13.0.1" in seen.out
    assert "✓ ClickHouse plugin 4.20.0" in seen.out
    assert "✓ Data source mot-ch answers" in seen.out
    grafana.version, grafana.plugin = "11.5.2", "4.14.0"
    grafana.source_health = Answer(400, {"status": "ERROR", "message": "connection refused"})
    bad = mot(*check, "--lang", "zh", env=ENV)
    assert bad.code == 1
    assert "✗ Grafana 11.5.2（需要 11.6 或更新）" in bad.out
    assert "✗ ClickHouse 插件 4.14.0" in bad.out
    assert "✗ 数据源 mot-ch 不应答：connection refused" in bad.out


def test_check_of_an_empty_grafana_as_json(mot: Mot, grafana: FakeGrafana) -> None:
    grafana.plugin, grafana.version = None, ""
    seen = mot("dashboards", "check", "--url", grafana.url, "--json", env=ENV)
    assert seen.code == 1
    items = {one["name"]: one for one in json.loads(seen.out)["items"]}
    assert {name: one["ok"] for name, one in items.items()} == {
        "files": True,
        "grafana": None,
        "plugin": False,
        "datasource": False,
    }
    assert "push one with --clickhouse" in items["datasource"]["words"]


def test_check_finds_what_was_changed_by_hand(mot: Mot, tmp_path: Path) -> None:
    assert mot("dashboards", "build", "--out", tmp_path).code == 0
    path = tmp_path / "dashboards/en/mot-wall.json"
    path.write_text(path.read_text("utf-8").replace('"uid": "mot-ch"', '"uid": "mine"', 1), "utf-8")
    seen = mot("dashboards", "check", "--in", tmp_path)
    assert seen.code == 1
    assert "the data source must be mot-ch, not mine" in seen.out
    path.write_text("{", "utf-8")
    assert "no JSON" in mot("dashboards", "check", "--in", tmp_path).err
    assert mot("dashboards", "check", "--in", tmp_path / "nothing").code == 2


def test_building_and_checking_need_neither_the_sdk_nor_grafana_api(tmp_path: Path) -> None:
    code = (
        "import sys; from streams.cli.run import run; "
        f"assert run(['dashboards', 'build', '--out', {str(tmp_path)!r}], {{}}) == 0; "
        "assert run(['dashboards', 'check'], {}) == 0; "
        "print([name for name in sys.modules if name.startswith(('grafana_', 'requests', 'clickhouse'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
