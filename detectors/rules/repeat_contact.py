"""Repeat contact.

## What it detects
The customer had to come back for the same reason although he was told that it was solved.

## Why it matters
Each further contact multiplies disloyalty by 2.5 (CEB); intent to leave is 5 % after one contact, 25 % when a matter
stays unsolved (SQM 2022). Every contact looks solved in the statistics of its own day.

## How it decides
COUNT-IN-WINDOW. Inbound contacts of one reason, each at most 7 days (elapsed, the bound included) after the one before,
are one episode: the window moves on with every contact, so the third may come more than 7 days after the one that was
marked resolved. A moment falls with the contact that makes them 3, when an earlier one had been marked resolved. One
moment per episode; later contacts raise `contacts` and `repeats` (contacts that came in the window of the one before).

## Known gaps
Reasons must come from a stable list: free text splits an episode, a reason "other" joins strangers. Contacts about
different lines of one customer are one matter here. An episode keeps 512 contacts. The taxonomy counts 7 days from
"resolved" and warns at the second contact; here they count from the contact before, and the warning is not raised.

## Runbook
1. Read reasons, desks and notes of all contacts in order; name what was promised each time.
2. Give the matter one owner to its end and tell the customer the name.
3. Solve it, then call back to ask; close only then.
4. The same reason with many customers: hand it to the process owner.

## References
`domain/5-detectors.md` N28, §3.7 repeat_contact_7d; Dixon, Toman, DeLisi: The Effortless Experience.

## 中文
同一原因在 7 天内再次来电,且此前已被标记为"已解决":第 3 次联系时判定为关键时刻。
同一轮重复只报一次,之后的联系计入证据;7 天(含)从上一次联系起算。第 2 次联系不单独预警。
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile

from pydantic import Field

from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed
from detectors.primitives import chains, count_in_window
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.times import DAY

META = Meta(
    id="N28", name="repeat_contact", version=1,
    title=Text(zh="重复来电", en="Repeat contact"),
    stage="resolve", touchpoint="help_contact_made", valence="negative", primitives=("count_in_window",),
    consumes=("interaction.contact_completed",),
    severity=BySeverity(4, 4, 3, 3), owner="call_centre", scope="small_service", keep_ms=8 * DAY, max_facts=512,
    explanation=Text(
        zh="客户因“{reason}”已联系 {contacts} 次,其中 {resolved} 次曾被标记为已解决。",
        en='The customer made contact {contacts} times about "{reason}"; {resolved} of them had been marked resolved.',
    ),
    recovery=Text(zh="指定一名负责人跟进到底,解决后回访。", en="One owner to the end; solve it, then call back."),
)  # fmt: skip


class RepeatContactParams(Params):
    """How many contacts make a moment, how far apart two may be, and whether one must have been marked resolved."""

    min_contacts: int = Field(default=3, ge=2)
    within_days: float = Field(default=7, gt=0)
    require_resolved: bool = True
    count_outbound: bool = False

    @property
    def horizon_ms(self) -> int:
        """The longest time between two contacts of an episode, in ms."""
        return int(self.within_days * DAY)


def take(params: RepeatContactParams, event: Event) -> Taken | None:
    """A contact of its reason; `value` is 1 when it was marked resolved."""
    said = event.attributes
    if said.direction == "outbound" and not params.count_outbound:
        return None
    return Taken(said.reason, "contact", int(said.resolved), said.reason)


def judge(params: RepeatContactParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per episode that reached its count."""
    if len(facts) < params.min_contacts:
        return Verdict()
    found = (_episode(params, contacts) for contacts in chains(facts, params.horizon_ms))
    return Verdict(tuple(finding for finding in found if finding is not None))


def _episode(params: RepeatContactParams, contacts: Sequence[Fact]) -> Finding | None:
    counted = count_in_window(contacts, params.min_contacts, params.horizon_ms)
    if counted is None:
        return None
    if params.require_resolved:
        after = list(dropwhile(lambda contact: not contact.value, contacts))[1:]
        if not after:
            return None
        counted = max(counted, after[0])
    measures: dict[str, Scalar] = {
        "reason": counted.note, "contacts": len(contacts), "repeats": len(contacts) - 1,
        "resolved": sum(contact.value for contact in contacts),
    }  # fmt: skip
    return Finding(contacts[0], counted.at, tuple(contact.event_id for contact in contacts), measures=measures)


_call = about(reason="no_signal", channel="call_centre", tier="diamond")
_ONE = _call("interaction.contact_completed", "0 10:00", resolved=True)
_TWO = _call("interaction.contact_completed", "5 10:00")
_THREE = _call("interaction.contact_completed", "12 10:00")
_LATER = [_call("interaction.contact_completed", at) for at in ("0 10:20", "0 10:50")]
_CAME_BACK = (confirmed(contacts=3, repeats=2, resolved=1),)
EXAMPLES = (
    Example(title="third contact after a solution", kind="fires", expect=_CAME_BACK,
            given=(_ONE, _TWO, _call("interaction.contact_completed", "7 09:00"))),
    Example(title="twice only", kind="silent", given=(_ONE, _TWO), until=DAY),
    Example(title="never said to be solved", kind="silent",
            given=(_TWO, _THREE, _call("interaction.contact_completed", "13 10:00"))),
    Example(title="another reason", kind="silent",
            given=(_ONE, _TWO, _call("interaction.contact_completed", "7 09:00", reason="bill"))),
    Example(title="exactly seven days after", kind="boundary", given=(_ONE, _TWO, _THREE), expect=_CAME_BACK),
    Example(title="nine days after the solution, four after the contact before", kind="boundary", expect=_CAME_BACK,
            given=(_ONE, _TWO, _call("interaction.contact_completed", "9 10:00"))),
    Example(title="a millisecond more than seven days", kind="boundary",
            given=(_ONE, _TWO, _call("interaction.contact_completed", "12 10:00:00.001"))),
    Example(title="the solved contact comes last", kind="out_of_order", expect=_CAME_BACK,
            given=(*_LATER, _ONE)),
    Example(title="an earlier contact comes late: one moment, told anew from its true beginning", kind="retracted",
            given=(_ONE, *_LATER, _call("interaction.contact_completed", "0 09:50")),
            expect=(confirmed(contacts=4, repeats=3),)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=RepeatContactParams(), take=take, judge=judge, examples=EXAMPLES)
