"""What engines of a replay add to KPI windows, put together, is what an engine says that keeps them."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.kpis import DIM_BITS, KpiFold
from schemas.kpis import KpiDims
from schemas.times import DAY, MINUTE
from streams.runners.kpi_parts import KpiPart, merge_kpis

ORDER = ("indicator", "grain", "window_start", "stage", "touchpoint", "channel", "tier", "department", "region")
LONG_AGO, TODAY, LATEST = 631_152_000_000, 1_772_323_200_000, 7_289_654_400_000 - 3 * DAY

dims = st.builds(
    KpiDims,
    indicator=st.sampled_from(["events", "moments_negative", "late_events"]),
    stage=st.just("use"),
    touchpoint=st.sampled_from(["T01", "T02"]),
    channel=st.just("app"),
    tier=st.sampled_from(["gold", "normal"]),
    department=st.just("care"),
    region=st.sampled_from(["深圳", "north"]),
)
added = st.tuples(dims, st.integers(0, 3 * DAY - 1), st.sampled_from([None, 1, -1, 3]))
parts = st.lists(st.lists(st.lists(added, max_size=12), max_size=4), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(parts, st.sampled_from([LONG_AGO, TODAY, LATEST]), st.sampled_from([1, 7, 1 << 22]))
def test_parts_put_together_are_the_windows_of_one_who_keeps_them(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[list[list[tuple[KpiDims, int, int | None]]]],
    start: int,
    room: int,
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    expected: Counter[tuple[str, int, KpiDims]] = Counter()
    paths = []
    for number, portions in enumerate(drawn):
        keeping, replaying = KpiFold(), KpiFold()
        paths.append(folder / f"part-{number}")
        part = KpiPart(paths[-1], room)
        for portion in portions:
            for one, at, count in portion:
                for fold in (keeping, replaying):
                    add(fold, one, start + at, count)
            part.write(*replaying.increments())
        part.close(replaying.dims)
        changes = keeping.changes(0, 0)
        for column in changes.columns:
            for place, value, window in zip(column.dim_id, column.value, column.window_ms, strict=True):
                expected[column.grain, window, changes.dims[place]] += value

    rows = merge_kpis(paths, folder / "kpis.parquet")

    found = pq.read_table(folder / "kpis.parquet").to_pylist()
    assert {key_of(row): row["value"] for row in found} == {key: value for key, value in expected.items() if value}
    assert len(found) == rows
    in_order = [tuple(row[name] for name in ORDER) for row in found]
    assert in_order == sorted(in_order)


def add(fold: KpiFold, one: KpiDims, at: int, count: int | None) -> None:
    """As events are counted (None: one of many at once), and as moments are."""
    if count is None:
        fold.add_all([at // MINUTE << DIM_BITS | fold.dim_id(one)])
    else:
        fold.add(fold.dim_id(one), at, count)


def key_of(row: dict[str, object]) -> tuple[str, int, KpiDims]:
    window = int(row["window_start"].timestamp() * 1000)  # type: ignore[attr-defined]
    return str(row["grain"]), window, KpiDims(**{name: row[name] for name in KpiDims._fields})  # type: ignore[arg-type]
