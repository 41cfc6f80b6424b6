"""The shipped registry is whole: every indicator asked for, in both languages, with SQL that gives what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import journeys
from journeys.formulas import units_sql, value_sql
from journeys.registry import Indicator, read_indicators, shipped_registry
from schemas.moments import Text
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client

ALL = list(shipped_registry().values())
COMPUTED = shipped_registry().computed()
STARTER = [
    "fcr_7d",
    "repeat_contact_7d",
    "transfer_rate",
    "complaint_rate",
    "complaint_reopen_30d",
    "complaint_time_p90",
    "complaint_time_operator_p90",
    "appeal_rate_per_million",
    "activate_time_p90",
    "promise_kept",
    "handoff_loss",
    "order_right_first_time",
    "port_in_1wd",
    "bill_shock_rate",
    "notified_before_charge",
    "notice_latency_p95",
    "bill_dispute_per_10k",
    "adjustment_value",
    "payment_loop_rate",
    "reconnect_p95",
    "refund_on_time",
    "roaming_attach_ok",
    "outage_told_first",
    "expiry_contacted",
    "vip_contact_coverage_30d",
    "vip_contact_coverage_60d",
    "vip_contact_coverage_90d",
    "manager_book",
    "mot_neg_per_1000",
    "mot_ratio",
    "mot_repaired_in_clock",
    "nps",
    "csat",
    "ces",
    "alert_precision_k",
    "alerts_per_handler_shift",
]
"""The starter table, `domain/3-interfaces.md` §3.7."""
BOARDS = [
    "stage_customers",
    "stage_moves",
    "stage_dwell_p50",
    "contacts",
    "complaints",
    "bills",
    "bill_amount",
    "disputes",
    "roaming_trips",
    "roaming_spend",
    "moments_negative",
    "moments_positive",
    "moment_retraction_rate",
    "moment_outcome_30d",
    "moment_lead_time_p50",
    "customers_with_negative",
    "revenue_at_risk",
    "channel_switches",
    "channel_switch_delay_p50",
    "handoffs",
    "handoff_return_rate",
    "manager_contacts",
    "notices_due",
    "notices_sent",
    "notices_delivered",
]
OWN = ["complaint_time_p50", "complaint_time_operator_p50", "port_in_success", "cancel_then_charged"]
ANCHORS = (
    [f"E.803 {number}" for number in (2, 5, 9, 30, 42, 60, 62, 68, 79)]
    + [f"EG 202 057-1 {name}" for name in ("supply time", "number portability", "fault rate", "fault repair time")]
    + ["MIIT user appeals", "TRAI", "ACMA complaints standard", "UK automatic compensation"]
)
"""§3.6: each is answered by an indicator whose anchors begin with it."""
HAN = re.compile(r"[\u4e00-\u9fff]")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff] ?[,;:!?()]|[,;:!?()] ?[\u4e00-\u9fff]|[\u4e00-\u9fff]\.(\s|$)")
TYPES = {
    "at": r"DateTime64\(3, 'UTC'\)",
    "cycle_start": r"DateTime64\(3, 'UTC'\)",
    "customer_id": "String",
    "hit": r"U?Int\d+|Float\d+",
    "base": r"U?Int\d+|Float\d+",
    "spread": r"U?Int\d+|Float\d+",
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    client = open_client(tmp_path_factory.mktemp("empty") / "clickhouse")
    ddl.apply(client)
    yield client
    client.close()


@pytest.mark.parametrize("asked", [STARTER, BOARDS, OWN])
def test_every_indicator_that_was_asked_for_is_there(asked: list[str]) -> None:
    assert set(asked) <= set(shipped_registry())


@pytest.mark.parametrize("anchor", ANCHORS)
def test_every_standard_is_answered(anchor: str) -> None:
    starts = [name for one in ALL for name in one.anchors]
    assert any(name == anchor or name.startswith(f"{anchor} ") for name in starts)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_texts_are_written_in_both_languages(one: Indicator) -> None:
    texts = [one.name, one.definition, one.formula, *(text for text in (one.obtain, _detail(one)) if text)]
    for text in texts:
        assert HAN.search(text.zh), text.zh
        assert not HALF_WIDTH.search(text.zh), text.zh
        assert re.search("[a-z]", text.en), text.en
        assert not HAN.search(text.en), text.en


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_what_nobody_delivers_says_how_to_get_it_and_the_rest_is_computed(one: Indicator) -> None:
    if one.availability in {"missing", "external"}:
        assert one.obtain is not None
        assert one.measure is None
    else:
        assert one.measure is not None
    assert one.source
    assert one.etom


@pytest.mark.parametrize("one", COMPUTED, ids=lambda one: one.id)
def test_its_units_have_the_columns_that_it_promises(one: Indicator, warehouse: Any) -> None:
    measure = one.measure
    assert measure is not None
    described = warehouse.query(f"DESCRIBE ({units_sql(one)})").result_rows
    given = {str(row[0]): re.sub(r"LowCardinality\((.*)\)", r"\1", str(row[1])) for row in described}
    for name in ("at", "customer_id", *measure.columns):
        assert re.fullmatch(TYPES[name], given[name]), (name, given[name])
    for name in measure.by:
        assert given[name] == "String"
    assert not re.findall(r"\{[a-z_]+\}", units_sql(one))


@pytest.mark.parametrize("one", COMPUTED, ids=lambda one: one.id)
def test_its_formula_is_understood_and_has_no_value_without_facts(one: Indicator, warehouse: Any) -> None:
    value = warehouse.query(f"SELECT {value_sql(one)} FROM indicator_rows WHERE 0").result_rows[0][0]
    assert value is None


@pytest.mark.parametrize("one", COMPUTED, ids=lambda one: one.id)
def test_it_reads_what_its_sql_names(one: Indicator) -> None:
    assert one.measure is not None
    named = set(re.findall(r"'((?:[a-z_]+)\.(?:[a-z_]+))'", one.measure.units))
    assert named <= set(one.measure.reads)


def test_a_file_that_is_wrong_is_named_with_its_indicator() -> None:
    with pytest.raises(ValueError, match=r"own\.yaml, indicator mine"):
        read_indicators("- {id: mine, name: {zh: 名, en: name}}", "own.yaml")


def test_files_stay_readable() -> None:
    folder = Path(journeys.__file__).parent / "data" / "indicators"
    for file in sorted(folder.glob("*.yaml")):
        assert len(file.read_text("utf-8").splitlines()) < 400, file


def _detail(one: Indicator) -> Text | None:
    return None if one.measure is None else one.measure.detail
