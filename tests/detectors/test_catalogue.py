"""The catalogue and what operators may change in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from detectors.amounts import money
from detectors.catalogue import CATALOGUE, MODELS, RULES, ParameterError, with_params
from schemas.times import DAY
from tests.detectors.stories import detector


def test_the_order_is_fixed() -> None:
    assert [one.meta.id for one in RULES] == sorted({one.meta.id for one in RULES})
    assert {"N01", "N03", "N05", "N07", "N22", "N28", "N29", "N30"} <= {one.meta.id for one in RULES}
    assert [one.meta.id for one in CATALOGUE] == [*(one.meta.id for one in RULES), *(one.meta.id for one in MODELS)]


def test_without_overrides_the_catalogue_is_as_it_is() -> None:
    assert with_params({}) == CATALOGUE


def test_a_detector_is_named_by_id_or_name() -> None:
    assert detector("N28", min_contacts=2).params == next(
        one.params for one in with_params({"repeat_contact": {"min_contacts": 2}}) if one.meta.id == "N28"
    )


def test_others_keep_their_parameters() -> None:
    changed = with_params({"N28": {"min_contacts": 2}})
    assert [one for one in changed if one.meta.id != "N28"] == [one for one in CATALOGUE if one.meta.id != "N28"]


def test_a_longer_window_keeps_cases_longer() -> None:
    assert detector("N28", within_days=45).meta.keep_ms == 45 * DAY
    longer = detector("N07", history=12).meta
    assert longer.forget_ms == longer.keep_ms == (45 + 13 * 70) * DAY


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"N99": {}}, "no detector N99"),
        ({"N28": {"min_contacts": 1}}, "parameters of N28 repeat_contact: min_contacts"),
        ({"N28": {"contacts": 3}}, "contacts: Extra inputs are not permitted"),
        ({"N03": {"channels": ["pigeon"]}}, "channels"),
        ({"N07": {"ratio": 1}}, "ratio"),
    ],
)
def test_a_wrong_override_says_what_is_wrong(overrides: dict[str, dict[str, object]], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        with_params(overrides)


def test_without_river_the_rules_still_work() -> None:
    code = (
        "import sys; sys.modules['river'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'river' else find(name, *rest)\n"
        "from detectors.catalogue import CATALOGUE; print(len(CATALOGUE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(len(RULES))


def test_rules_do_not_load_river() -> None:
    code = "import sys, detectors.rules.bill_spike; print('river' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (31250, "CNY", "312.50 CNY"),
        (5, "EUR", "0.05 EUR"),
        (-105, "EUR", "-1.05 EUR"),
        (1200, "JPY", "1200 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (100, "", "1.00"),
    ],
)
def test_money_is_said_exactly(minor: int, currency: str, said: str) -> None:
    assert money(minor, currency) == said
