"""What is committed is what the code makes, sound, and what Grafana's provisioning takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana import build, generate, store
from dashboards.grafana.alerts import alerts
from dashboards.grafana.languages import compare
from dashboards.grafana.lint import lint, lint_alerts
from dashboards.grafana.provisioning import CONTACTS, SHIPPED, VARIABLES, files

ASKED_FOR = {
    "mot-wall",
    "mot-lifecycle",
    "mot-map",
    "mot-bills",
    "mot-handoffs",
    "mot-tiers",
    "mot-compliance",
    "mot-retention",
    "mot-quality",
    "mot-pipeline",
    "mot-runbooks",
}
LANGUAGES = store.LANGUAGES


def _yaml(language: Any, name: str) -> Any:
    return yaml.safe_load((SHIPPED / language / name).read_text(encoding="utf-8"))


def test_dashboards_are_as_generated() -> None:
    there = {f"{path.parent.name}/{path.name}": path.read_text("utf-8") for path in store.SHIPPED.glob("*/*.json")}
    assert there == build.files(), "run `make generate`"


def test_provisioning_files_and_runbooks_are_as_generated() -> None:
    made = generate.made()
    there = {path for language in LANGUAGES for path in (SHIPPED / language).rglob("*") if path.is_file()}
    assert there | {generate.RUNBOOKS} == set(made)
    for path, text in made.items():
        assert path.read_text("utf-8") == text, f"{path}: run `make generate`"


def test_everything_asked_for_is_there_and_sound() -> None:
    sets = {language: store.shipped(language) for language in LANGUAGES}
    for language, dashboards in sets.items():
        uids = {one["uid"] for one in dashboards}
        assert {name + ("-zh" if language == "zh" else "") for name in ASKED_FOR} <= uids
        assert [one.said_in("en") for one in lint(dashboards)] == []
        rules = [rule for group in _yaml(language, "alerting/rules.yaml")["groups"] for rule in group["rules"]]
        assert [one.said_in("en") for one in lint_alerts(rules, uids)] == []
    assert [one.said_in("en") for one in compare(sets["zh"], sets["en"])] == []


def test_another_data_source_touches_nothing_else() -> None:
    for ours, other in zip(store.shipped("en"), store.shipped("en", datasource_uid="other"), strict=True):
        assert store.text_of(ours).replace('"uid": "mot-ch"', '"uid": "other"') == store.text_of(other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_data_source(language: Any) -> None:
    (source,) = _yaml(language, "datasources/mot.yaml")["datasources"]
    assert (source["uid"], source["type"]) == ("mot-ch", "grafana-clickhouse-datasource")
    assert source["secureJsonData"] == {"password": "$__file{/run/secrets/grafana_clickhouse_password}"}
    assert isinstance(source["jsonData"]["port"], int)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_folder_of_dashboards(language: Any) -> None:
    (provider,) = _yaml(language, "dashboards/mot.yaml")["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].endswith(f"/{language}")
    assert provider["folderUid"] == {"en": "mot", "zh": "mot-zh"}[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_contacts_and_policy_fit_each_other(language: Any) -> None:
    groups = _yaml(language, "alerting/rules.yaml")["groups"]
    assert {rule["uid"] for group in groups for rule in group["rules"]} == {one.uid for one in alerts()}
    assert all(group["folder"] and re.fullmatch(r"\d+s", group["interval"]) for group in groups)
    (point,) = _yaml(language, "alerting/contact-points.yaml")["contactPoints"]
    (policy,) = _yaml(language, "alerting/policies.yaml")["policies"]
    assert {policy["receiver"], *(one["receiver"] for one in policy["routes"])} == {point["name"]}
    assert "object_matchers" not in policy, "Grafana refuses a root that names labels"
    severities = {rule["labels"]["severity"] for group in groups for rule in group["rules"]}
    assert policy["routes"][0]["object_matchers"][0][2] in severities


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_shows_every_contact(language: Any) -> None:
    (point,) = _yaml(language, "alerting/contact-points.yaml.example")["contactPoints"]
    kinds = {one["type"] for one in point["receivers"]}
    assert kinds == {"webhook", "dingding", "wecom", "email"}
    assert len({one["uid"] for one in point["receivers"]}) == len(CONTACTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_dollars_stand_where_grafana_replaces_them_and_nowhere_else(language: Any) -> None:
    """Grafana puts its environment into every value of these files but queries and annotations of rules."""
    ours = {"$MOT_CLICKHOUSE_HOST", "$MOT_CLICKHOUSE_DATABASE", "$MOT_CLICKHOUSE_USER", *VARIABLES.values()}
    for name, text in files(language, contacts=CONTACTS).items():
        found = set(re.findall(r"\$\w*(?:\{[^}]*\})?", text))
        assert found <= {*ours, "$__file{/run/secrets/grafana_clickhouse_password}"}, name
        assert not re.search(r"password: (?!\$__file)", text), name


def test_where_the_files_lie() -> None:
    assert Path(build.__file__).parent.parent / "provisioning" == SHIPPED
    assert sorted(path.name for path in SHIPPED.iterdir()) == ["clickhouse", "en", "zh"]
