"""Moments against the truth: the one place that knows both the stories and the detectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from schemas.moments import Frozen, Moment
from streams.simulator.truth import TruthRecord

DETECTOR_OF: dict[str, str] = {
    "roaming_shock": "N01",
    "dealer_order_lost": "N03",
    "broken_promise": "N05",
    "bill_spike": "N07",
    "activation_late": "N22",
    "repeat_contact": "N28",
    "complaint_reopened": "N29",
    "ping_pong": "N30",
}
"""Story to the detector that ought to see it."""
SLACK = timedelta(hours=1)


class Score(Frozen):
    """How one detector did: `found` of `planted` truths were met by a moment; `spurious` moments met none.

    `precision` is found / (found + spurious), `recall` found / planted; both 1.0 when there was nothing to judge.
    """

    detector_id: str
    story: str
    planted: int
    near_misses: int
    found: int
    precision: float
    recall: float
    missed: tuple[TruthRecord, ...]
    spurious: tuple[Moment, ...]
    nearly: int
    """How many of the spurious moments are about a near miss."""


def score(truth: Iterable[TruthRecord], moments: Iterable[Moment], until: datetime | None = None) -> list[Score]:
    """One row per detector of `DETECTOR_OF`, in its order.

    Retracted moments and those of model-only or unlisted detectors do not count. With `until` (a run broken off then),
    only truths and moments decided before it count. Each truth is met by at most one moment and the other way round.
    """
    truths: dict[str, list[TruthRecord]] = defaultdict(list)
    for record in truth:
        if until is None or record.broken_at < until:
            truths[DETECTOR_OF[record.story]].append(record)
    told: dict[str, list[Moment]] = defaultdict(list)
    for moment in moments:
        if moment.status != "retracted" and not moment.model_only and (until is None or moment.decided_at < until):
            told[moment.detector_id].append(moment)
    return [_scored(story, detector, truths[detector], told[detector]) for story, detector in DETECTOR_OF.items()]


def _scored(story: str, detector: str, truths: Sequence[TruthRecord], moments: Sequence[Moment]) -> Score:
    planted = [record for record in truths if record.kind == "planted"]
    near = [record for record in truths if record.kind == "near_miss"]
    missed, left = _unmatched(planted, moments)
    _, unexplained = _unmatched(near, left)
    found = len(planted) - len(missed)
    return Score(
        detector_id=detector,
        story=story,
        planted=len(planted),
        near_misses=len(near),
        found=found,
        precision=found / (found + len(left)) if found + len(left) else 1.0,
        recall=found / len(planted) if planted else 1.0,
        missed=tuple(missed),
        spurious=tuple(left),
        nearly=len(left) - len(unexplained),
    )


def _unmatched(truths: Sequence[TruthRecord], moments: Sequence[Moment]) -> tuple[list[TruthRecord], list[Moment]]:
    """Truths and moments that found no partner; pairs are made best first: same case, then nearest in time."""
    of_customer: dict[str, list[int]] = defaultdict(list)
    for number, moment in enumerate(moments):
        of_customer[moment.customer_id].append(number)
    pairs: list[tuple[bool, timedelta, int, int]] = []
    for place, record in enumerate(truths):
        for number in of_customer[record.customer_id]:
            moment = moments[number]
            same = _same_case(record, moment)
            if same or _meets(record, moment):
                pairs.append((not same, abs(moment.decided_at - record.broken_at), place, number))
    taken_truths: set[int] = set()
    taken_moments: set[int] = set()
    for _, _, place, number in sorted(pairs):
        if place not in taken_truths and number not in taken_moments:
            taken_truths.add(place)
            taken_moments.add(number)
    return (
        [record for place, record in enumerate(truths) if place not in taken_truths],
        [moment for number, moment in enumerate(moments) if number not in taken_moments],
    )


def _same_case(record: TruthRecord, moment: Moment) -> bool:
    return bool(record.case_id) and record.case_id in moment.scope


def _meets(record: TruthRecord, moment: Moment) -> bool:
    return moment.anchor_at <= record.broken_at + SLACK and moment.decided_at >= record.began_at - SLACK
