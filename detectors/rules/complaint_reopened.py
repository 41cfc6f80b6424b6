"""Complaint reopened.

## What it detects
A complaint that was settled on paper comes back: it is reopened, or the customer complains again about the same thing.

## Why it matters
The customer has been through the whole process and it did not help. The next step is the regulator or another operator.

## How it decides
SEQUENCE. A return is a complaint.reopened, or a complaint.opened of the same category at most 30 days (elapsed, the
bound included) after a complaint of that category was resolved or closed. Complaints, settlements and returns that
follow each other within 30 days are one matter: one moment, decided at its first return; later returns raise
`reopenings`.

## Known gaps
A reopening without category is read by its ticket; a settlement without category cannot be matched with a new
complaint. Two open complaints of one category are one matter here: settling one makes the next of that category a
return.

## Runbook
1. Read the first "solution" and what the customer said to it.
2. Hand the matter to a senior reviewer, not to the desk that closed it.
3. Call the customer, agree what would settle it, put it in writing.
4. Close only on the customer's word; take the case to the weekly review of false closures.

## References
`domain/5-detectors.md` N29, §3.7 complaint_reopen_30d.

## 中文
已办结的投诉被重开,或办结后 30 天内(含)同类再次投诉。同一轮反复只报一次,以首次重开时刻为准,后续重开计入次数。
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed
from detectors.primitives import chains, sequence
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.times import DAY

META = Meta(
    id="N29", name="complaint_reopened", version=1,
    title=Text(zh="投诉重开", en="Complaint reopened"),
    stage="resolve", touchpoint="complaint_returned", valence="negative", primitives=("sequence",),
    consumes=("complaint.opened", "complaint.resolved", "complaint.closed", "complaint.reopened"),
    severity=BySeverity(5, 4, 4, 3), owner="service_supervision", scope="big_service", max_facts=1024, keep_ms=31 * DAY,
    explanation=Text(
        zh="投诉“{category}”在办结后重新出现,共 {reopenings} 次(工单 {tickets})。",
        en='The complaint about "{category}" came back {reopenings} times after it was settled (tickets {tickets}).',
    ),
    recovery=Text(zh="由资深人员复核;以客户认可为准办结。", en="Senior review; close only on the customer's word."),
)  # fmt: skip


class ReopenedParams(Params):
    """Days in which a new complaint of the same category, or a further return, belongs to the one before."""

    within_days: float = Field(default=30, gt=0)
    count_new_complaints: bool = True

    @property
    def horizon_ms(self) -> int:
        """The window in ms."""
        return int(self.within_days * DAY)


_KINDS = {
    "complaint.opened": "opened", "complaint.resolved": "settled", "complaint.closed": "settled",
    "complaint.reopened": "reopened",
}  # fmt: skip


def take(params: ReopenedParams, event: Event) -> Taken | None:
    """A fact of the category (without one: of the ticket); `note` is the ticket."""
    ticket = event.ticket_id or ""
    category = event.attributes.category
    if category is None and not ticket:
        return None
    return Taken(category or f"ticket:{ticket}", _KINDS[event.event_type], 0, f"{category or ''}\x1f{ticket}")


def judge(params: ReopenedParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per matter that came back."""
    found = (_matter(params, matter) for matter in chains(facts, params.horizon_ms))
    return Verdict(tuple(finding for finding in found if finding is not None))


def _matter(params: ReopenedParams, matter: Sequence[Fact]) -> Finding | None:
    again = sequence(matter, ("settled",), ("opened",), params.horizon_ms) if params.count_new_complaints else []
    came_back = {opened for _, opened in again}
    returns = [fact for fact in matter if fact.kind == "reopened" or fact in came_back]
    told = [fact for fact in matter if fact.kind != "opened" or fact in came_back]
    if not returns:
        return None
    tickets = dict.fromkeys(ticket for fact in told if (ticket := fact.note.partition("\x1f")[2]))
    measures: dict[str, Scalar] = {
        "category": returns[0].note.partition("\x1f")[0], "reopenings": len(returns), "tickets": ",".join(tickets),
    }  # fmt: skip
    return Finding(returns[0], returns[0].at, tuple(fact.event_id for fact in told), measures=measures)


_case = about(category="billing_error", tier="gold", channel="call_centre")
_FIRST = _case("complaint.opened", "0 10:00", ticket_id="k-1")
_CLOSED = _case("complaint.closed", "3 10:00", ticket_id="k-1")
_AGAIN = _case("complaint.opened", "33 10:00", ticket_id="k-2")
_RETURNED = (confirmed(reopenings=1),)
EXAMPLES = (
    Example(title="reopened", kind="fires", expect=(confirmed(reopenings=1, tickets="k-1"),),
            given=(_FIRST, _CLOSED, _case("complaint.reopened", "5 10:00", ticket_id="k-1"))),
    Example(title="reopened twice is one moment", kind="fires", expect=(confirmed(reopenings=2),),
            given=(_FIRST, _CLOSED, _case("complaint.reopened", "5 10:00", ticket_id="k-1"),
                   _case("complaint.closed", "7 10:00", ticket_id="k-1"),
                   _case("complaint.reopened", "9 10:00", ticket_id="k-1"))),
    Example(title="settled and quiet", kind="silent", given=(_FIRST, _CLOSED), until=40 * DAY),
    Example(title="another category", kind="silent",
            given=(_FIRST, _CLOSED, _case("complaint.opened", "5 10:00", ticket_id="k-2", category="coverage"))),
    Example(title="exactly thirty days after", kind="boundary", given=(_FIRST, _CLOSED, _AGAIN), expect=_RETURNED),
    Example(title="a millisecond more than thirty days", kind="boundary",
            given=(_FIRST, _CLOSED, _case("complaint.opened", "33 10:00:00.001", ticket_id="k-2"))),
    Example(title="the settlement comes last", kind="out_of_order", expect=_RETURNED,
            given=(_FIRST, _case("complaint.opened", "3 10:40", ticket_id="k-2"), _CLOSED)),
    Example(title="an earlier return comes late: one moment, told anew from it", kind="retracted",
            given=(_FIRST, _CLOSED, _AGAIN, _case("complaint.reopened", "33 09:30", ticket_id="k-1")),
            expect=(confirmed(reopenings=2),)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=ReopenedParams(), take=take, judge=judge, examples=EXAMPLES)
