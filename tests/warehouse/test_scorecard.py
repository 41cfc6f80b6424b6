"""The scorecard and the import of others' values on a real ClickHouse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - seeded

import pytest

from journeys.registry import shipped_registry
from journeys.scorecard import External, scorecard
from streams.warehouse.external import Imported, ImportRefused, import_external, known_external, read_external
from streams.warehouse.reference import step_rows
from streams.warehouse.refresh import Refresher
from streams.warehouse.scorecard import own_values
from streams.warehouse.values import Asked, Reach, after, front_of, grain_for, values, whole
from streams.warehouse.warehouse import FolderWarehouse
from tests.warehouse.planted import Row, day, event, stored

REGISTRY = shipped_registry()
HEADER = "indicator,kind,name,period_start,period_end,value,difficulty,source,note"
GOOD = (
    f"{HEADER}\n"
    'fcr_7d,best_practice,某运营商,2025-01-01,2025-12-31,92%,2,咨询报告,"含逗号, 的备注"\n'
    "fcr_7d,international_mean,nine,2025/1/1,2025/12/31,0.81,,,\n"
    "\n"
    "appeal_rate_per_million,own,,2026-04-01,2026-06-30,14.2,4,,\n"
)


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "external.csv"
    path.write_bytes(text.encode(encoding))
    return path


def said_of(folder: Path, text: str, encoding: str = "utf-8") -> list[tuple[int, str]]:
    with pytest.raises(ImportRefused) as refused:
        read_external(written(folder, text, encoding), REGISTRY)
    for flaw in refused.value.flaws:
        assert f"第 {flaw.line} 行" in refused.value.text.zh
        assert f"line {flaw.line}" in refused.value.text.en
    return [(flaw.line, flaw.column) for flaw in refused.value.flaws]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    found = read_external(written(tmp_path, GOOD), REGISTRY)

    assert [(one.kind, one.value, one.difficulty) for one in found] == [
        ("best_practice", pytest.approx(0.92), 2.0),
        ("international_mean", 0.81, None),
        ("own", 14.2, 4.0),
    ]
    assert found[0].note == "含逗号, 的备注"
    assert found[1].period_end.isoformat() == "2025-12-31"


def test_a_file_of_excel_is_read(tmp_path: Path) -> None:
    assert len(read_external(written(tmp_path, GOOD.replace("\n", "\r\n"), "utf-8-sig"), REGISTRY)) == 3


@pytest.mark.parametrize(
    ("line", "flaws"),
    [
        ("fcr_7,own,,2025-01-01,2025-12-31,0.5,,,", [(2, "indicator")]),
        (",own,,2025-01-01,2025-12-31,0.5,,,", [(2, "indicator")]),
        ("fcr_7d,best,,2025-01-01,2025-12-31,0.5,,,", [(2, "kind")]),
        ("fcr_7d,own,,2025-13-01,31.12.2025,0.5,,,", [(2, "period_start"), (2, "period_end")]),
        ("fcr_7d,own,,2025-01-01,2500-01-01,0.5,,,", [(2, "period_end")]),
        ("fcr_7d,own,,2025-12-31,2025-01-01,0.5,,,", [(2, "period_end")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,92,,,", [(2, "value")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,,,,", [(2, "value")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,nan,,,", [(2, "value")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,1_0,,,", [(2, "value")]),
        ('complaint_rate,own,,2025-01-01,2025-12-31,"1,200",,,', [(2, "value")]),
        ("complaint_rate,own,,2025-01-01,2025-12-31,5%,,,", [(2, "value")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,0.5,6,,", [(2, "difficulty")]),
        (f"fcr_7d,own,,2025-01-01,2025-12-31,0.5,,,{'x' * 501}", [(2, "note")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,0.5", [(2, "")]),
        ('fcr_7d,own,"open,2025-01-01,2025-12-31,0.5,,,', [(2, "")]),
        ("fcr_7d,own,,2025-01-01,2025-12-31,0.5,,,\nfcr_7d,own,,2025-01-01,2025-12-31,0.6,,,", [(3, "")]),
    ],
)
def test_a_flaw_is_named_by_line_and_column(tmp_path: Path, line: str, flaws: list[tuple[int, str]]) -> None:
    assert said_of(tmp_path, f"{HEADER}\n{line}\n") == flaws


@pytest.mark.parametrize(
    ("text", "flaws"),
    [
        ("", [(1, "")]),
        (f"{HEADER}\n", [(1, "")]),
        (
            "indicator;kind\n",
            [(1, name) for name in HEADER.split(",")[:2] + HEADER.split(",")[3:6] + ["indicator;kind"]],
        ),
        (f"{HEADER},colour\n", [(1, "colour")]),
        (f"{HEADER},kind\n", [(1, "kind")]),
    ],
)
def test_a_wrong_header_is_named(tmp_path: Path, text: str, flaws: list[tuple[int, str]]) -> None:
    assert said_of(tmp_path, text) == flaws


def test_a_file_in_the_encoding_of_chinese_windows_is_refused_with_a_way_out(tmp_path: Path) -> None:
    assert said_of(tmp_path, GOOD, "gbk") == [(2, "")]


def test_one_bad_line_and_nothing_is_imported(tmp_path: Path) -> None:
    warehouse = stored(tmp_path, [])
    said_of(tmp_path, f"{GOOD}fcr_7d,own,,2025-01-01,2025-12-31,92,,,\n")

    assert known_external(warehouse.rows) == []


def test_a_second_import_of_the_same_file_changes_nothing(tmp_path: Path) -> None:
    warehouse = stored(tmp_path, [])
    given = read_external(written(tmp_path, GOOD), REGISTRY)
    everything = "SELECT * FROM external_values ORDER BY ALL"

    assert import_external(warehouse, given) == Imported(3, 0, 0)
    before = warehouse.rows(everything)
    assert import_external(warehouse, given) == Imported(0, 0, 3)
    assert warehouse.rows(everything) == before
    assert sorted(known_external(warehouse.rows)) == sorted(given)


def test_a_later_file_replaces_by_key_and_adds_the_rest(tmp_path: Path) -> None:
    warehouse = stored(tmp_path, [])
    import_external(warehouse, read_external(written(tmp_path, GOOD), REGISTRY))
    later = GOOD.replace("92%", "93%") + "fcr_7d,competitor,甲,2026-01-01,2026-03-31,0.85,,,\n"

    assert import_external(warehouse, read_external(written(tmp_path, later), REGISTRY)) == Imported(1, 1, 2)
    found = {(one.kind, one.name): one.value for one in known_external(warehouse.rows)}
    assert len(found) == 4
    assert found["best_practice", "某运营商"] == pytest.approx(0.93)


def contacts(rng: Random) -> list[Row]:
    rows = []
    for number in range(400):
        said = {"reason": rng.choice(["bill", "network"]), "resolved": rng.random() < 0.8, "direction": "inbound"}
        rows.append(
            event(f"e{number}", "interaction.contact_completed", day(rng.uniform(0, 60)), f"c{number % 90}", **said)
        )
    return rows


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> FolderWarehouse:
    """Two months of contacts, indicators computed."""
    found = stored(tmp_path_factory.mktemp("scorecard"), contacts(Random(3)))
    with found.writing() as client:
        Refresher(client, REGISTRY, step_rows(set())).refresh()
    return found


def test_own_values_are_those_that_mot_kpi_shows(warehouse: FolderWarehouse) -> None:
    front = front_of(warehouse)
    assert front is not None
    reach = Reach(timedelta(days=30), after(front), open=True)
    own = own_values(warehouse, REGISTRY.values(), reach)

    assert set(own) == {one.id for one in REGISTRY.computed()}
    assert 0 < (own["fcr_7d"].value or 0) < 1
    for name in ("fcr_7d", "transfer_rate", "complaint_rate"):
        indicator = REGISTRY[name]
        grain = grain_for(indicator, "total", reach)
        shown = values(warehouse, indicator, Asked(whole(reach, grain)), grain)
        assert [(one.value, one.units) for one in shown] == [(own[name].value, own[name].units)], name


def test_the_scorecard_puts_imported_and_measured_values_together(warehouse: FolderWarehouse, tmp_path: Path) -> None:
    import_external(warehouse, read_external(written(tmp_path, GOOD), REGISTRY))
    front = front_of(warehouse)
    assert front is not None
    own = own_values(warehouse, REGISTRY.values(), Reach(timedelta(days=30), after(front), open=True))
    lines = {line.indicator.id: line for line in scorecard(REGISTRY.values(), own, known_external(warehouse.rows))}

    fcr = lines["fcr_7d"]
    assert fcr.own is not None
    assert (fcr.best_practice, fcr.measured, fcr.difficulty) == (pytest.approx(0.92), True, 2.0)
    assert fcr.gap == pytest.approx((0.92 - fcr.own) / (1 - fcr.own))
    appeals = lines["appeal_rate_per_million"]
    assert (appeals.own, appeals.measured, appeals.difficulty) == (14.2, False, 4.0)
    assert len(lines) == len(REGISTRY)


def test_what_was_not_measured_is_no_value(warehouse: FolderWarehouse) -> None:
    """Days before the first event, and an indicator whose events the log does not have."""
    before = own_values(warehouse, REGISTRY.values(), Reach(day(-60), day(-30)))
    during = own_values(warehouse, REGISTRY.values(), Reach(day(0), day(30)))

    assert [one for one in before.values() if one.value is not None or one.units] == []
    assert during["contacts"].value == during["contacts"].units > 0
    assert during["disputes"].value is None
    line = next(one for one in scorecard(REGISTRY.values(), before, []) if one.indicator.id == "cancel_then_charged")
    assert (line.own, line.measured, line.gap) == (None, False, None)


def test_values_survive_the_way_through_the_table(tmp_path: Path) -> None:
    warehouse = stored(tmp_path, [])
    hard = next(iter(read_external(written(tmp_path, GOOD), REGISTRY)))._replace(
        value=0.1 + 0.2, name="o'brien \\ “甲”", note="tab\tand\nline", source=""
    )
    import_external(warehouse, [hard])

    assert known_external(warehouse.rows) == [hard]
    assert isinstance(hard, External)
