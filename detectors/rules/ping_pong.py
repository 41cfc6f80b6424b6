"""Ping-pong.

## What it detects
The customer's matter is passed around: too many transfers, back to a desk that had already passed it on, or through
too many departments.

## Why it matters
The customer tells his story again at every desk, and each desk's own figures stay green because it was quick to pass
on.

## How it decides
COUNT-IN-WINDOW over the path of desks of one ticket (or contact), consecutive equal desks collapsed: at least 3
transfers; or a return A→B→A at most 72 h (the bound included) after leaving A; or at least 3 departments (the part of
the desk's name before a slash). Decided at the transfer that first completes one of them. A pause of more than 30 days
begins a new episode. One moment per episode; later transfers raise the figures.

## Known gaps
Transfers must carry the ticket id, else the contact id; a matter that changes its id is two matters. Desk names must be
stable. An escalation to a second line counts like any other transfer; raise the limits where three lines are normal.

## Runbook
1. Look at the path; find who passed it on without adding anything.
2. Give it one owner with the right to call in the others.
3. Tell the customer the owner's name; do not ask for the story again.
4. Take the pair of desks that returned it to the weekly process review.

## References
`domain/5-detectors.md` N30, §3.7 transfer_rate; shared/data D1 handoff, D2 ping-pong.

## 中文
诉求被反复转派:转派 3 次及以上,或 72 小时内(含)回到原处理部门(A→B→A),或经过 3 个及以上部门。
每张工单每轮只报一次,后续转派计入路径。
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed
from detectors.paths import SEPARATOR, departments, earliest, moves, nth, path, returns
from detectors.primitives import chains, count_in_window
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.times import DAY, HOUR

META = Meta(
    id="N30", name="ping_pong", version=1,
    title=Text(zh="踢皮球", en="Passed around"),
    stage="resolve", touchpoint="matter_passed_on", valence="negative", primitives=("count_in_window",),
    consumes=("interaction.transferred", "ticket.owner_changed"),
    severity=BySeverity(5, 4, 3, 3), owner="service_supervision", scope="small_service", keep_ms=31 * DAY,
    explanation=Text(
        zh="诉求已转派 {transfers} 次,经过 {departments} 个部门,返回 {returns} 次:{path}。",
        en="Passed on {transfers} times over {departments} departments, came back {returns} times: {path}.",
    ),
    recovery=Text(zh="指定唯一负责人;修正部门间流程。", en="One owner; fix the process between the desks."),
)  # fmt: skip


class PingPongParams(Params):
    """The three limits; None switches one off. `return_within_hours` None: a return counts however late it comes."""

    min_transfers: int | None = Field(default=3, ge=1)
    min_returns: int | None = Field(default=1, ge=1)
    min_departments: int | None = Field(default=3, ge=2)
    return_within_hours: float | None = 72
    pause_days: float = 30

    @property
    def horizon_ms(self) -> int:
        """The longest pause within an episode, in ms."""
        return int(self.pause_days * DAY)


def take(params: PingPongParams, event: Event) -> Taken | None:
    """A transfer of the ticket or contact; `note` is from and to."""
    scope = event.ticket_id or event.interaction_id
    if scope is None:
        return None
    return Taken(scope, "transfer", 0, f"{event.attributes.from_desk}{SEPARATOR}{event.attributes.to_desk}")


def judge(params: PingPongParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per episode of transfers that became ping-pong."""
    pause = params.horizon_ms
    runs = (moved for transfers in chains(facts, pause) for moved in chains(moves(transfers), pause))
    found = (_episode(params, moved) for moved in runs)
    return Verdict(tuple(finding for finding in found if finding is not None))


def _episode(params: PingPongParams, moved: Sequence[Fact]) -> Finding | None:
    limit, hours = params.min_transfers, params.return_within_hours
    passed_on = None if limit is None else count_in_window(moved, limit, params.horizon_ms)
    back, entered = returns(moved, None if hours is None else hours * HOUR), departments(moved)
    decided = earliest((passed_on, nth(back, params.min_returns), nth(entered, params.min_departments)))
    if decided is None:
        return None
    measures: dict[str, Scalar] = {
        "transfers": len(moved), "returns": len(back), "departments": len(entered), "path": " → ".join(path(moved)),
    }  # fmt: skip
    return Finding(moved[0], decided.at, tuple(move.event_id for move in moved), measures=measures)


_ticket = about(ticket_id="k-1", tier="silver", channel="call_centre")
_AB = _ticket("interaction.transferred", "0 10:00", from_desk="care/l1", to_desk="care/l2")
_BA = _ticket("interaction.transferred", "3 10:00", from_desk="care/l2", to_desk="care/l1")
_BC = _ticket("ticket.owner_changed", "1 10:00", from_desk="care/l2", to_desk="care/l3")
_BACK = (confirmed(transfers=2, returns=1, departments=1),)
EXAMPLES = (
    Example(title="three departments", kind="fires", expect=(confirmed(transfers=2, departments=3),),
            given=(_ticket("interaction.transferred", "0 10:00", from_desk="care", to_desk="billing"),
                   _ticket("ticket.owner_changed", "0 11:00", from_desk="billing", to_desk="network"))),
    Example(title="three transfers", kind="fires", expect=(confirmed(transfers=3, returns=0),),
            given=(_AB, _BC, _ticket("ticket.owner_changed", "9 10:00", from_desk="care/l3", to_desk="care/l4"))),
    Example(title="passed up twice", kind="silent", given=(_AB, _BC), until=DAY),
    Example(title="back exactly 72 hours after", kind="boundary", given=(_AB, _BA), expect=_BACK),
    Example(title="back a millisecond later", kind="boundary",
            given=(_AB, _ticket("interaction.transferred", "3 10:00:00.001", from_desk="care/l2", to_desk="care/l1"))),
    Example(title="return before leaving in the log", kind="out_of_order", expect=_BACK,
            given=(_BA, _ticket("interaction.transferred", "3 09:30", from_desk="care/l1", to_desk="care/l2"))),
    Example(title="an earlier transfer comes late: one moment, told anew from it", kind="retracted",
            given=(_ticket("interaction.transferred", "3 09:30", from_desk="care/l1", to_desk="care/l2"), _BA,
                   _ticket("ticket.owner_changed", "3 09:20", from_desk="care/l0", to_desk="care/l1")),
            expect=(confirmed(transfers=3, returns=1),)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=PingPongParams(), take=take, judge=judge, examples=EXAMPLES)
