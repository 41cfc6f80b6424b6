"""Before and after on a real ClickHouse: planted effects of every kind of indicator found within their intervals."""

from __future__ import annotations

from datetime import timedelta
from math import ceil, floor
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any

import numpy as np
import pandas as pd
import pytest

from journeys.effect import Effect, Windows
from journeys.registry import Indicator, shipped_registry
from streams.warehouse.effect import GroupsOverlap, Members, effect
from streams.warehouse.reference import step_rows
from streams.warehouse.refresh import Refresher
from streams.warehouse.values import NoSuchSplit
from streams.warehouse.warehouse import FolderWarehouse
from tests.warehouse.planted import Row, day, event, stored

CONTACT = "interaction.contact_completed"
WINDOWS = Windows(day(40), day(68), day(96))
REGIONS = (Members({"region": ["gd"]}), Members({"region": ["bj"]}))
_UNITS = "SELECT occurred_at AS at, customer_id, region, {what} FROM {{events}} WHERE event_type = '" + CONTACT + "'"
_RESOLVED = "JSONExtractBool(attributes, 'resolved')"
_WAIT = "JSONExtractInt(attributes, 'wait_seconds')"


def indicator(kind: str, what: str, **measure: Any) -> Indicator:
    text = {"zh": "甲", "en": kind}
    units = _UNITS.format(what=what)
    return Indicator.model_validate(
        {
            "id": f"planted_{kind}", "name": text, "definition": text, "formula": text, "cycle": "day",
            "unit": "share", "direction": "down", "source": "-", "availability": "derivable", "owner": "billing",
            "quadrant": "operating", "etom": "-",
            "measure": {"kind": kind, "reads": [CONTACT], "by": ["region"], "units": units, **measure},
        }
    )  # fmt: skip


SHARE = indicator("ratio", f"NOT {_RESOLVED} AS hit, 1 AS base")
PEOPLE = indicator("customer_share", f"NOT {_RESOLVED} AS hit, 1 AS base")
TOTAL = indicator("sum", f"NOT {_RESOLVED} AS hit")
HEADS = indicator("customers", f"NOT {_RESOLVED} AS hit")
MEDIAN = indicator("quantile", f"{_WAIT} AS spread", level=0.5, scale=1 / 60)


def contacts(rng: Random, customers: int = 900) -> list[Row]:
    """Of the treated the share of unresolved contacts falls from 0.4 to 0.25, waits from 300 s to 200 s on average;
    everywhere shares rise by 0.1. A third of the customers is treated."""
    rows = []
    for number in range(customers):
        region = "gd" if number % 3 == 0 else "bj"
        temper = rng.choice((0.7, 1.3))
        for again in range(rng.randrange(1, 7)):
            at = rng.uniform(40, 96)
            late, treated = at >= 68, region == "gd"
            share = temper * (0.4 + 0.1 * late - 0.25 * (late and treated))
            wait = rng.expovariate(1 / (200 if late and treated else 300))
            said = {"reason": "bill", "resolved": rng.random() >= share, "wait_seconds": int(wait)}
            rows.append(event(f"e{number}.{again}", CONTACT, day(at), f"c{number}", region=region, **said))
    return [*rows, event("end", "app.logged_in", day(120), "clock")]


@pytest.fixture(scope="module")
def facts() -> list[Row]:
    return contacts(Random(31))


@pytest.fixture(scope="module")
def warehouse(facts: list[Row], tmp_path_factory: pytest.TempPathFactory) -> FolderWarehouse:
    """The facts, stored twice."""
    folder = tmp_path_factory.mktemp("effect")
    stored(folder, facts)
    return stored(folder, facts)


def covers(found: Effect, truth: float) -> bool:
    assert found.estimate is not None
    return found.estimate.low <= truth <= found.estimate.high


def frame(facts: list[Row]) -> pd.DataFrame:
    table = pd.json_normalize([{**row, "said": pd.io.json.ujson_loads(row["attributes"])} for row in facts])
    table = table[table.event_type == CONTACT].copy()
    table["late"] = pd.to_datetime(table.occurred_at, utc=True) >= WINDOWS.at
    table["hit"] = ~table["said.resolved"].astype(bool)
    return table


def cell(table: pd.DataFrame, region: str, late: bool) -> pd.DataFrame:
    return table[(table.region == region) & (table.late == late)]


def cells(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [cell(table, region, late) for region in ("gd", "bj") for late in (False, True)]


def test_a_share(warehouse: FolderWarehouse, facts: list[Row]) -> None:
    found = effect(warehouse, SHARE, WINDOWS, REGIONS)
    recount = [part.hit.mean() for part in cells(frame(facts))]

    assert [one.value for one in found.cells] == pytest.approx(recount)
    assert [one.units for one in found.cells] == [len(part) for part in cells(frame(facts))]
    assert [one.customers for one in found.cells] == [part.customer_id.nunique() for part in cells(frame(facts))]
    assert covers(found, -0.25)
    assert not covers(found, 0)
    assert found.verdict("down") == "better"
    assert not found.trends_differ
    assert not found.too_few


def test_its_interval_is_that_of_the_jackknife_over_customers(warehouse: FolderWarehouse, facts: list[Row]) -> None:
    found = effect(warehouse, SHARE, WINDOWS, REGIONS)
    table = frame(facts)
    sums = table.groupby(["customer_id", "region", "late"]).hit.agg(["sum", "count"]).unstack([1, 2], fill_value=0)
    order = [("gd", False), ("gd", True), ("bj", False), ("bj", True)]
    hits = np.array([[sums["sum", *key][name] for key in order] for name in sums.index], dtype=float)
    bases = np.array([[sums["count", *key][name] for key in order] for name in sums.index], dtype=float)
    shares = (hits.sum(0) - hits) / (bases.sum(0) - bases)
    effects = shares[:, 1] - shares[:, 0] - shares[:, 3] + shares[:, 2]
    error = np.sqrt((len(effects) - 1) / len(effects) * ((effects - effects.mean()) ** 2).sum())

    assert found.estimate is not None
    assert found.estimate.high - found.estimate.value == pytest.approx(1.96 * error, rel=0.02)


def test_a_share_of_customers(warehouse: FolderWarehouse, facts: list[Row]) -> None:
    found = effect(warehouse, PEOPLE, WINDOWS, REGIONS)
    recount = [part.groupby("customer_id").hit.max().mean() for part in cells(frame(facts))]

    assert [one.value for one in found.cells] == pytest.approx(recount)
    assert found.verdict("down") == "better"


def test_totals(warehouse: FolderWarehouse, facts: list[Row]) -> None:
    found = effect(warehouse, TOTAL, WINDOWS, REGIONS)
    recount = [part.hit.sum() for part in cells(frame(facts))]

    assert [one.value for one in found.cells] == recount
    assert found.expected == pytest.approx(recount[0] * recount[3] / recount[2])
    assert covers(found, recount[0] * (0.25 / 0.4 - 0.5 / 0.4))
    assert found.verdict("down") == "better"


def test_heads(warehouse: FolderWarehouse, facts: list[Row]) -> None:
    found = effect(warehouse, HEADS, WINDOWS, REGIONS)

    assert [one.value for one in found.cells] == [part[part.hit].customer_id.nunique() for part in cells(frame(facts))]
    assert found.verdict("down") == "better"


def test_a_quantile(warehouse: FolderWarehouse, facts: list[Row]) -> None:
    found = effect(warehouse, MEDIAN, WINDOWS, REGIONS)
    recount = [part["said.wait_seconds"].median() / 60 for part in cells(frame(facts))]

    assert [one.value for one in found.cells] == pytest.approx(recount)
    assert covers(found, -100 / 60 * np.log(2))
    assert found.estimate is not None
    assert found.estimate.high - found.estimate.low < 3


def test_the_bootstrap_is_seeded(warehouse: FolderWarehouse) -> None:
    first, again, other = (effect(warehouse, MEDIAN, WINDOWS, REGIONS, seed).estimate for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert first is not None
    assert other is not None
    assert first.low == pytest.approx(other.low, abs=0.35)
    assert first.value == other.value


def test_the_same_facts_in_another_order_give_the_same_interval(
    warehouse: FolderWarehouse, facts: list[Row], tmp_path: Path
) -> None:
    shuffled = list(facts)
    Random(2).shuffle(shuffled)

    assert effect(stored(tmp_path, shuffled), MEDIAN, WINDOWS, REGIONS) == effect(warehouse, MEDIAN, WINDOWS, REGIONS)


def test_nothing_done_is_told_as_no_effect(warehouse: FolderWarehouse) -> None:
    halves = [[f"c{number}" for number in range(900) if number % 3 and number % 2 == part] for part in range(2)]
    found = effect(warehouse, SHARE, WINDOWS, (Members({}, halves[0]), Members({}, halves[1])))

    assert found.verdict("down") == "unclear"
    assert covers(found, 0)


def test_customers_from_lists_are_those_of_the_regions(warehouse: FolderWarehouse) -> None:
    gd, bj = ([f"c{number}" for number in range(900) if (number % 3 == 0) == treated] for treated in (True, False))
    listed = effect(warehouse, SHARE, WINDOWS, (Members({}, gd), Members({}, bj)))

    assert listed == effect(warehouse, SHARE, WINDOWS, REGIONS)
    with pytest.raises(GroupsOverlap, match="1 customers are in both groups"):
        effect(warehouse, SHARE, WINDOWS, (Members({}, gd), Members({}, [*bj, gd[0]])))


def test_lists_of_a_hundred_thousand_customers_are_taken(warehouse: FolderWarehouse) -> None:
    gd = [*(f"c{number}" for number in range(0, 900, 3)), *(f"nobody-{number}" for number in range(100_000))]
    listed = effect(warehouse, SHARE, WINDOWS, (Members({}, gd), REGIONS[1]))

    assert listed == effect(warehouse, SHARE, WINDOWS, REGIONS)


def test_few_customers_are_told(warehouse: FolderWarehouse) -> None:
    few, hardly = ([f"c{number}" for number in range(0, 3 * count, 3)] for count in (25, 4))

    assert effect(warehouse, SHARE, WINDOWS, (Members({}, few), REGIONS[1])).too_few
    found = effect(warehouse, SHARE, WINDOWS, (Members({}, hardly), REGIONS[1]))
    assert (found.estimate, found.verdict("down")) == (None, "nothing")


def test_windows_without_facts_give_no_effect(warehouse: FolderWarehouse) -> None:
    nowhere = Windows(day(300), day(328), day(356))
    for one in (SHARE, PEOPLE, TOTAL, HEADS, MEDIAN):
        found = effect(warehouse, one, nowhere, REGIONS)
        assert found.estimate is None
        assert [part.units for part in found.cells] == [0] * 4


def test_a_dimension_the_indicator_does_not_have_is_refused(warehouse: FolderWarehouse) -> None:
    with pytest.raises(NoSuchSplit, match="region"):
        effect(warehouse, SHARE, WINDOWS, (Members({"tier": ["gold"]}), REGIONS[1]))


def test_trends_that_differed_before_are_told(tmp_path: Path) -> None:
    """The treated region got better all along."""
    rng, rows = Random(8), []
    for number in range(6000):
        at, region = rng.uniform(40, 96), rng.choice(["gd", "bj"])
        share = 0.7 - 0.5 * (at - 40) / 56 if region == "gd" else 0.5
        said = {"reason": "bill", "resolved": rng.random() >= share}
        rows.append(event(f"e{number}", CONTACT, day(at), f"c{number}", region=region, **said))
    rows.append(event("end", "app.logged_in", day(120), "clock"))
    found = effect(stored(tmp_path, rows), SHARE, WINDOWS, REGIONS)

    assert found.verdict("down") == "better"
    assert found.trends_differ


def test_a_rate_of_the_population_by_region_and_by_list(tmp_path: Path) -> None:
    """Complaints per 10,000 customers and day, of 400 customers known from the first day."""
    rows, rng = [], Random(3)
    for number in range(400):
        customer, region = f"c{number}", "gd" if number % 2 else "bj"
        rows.append(event(f"v{number}", "app.logged_in", day(1), customer, region=region))
        for late, share in ((False, 0.4), (True, 0.1 if region == "gd" else 0.4)):
            if rng.random() < share:
                at = day(rng.uniform(68, 96) if late else rng.uniform(40, 68))
                rows.append(
                    event(f"k{number}.{late}", "complaint.opened", at, customer, region=region, category="bill")
                )
    warehouse = stored(tmp_path, [*rows, event("end", "app.logged_in", day(130), "c0", region="bj")])
    complaints = shipped_registry()["complaint_rate"]
    with warehouse.writing() as client:
        Refresher(client, shipped_registry(), step_rows(set())).refresh()
    found = effect(warehouse, complaints, WINDOWS, REGIONS)
    counts = [one.units for one in found.cells]

    assert [one.value for one in found.cells] == pytest.approx([10_000 * count / (200 * 28) for count in counts])
    assert covers(found, -0.3 / 28 * 10_000)
    assert found.verdict("down") == "better"
    listed = tuple(Members({}, [f"c{number}" for number in range(400) if number % 2 == part]) for part in (1, 0))
    assert effect(warehouse, complaints, WINDOWS, listed) == found  # type: ignore[arg-type]


def complaints_of(folder: Path, first: float, last: float, customers: int = 400) -> FolderWarehouse:
    """One complaint of each customer every ten days from `first` to `last`; gd has the odd numbers."""
    rows = [event("first", "app.logged_in", day(first), "clock"), event("last", "app.logged_in", day(last), "clock")]
    for number in range(customers):
        customer, region = f"c{number}", "gd" if number % 2 else "bj"
        rows.append(event(f"v{number}", "app.logged_in", day(first), customer, region=region))
        at = first + 10 * number / customers
        while at < last:
            rows.append(event(f"k{number}.{at}", "complaint.opened", day(at), customer, region=region, category="bill"))
            at += 10
    warehouse = stored(folder, rows)
    with warehouse.writing() as client:
        Refresher(client, shipped_registry(), step_rows(set())).refresh()
    return warehouse


def numbered(*parts: int, customers: int = 400) -> Members:
    return Members({}, [f"c{number}" for number in range(customers) if number % 4 in parts])


@pytest.mark.parametrize(("first", "last"), [(40, 78.25), (60.5, 120), (63, 72.75)])
def test_days_before_the_first_and_after_the_last_event_are_no_base(tmp_path: Path, first: float, last: float) -> None:
    """A complaint per customer every ten days is 1000 per 10,000 and day in every cell, however short the data are."""
    warehouse = complaints_of(tmp_path, first, last)
    complaints = shipped_registry()["complaint_rate"]
    for groups in (REGIONS, (numbered(1, 3), numbered(0, 2)), (numbered(1, 3), REGIONS[1]), (REGIONS[0], numbered(0))):
        found = effect(warehouse, complaints, WINDOWS, groups)

        assert [one.value for one in found.cells] == pytest.approx([1000] * 4, rel=0.11)
        assert found.windows is not None
        assert found.windows.start == max(WINDOWS.start, day(ceil(first)))
        assert found.windows.end == min(WINDOWS.end, day(floor(last)))
        assert found.early == (day(last) < WINDOWS.end)


def test_a_window_that_is_not_over_gives_no_verdict(tmp_path: Path) -> None:
    facts = [row for row in contacts(Random(31)) if row["occurred_at"] < str(day(88))]
    warehouse = stored(tmp_path, facts)
    found = effect(warehouse, SHARE, WINDOWS, REGIONS)
    shorter = effect(warehouse, SHARE, WINDOWS._replace(end=day(87)), REGIONS)

    assert found.estimate is not None
    assert not found.estimate.spans_zero
    assert (found.early, found.verdict("down")) == (True, "early")
    assert (shorter.early, shorter.verdict("down")) == (False, "better")


@pytest.mark.parametrize("one", [SHARE, PEOPLE, TOTAL, HEADS, MEDIAN])
def test_who_is_in_both_groups_is_treated_and_no_control(warehouse: FolderWarehouse, one: Indicator) -> None:
    """All of gd and a tenth of bj are on the list; the control group is what is left of bj."""
    mixed = [f"c{number}" for number in range(900) if number % 3 == 0 or number % 10 == 1]
    rest = Members({}, [f"c{number}" for number in range(900) if f"c{number}" not in set(mixed)])
    found = effect(warehouse, one, WINDOWS, (Members({}, mixed), REGIONS[1]))

    assert found._replace(shared=0) == effect(warehouse, one, WINDOWS, (Members({}, mixed), rest))
    assert found.shared == sum(number % 10 == 1 and number % 3 > 0 for number in range(900))


def test_two_dimensions_that_overlap(tmp_path: Path) -> None:
    """The same facts with a tier: gold against bj, where the gold of bj are treated."""
    facts = [{**row, "tier": "gold" if row["customer_id"].endswith("7") else "normal"} for row in contacts(Random(31))]
    tiered = indicator("ratio", f"tier, NOT {_RESOLVED} AS hit, 1 AS base", by=["region", "tier"])
    gold, bj = Members({"tier": ["gold"]}), REGIONS[1]
    warehouse = stored(tmp_path, facts)
    found = effect(warehouse, tiered, WINDOWS, (gold, bj))

    assert found.shared == sum(number % 10 == 7 and number % 3 > 0 for number in range(900))
    apart = Members({"tier": ["normal"], "region": ["bj"]})
    assert found._replace(shared=0) == effect(warehouse, tiered, WINDOWS, (gold, apart))


def test_who_is_in_both_groups_is_no_base_of_the_control_group_either(tmp_path: Path) -> None:
    warehouse = complaints_of(tmp_path, 30, 130)
    complaints = shipped_registry()["complaint_rate"]
    for groups in ((numbered(1, 2), REGIONS[1]), (REGIONS[1], numbered(1, 2))):
        found = effect(warehouse, complaints, WINDOWS, groups)

        assert found.shared == 100
        assert [one.value for one in found.cells] == pytest.approx([1000] * 4, rel=0.11)


def test_halves_of_odd_windows_meet(warehouse: FolderWarehouse) -> None:
    """27 days before: the middle lies within a day."""
    windows = Windows(WINDOWS.at - timedelta(days=27), WINDOWS.at, WINDOWS.end)

    assert effect(warehouse, SHARE, windows, REGIONS).trend is not None


def test_customer_days_that_are_customers_own_stay_the_base_of_lists(tmp_path: Path) -> None:
    """Contact coverage counts days of valued customers, not the population: every fourth on the lists is none."""
    rows = [event("end", "app.logged_in", day(130), "clock")]
    for number in range(200):
        where = {"region": "gd" if number % 2 else "bj", "tier": "normal" if number % 4 > 1 else "gold"}
        rows.append(event(f"v{number}", "app.logged_in", day(20), f"c{number}", **where))
        if number % 3:
            rows.append(event(f"k{number}", "interaction.outbound_call_completed", day(50), f"c{number}", **where))
    warehouse = stored(tmp_path, rows)
    coverage = shipped_registry()["vip_contact_coverage_30d"]
    with warehouse.writing() as client:
        Refresher(client, shipped_registry(), step_rows(set())).refresh()
    found = effect(warehouse, coverage, WINDOWS, REGIONS)
    listed = effect(warehouse, coverage, WINDOWS, (numbered(1, 3, customers=200), numbered(0, 2, customers=200)))

    assert found.cells[0].value is not None
    assert found.cells[0].value > 0.1
    assert listed.cells == found.cells
