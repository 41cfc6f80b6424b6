"""The peers' job itself, without any peer: what the reference says of small logs."""

from __future__ import annotations

from importlib.util import find_spec

import msgspec
import pytest

from tests.benchmarks.peers.contenders import CONTENDERS
from tests.benchmarks.peers.job import reference
from tests.benchmarks.peers.rounds import Result, difference, figures
from tests.benchmarks.peers.traffic import lines, split


def event(event_type: str, at: str, **fields: object) -> bytes:
    said = {"event_type": event_type, "occurred_at": f"2026-01-{at}Z", "customer_id": "C1", **fields}
    return msgspec.json.encode(said)


def bills(*amounts: int, customer: str = "C1") -> list[bytes]:
    return [
        event("bill.issued", f"{day:02d}T00:00:00", customer_id=customer, bill_id=f"B{day}", amount_minor=amount)
        for day, amount in enumerate(amounts, 1)
    ]


SENT = event("order.submitted", "01T09:00:00", order_id="O1")
LATER = event("web.page_viewed", "03T00:00:00")


@pytest.mark.parametrize(("fourth", "found"), [(15_000, ["bill B4"]), (14_999, [])])
def test_a_bill_of_one_and_a_half_times_the_mean_of_the_last_three_is_a_spike(fourth: int, found: list[str]) -> None:
    assert reference([bills(9_000, 12_000, 9_000, fourth)]) == found


def test_only_the_last_three_bills_of_the_same_customer_count() -> None:
    assert reference([bills(1, 9_000, 12_000, 9_000, 14_999)]) == []  # with the 1 the mean would be 7,500
    assert reference([[*bills(100, 100, customer="C2"), *bills(100, 9_000, 9_000)]]) == []


def test_an_order_without_acknowledgement_is_found_when_the_partition_is_past_its_day() -> None:
    assert reference([[SENT, LATER]]) == ["order O1"]
    assert reference([[SENT, event("web.page_viewed", "02T09:00:00")]]) == []


@pytest.mark.parametrize(("at", "found"), [("02T09:00:00", []), ("02T09:00:00.001", ["order O1"])])
def test_an_acknowledgement_exactly_at_twenty_four_hours_is_in_time(at: str, found: list[str]) -> None:
    assert reference([[SENT, event("order.acknowledged", at, order_id="O1"), LATER]]) == found


def test_time_in_another_partition_does_not_pass_for_an_order() -> None:
    assert reference([[LATER], [SENT, event("order.acknowledged", "01T10:00:00", order_id="O1")]]) == []
    assert reference([[LATER], [SENT]]) == []


def test_the_traffic_has_both_kinds_of_alert_and_keeps_customers_together() -> None:
    parts = split(lines(30_000), 2)
    found = reference([line for _, line in part] for part in parts)
    assert sum(map(len, parts)) == 30_000
    assert not {key for key, _ in parts[0]} & {key for key, _ in parts[1]}
    assert {alert.split()[0] for alert in found} == {"bill", "order"}
    assert len(set(found)) == len(found)


def test_a_contender_that_finds_an_alert_twice_or_not_at_all_is_shown() -> None:
    assert difference(["a", "a", "b"], ["a", "c"]) == {"more": ["a", "b"], "missing": ["c"]}


def test_ratios_are_to_the_median_of_the_two_baselines() -> None:
    def rounds(*seconds: float) -> list[Result]:
        return [Result(1_000, one, one / 2, [], 0.0) for one in seconds]

    table = figures(
        {"a": rounds(1, 2, 9), "Faust agent, bills in a Table": rounds(4), "plain loop (aiokafka)": rounds(1)}
    )
    assert table["a"]["events_per_second"] == 500
    assert table["a"]["cpu_microseconds_per_event"] == 1_000
    assert (table["a"]["x_faust_table"], table["a"]["x_loop"]) == (2, 0.5)


def test_every_contender_has_its_file() -> None:
    for contender in CONTENDERS:
        assert find_spec(f"tests.benchmarks.peers.runs.{contender.run}"), contender.name
