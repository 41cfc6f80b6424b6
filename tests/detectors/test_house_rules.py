"""What every detector of the catalogue owes its reader; each test prints all offenders."""

from __future__ import annotations

import string
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import detectors
from detectors import primitives
from detectors.base import AnyDetector, Primitive
from detectors.catalogue import CATALOGUE
from detectors.readme import AWAITED, README, render
from detectors.testing import judge_example
from detectors.titles import CHINESE, title_of
from journeys.touchpoints import shipped_touchpoints
from schemas.envelope import Department
from schemas.events import EVENT_TYPES
from schemas.moments import Text

HEADINGS = [
    "## What it detects",
    "## Why it matters",
    "## How it decides",
    "## Known gaps",
    "## Runbook",
    "## References",
    "## 中文",
]


def _module(detector: AnyDetector) -> ModuleType:
    return import_module(detector.judge.__module__)


def _lines(module: ModuleType) -> list[str]:
    return Path(str(module.__file__)).read_text("utf-8").splitlines()


def _runbook(module: ModuleType) -> list[str]:
    text = str(module.__doc__).partition("## Runbook")[2].partition("##")[0]
    return [line for line in text.splitlines() if line[:1].isdigit()]


def test_ids_and_names_are_unique() -> None:
    ids = [detector.meta.id for detector in CATALOGUE]
    names = [detector.meta.name for detector in CATALOGUE]
    assert len(set(ids)) == len(ids)
    assert len(set(names)) == len(names)


def test_every_detector_file_is_in_the_catalogue() -> None:
    root = Path(str(detectors.__file__)).parent
    folders = (root / "rules", root / "models")
    files = {path for folder in folders for path in folder.glob("*.py") if "META = Meta(" in path.read_text("utf-8")}
    assert files == {Path(str(_module(detector).__file__)) for detector in CATALOGUE}


def test_a_detector_is_named_like_its_file() -> None:
    named = {detector.meta.name: _module(detector).__name__.rpartition(".")[2] for detector in CATALOGUE}
    assert [pair for pair in named.items() if pair[0] != pair[1]] == []


def test_a_detector_fits_on_150_lines() -> None:
    assert {d.meta.name: len(_lines(_module(d))) for d in CATALOGUE if len(_lines(_module(d))) > 150} == {}


def test_pages_have_the_fixed_headings() -> None:
    found = {
        d.meta.name: [line for line in str(_module(d).__doc__).splitlines() if line[:2] == "##"] for d in CATALOGUE
    }
    assert {name: headings for name, headings in found.items() if headings != HEADINGS} == {}


def test_runbooks_have_three_to_five_steps() -> None:
    found = {d.meta.name: len(_runbook(_module(d))) for d in CATALOGUE}
    assert {name: steps for name, steps in found.items() if not 3 <= steps <= 5} == {}


def test_every_detector_has_an_example_of_each_kind() -> None:
    kinds = {"fires", "silent", "boundary", "out_of_order", "retracted"}
    missing = {d.meta.name: kinds - {example.kind for example in d.examples} for d in CATALOGUE}
    assert {name: kinds for name, kinds in missing.items() if kinds} == {}


def test_both_sides_of_a_boundary_are_shown() -> None:
    sides = {
        d.meta.name: {bool(example.expect) for example in d.examples if example.kind == "boundary"} for d in CATALOGUE
    }
    assert {name: shown for name, shown in sides.items() if shown != {True, False}} == {}


def test_firing_examples_fire_and_silent_ones_do_not() -> None:
    wrong = [
        (d.meta.name, example.title)
        for d in CATALOGUE
        for example in d.examples
        if example.kind in ("fires", "silent") and bool(judge_example(d, example)) != (example.kind == "fires")
    ]
    assert wrong == []


def test_cases_are_kept_as_long_as_any_window() -> None:
    short = [d.meta.name for d in CATALOGUE if d.meta.keep_ms < d.params.horizon_ms or d.params.horizon_ms <= 0]
    forgotten = [
        d.meta.name for d in CATALOGUE if d.meta.forget_ms is not None and d.meta.forget_ms < d.params.horizon_ms
    ]
    assert (short, forgotten) == ([], [])


def test_severity_never_rises_from_diamond_to_normal() -> None:
    assert [d.meta.name for d in CATALOGUE if list(d.meta.severity) != sorted(d.meta.severity, reverse=True)] == []
    assert [d.meta.name for d in CATALOGUE if not all(1 <= level <= 5 for level in d.meta.severity)] == []


def test_texts_exist_in_both_languages() -> None:
    def empty(text: Text) -> bool:
        return not text.zh.strip() or not text.en.strip() or text.zh == text.en or text.zh.isascii()

    texts = {d.meta.name: (d.meta.title, d.meta.explanation, d.meta.recovery) for d in CATALOGUE}
    assert [name for name, all_of in texts.items() if any(map(empty, all_of))] == []


def test_example_titles_exist_in_both_languages() -> None:
    titles = {example.title for d in CATALOGUE for example in d.examples}
    assert set(CHINESE) == titles
    assert [title for title in titles if CHINESE[title].isascii() or not title.isascii()] == []
    assert all(title_of(example).en == example.title for d in CATALOGUE for example in d.examples)


def test_both_templates_read_the_same_measures() -> None:
    def fields(template: str) -> set[str]:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        return {name.removesuffix("_zh").removesuffix("_en") for name in names}

    pairs = {d.meta.name: (fields(d.meta.explanation.zh), fields(d.meta.explanation.en)) for d in CATALOGUE}
    assert {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or not pair[0]} == {}


def test_touchpoints_exist_on_the_detectors_own_stage() -> None:
    touchpoints = shipped_touchpoints()
    wrong = {d.meta.name: d.meta.touchpoint for d in CATALOGUE if touchpoints[d.meta.touchpoint].stage != d.meta.stage}
    assert wrong == {}


def test_owners_and_primitives_and_event_types_are_known_words() -> None:
    owners = {d.meta.name: d.meta.owner for d in CATALOGUE if d.meta.owner not in get_args(Department)}
    words = {d.meta.name: set(d.meta.primitives) - set(get_args(Primitive)) for d in CATALOGUE}
    types = {d.meta.name: set(d.meta.consumes) - set(EVENT_TYPES) for d in CATALOGUE}
    assert owners == {}
    assert {name for name, unknown in (*words.items(), *types.items()) if unknown} == set()


def test_primitives_are_those_the_detector_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watched while the detector reads its own examples, wherever its reading lives."""
    called: set[str] = set()

    def watched(name: str, primitive: Callable[..., object]) -> Callable[..., object]:
        def call(*given: Any, **named: Any) -> object:
            called.add(name)
            return primitive(*given, **named)

        return call

    for name in get_args(Primitive):
        primitive: Callable[..., object] = getattr(primitives, name)
        for module in [loaded for path, loaded in sys.modules.items() if path.startswith("detectors.")]:
            if module is not primitives and vars(module).get(name) is primitive:
                monkeypatch.setattr(module, name, watched(name, primitive))
    wrong = {}
    for detector in CATALOGUE:
        called.clear()
        for example in detector.examples:
            judge_example(detector, example)
        if called != set(detector.meta.primitives):
            wrong[detector.meta.name] = (sorted(called), detector.meta.primitives)
    assert wrong == {}


def test_every_primitive_is_used_or_said_to_wait_for_its_detector() -> None:
    used = {primitive for detector in CATALOGUE for primitive in detector.meta.primitives}
    assert used | set(AWAITED) == set(get_args(Primitive))
    assert used & set(AWAITED) == set()


def test_every_consumed_type_appears_in_an_example() -> None:
    unseen = {
        d.meta.name: set(d.meta.consumes) - {event.event_type for example in d.examples for event in example.given}
        for d in CATALOGUE
    }
    shown_in_its_own_test = {
        "roaming_shock_unnotified": {"roaming.detached", "consent.given"},
        "dealer_order_lost": {"order.state_changed", "shipment.created", "shipment.delivered"},
        "activation_late": {"order.submitted"},
        "complaint_reopened": {"complaint.resolved"},
    }
    assert {name: types for name, types in unseen.items() if types and types != shown_in_its_own_test.get(name)} == {}


def test_only_the_model_detector_is_model_only_and_shows_its_features() -> None:
    models = [d for d in CATALOGUE if d.meta.model_only]
    assert [d.meta.name for d in models] == ["bill_habit"]
    shown = [f.measures for d in models for example in d.examples for f in judge_example(d, example)]
    assert shown
    assert all(str(measures["top_features"]).startswith("z_score") for measures in shown)
    assert all("odel" in d.meta.explanation.en and "模型" in d.meta.explanation.zh for d in models)


def test_the_readme_is_as_generated() -> None:
    assert README.read_text("utf-8") == render(), "run: python -m detectors.readme"
