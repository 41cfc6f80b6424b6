"""The stream: same bytes for the same seed, in order of arrival, within the allowance, in memory that does not grow."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from journeys.lateness import Lateness
from schemas.codec import decode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event
from schemas.times import HOUR, MINUTE, iso
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import draw, draws, generator, stream_key
from streams.simulator.population import FEES, REGIONS, TIERS, Population, region_code
from streams.simulator.simulation import Simulation
from streams.simulator.spelling import spelled
from tests.streams.simulator.conftest import DENSE, SimulatedLog

SMALL = SimulationConfig(customers=150, days=12, seed=3)


def lines_of(config: SimulationConfig, part: range | None = None) -> list[bytes]:
    return [line for piece in Simulation(config, part).slices() for line in piece.lines]


def decoded(line: bytes) -> Event:
    event = decode(line)
    assert isinstance(event, Event), (line, event)
    return event


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    first, again = lines_of(SMALL), lines_of(SMALL)
    other = lines_of(SMALL.model_copy(update={"seed": 4}))
    assert first == again
    assert len(set(first) & set(other)) < len(first) // 100


def test_one_customer_can_be_told_again_alone() -> None:
    """Late events stay inside the part as well: all parts together are the whole log."""
    whole = lines_of(SMALL)
    cuts = (0, 1, 2, 50, 150)
    parts = [line for start, stop in pairwise(cuts) for line in lines_of(SMALL, range(start, stop))]
    assert sorted(parts) == sorted(whole)


def test_batches_are_the_slices_in_other_pieces() -> None:
    batches = list(Simulation(SMALL).batches(97))
    assert [line for batch in batches for line in batch] == lines_of(SMALL)
    assert {len(batch) for batch in batches[:-1]} == {97}


def test_fine_slices_give_the_same_stream_as_coarse_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """With millions of customers an hour is cut finer and acts are told again more often; nothing else changes."""
    coarse, truths = lines_of(SMALL), [t for part in Simulation(SMALL).slices() for t in part.truths]
    fine = Simulation(SMALL)
    monkeypatch.setattr(fine, "_step", 10 * MINUTE)
    monkeypatch.setattr(fine, "_ahead", 10 * MINUTE)
    parts = list(fine.slices())
    assert [line for part in parts for line in part.lines] == coarse
    assert [t for part in parts for t in part.truths] == truths


def test_every_line_decodes_and_event_ids_name_one_event(simulated: SimulatedLog) -> None:
    by_id: dict[str, bytes] = {}
    for line in simulated.lines[:: max(1, len(simulated.lines) // 60_000)]:
        event = decoded(line)
        assert by_id.setdefault(event.event_id, line) == line
        assert event.event_type != "unknown"


def test_every_type_of_event_that_the_stories_use_decodes(simulated: SimulatedLog) -> None:
    one_of_each = {json.loads(line)["event_type"]: line for line in simulated.lines}
    assert len(one_of_each) >= 65
    for line in one_of_each.values():
        decoded(line)


def test_the_log_has_all_seven_stages() -> None:
    types = {json.loads(line)["event_type"] for line in lines_of(SimulationConfig(customers=1_500, days=40, seed=2))}
    assert {
        "web.page_viewed", "store.visited", "order.submitted", "contract.signed", "service.activated",
        "online_account.created", "usage.recorded", "outage.started", "roaming.attached", "bill.issued", "bill.viewed",
        "payment.state_changed", "ticket.closed", "complaint.closed", "device.replaced", "contract.renewed",
        "cancel.confirmed", "churn.confirmed", "account.details_changed", "notification.failed",
    } <= types  # fmt: skip


def test_lines_come_in_order_of_recording_and_never_before_they_happen(simulated: SimulatedLog) -> None:
    first_copies: dict[str, str] = {}
    for line in simulated.lines:
        event = json.loads(line)
        assert event["recorded_at"] >= event["occurred_at"]
        first_copies.setdefault(event["event_id"], event["recorded_at"])
    assert list(first_copies.values()) == sorted(first_copies.values())


def test_nothing_is_later_than_the_receiver_waits(simulated: SimulatedLog) -> None:
    lateness, front = Lateness(), timedelta()
    epoch = DENSE.start
    late = 0
    for line in simulated.lines:
        event = json.loads(line)
        occurred = datetime.fromisoformat(event["occurred_at"]) - epoch
        behind = (front - occurred) / timedelta(milliseconds=1)
        assert behind <= lateness.of_type(event["event_type"]), event
        late += behind > MINUTE
        front = max(front, occurred)
    assert 0.02 < late / len(simulated.lines) < 0.08


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.2])
def test_duplicates_come_at_the_rate_asked_for(rate: float) -> None:
    lines = lines_of(SimulationConfig(customers=400, days=12, duplicates=rate, story_rates={}))
    copies = Counter(lines)
    assert max(copies.values()) <= 2
    assert abs(len(lines) / len(copies) - 1 - rate) <= 0.12 * rate


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.4])
def test_late_events_come_at_the_rate_asked_for(rate: float) -> None:
    lines = set(lines_of(SimulationConfig(customers=400, days=12, late=rate, shuffle_seconds=5)))
    events = [json.loads(line) for line in lines]
    delays = [datetime.fromisoformat(e["recorded_at"]) - datetime.fromisoformat(e["occurred_at"]) for e in events]
    late = sum(delay > timedelta(seconds=29) for delay in delays) / len(delays)
    assert abs(late - rate) <= 0.1 * rate


def test_events_beyond_the_allowance_come_when_asked_for_and_only_as_usage() -> None:
    lateness = Lateness()
    events = [json.loads(line) for line in lines_of(SimulationConfig(customers=400, days=12, beyond_allowance=0.03))]
    beyond = [
        event
        for event in events
        if datetime.fromisoformat(event["recorded_at"]) - datetime.fromisoformat(event["occurred_at"])
        > timedelta(milliseconds=lateness.of_type(event["event_type"]))
    ]
    assert 0.02 < len(beyond) / len(events) < 0.04
    assert {event["event_id"][0] for event in beyond} == {"u"}


def test_malformed_lines_come_on_top_and_are_refused() -> None:
    good = lines_of(SMALL)
    mixed = lines_of(SMALL.model_copy(update={"malformed": 0.05}))
    refused = [line for line in mixed if isinstance(decode(line), DeadLetter)]
    assert Counter(mixed) - Counter(refused) == Counter(good)
    assert 0.02 < len(refused) / len(good) < 0.06


def test_nights_are_quiet_and_evenings_are_busy() -> None:
    hours = Counter[int]()
    for line in lines_of(SimulationConfig(customers=600, days=7, story_rates={})):
        event = json.loads(line)
        if event["event_type"] == "usage.recorded":
            hours[(datetime.fromisoformat(event["occurred_at"]).hour + 8) % 24] += 1
    night, evening = sum(hours[h] for h in range(2, 5)), sum(hours[h] for h in range(19, 22))
    assert night * 8 < evening


def test_bill_runs_fall_on_several_days_of_the_month() -> None:
    runs = Counter[int]()
    for line in lines_of(SimulationConfig(customers=600, days=35, usage_per_day=0.1, story_rates={})):
        event = json.loads(line)
        if event["event_type"] == "bill.issued":
            runs[(datetime.fromisoformat(event["occurred_at"]) + timedelta(hours=8)).day] += 1
    assert set(runs) == {1, 6, 11, 16, 21, 26}
    assert max(runs.values()) < 2.6 * min(runs.values())


def test_a_day_has_about_as_many_events_as_life() -> None:
    config = SimulationConfig(customers=800, days=30)
    assert 1.5 <= len(lines_of(config)) / config.customers / config.days <= 4


def test_tiers_are_few_at_the_top() -> None:
    population = Population(SimulationConfig(customers=20_000, seed=9))
    tiers = Counter(population.of(number).tier for number in range(20_000))
    assert set(tiers) == set(TIERS)
    assert abs(tiers["diamond"] / 20_000 - 0.005) < 0.002
    assert abs(tiers["gold"] / 20_000 - 0.02) < 0.004
    assert abs(tiers["silver"] / 20_000 - 0.075) < 0.008


def test_linked_parties_are_declared_with_a_valued_customer(simulated: SimulatedLog) -> None:
    tier_of = {customer: events[0]["tier"] for customer, events in simulated.of_customer.items()}
    linked = [
        event["attributes"] for events in simulated.of_customer.values() for event in events
        if event["event_type"] == "account.details_changed"
    ]  # fmt: skip
    assert len(linked) >= 15
    assert {one["relation"] for one in linked} == {"spouse", "delegate", "officer"}
    assert all(tier_of[one["linked_to"]] in {"diamond", "gold"} for one in linked)


def test_leavers_are_silent_after_they_left_and_joiners_before_they_came(simulated: SimulatedLog) -> None:
    left = joined = 0
    for events in simulated.of_customer.values():
        kinds = [event["event_type"] for event in events]
        usage = [event["occurred_at"] for event in events if event["event_type"] == "usage.recorded"]
        if "churn.confirmed" in kinds:
            left += 1
            assert all(when < events[kinds.index("churn.confirmed")]["occurred_at"] for when in usage)
        if any(event["event_id"].startswith("j") for event in events):
            joined += 1
            live = next(e for e in events if e["event_type"] == "service.activated")
            assert all(when > live["occurred_at"] for when in usage)
    assert left >= 20
    assert joined >= 20


def test_memory_does_not_grow_with_the_number_of_customers() -> None:
    """More than three times the customers: about the same peak, because slices become finer instead."""

    def peak_of_slices(customers: int) -> int:
        simulation = Simulation(SimulationConfig(customers=customers, days=1, story_rates={}, ordinary_rate=0.3))
        slices = simulation.slices()
        tracemalloc.start()
        try:
            while next(slices).until < simulation.config.start_ms + HOUR // 2:
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_of_slices(600_000) < 1.8 * peak_of_slices(200_000)


def test_scalar_and_vector_draws_agree() -> None:
    key = stream_key(7, "any", 3)
    customers = np.arange(1_000, dtype=np.uint64)
    assert draws(key, customers).tolist() == [draw(key, number) for number in range(1_000)]
    assert generator(key, 5).random() == generator(key, 5).random()
    assert stream_key(7, "any", 3) != stream_key(7, "any", 4) != stream_key(8, "any", 4)


def test_scalar_and_vector_customers_agree() -> None:
    population = Population(SimulationConfig(customers=500, seed=11))
    customers = np.arange(500, dtype=np.uint64)
    traits = population.traits(customers)
    joined, left = population.lifetimes(customers)
    for number in range(500):
        one = population.of(number)
        assert one.tier == TIERS[population.tier_codes(traits)[number]]
        assert one.region == REGIONS[int(region_code(traits)[number])]
        assert (one.joined, one.left) == (joined[number], left[number])
        assert one.fee in FEES[TIERS.index(one.tier)]


def test_times_are_spelled_as_the_product_spells_them() -> None:
    for ms in (0, 1_767_542_400_000, 1_767_545_999_999, 1_767_542_461_007):
        assert spelled(ms) == iso(ms)


def test_a_configuration_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValidationError, match="unknown stories"):
        SimulationConfig(story_rates={"ghost_story": 0.1})
    with pytest.raises(ValidationError, match="whole hour"):
        SimulationConfig(start=datetime.fromisoformat("2026-01-01T00:30:00+00:00"))
    with pytest.raises(ValueError, match="fill"):
        Simulation(SimulationConfig(days=30, story_rates={"ping_pong": 0.9, "repeat_contact": 0.9}))
    with pytest.raises(ValueError, match="run of customers"):
        Simulation(SMALL, range(100, 200))
