"""Difference in differences: against a pandas recount and simulations with a planted effect."""

from __future__ import annotations

from collections.abc import Callable
from random import Random  # noqa: TID251 - seeded

import numpy as np
import pandas as pd
import pytest

from journeys.effect import (
    CELLS,
    REPLICATES,
    Cell,
    Effect,
    Estimate,
    Verdict,
    by_bootstrap,
    by_delta,
    combined,
    expected,
    sums_of,
    values,
)
from journeys.registry import Kind

Contribution = list[float]


def contacts(rng: Random, customers: int, shares: tuple[float, float, float, float]) -> list[Contribution]:
    """Customers with several contacts each, in both windows; some are patient and some are not, and stay so."""
    found = []
    for at in range(customers):
        one = [0.0] * 8
        group = 0 if at % 2 else 4
        temper = rng.choice((0.5, 1.5))
        for window in (0, 2):
            for _ in range(rng.randrange(6)):
                one[group + window] += rng.random() < temper * shares[(group + window) // 2]
                one[group + window + 1] += 1
        found.append(one)
    return found


def totals(rng: Random, customers: int, rates: tuple[float, float, float, float]) -> list[Contribution]:
    """Customers of whom few have anything at all: the treated group is a third of the others."""
    found = []
    for _ in range(customers):
        one = [0.0] * 8
        group = 0 if rng.random() < 0.25 else 4
        for window in (0, 2):
            if rng.random() < rates[(group + window) // 2]:
                one[group + window] = float(rng.randrange(1, 4))
        if any(one):
            found.append(one)
    return found


@pytest.mark.parametrize(
    ("kind", "draw", "rates", "truth"),
    [
        ("ratio", contacts, (0.3, 0.2, 0.3, 0.3), -0.1),
        ("ratio", contacts, (0.3, 0.3, 0.2, 0.2), 0.0),
        ("ratio", contacts, (0.4, 0.4, 0.1, 0.2), -0.1),
        ("sum", totals, (0.2, 0.1, 0.2, 0.2), -0.1 * 2 * 2000 * 0.25),
        ("sum", totals, (0.2, 0.3, 0.1, 0.15), 0.0),
    ],
)
def test_the_interval_covers_the_planted_effect(
    kind: Kind, draw: Callable[..., list[Contribution]], rates: tuple[float, ...], truth: float
) -> None:
    rng, rounds = Random(11), 250
    found = [by_delta(kind, sums_of(draw(rng, 2000 if kind == "sum" else 400, rates))) for _ in range(rounds)]
    covered = sum(one is not None and one.low <= truth <= one.high for one in found) / rounds

    assert 0.92 < covered < 0.985


def test_contacts_taken_one_by_one_would_promise_too_much() -> None:
    """A customer whose contacts all end alike is one fact, not five."""
    rng, rounds, covered = Random(5), 300, [0, 0]
    for _ in range(rounds):
        customers = []
        for at in range(400):
            one = [0.0] * 8
            for window in (0, 2):
                bad = rng.random() < 0.3
                one[(0 if at % 2 else 4) + window] = 5.0 * bad
                one[(0 if at % 2 else 4) + window + 1] = 5.0
            customers.append(one)
        contacts_alone = [[part / 5 for part in one] for one in customers for _ in range(5)]
        for way, rows in enumerate((customers, contacts_alone)):
            found = by_delta("ratio", sums_of(rows))
            covered[way] += found is not None and found.low <= 0 <= found.high

    assert covered[0] / rounds > 0.92
    assert covered[1] / rounds < 0.7


def test_it_equals_a_recount_in_pandas_and_the_jackknife() -> None:
    rows = contacts(Random(2), 500, (0.3, 0.2, 0.25, 0.3))
    frame = pd.DataFrame(rows, columns=[f"{cell}_{part}" for cell in CELLS for part in ("hit", "base")])

    def recount(data: pd.DataFrame) -> float:
        shares = {cell: data[f"{cell}_hit"].sum() / data[f"{cell}_base"].sum() for cell in CELLS}
        treated = shares["treated_after"] - shares["treated_before"]
        return float(treated - (shares["control_after"] - shares["control_before"]))

    found = by_delta("ratio", sums_of(rows), scale=100)
    left_out = np.array([recount(frame.drop(at)) for at in range(len(frame))])
    error = np.sqrt((len(frame) - 1) / len(frame) * ((left_out - left_out.mean()) ** 2).sum())

    assert found is not None
    assert found.value == pytest.approx(100 * recount(frame))
    assert found.high - found.value == pytest.approx(100 * 1.96 * error, rel=0.02)


def test_a_cell_in_which_everyone_was_hit_has_an_interval_all_the_same() -> None:
    rows = [[1.0, 1, 0, 0, 0, 0, 0, 0], [0.0, 0, 1, 1, 0, 0, 0, 0], [0.0, 0, 0, 0, 1, 1, 0, 0], [0.0] * 6 + [0, 1]]
    found = by_delta("ratio", sums_of(rows * 50))

    assert found is not None
    assert found.value == 1
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(4 / 50**2), rel=0.01)


def test_a_population_counts_in_the_base_and_not_as_a_customer() -> None:
    """Complaints per 10,000 customers and day: the days' populations belong to no one."""
    complaints = [[1, 0, 0, 0, 0, 0, 0, 0]] * 40 + [[0, 0, 1, 0, 0, 0, 0, 0]] * 20 + [[0, 0, 0, 0, 1, 0, 1, 0]] * 50
    sums = sums_of(complaints)
    known = sums._replace(totals=[40, 28_000, 20, 28_000, 50, 56_000, 50, 56_000])
    found = by_delta("ratio", known, scale=10_000)

    assert found is not None
    assert found.value == pytest.approx(-20 / 2.8)
    assert found.high - found.value == pytest.approx(1.96 * np.sqrt(60) / 2.8, rel=0.01)


def test_totals_compare_by_their_factor() -> None:
    """Control went from 300 to 150: of 100 in the treated group, 50 were to be expected; 30 are 20 fewer."""
    found = [100.0, 30.0, 300.0, 150.0]

    assert expected("sum", found) == 50
    assert combined("sum", found) == -20
    assert expected("ratio", [0.5, 0.4, 0.2, 0.3]) == pytest.approx(0.6)


@pytest.mark.parametrize("empty", range(4))
def test_an_empty_cell_gives_no_effect(empty: int) -> None:
    row = [1.0] * 8
    row[2 * empty + 1] = 0
    sums = sums_of([row, row])

    assert values("ratio", sums)[empty] is None
    assert by_delta("ratio", sums) is None


def test_a_total_that_was_zero_in_the_control_group_gives_no_factor() -> None:
    assert by_delta("sum", sums_of([[1, 0, 1, 0, 0, 0, 1, 0]] * 5)) is None


def test_a_bootstrap_interval_covers_a_planted_change_of_a_median() -> None:
    """Waiting times, several per customer; the treated wait 20 % less afterwards."""
    rng, rounds, covered = np.random.default_rng(4), 60, 0
    truth = 60 * np.log(2) * -0.2
    for _ in range(rounds):
        waits = rng.exponential(60, (4, 300, 3)) * np.array([1, 0.8, 1, 1])[:, None, None]

        def medians(people: np.ndarray, waits: np.ndarray = waits) -> list[float]:
            return [float(np.median(waits[cell][people])) for cell in range(4)]

        drawn = [medians(rng.integers(0, 300, 300)) for _ in range(REPLICATES)]
        found = by_bootstrap(medians(np.arange(300)), drawn)
        covered += found is not None and found.low <= truth <= found.high

    assert covered / rounds > 0.88


def test_a_bootstrap_without_values_says_nothing() -> None:
    assert by_bootstrap([1.0, None, 1.0, 1.0], [[1.0] * 4] * REPLICATES) is None
    assert by_bootstrap([1.0] * 4, [[1.0] * 4, [None] * 4]) is None


CELL = Cell(0.5, 100, 80)


@pytest.mark.parametrize(
    ("estimate", "direction", "verdict"),
    [
        (Estimate(-2, -3, -1), "down", "better"),
        (Estimate(-2, -3, -1), "up", "worse"),
        (Estimate(2, 1, 3), "up", "better"),
        (Estimate(2, 1, 3), "down", "worse"),
        (Estimate(2, 1, 3), "none", "changed"),
        (Estimate(2, -1, 5), "up", "unclear"),
        (None, "up", "nothing"),
    ],
)
def test_the_verdict_follows_the_interval_and_the_better_way(
    estimate: Estimate | None, direction: str, verdict: Verdict
) -> None:
    assert Effect([CELL] * 4, estimate, 0.0, None).verdict(direction) == verdict  # type: ignore[arg-type]


def test_it_warns_of_few_customers_and_of_trends_that_differed_before() -> None:
    calm = Effect([CELL] * 4, Estimate(1, 0.5, 1.5), 0.0, Estimate(0.1, -0.2, 0.4))
    few = calm._replace(cells=[CELL, CELL, CELL, Cell(0.5, 40, 29)])
    apart = calm._replace(trend=Estimate(0.4, 0.1, 0.7))

    assert (calm.too_few, calm.trends_differ) == (False, False)
    assert few.too_few
    assert apart.trends_differ
