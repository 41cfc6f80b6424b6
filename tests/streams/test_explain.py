"""Why a detector fired or did not: read off the detector itself, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detectors.base import AnyDetector, Example
from detectors.catalogue import CATALOGUE
from detectors.examples import about, bills, when
from detectors.rules import activation_late, bill_spike, repeat_contact
from schemas.times import DAY, to_ms
from streams.explain import CaseReading, Turn, explain

call = about(reason="no_signal", channel="call_centre", tier="gold")
order = about(order_id="o-1")
REPEAT, ACTIVATION = repeat_contact.DETECTOR, activation_late.DETECTOR

SETTLED = [
    pytest.param(detector, example, id=f"{detector.meta.id}: {example.title}")
    for detector in CATALOGUE
    for example in detector.examples
    if example.kind in {"fires", "silent", "boundary"}
]


def only_case(detector: AnyDetector, *events: object, until: str) -> CaseReading:
    (case,) = explain("c-1", events, (detector,), to_ms(when(until))).cases  # type: ignore[arg-type]
    return case


def single_turns(case: CaseReading) -> dict[str, Turn]:
    return {turns[0].parameter: turns[0] for turns in case.turns if len(turns) == 1}


@pytest.mark.parametrize(("detector", "example"), SETTLED)
def test_explain_says_of_every_example_what_the_engine_says(detector: AnyDetector, example: Example) -> None:
    customer = example.given[0].customer_id
    end = max(event.occurred_ms for event in example.given) + example.until
    cases = explain(customer, example.given, (detector,), end).cases
    standing = [moment for case in cases for moment in case.moments if moment.status == "confirmed"]
    assert len(standing) == sum(status == "confirmed" for status, _ in example.expect)


def test_a_fact_without_which_it_would_have_fired_is_named() -> None:
    case = only_case(
        ACTIVATION,
        order("sim.provisioned", "0 10:00", line_kind="mobile"),
        order("service.activated", "0 11:00"),
        until="5 00:00",
    )
    assert case.outcome == "silent"
    assert [fact.event_id for fact in case.satisfied_by] == ["service.activated@0 11:00"]


def test_while_the_deadline_runs_it_waits_and_says_until_when() -> None:
    case = only_case(ACTIVATION, order("sim.provisioned", "0 10:00", line_kind="mobile"), until="0 11:00")
    assert case.outcome == "waiting"
    assert case.look_at is not None
    assert case.look_at >= to_ms(when("0 12:00"))


def test_a_threshold_not_reached_is_named_with_the_value_that_would_have_fired() -> None:
    case = only_case(
        REPEAT,
        call("interaction.contact_completed", "0 10:00", resolved=True),
        call("interaction.contact_completed", "5 10:00"),
        until="9 00:00",
    )
    turns = single_turns(case)
    assert case.outcome == "silent"
    assert (turns["min_contacts"].value, turns["min_contacts"].fires_at) == (3, 2)


def test_the_turning_point_of_a_window_is_found_to_four_digits() -> None:
    contacts = [call("interaction.contact_completed", at, resolved=True) for at in ("0 10:00", "5 10:00", "13 10:00")]
    turns = single_turns(only_case(REPEAT, *contacts, until="20 00:00"))
    assert turns["within_days"].fires_at == pytest.approx(8, rel=1e-3)


def test_a_switch_that_would_have_changed_the_verdict_is_named() -> None:
    contacts = [call("interaction.contact_completed", at) for at in ("0 10:00", "2 10:00", "4 10:00")]
    turns = single_turns(only_case(REPEAT, *contacts, until="9 00:00"))
    assert (turns["require_resolved"].value, turns["require_resolved"].fires_at) == (True, False)


def test_two_thresholds_that_only_together_would_have_fired_are_named_together() -> None:
    given = bills(10_000, 10_000, 10_000, 10_000, 11_500)
    case = only_case(bill_spike.DETECTOR, *given, until="60 00:00")
    assert case.outcome == "silent"
    changed = [{turn.parameter: turn.fires_at for turn in turns} for turns in case.turns]
    both = next(turns for turns in changed if set(turns) == {"ratio", "floor_minor"})
    assert both["ratio"] == pytest.approx(1.15, rel=1e-2)
    assert both["floor_minor"] == pytest.approx(1_500, rel=1e-2)


def test_repeats_and_disorder_change_nothing() -> None:
    events = [call("interaction.contact_completed", at, resolved=True) for at in ("0 10:00", "2 10:00", "4 10:00")]
    end = events[-1].occurred_ms + DAY
    assert explain("c-1", events, CATALOGUE, end) == explain("c-1", [*events[::-1], events[1]], CATALOGUE, end)


def test_a_detector_with_nothing_to_read_is_listed_and_not_explained_away() -> None:
    explanation = explain("c-1", [order("sim.provisioned", "0 10:00", line_kind="mobile")], (REPEAT, ACTIVATION))
    assert explanation.without_facts == (REPEAT,)


def test_a_detector_that_raises_is_told_and_the_others_go_on() -> None:
    def broken(params: object, facts: object, now: int) -> object:
        raise ZeroDivisionError("of all things")

    events = [call("interaction.contact_completed", "0 10:00")]
    cases = explain("c-1", events, (replace(REPEAT, judge=broken), REPEAT)).cases  # type: ignore[arg-type]
    assert [case.outcome for case in cases] == ["failed", "silent"]
    assert "of all things" in cases[0].error
