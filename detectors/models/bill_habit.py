"""Bill against habit (model).

## What it detects
A bill that is unusual for this customer, however regular or erratic he is. A model says so, no rule: the moment is
marked as model-only and shows the features that made it.

## Why it matters
A fixed ratio is blind on both sides: 1.4 times is alarming for one who has paid the same for a year, 1.8 times is
nothing for one whose bills swing. The score ranks bills worth a look.

## How it decides
SCORE. Prequential: each bill of the last 400 days is scored before it is learned. Habit and spread are river's
exponentially weighted mean and variance (`fading_factor` 0.3: about the last six bills count). The score is the
distance from habit in spreads, the spread never below 10 % of habit nor 5.00. A moment needs 4 learned bills (grace
period), a score of at least 4 and 30.00 above habit. What was flagged is learned too, but clipped at the limit: one
spike does not become habit, a lasting change does after a few bills. No seed is needed: nothing is random, and the same
bills give the same score to the last bit with the same river version.

## Known gaps
Only the sum is read, not its lines; no season is known (holiday roaming scores high each year). A bill too low is no
moment. Bills over 70 days apart begin a new habit. Habit is learned anew from the kept bills each time: no model state
has to be restored, at the price of a few microseconds a bill. Needs the extra `models`.

## Runbook
1. Compare score, habit and spread with the bill; a small spread makes small changes loud.
2. When N07 speaks too, work on that one.
3. Alone: put it in the queue for a bill check, do not call the customer because a model said so.

## References
`domain/5-detectors.md` N07 and "Online models"; river 0.26.1 `stats.EWMean`, `stats.EWVar`; Finch (2009).

## 中文
用在线模型(river)把账单与客户本人习惯比较:先打分后学习,得分为偏离习惯的"离散度"倍数。仅为模型提示,不单独作为依据。
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.amounts import money
from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.cycles import RECENT_MS, habit_before
from detectors.examples import bills, confirmed
from detectors.models.habit import Habit, Learning, scored
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.times import DAY

META = Meta(
    id="N07M", name="bill_habit", version=1,
    title=Text(zh="账单偏离习惯(模型)", en="Bill against habit (model)"),
    stage="pay", touchpoint="bill_received", valence="negative", primitives=("score",),
    consumes=("bill.issued",),
    severity=BySeverity(3, 3, 2, 2), owner="billing", scope="big_service", model_only=True, maturity="preview",
    keep_ms=450 * DAY, forget_ms=450 * DAY,
    explanation=Text(
        zh="模型提示:账单 {amount},偏离习惯 {habit} {z_score} 个离散度,为上期的 {times_last} 倍。",
        en="Model only: {amount} is {z_score} spreads off the habit of {habit}, {times_last} times the last bill.",
    ),
    recovery=Text(zh="列入账单核查队列,不单独联系客户。", en="Queue for a bill check; no call on this alone."),
)  # fmt: skip


class BillHabitParams(Params):
    """Limits of the score; sums in minor units, spread as a share of habit."""

    fading_factor: float = Field(default=0.3, gt=0, lt=1)
    grace_bills: int = Field(default=4, ge=2)
    score_limit: float = Field(default=4, gt=0)
    floor_minor: int = Field(default=3000, ge=0)
    least_spread_share: float = Field(default=0.1, gt=0)
    least_spread_minor: int = Field(default=500, gt=0)
    window_days: int = 400
    max_gap_days: int = 70

    @property
    def horizon_ms(self) -> int:
        """The time back to the oldest bill that a recent one is compared with, in ms."""
        return RECENT_MS + self.window_days * DAY

    def learning(self) -> Learning:
        """What the model needs of these parameters."""
        return Learning(self.fading_factor, self.score_limit, self.least_spread_share, self.least_spread_minor)


def take(params: BillHabitParams, event: Event) -> Taken | None:
    """A bill of the account; `value` minor units, `note` currency."""
    if event.amount_minor is None:
        return None
    scope = f"bills:{event.account_id or event.customer_id}"
    return Taken(scope, "bill", event.amount_minor, event.currency or "")


def judge(params: BillHabitParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per unusual bill of the last 45 days."""
    found = []
    for place, bill in enumerate(facts):
        if place >= params.grace_bills and bill.at >= facts[-1].at - RECENT_MS:
            past = habit_before(facts[:place], bill, params.window_days * DAY, params.max_gap_days * DAY)
            if len(past) < params.grace_bills:
                continue
            habit = scored([one.value for one in past], bill.value, params.learning())
            if habit.z >= params.score_limit and bill.value - habit.mean >= params.floor_minor:
                found.append(_finding(bill, past, habit))
    return Verdict(tuple(found))


def _finding(bill: Fact, past: Sequence[Fact], habit: Habit) -> Finding:
    features: dict[str, Scalar] = {
        "z_score": round(habit.z, 2), "times_habit": round(bill.value / habit.mean, 2) if habit.mean > 0 else 0.0,
        "times_last": round(bill.value / past[-1].value, 2) if past[-1].value > 0 else 0.0,
    }  # fmt: skip
    measures: dict[str, Scalar] = {
        "amount": money(bill.value, bill.note), "habit": money(round(habit.mean), bill.note),
        "amount_minor": bill.value, "habit_mean_minor": round(habit.mean), "habit_spread_minor": round(habit.spread),
        "bills_learned": habit.learned, **features,
        "top_features": ", ".join(f"{name} {value}" for name, value in features.items()),
    }  # fmt: skip
    return Finding(bill, bill.at, tuple(one.event_id for one in (*past, bill)), measures=measures)


_STEADY = bills(10000, 10100, 9900, 10000)
_EXACT = bills(*[10000] * 4)
_HIGH = (confirmed(bills_learned=4, habit_spread_minor=1000, z_score=4.0),)
EXAMPLES = (
    Example(title="unusual for a steady payer", kind="fires", given=(*_STEADY, *bills(15000, first=30)),
            expect=(confirmed(bills_learned=4),)),
    Example(title="the same sum from an erratic payer", kind="silent",
            given=(*bills(10000, 6000, 14000, 9000), *bills(15000, first=30))),
    Example(title="no habit learned yet", kind="silent", given=(*bills(10000, 10000, 10000), *bills(90000, first=30))),
    Example(title="exactly four spreads", kind="boundary", given=(*_EXACT, *bills(14000, first=30)), expect=_HIGH),
    Example(title="a cent below four spreads", kind="boundary", given=(*_EXACT, *bills(13999, first=30))),
    Example(title="a bill of the habit comes late in the log", kind="out_of_order", expect=_HIGH,
            given=(*_EXACT[1:], *bills(14000, first=30), *bills(10000, first=29))),
    Example(title="an earlier swing comes late: not unusual after all", kind="retracted",
            given=(*_EXACT, *bills(14000, first=30), *bills(13900, first=29))),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=BillHabitParams(), take=take, judge=judge, examples=EXAMPLES)
