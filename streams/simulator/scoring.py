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
BILL_CYCLE = timedelta(days=32)
"""The longest time from one bill to the next: a month of 31 days and the hours of a bill run."""


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
    undecided: tuple[Moment, ...] = ()
    """Moments of a run broken off that only what comes later can judge; neither found nor spurious."""


def score(truth: Iterable[TruthRecord], moments: Iterable[Moment], until: datetime | None = None) -> list[Score]:
    """One row per detector of `DETECTOR_OF`, in its order.

    Retracted moments and those of model-only or unlisted detectors do not count. With `until` (a run broken off then),
    only truths and moments decided before it count. Each truth is met by at most one moment and the other way round.

    A moment may come before its truth: a bill is seen growing, its story is told when it is issued. So with `until`, a
    moment without partner is `undecided`, not spurious, when it meets a truth that is broken from `until` on, or when
    it is projected from a running bill cycle that may not have been billed yet, whether or not that bill will grow
    enough.
    """
    whole = list(truth)
    rows = _rows(whole, moments, until)
    return rows if until is None else [_without_open(row, whole, until) for row in rows]


def _without_open(row: Score, truth: Iterable[TruthRecord], until: datetime) -> Score:
    """`row` with the moments that the cut at `until` leaves open taken out of the spurious ones."""
    coming = [
        record
        for record in truth
        if record.story == row.story and record.kind == "planted" and record.broken_at >= until
    ]
    _, left = _unmatched(coming, row.spurious)
    spurious = [moment for moment in left if not _unbilled(moment, until)]
    kept = {moment.moment_id for moment in spurious}
    _, unexplained = _unmatched([one for one in truth if one.story == row.story and one.kind == "near_miss"], spurious)
    told = row.found + len(spurious)
    return row.model_copy(
        update={
            "spurious": tuple(spurious),
            "undecided": tuple(moment for moment in row.spurious if moment.moment_id not in kept),
            "precision": row.found / told if told else 1.0,
            "nearly": len(spurious) - len(unexplained),
        }
    )


def _unbilled(moment: Moment, until: datetime) -> bool:
    """Whether the bill that `moment` projects may come after `until`; such a moment is anchored at the bill before."""
    return moment.evidence.measures.get("projected") is True and moment.anchor_at + BILL_CYCLE > until


def _rows(truth: Iterable[TruthRecord], moments: Iterable[Moment], until: datetime | None) -> list[Score]:
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
    """Truths and moments that found no partner when as many pairs as possible are made, the likeliest first."""
    of_customer: dict[str, list[int]] = defaultdict(list)
    for number, moment in enumerate(moments):
        of_customer[moment.customer_id].append(number)
    choices = [_choices(record, moments, of_customer[record.customer_id]) for record in truths]
    taken: dict[int, int] = {}
    alone = [record for place, record in enumerate(truths) if not _paired(place, choices, taken, set())]
    return alone, [moment for number, moment in enumerate(moments) if number not in taken]


def _choices(record: TruthRecord, moments: Sequence[Moment], numbers: Iterable[int]) -> list[int]:
    """The moments that may be about `record`: those of the same case first, then the nearest in time."""
    ranked: list[tuple[bool, timedelta, int]] = []
    for number in numbers:
        moment = moments[number]
        same = _same_case(record, moment)
        if same or _meets(record, moment):
            ranked.append((not same, abs(moment.decided_at - record.broken_at), number))
    return [number for _, _, number in sorted(ranked)]


def _paired(place: int, choices: Sequence[Sequence[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Give truth `place` a moment, moving other truths to their other choices where needed (augmenting paths)."""
    for number in choices[place]:
        if number not in tried:
            tried.add(number)
            if number not in taken or _paired(taken[number], choices, taken, tried):
                taken[number] = place
                return True
    return False


def _same_case(record: TruthRecord, moment: Moment) -> bool:
    return bool(record.case_id) and record.case_id in moment.scope


def _meets(record: TruthRecord, moment: Moment) -> bool:
    first, last = sorted((moment.anchor_at, moment.decided_at))
    return first <= record.broken_at + SLACK and last >= record.began_at - SLACK
