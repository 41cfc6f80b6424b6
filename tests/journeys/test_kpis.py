"""KPI windows hold absolute values, whatever is read in between and wherever a restart falls."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from journeys import kpis
from journeys.kpis import OTHER, KpiChanges, KpiFold, packed
from journeys.windows import SIZE_MS, window_start
from schemas.kpis import GRAINS, KpiDims
from schemas.times import DAY, HOUR, MINUTE

DIMS = [
    KpiDims("events", stage, "t", "app", tier, "unknown", "gd")
    for stage in ("use", "pay")
    for tier in ("gold", "normal")
]
additions = st.lists(
    st.tuples(st.sampled_from(DIMS), st.integers(0, 3 * DAY), st.integers(1, 3), st.booleans()), max_size=60
)


def rows(changes: KpiChanges) -> dict[tuple[object, ...], int]:
    return {
        (columns.grain, changes.dims[dim], window): value
        for columns in changes.columns
        for dim, window, value in zip(columns.dim_id, columns.window_ms, columns.value, strict=True)
    }


def recounted(log: list[tuple[KpiDims, int, int, bool]]) -> dict[tuple[object, ...], int]:
    counted: Counter[tuple[object, ...]] = Counter()
    for dims, at, count, _ in log:
        for grain in GRAINS:
            counted[(grain, dims, window_start(at, SIZE_MS[grain]))] += count
    return dict(counted)


@given(additions)
def test_the_last_value_of_each_window_is_a_recount(log: list[tuple[KpiDims, int, int, bool]]) -> None:
    fold, last = KpiFold(), {}
    for dims, at, count, read in log:
        fold.add(fold.dim_id(dims), at, count)
        if read:
            last |= rows(fold.changes(1, 0))
    last |= rows(fold.changes(1, 0))

    assert last == recounted(log)


@given(additions, st.booleans())
def test_a_restart_goes_on_with_absolute_values(log: list[tuple[KpiDims, int, int, bool]], from_snapshot: bool) -> None:
    fold, last, journal = KpiFold(), {}, []
    for dims, at, count, restart in log:
        fold.add(fold.dim_id(dims), at, count)
        if restart:
            changes = fold.changes(1, 0)
            last |= rows(changes)
            journal = [fold.open_windows()] if from_snapshot else [*journal, packed(changes)]
            known, fold = fold.dims, KpiFold()
            fold.restore(known, [window for entry in journal for window in entry])
    last |= rows(fold.changes(1, 0))

    assert last == recounted(log)


def test_windows_are_half_open() -> None:
    assert window_start(HOUR - 1, HOUR) == 0
    assert window_start(HOUR, HOUR) == HOUR


def test_closing_forgets_whole_days_that_have_ended() -> None:
    fold = KpiFold()
    for at in (0, DAY, 2 * DAY):
        fold.add(fold.dim_id(DIMS[0]), at)
    fold.changes(1, 0)

    fold.close(DAY + 5 * HOUR)

    fold.add(fold.dim_id(DIMS[0]), 2 * DAY)
    assert rows(fold.changes(2, 0))[("minute", DIMS[0], 2 * DAY)] == 2
    fold.add(fold.dim_id(DIMS[0]), MINUTE)
    assert ("minute", DIMS[0], 0) not in (late := rows(fold.changes(3, 0))), "a closed window is never written again"
    assert late[("minute", DIMS[0], DAY)] == 2


def test_too_many_combinations_are_summed_under_other(monkeypatch: object) -> None:
    fold = KpiFold()
    limit, kpis.MAX_DIMS = kpis.MAX_DIMS, 2
    try:
        for region in ("a", "b", "c", "d"):
            fold.add(fold.dim_id(DIMS[0]._replace(region=region)), 0)
    finally:
        kpis.MAX_DIMS = limit

    assert [dims.region for dims in fold.dims] == ["a", "b", OTHER]
    assert rows(fold.changes(1, 0))[("day", fold.dims[2], 0)] == 2
