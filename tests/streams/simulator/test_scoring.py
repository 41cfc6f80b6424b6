"""Scores on cases made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.moments import Evidence, Moment, Text
from streams.simulator.scoring import DETECTOR_OF, Score, score
from streams.simulator.truth import TruthKind, TruthRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = Text(zh="文", en="text")


def truth(customer: str, case: str, begin: float, end: float, kind: TruthKind = "planted") -> TruthRecord:
    """A story of `ping_pong`; hours after noon."""
    began, broken = NOON + timedelta(hours=begin), NOON + timedelta(hours=end)
    return TruthRecord(
        story="ping_pong", cause="any", kind=kind, customer_id=customer, case_id=case, began_at=began, broken_at=broken,
        told=TEXT,
    )  # fmt: skip


def moment(
    customer: str, scope: str, begin: float, end: float, status: str = "confirmed", detector: str = "N30"
) -> Moment:
    return Moment.model_validate(
        {
            "moment_id": f"{customer}{scope}{begin}", "detector_id": detector, "detector_name": "any",
            "detector_version": 1, "customer_id": customer, "scope": scope, "stage": "resolve",
            "touchpoint": "any", "valence": "negative", "severity": 3,
            "tier": "normal", "channel": "app", "region": "", "department": "any", "status": status,
            "anchor_at": NOON + timedelta(hours=begin), "decided_at": NOON + timedelta(hours=end),
            "evidence": Evidence(events=()), "explanation": TEXT, "recovery": TEXT,
        }
    )  # fmt: skip


def of_ping_pong(truths: list[TruthRecord], moments: list[Moment], until: datetime | None = None) -> Score:
    rows = score(truths, moments, until)
    assert [row.detector_id for row in rows] == list(DETECTOR_OF.values())
    return rows[-1]


def test_a_moment_of_the_same_case_is_found_whenever_it_was_decided() -> None:
    row = of_ping_pong([truth("c1", "k-1", 0, 1)], [moment("c1", "ticket:k-1", 50, 60)])
    assert (row.planted, row.found, row.precision, row.recall) == (1, 1, 1.0, 1.0)


def test_a_moment_of_another_case_is_found_when_the_times_meet_within_an_hour() -> None:
    assert of_ping_pong([truth("c1", "k-1", 0, 1)], [moment("c1", "other", 1.9, 3)]).found == 1
    assert of_ping_pong([truth("c1", "k-1", 0, 1)], [moment("c1", "other", 2.1, 3)]).found == 0


def test_another_customers_or_another_detectors_moment_is_not_found() -> None:
    row = of_ping_pong(
        [truth("c1", "k-1", 0, 1)], [moment("c2", "k-1", 0, 1), moment("c1", "k-1", 0, 1, detector="N28")]
    )
    assert (row.found, row.recall, row.precision) == (0, 0.0, 0.0)
    assert [m.customer_id for m in row.spurious] == ["c2"]
    assert [record.case_id for record in row.missed] == ["k-1"]


def test_one_moment_meets_one_truth_only() -> None:
    row = of_ping_pong([truth("c1", "", 0, 1), truth("c1", "", 0, 2)], [moment("c1", "x", 0, 1)])
    assert (row.found, row.recall, row.precision) == (1, 0.5, 1.0)


def test_as_many_pairs_as_possible_are_made() -> None:
    """The nearest moment of the first truth is the only one of the second: the first takes its other choice."""
    truths = [truth("c1", "", 0, 30), truth("c1", "", 29, 60)]
    moments = [moment("c1", "x", 0, 5), moment("c1", "x", 30.5, 31)]
    assert of_ping_pong(truths, moments).found == 2


def test_a_near_miss_that_was_said_is_spurious() -> None:
    row = of_ping_pong([truth("c1", "k-1", 0, 1, "near_miss")], [moment("c1", "k-1", 0, 1), moment("c1", "z", 90, 91)])
    assert (row.near_misses, row.found, row.nearly, len(row.spurious), row.precision) == (1, 0, 1, 2, 0.0)


def test_retracted_moments_do_not_count() -> None:
    row = of_ping_pong([truth("c1", "k-1", 0, 1)], [moment("c1", "k-1", 0, 1, "retracted")])
    assert (row.found, row.spurious) == (0, ())


def test_nothing_to_judge_is_perfect() -> None:
    row = of_ping_pong([], [])
    assert (row.precision, row.recall) == (1.0, 1.0)


def test_a_run_broken_off_is_judged_up_to_then() -> None:
    truths = [truth("c1", "k-1", 0, 1), truth("c2", "k-2", 0, 9)]
    row = of_ping_pong(truths, [moment("c1", "k-1", 0, 1)], NOON + timedelta(hours=5))
    assert (row.planted, row.found, row.recall) == (1, 1, 1.0)


def growing(customer: str, last_bill_days_ago: float, *, projected: bool = True) -> Moment:
    """A bill spike seen an hour before noon; the bill before it came `last_bill_days_ago`."""
    seen = moment(customer, f"bills:{customer}", -24 * last_bill_days_ago, -1, detector="N07")
    return seen.model_copy(update={"evidence": Evidence(events=(), measures={"projected": projected})})


def of_bill_spike(truths: list[TruthRecord], moments: list[Moment], until: datetime) -> Score:
    return next(row for row in score(truths, moments, until) if row.detector_id == "N07")


def test_a_bill_still_growing_when_a_run_is_broken_off_is_undecided() -> None:
    row = of_bill_spike([], [growing("c1", 20)], NOON)
    assert (row.found, row.spurious, row.precision) == (0, (), 1.0)
    assert [seen.customer_id for seen in row.undecided] == ["c1"]


def test_a_growing_bill_that_was_due_long_before_is_spurious() -> None:
    assert [seen.customer_id for seen in of_bill_spike([], [growing("c1", 33)], NOON).spurious] == ["c1"]


def test_a_bill_that_was_issued_is_no_open_question() -> None:
    row = of_bill_spike([], [growing("c1", 20, projected=False)], NOON)
    assert (len(row.spurious), row.undecided, row.precision) == (1, (), 0.0)


def test_a_moment_of_a_truth_told_but_broken_after_the_cut_is_undecided() -> None:
    later = truth("c1", "bill-1", -48, 6).model_copy(update={"story": "bill_spike"})
    row = of_bill_spike([later], [growing("c1", 20, projected=False), growing("c2", 20, projected=False)], NOON)
    assert [seen.customer_id for seen in row.undecided] == ["c1"]
    assert [seen.customer_id for seen in row.spurious] == ["c2"]
    assert (row.planted, row.found) == (0, 0)


def test_one_later_truth_excuses_one_moment_only() -> None:
    later = truth("c1", "", 0, 6)
    row = of_ping_pong([later], [moment("c1", "x", 0, 1), moment("c1", "y", 0.5, 1)], NOON + timedelta(hours=2))
    assert (len(row.undecided), len(row.spurious)) == (1, 1)


def test_without_a_cut_nothing_is_undecided() -> None:
    rows = score([], [growing("c1", 20)])
    assert [len(row.undecided) for row in rows] == [0] * len(rows)
    assert sum(len(row.spurious) for row in rows) == 1
