"""Gaps that compare across units, references that are the most demanding known, ranks by gap and ease."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from journeys.registry import Indicator
from journeys.scorecard import External, Own, ease, gap, newest_of, scorecard


def indicator(name: str = "one", **said: Any) -> Indicator:
    text = {"zh": "甲", "en": name}
    plain = {
        "id": name, "name": text, "definition": text, "formula": text, "cycle": "day", "unit": "share",
        "direction": "down", "source": "-", "availability": "external", "obtain": text, "owner": "billing",
        "quadrant": "operating", "etom": "-",
    }  # fmt: skip
    return Indicator.model_validate({**plain, **said})


def external(kind: str, value: float, year: int = 2026, **said: Any) -> External:
    plain = {"indicator": "one", "name": "-", "period_start": date(year, 1, 1), "period_end": date(year, 12, 31)}
    return External(kind=kind, value=value, **{**plain, **said})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unit", "direction", "own", "reference", "found"),
    [
        ("share", "down", 0.02, 0.01, 0.5),  # half of the shocks must go
        ("share", "up", 0.98, 0.995, 0.75),  # three of four missed notices must go
        ("share", "up", 0.6, 0.8, 0.5),
        ("seconds", "down", 7200, 1800, 0.75),
        ("per_10k", "down", 20, 10, 0.5),
        ("per_10k", "down", 5, 10, -0.5),  # ahead
        ("count", "down", 3, 0, 1.0),
        ("count", "down", 0, 0, 0.0),
        ("share", "up", 1.0, 1.0, 0.0),
        ("score", "up", 30, 40, 0.25),
        ("score", "up", -10, 30, 1.0),
        ("ratio", "up", 1.0, 1.5, 1 / 3),
        ("share", "none", 0.1, 0.9, None),
    ],
)
def test_the_gap_is_the_part_of_the_shortfall_that_has_to_go(
    unit: str, direction: str, own: float, reference: float, found: float | None
) -> None:
    assert gap(indicator(unit=unit, direction=direction), own, reference) == pytest.approx(found)


def test_the_reference_is_the_most_demanding_that_is_known() -> None:
    one = indicator(target=0.03, benchmarks={"international_mean": 0.02, "best_practice": 0.01, "regulator": 0.05})
    line = scorecard([one], {"one": Own(0.04, 900)}, [])[0]

    assert (line.benchmark, line.benchmark_kind, line.best_practice) == (0.02, "international_mean", 0.01)
    assert (line.reference, line.gap) == ("best_practice", pytest.approx(0.75))
    assert (line.units, line.measured) == (900, True)


def test_a_target_beyond_best_practice_is_the_reference() -> None:
    line = scorecard([indicator(target=0.005, benchmarks={"best_practice": 0.01})], {"one": Own(0.02, 1)}, [])[0]

    assert (line.reference, line.gap) == ("target", pytest.approx(0.75))


def test_the_newest_imported_value_of_each_kind_stands_before_the_registrys() -> None:
    said = [
        external("international_mean", 0.03, 2025),
        external("international_mean", 0.015, 2026),
        external("best_practice", 0.008, 2024),
    ]
    one = indicator(benchmarks={"international_mean": 0.02, "best_practice": 0.01, "regulator": 0.05})
    for order in (said, said[::-1]):
        line = scorecard([one], {"one": Own(0.02, 1)}, order)[0]
        assert (line.benchmark, line.best_practice) == (0.015, 0.008)


def test_of_competitors_over_one_period_the_best_is_meant() -> None:
    said = [external("competitor", value, name=name) for name, value in (("a", 0.3), ("b", 0.2), ("c", 0.4))]

    assert newest_of(said, "down")["competitor"].name == "b"
    assert newest_of(said, "up")["competitor"].name == "c"


def test_an_imported_own_value_serves_where_nothing_is_measured() -> None:
    said = [external("own", 0.07), external("best_practice", 0.035)]

    line = scorecard([indicator()], {}, said)[0]
    assert (line.own, line.measured, line.gap) == (0.07, False, pytest.approx(0.5))
    line = scorecard([indicator()], {"one": Own(0.05, 12)}, said)[0]
    assert (line.own, line.measured) == (0.05, True)
    line = scorecard([indicator()], {"one": Own(None, 0)}, said)[0]
    assert (line.own, line.measured) == (0.07, False)


def counted(kind: str, **said: Any) -> Indicator:
    units = "SELECT occurred_at AS at, customer_id, 1 AS hit, 1 AS base FROM {events}"
    measure = {"kind": kind, "reads": ["bill.issued"], "by": [], "units": units}
    return indicator(unit="count", availability="derivable", obtain=None, measure=measure, **said)


def test_nothing_measured_meets_no_target() -> None:
    line = scorecard([counted("sum", target=0.0)], {"one": Own(None, 0.0)}, [external("best_practice", 0.0)])[0]

    assert (line.own, line.measured, line.gap, line.rank) == (None, False, None, None)
    assert line.indicator.standing(line.own) == "none"
    line = scorecard([counted("sum", target=0.0)], {"one": Own(0.0, 0.0)}, [])[0]
    assert (line.own, line.measured, line.gap) == (0.0, True, 0.0)


@pytest.mark.parametrize("kind", ["sum", "customers"])
def test_totals_of_different_periods_have_no_gap(kind: str) -> None:
    """40 complaints in a month against 300 of someone else's year: no lead."""
    one, own = counted(kind), {"one": Own(40.0, 40.0)}

    line = scorecard([one], own, [external("best_practice", 300.0)])[0]
    assert (line.best_practice, line.gap, line.reference, line.rank) == (300.0, None, None, None)
    assert scorecard([one], own, [external("best_practice", 0.0)])[0].gap == 1.0
    assert scorecard([counted("ratio")], own, [external("best_practice", 300.0)])[0].gap == pytest.approx(-260 / 300)


def test_large_gaps_that_are_easy_come_first_and_leads_have_no_rank() -> None:
    said = {
        "large_hard": (0.8, 5),  # 0.8 x 0.2
        "small_easy": (0.3, 1),  # 0.3 x 1
        "middle": (0.5, 3),  # 0.5 x 0.6
        "ahead": (-1.0, 1),
    }
    indicators = [
        indicator(name, difficulty=difficulty, target=0.1 * (1 - part)) for name, (part, difficulty) in said.items()
    ]
    lines = scorecard([*indicators, indicator("unknown")], {one.id: Own(0.1, 1) for one in indicators}, [])

    assert [(line.indicator.id, line.rank) for line in lines] == [
        ("small_easy", 1), ("middle", 2), ("large_hard", 3), ("ahead", None), ("unknown", None)
    ]  # fmt: skip
    assert lines[3].gap == pytest.approx(-0.5)


def test_an_imported_difficulty_stands_before_the_registrys() -> None:
    said = [external("own", 1, 2025, difficulty=5.0), external("regulator", 1, 2026, difficulty=2.0)]

    assert scorecard([indicator(difficulty=4)], {}, said)[0].difficulty == 2
    assert scorecard([indicator(difficulty=4)], {}, [])[0].difficulty == 4


def test_ease_falls_in_equal_steps() -> None:
    assert [ease(difficulty) for difficulty in (1, 2, 3, 4, 5)] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
