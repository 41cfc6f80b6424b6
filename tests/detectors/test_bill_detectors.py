"""Bill spike and bill habit: the habit, the cycle, early and late."""

from __future__ import annotations

from math import isfinite
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import stats

from detectors.examples import about, bills, when
from detectors.models.habit import Learning, scored
from schemas.envelope import Event
from schemas.times import to_ms
from tests.detectors.stories import detector, told

account = about(account_id="a-1", currency="CNY")
PAST = bills(10000, 12000, 11000)  # habit 110.00, limit 165.00
HOW = Learning(fading_factor=0.3, clip=4.0, least_share=0.1, least_minor=500)


def charge(at: str, minor: int, kind: str = "data", **other: object) -> Event:
    return account("charge.rated", at, kind=kind, amount_minor=minor, **other)


# bill k-1 (period ends)          the running cycle            bill k
#   day 0 ----------- charges: 100.00 ... 65.00 --------------- day 30
def test_the_charge_that_reaches_the_sum_decides() -> None:
    (moment,) = told(
        detector("N07"), [*PAST, charge("5 10:00", 10000), charge("9 10:00", 6500), charge("11 10:00", 900)]
    )
    assert moment.decided_at == to_ms(when("9 10:00"))
    assert moment.measures["amount_minor"] == 17400
    assert moment.measures["projected"] is True
    assert moment.retracted_at is None


def test_projected_and_billed_are_one_moment() -> None:
    early = told(detector("N07"), [*PAST, charge("9 10:00", 16500)])
    late = told(detector("N07"), [*PAST, charge("9 10:00", 16500), *bills(24000, first=30)])
    assert [m.anchor for m in early] == [m.anchor for m in late]
    assert [m.decided_at for m in early] == [m.decided_at for m in late]
    assert late[0].measures["amount_minor"] == 24000


def test_a_bill_below_withdraws_it_when_it_is_issued() -> None:
    (moment,) = told(detector("N07"), [*PAST, charge("9 10:00", 16500), *bills(16499, first=30)])
    assert moment.retracted_at == to_ms(when("30 08:00"))


@pytest.mark.parametrize(
    "quiet",
    [
        charge("9 10:00", 20000, "recurring"),
        charge("9 10:00", 20000, "device_instalment"),
        charge("9 10:00", -20000, "refund"),
        charge("9 10:00", 16499),
        charge("9 10:00", 20000, account_id="a-2"),
        charge("9 10:00", 20000, currency="USD"),
        charge("-1 10:00", 20000),  # before the billed period ended
        charge("28 00:00", 20000),  # may already belong to the cycle after
    ],
)
def test_what_does_not_run_up_towards_the_bill(quiet: Event) -> None:
    assert told(detector("N07"), [*PAST, quiet]) == []


def test_small_charges_wait_for_the_bill() -> None:
    many = [charge(f"{day} {hour:02d}:00", 499) for day in range(1, 11) for hour in range(8, 18)]
    assert told(detector("N07"), [*PAST, *many]) == []
    assert len(told(detector("N07", notable_minor=400), [*PAST, *many])) == 1


@pytest.mark.parametrize(
    ("amount", "level", "shift", "clause"),
    [
        (16500, "high", -1, None),
        (21999, "high", -1, None),
        (22000, "very_high", 0, None),
        (55000, "very_high", 0, None),  # exactly 5 times the mean of 110.00 is not above it
        (55001, "statutory", 1, "cn-national Art. 31-34"),
    ],
)
def test_levels(amount: int, level: str, shift: int, clause: str | None) -> None:
    (moment,) = told(detector("N07"), [*PAST, *bills(amount, first=30)])
    assert (moment.measures["level"], moment.severity_shift, moment.clause) == (level, shift, clause)


def test_henan_is_stricter() -> None:
    henan = detector("N07", packs=["cn-national", "cn-henan"])
    (moment,) = told(henan, [*PAST, *bills(33001, first=30)])
    assert moment.measures["level"] == "statutory"
    assert str(moment.clause).startswith("cn-henan ")


def test_the_floor_protects_small_bills() -> None:
    small = bills(1000, 1000, 1000)
    assert told(detector("N07"), [*small, *bills(3999, first=30)]) == []
    assert len(told(detector("N07"), [*small, *bills(4000, first=30)])) == 1


def test_fewer_bills_than_the_history_are_no_habit() -> None:
    assert told(detector("N07"), [*PAST[1:], *bills(90000, first=30)]) == []


def test_bills_more_than_seventy_days_apart_are_no_habit() -> None:
    assert told(detector("N07"), [*PAST, *bills(90000, first=71)]) == []
    assert len(told(detector("N07"), [*PAST, *bills(90000, first=70)])) == 1


def test_a_habit_of_nothing_has_no_ratio() -> None:
    assert told(detector("N07"), [*bills(0, 0, 0), *bills(90000, first=30)]) == []


def test_each_spike_of_a_row_is_its_own_moment() -> None:
    moments = told(detector("N07"), [*PAST, *bills(17000, 40000, first=30)])
    assert [moment.measures["amount_minor"] for moment in moments] == [17000, 40000]


def test_accounts_are_judged_apart() -> None:
    other = bills(90000, first=30, account_id="a-2")
    assert told(detector("N07"), [*PAST, *other]) == []


def test_learning_is_what_river_does() -> None:
    mean, variance = stats.EWMean(0.3), stats.EWVar(0.3)
    for value in (10000, 10100, 9900, 10050):
        mean.update(value)
        variance.update(value)
    habit = scored([10000, 10100, 9900, 10050], 15000, HOW)
    assert habit.mean == mean.get()
    assert habit.spread == max(variance.get() ** 0.5, 0.1 * mean.get())
    assert habit.z == (15000 - habit.mean) / habit.spread


def test_a_bill_is_scored_before_it_is_learned() -> None:
    assert scored([10000] * 4, 90000, HOW).mean == 10000


def test_one_spike_does_not_become_habit_but_a_change_does() -> None:
    after_one = scored([10000] * 6 + [90000], 10000, HOW)
    assert after_one.mean < 11500
    assert scored([10000] * 6 + [90000] * 12, 90000, HOW).z < 1


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=40), st.integers(-(10**12), 10**12))
def test_scores_are_finite_and_repeatable(past: list[int], value: int) -> None:
    habit = scored(past, value, HOW)
    assert all(map(isfinite, (habit.mean, habit.spread, habit.z)))
    assert scored(past, value, HOW) == habit


def test_the_model_is_silent_in_its_grace_period() -> None:
    assert told(detector("N07M"), [*bills(10000, 10000, 10000), *bills(90000, first=30)]) == []
    assert len(told(detector("N07M"), [*bills(*[10000] * 4), *bills(90000, first=30)])) == 1


def test_the_model_only_looks_up() -> None:
    assert told(detector("N07M"), [*bills(*[10000] * 6), *bills(100, first=30)]) == []


def test_the_model_shows_its_features_by_name() -> None:
    (moment,) = told(detector("N07M"), [*bills(10000, 10100, 9900, 10000), *bills(15000, first=30)])
    features = cast(str, moment.measures["top_features"])
    assert [feature.split()[0] for feature in features.split(", ")] == ["z_score", "times_habit", "times_last"]
    assert moment.measures["bills_learned"] == 4
    assert moment.anchor.event_id == moment.events[-1]


def test_the_model_reads_bills_only() -> None:
    assert detector("N07M").meta.consumes == ("bill.issued",)
