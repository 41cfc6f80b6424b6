"""Bill spike.

## What it detects
A bill, or already the money running up towards it, lies far above the customer's own habit.

## Why it matters
An unexpected high bill was met by 27 to 33 % of Australian post-paid payers in a year; it drives disputes and late
payment. Seen while it grows, it can be explained and capped; after the bill it can only be credited.

## How it decides
RATIO to own baseline. Habit = median of the previous 3 bills of the account. Spike: at least 1.5 times the habit and at
least 30.00 above it ("very high" from 2 times; statutory when strictly above 5 or, by province, 3 times the mean of 3).
Decided when the charges of the running cycle alone reach that sum (a lower bound of the bill), else when the bill is
issued. One moment per cycle, early or late; a bill that then stays below withdraws it, `retracted`.

## Known gaps
The taxonomy projects the bill daily; here the money so far, a lower bound, is held against the limit at each notable
charge, and nothing is extrapolated. Notable: from 5.00, not recurring, no instalment or refund, within 28 days of the
last billed period. Bills over 70 days apart are no habit, nor is 0. An account keeps 256 facts, first and last halves.
Tier and channel are those of the last bill before the spike.

## Runbook
1. Bridge the bill: which lines grew, and since when?
2. Projected: explain before the issue, offer a fitting plan or a cap.
3. Issued: call before the due date; correct what is wrong, offer instalments for what is right.
4. Statutory level: tell the user at once, note time and text.

## References
`domain/5-detectors.md` N07; ACMA ("very high" = at least double); Telecommunications Regulations (CN) Art. 31-34.

## 中文
账单或当期累计费用明显高于本人习惯:不低于前 3 期中位数的 1.5 倍且高出 30 元;超过前 3 期均值 5 倍(河南 3 倍)属法定情形。
每个账期只报一次:先按累计费用预警,出账后若低于门槛则撤回。
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.amounts import money
from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.cycles import RECENT_MS, Cycle, spikes
from detectors.examples import about, bills, confirmed, retracted
from detectors.policy import PackIds, chosen, spike_term
from detectors.primitives import baseline, ratio
from detectors.words import in_words
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.policy import PolicyPack
from schemas.times import DAY, to_ms

META = Meta(
    id="N07", name="bill_spike", version=1,
    title=Text(zh="账单突增", en="Bill spike"),
    stage="pay", touchpoint="bill_received", valence="negative", primitives=("ratio", "threshold"),
    consumes=("bill.issued", "charge.rated"),
    severity=BySeverity(5, 4, 4, 3), owner="billing", scope="big_service",
    keep_ms=330 * DAY, forget_ms=330 * DAY, max_facts=256,
    explanation=Text(
        zh="本期 {amount},是习惯水平 {habit} 的 {times_habit} 倍({level_zh})。",
        en="This cycle stands at {amount}, {times_habit} times the habit of {habit} ({level_en}).",
    ),
    recovery=Text(zh="出账前说明原因,推荐合适套餐;有误则更正。",
                  en="Explain before the issue, offer a fitting plan, correct what is wrong."),
)  # fmt: skip


class BillSpikeParams(Params):
    """Ratios to the habit of the last `history` bills; sums in minor units; packs for the statutory level."""

    ratio: float = Field(default=1.5, gt=1)
    very_high: float = 2
    floor_minor: int = Field(default=3000, ge=0)
    notable_minor: int = Field(default=500, gt=0)
    history: int = Field(default=3, ge=1)
    max_gap_days: int = 70
    packs: PackIds = ("cn-national",)
    own_packs: tuple[PolicyPack, ...] = ()

    @property
    def horizon_ms(self) -> int:
        """The time back to the oldest bill that a recent cycle needs, in ms."""
        return RECENT_MS + (self.history + 1) * self.max_gap_days * DAY


_REGULAR = ("recurring", "refund", "device_instalment")


def take(params: BillSpikeParams, event: Event) -> Taken | None:
    """A bill (`due` = end of its period) or a notable charge of the account; `value` minor units, `note` currency."""
    amount = event.amount_minor
    if amount is None:
        return None
    if event.event_type == "charge.rated":
        if amount < params.notable_minor or event.attributes.kind in _REGULAR:
            return None
        return Taken(f"bills:{event.account_id or event.customer_id}", "charge", amount, event.currency or "")
    ends = to_ms(event.attributes.period_end)
    return Taken(f"bills:{event.account_id or event.customer_id}", "bill", amount, event.currency or "", ends)


def judge(params: BillSpikeParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per recent cycle that spiked, bill or no bill yet."""
    gap = params.max_gap_days * DAY
    found = spikes(facts, params.history, params.ratio, params.floor_minor, gap)
    return Verdict(tuple(_finding(params, cycle) for cycle in found))


def _finding(params: BillSpikeParams, cycle: Cycle) -> Finding:
    last, decided_at = cycle.before[-1], cycle.decided_at
    level, clause, shift = _level(params, cycle, decided_at)
    measures: dict[str, Scalar] = {
        "level": level, "amount": money(cycle.amount, last.note), "habit": money(round(cycle.habit), last.note),
        "amount_minor": cycle.amount, "habit_minor": round(cycle.habit),
        "times_habit": round(ratio(cycle.amount, cycle.habit) or 0, 2), "projected": cycle.crossing is not None,
        **in_words("level", [level]),
    }  # fmt: skip
    return Finding(last, decided_at, cycle.events, None, clause, measures, shift, cycle.withdrawn_at)


def _level(params: BillSpikeParams, cycle: Cycle, at: int) -> tuple[str, str | None, int]:
    term = spike_term(chosen(params.packs, params.own_packs), at)
    mean = None if term is None else baseline([one.value for one in cycle.before], term.bills, "mean")
    if term is not None and (ratio(cycle.amount, mean) or 0) > term.ratio:
        return "statutory", term.clause, 1
    return ("very_high", None, 0) if (ratio(cycle.amount, cycle.habit) or 0) >= params.very_high else ("high", None, -1)


_PAST = bills(10000, 12000, 11000)
_account = about(account_id="a-1", currency="CNY", kind="data")
_MUCH = _account("charge.rated", "9 10:00", amount_minor=16500)
EXAMPLES = (
    Example(title="six times the habit", kind="fires", given=(*_PAST, *bills(66000, first=30)),
            expect=(confirmed(level="statutory", amount="660.00 CNY", projected=False),)),
    Example(title="seen while it grows", kind="fires", given=(*_PAST, _MUCH, *bills(24000, first=30)),
            expect=(confirmed(level="very_high", times_habit=2.18, projected=True),)),
    Example(title="a usual bill", kind="silent", given=(*_PAST, *bills(14000, first=30))),
    Example(title="far above, but little money", kind="silent", given=(*bills(900, 900, 900), *bills(3899, first=30))),
    Example(title="exactly 1.5 times", kind="boundary", given=(*_PAST, *bills(16500, first=30)),
            expect=(confirmed(level="high", times_habit=1.5),)),
    Example(title="a cent below 1.5 times", kind="boundary", given=(*_PAST, *bills(16499, first=30))),
    Example(title="a bill of the habit comes late in the log", kind="out_of_order",
            given=(*_PAST[:2], *bills(66000, first=30), *bills(11000, first=29)),
            expect=(confirmed(level="statutory", habit="110.00 CNY"),)),
    Example(title="grew early, billed below", kind="retracted", given=(*_PAST, _MUCH, *bills(9000, first=30)),
            expect=(retracted(projected=True, amount="90.00 CNY"),)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=BillSpikeParams(), take=take, judge=judge, examples=EXAMPLES)
