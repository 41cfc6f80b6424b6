"""The power of a touchpoint: against published intervals, brute-force simulation and an independent posterior."""

from __future__ import annotations

from random import Random  # noqa: TID251 - seeded

import numpy as np
import pytest

from journeys.power import (
    MIN_VISITS,
    PRIORS,
    SPREAD_SCALE,
    Stratum,
    Visits,
    difference,
    powers,
    prior_of,
    wilson,
)


def drawn(rng: Random, sizes: list[tuple[int, int, float]], effect: float) -> list[Stratum]:
    """Strata of (marked, others, base rate) in which the marked have `effect` more."""

    def hits(count: int, share: float) -> int:
        return sum(rng.random() < share for _ in range(count))

    return [Stratum(marked, hits(marked, base + effect), others, hits(others, base)) for marked, others, base in sizes]


@pytest.mark.parametrize(
    ("stratum", "low", "high"),
    [
        (Stratum(70, 56, 80, 48), 0.0524, 0.3339),
        (Stratum(10, 9, 10, 3), 0.1705, 0.8090),
        (Stratum(7, 6, 7, 2), 0.0582, 0.8062),
        (Stratum(56, 5, 29, 0), -0.0381, 0.1926),
        (Stratum(10, 0, 20, 0), -0.1611, 0.2775),
        (Stratum(10, 10, 20, 0), 0.6791, 1.0),
    ],
)
def test_of_one_stratum_it_is_newcombes_interval(stratum: Stratum, low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    found = difference([stratum])

    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_wilson_of_81_of_263() -> None:
    """Newcombe 1998 (single proportion), method 3."""
    assert tuple(round(limit, 4) for limit in wilson(81 / 263, 263)) == (0.2553, 0.3662)


def test_the_comparison_is_standardised_to_the_marked_strata() -> None:
    """Gold customers complain more and are marked more: without matching the touchpoint would get the blame."""
    gold, normal = Stratum(80, 16, 100, 20), Stratum(20, 1, 900, 45)
    found = difference([gold, normal])

    assert found is not None
    assert found.value == pytest.approx(0, abs=1e-12)
    assert 17 / 100 - 65 / 1000 > 0.1  # what a crude comparison says


def test_strata_without_a_comparison_say_nothing() -> None:
    alone = Stratum(40, 40, 0, 0)

    assert difference([alone]) is None
    assert difference([Stratum(0, 0, 10, 1)]) is None
    assert difference([alone, Stratum(70, 7, 700, 7)]) == difference([Stratum(70, 7, 700, 7)])


@pytest.mark.parametrize(
    ("sizes", "effect"),
    [
        ([(30, 300, 0.02), (30, 300, 0.1)], 0.1),
        ([(50, 1000, 0.01)], 0.0),
        ([(10, 40, 0.05)] * 12, 0.05),
        ([(5, 3, 0.1)] * 30, 0.1),
        ([(20, 300, 0.02), (50, 50, 0.05), (10, 1000, 0.2), (5, 2, 0.3)], 0.15),
        ([(200, 2000, 0.3), (400, 2000, 0.5)], -0.2),
    ],
)
def test_the_interval_covers_the_truth_95_times_in_100(sizes: list[tuple[int, int, float]], effect: float) -> None:
    rng, rounds = Random(7), 500
    found = [difference(drawn(rng, sizes, effect)) for _ in range(rounds)]
    covered = sum(one is not None and one.low <= effect <= one.high for one in found) / rounds

    assert covered > 0.93


def test_under_fifty_marked_visits_the_prior_stands_alone() -> None:
    def at(visits: int) -> Visits:
        return Visits("bill_received", 0.05, [Stratum(visits, visits // 2, 1000, 10)])

    below, reached = powers([at(MIN_VISITS - 1)])[0], powers([at(MIN_VISITS)])[0]

    assert not below.from_data
    assert below.power == pytest.approx(0.05)
    assert below.visits == MIN_VISITS - 1
    assert below.raw == pytest.approx(24 / 49 - 0.01)
    assert reached.from_data
    assert reached.power > 0.3


def test_a_touchpoint_nobody_was_marked_at_has_its_prior_and_a_wide_interval() -> None:
    found = powers([Visits("sim_provisioned", 0.05, [])])[0]

    assert (found.visits, found.raw, found.from_data) == (0, None, False)
    assert found.power == pytest.approx(0.05)
    assert found.low < 0 < 0.05 < found.high


def test_the_less_it_stands_on_the_more_it_is_drawn_to_the_prior() -> None:
    small, large = powers(
        [Visits("a", 0.1, [Stratum(50, 20, 500, 50)]), Visits("b", 0.1, [Stratum(5000, 2000, 50_000, 5000)])]
    )

    assert 0.1 < small.power < large.power < 0.3
    assert large.power == pytest.approx(0.3, abs=0.005)
    assert small.high - small.low > large.high - large.low


def test_touchpoints_near_their_priors_make_each_other_trust_the_priors_more() -> None:
    """The weight of the prior is estimated from the data of all touchpoints."""
    one = Visits("a", 0.1, [Stratum(60, 18, 600, 60)])
    near = [Visits(f"n{i}", 0.1, [Stratum(2000, 400, 20_000, 2000)]) for i in range(12)]
    far = [Visits(f"f{i}", 0.1, [Stratum(2000, 200 + 70 * i, 20_000, 2000)]) for i in range(12)]

    assert powers([one, *near])[0].power < powers([one])[0].power < powers([one, *far])[0].power


def test_it_is_the_posterior_of_the_stated_model() -> None:
    """Against a million draws of the model (half-normal spread, normal powers), weighted by their likelihood."""
    data = [(0.05, Stratum(60, 9, 600, 30)), (0.1, Stratum(150, 60, 900, 90)), (0.05, Stratum(80, 2, 400, 12))]
    mine = powers([Visits(str(at), prior, [stratum]) for at, (prior, stratum) in enumerate(data)])

    rng = np.random.default_rng(5)
    spread = np.abs(rng.normal(0, SPREAD_SCALE, 1_000_000))
    powers_drawn = np.array([rng.normal(prior, spread) for prior, _ in data])
    found = [difference([stratum]) for _, stratum in data]
    logs = sum(
        -((one.value - powers_drawn[at]) ** 2) / (2 * one.variance) for at, one in enumerate(found) if one is not None
    )
    weights = np.exp(logs - np.max(logs))
    weights /= weights.sum()
    for at, one in enumerate(mine):
        order = np.argsort(powers_drawn[at])
        mass = np.cumsum(weights[order])
        low, high = (powers_drawn[at][order][np.searchsorted(mass, level)] for level in (0.025, 0.975))
        assert one.power == pytest.approx(float(weights @ powers_drawn[at]), abs=0.002)
        assert (one.low, one.high) == (pytest.approx(low, abs=0.004), pytest.approx(high, abs=0.004))


def test_shrinking_errs_less_than_the_raw_difference_and_its_interval_covers() -> None:
    """Twenty touchpoints a hundred times: the promise of Efron and Morris, and Morris's of the interval."""
    rng, covered, mine, raw = Random(3), 0, 0.0, 0.0
    for _ in range(100):
        truths = [min(0.6, max(-0.04, rng.gauss(0.08, 0.04))) for _ in range(20)]
        found = powers(
            Visits(str(at), 0.08, drawn(rng, [(40, 300, 0.05), (40, 300, 0.1)], truth))
            for at, truth in enumerate(truths)
        )
        for one, truth in zip(found, truths, strict=True):
            covered += one.low <= truth <= one.high
            mine += (one.power - truth) ** 2
            raw += ((one.raw or 0) - truth) ** 2

    assert covered / 2000 > 0.93
    assert mine < 0.75 * raw


def test_order_of_touchpoints_does_not_matter() -> None:
    visits = [Visits(str(at), 0.05, [Stratum(60 + at, at, 700, 30)]) for at in range(6)]

    assert powers(visits) == list(reversed(powers(list(reversed(visits)))))


def test_bad_weighs_more_than_good_and_nature_more_than_chance() -> None:
    assert prior_of("negative", "both") > prior_of("positive", "both")
    for valence, priors in PRIORS.items():
        other = "positive" if valence == "negative" else "negative"
        assert priors[valence] > priors["both"] > priors[other]
