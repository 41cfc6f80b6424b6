"""Promise against experience.

## What it detects
A promised date was missed, or was kept by the operator's own clock only: the customer waited far longer than promised,
or says soon after that he is not content.

## Why it matters
Firms think they resolve 76 % of matters, customers say 40 %. A standard that pauses while the customer waits looks
green on every board. This detector puts both clocks side by side.

## How it decides
DEADLINE and RATIO. Broken at `due_at` when no fulfilment came by then (exactly at it is in time). Kept on paper: broken
when the customer confirms later than 1.5 times the promised span, counted from his first contact (`asked_at`, else when
the promise was made) to his confirmation; or when he answers a survey on this promise badly (NPS at most 6, CSAT at
most 2) within 7 days after the fulfilment. One moment per promise; the earliest cause decides.

## Known gaps
A promise that nobody recorded cannot be judged. A second commitment.made with the same id (a new date) does not move
the due time: the first word counts, unless the id was silent for 60 days. A customer who never confirms is judged by
the operator's clock. CES answers are not read, because vendors turn the scale both ways.

## Runbook
1. Read both clocks; find where the operator's one stood still (held, pending customer).
2. Call, apologise, ask what is still open.
3. Agree a new honest date and record it as a new promise.
4. Correct the definition of the standard when it pauses for the operator's own reasons.

## References
`domain/5-detectors.md` N05; ITU-T E.803 (meeting promised dates); SQM 2022 and CEB figures in `domain/6-evaluation.md`.

## 中文
承诺的时限未兑现;或按运营商口径已兑现,但客户从首次联系到确认的时间超过承诺时长的 1.5 倍,或兑现后 7 天内评价差。
每项承诺只报一次,同时列出客户时钟和运营商时钟。
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.base import NOTHING, BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed, when
from detectors.primitives import deadline, first, ratio
from detectors.words import in_words
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.times import DAY, MINUTE, to_ms

META = Meta(
    id="N05", name="promise_vs_experience", version=1,
    title=Text(zh="承诺与体验不符", en="Promise and experience apart"),
    stage="resolve", touchpoint="promise_settled", valence="negative", primitives=("deadline", "ratio"),
    consumes=("commitment.made", "commitment.fulfilled", "commitment.confirmed", "survey.answered"),
    severity=BySeverity(5, 4, 3, 3), owner="service_supervision", scope="big_service", keep_ms=60 * DAY,
    explanation=Text(
        zh="承诺 {promised_minutes} 分钟;客户时钟 {customer_minutes},运营商时钟 {operator_minutes}({why_zh})。",
        en="Promised {promised_minutes} minutes; customer's clock {customer_minutes}, our clock {operator_minutes} "
        "({why_en}).",
    ),
    recovery=Text(
        zh="致歉,给出新的真实时限,并修正该项标准的口径。",
        en="Apologise, give a new honest date, correct the definition of the standard.",
    ),
)  # fmt: skip


class PromiseParams(Params):
    """How far the customer's clock may exceed the promise, and what a bad answer is, by instrument."""

    clock_ratio: float | None = 1.5
    bad_scores: Mapping[str, int] = {"nps": 6, "csat": 2}
    survey_days: int = 7

    @property
    def horizon_ms(self) -> int:
        """How long after the fulfilment an answer counts, in ms."""
        return self.survey_days * DAY


def take(params: PromiseParams, event: Event) -> Taken | None:
    """A fact of the promise; `value` is asked_at (ms), the operator's minutes, or the survey score."""
    said = event.attributes
    if said.commitment_id is None:
        return None
    if event.event_type == "commitment.made":
        asked = event.occurred_ms if said.asked_at is None else to_ms(said.asked_at)
        return Taken(said.commitment_id, "made", asked, due=to_ms(said.due_at))
    if event.event_type == "commitment.fulfilled":
        minutes = -1 if said.operator_elapsed_minutes is None else said.operator_elapsed_minutes
        return Taken(said.commitment_id, "fulfilled", minutes)
    if event.event_type == "commitment.confirmed":
        return Taken(said.commitment_id, "confirmed")
    limit = params.bad_scores.get(said.instrument)
    return Taken(said.commitment_id, "unhappy", said.score) if limit is not None and said.score <= limit else None


def judge(params: PromiseParams, facts: Sequence[Fact], now: int) -> Verdict:
    """At most one finding: missed, or kept on paper only."""
    made = first(facts, ("made",))
    if made is None:
        return NOTHING
    kept = first(facts, ("fulfilled",), since=made.at)
    confirmed = first(facts, ("confirmed",), since=made.at)
    done = confirmed or kept
    promised, waited = made.due - made.value, (made.due if done is None else done.at) - made.value
    waiting = deadline(facts, ("fulfilled",), made.due, now, since=made.at)
    causes: list[tuple[int, str, str | None]] = []
    if waiting.broken_at is not None:
        causes.append((max(made.due, made.at), "missed", "commitment.fulfilled"))
    elif waiting.met is not None:
        limit = params.clock_ratio
        if confirmed is not None and limit is not None and (ratio(waited, promised) or 0) > limit:
            causes.append((max(confirmed.at, waiting.met.at), "customer_clock", None))
        answer = first(facts, ("unhappy",), since=waiting.met.at)
        if answer is not None and answer.at - waiting.met.at <= params.survey_days * DAY:
            causes.append((answer.at, "survey", None))
    if not causes:
        return Verdict(look_at=waiting.look_at)
    decided_at, cause, missing = min(causes, key=lambda one: one[0])
    own_clock = kept.value if kept and kept.value >= 0 else ((kept.at if kept else made.due) - made.at) // MINUTE
    measures: dict[str, Scalar] = {
        "cause": cause, "promised_minutes": promised // MINUTE, "customer_minutes": waited // MINUTE,
        "operator_minutes": own_clock, **in_words("why", [cause]),
    }  # fmt: skip
    return Verdict((Finding(made, decided_at, tuple(fact.event_id for fact in facts), missing, measures=measures),))


_promise = about(commitment_id="p-1", tier="gold")
_MADE = _promise("commitment.made", "0 10:00", due_at=when("1 10:00"), asked_at=when("0 10:00"))
_KEPT = _promise("commitment.fulfilled", "1 10:00", operator_elapsed_minutes=900)
_SAID = _promise("commitment.confirmed", "1 22:00")
_LATE = _promise("commitment.confirmed", "1 22:00:00.001")
_MISSED = (confirmed(cause="missed", promised_minutes=1440),)
EXAMPLES = (
    Example(title="the date passes", kind="fires", given=(_MADE,), until=3 * DAY, expect=_MISSED),
    Example(title="kept on paper, confirmed late", kind="fires", given=(_MADE, _KEPT, _LATE), until=DAY,
            expect=(confirmed(cause="customer_clock", customer_minutes=2160, operator_minutes=900),)),
    Example(title="kept, and disliked", kind="fires", expect=(confirmed(cause="survey"),), until=DAY,
            given=(_MADE, _KEPT, _SAID, _promise("survey.answered", "8 10:00", instrument="nps", score=6))),
    Example(title="kept and liked", kind="silent", until=DAY,
            given=(_MADE, _KEPT, _SAID, _promise("survey.answered", "3 10:00", instrument="nps", score=7))),
    Example(title="kept at due, confirmed at 1.5 times", kind="boundary", given=(_MADE, _KEPT, _SAID), until=DAY),
    Example(title="kept a millisecond late", kind="boundary", until=DAY, expect=_MISSED,
            given=(_MADE, _promise("commitment.fulfilled", "1 10:00:00.001"))),
    Example(title="fulfilment before promise", kind="out_of_order", until=DAY,
            given=(_KEPT, _promise("commitment.made", "1 09:10", due_at=when("1 10:00")))),
    Example(title="the fulfilment comes late in the log", kind="retracted", until=DAY,
            given=(_MADE, _promise("commitment.confirmed", "1 10:40"), _KEPT)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=PromiseParams(), take=take, judge=judge, examples=EXAMPLES)
