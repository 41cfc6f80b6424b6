"""An operator's own targets in the dashboards that ship: the same JSON as if they had been made with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import build, indicators, lint, store
from dashboards.grafana.boards import customers
from dashboards.grafana.targets import opening, with_targets
from journeys.registry import IndicatorOverride, Registry, shipped_registry
from streams.cli.run import run

OVERRIDES = {
    "notified_before_charge": IndicatorOverride(target=0.9, warning=0.8),
    "vip_contact_coverage_30d": IndicatorOverride(target=0.7, warning=0.6),
    "complaint_time_p90": IndicatorOverride(target=100_000, warning=200_000, owner="billing"),
    "bill_shock_rate": IndicatorOverride(target=0.001),
    "bills": IndicatorOverride(owner="retention"),
    **{
        name: IndicatorOverride(target=3.0, warning=4.0)
        for name in ("disputes", "complaints", "complaint_rate", "outages", "handoffs", "channel_switches")
    },
}
OWN = shipped_registry().overridden(OVERRIDES)


@pytest.mark.parametrize("language", store.LANGUAGES)
def test_as_if_they_had_been_made_with_them(language: store.Language, monkeypatch: pytest.MonkeyPatch) -> None:
    patched = {one["uid"]: one for one in with_targets(store.shipped(language), OWN, language)}
    monkeypatch.setattr(indicators, "shipped_registry", lambda: OWN)
    monkeypatch.setattr(customers, "shipped_registry", lambda: OWN)
    made = build.dashboards(language)
    assert patched.keys() == made.keys()
    for uid, one in made.items():
        ours, theirs = ({panel["id"]: panel for panel in lint.panels(each)} for each in (patched[uid], one))
        for number, panel in theirs.items():
            assert seen(ours[number]) == seen(panel), (uid, panel["title"])


def seen(panel: Any) -> Any:
    """Without its queries: the list on the wall is of the indicators that ship with a target."""
    return {name: value for name, value in panel.items() if name != "targets"}


def test_the_new_limits_are_there() -> None:
    before, after = store.shipped("en"), with_targets(store.shipped("en"), OWN, "en")
    assert before == store.shipped("en")
    text = json.dumps(after)
    assert "Target / warning: 0.9 / 0.8" in text
    assert "Target / warning: 0.995 / 0.98" not in text
    assert lint.lint(after) == []


def test_nothing_changes_without_other_targets() -> None:
    shipped = store.shipped("zh")
    assert with_targets(shipped, shipped_registry(), "zh") == shipped
    fewer = Registry([*shipped_registry().values()][:3])
    assert with_targets(shipped, fewer, "zh") == shipped


@pytest.mark.parametrize("language", store.LANGUAGES)
def test_panels_are_told_apart_by_what_they_begin_with(language: store.Language) -> None:
    said = [opening(one, language) for one in shipped_registry().values()]
    assert [(one, other) for one in said for other in said if one is not other and one.startswith(other)] == []


def test_the_command_puts_them_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("indicators:\n  notified_before_charge: {target: 0.9, warning: 0.8}\n", "utf-8")
    words = ["dashboards", "build", "--out", str(tmp_path / "out"), "--settings", str(settings), "--lang", "en"]
    assert run(words, {}) == 0
    assert "dashboards" in capsys.readouterr().out
    (path,) = (tmp_path / "out").rglob("mot-bills.json")
    text = path.read_text("utf-8")
    assert "Target / warning: 0.9 / 0.8" in text
    assert "Target / warning: 0.995 / 0.98" not in text
    (rules,) = (tmp_path / "out").rglob("rules.yaml")
    assert "0.8" in rules.read_text("utf-8")


def test_it_needs_no_sdk() -> None:
    code = "import sys; sys.modules['grafana_foundation_sdk'] = None; import dashboards.grafana.targets"
    done: Any = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
