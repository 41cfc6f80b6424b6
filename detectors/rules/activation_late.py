"""Activation late.

## What it detects
The customer holds his SIM, or his line was promised for today, and there is no service.

## Why it matters
It is the first hour of a new customer: he has paid, nothing works, and he cannot even call from the new number.
Contacts within the first week and early cancellations begin here.

## How it decides
DEADLINE. Mobile: no service.activated by 2 h after the earlier of sim.provisioned and shipment.delivered of the order
(or line). While a shipment is on its way, provisioning does not count: the customer does not hold the SIM yet. Fixed
line (the order or the provisioning says so): none by the promised date, however long that takes. Exactly at the due
time is in time. An order cancelled, rejected or failed by then is not expected any more. A SIM provisioned more than
2 h after an activation begins a new wait; a parcel alone does not (a handset, or the SIM that was activated before).
One moment per wait, from its provisioning or delivery.

## Known gaps
Delivery, provisioning and activation must share the order id, else the line id. Two services of one order that wait
together are one: the first activation serves both. Orders without service (accessories) must not carry
shipment.delivered with an order id of their own unless something activates them. A fixed line without a promised date
is not judged; that an order is fixed is forgotten after 400 days, all else after 31 quiet days. Hours are elapsed.

## Runbook
1. Open the service order and find the step that hangs (HLR, eSIM profile, port-in, ONT).
2. Activate by hand, or send the step back with a reason.
3. Tell the customer, through another number or mail, when it will work.
4. Credit the first days when it took more than a day.

## References
`domain/5-detectors.md` N22; ITU-T E.803 (provisioning dates); TM Forum TMF641, TMF700.

## 中文
客户已拿到 SIM 卡 2 小时仍未开通,或固定线路到承诺日期仍未开通。运输途中的预配置不计时;订单取消则不再等待。
开通 2 小时之后再次预配置 SIM 卡,则重新计时;每次等待只报一次。
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed, when
from detectors.primitives import deadline, soonest
from detectors.waits import SERVED, waits
from detectors.words import in_words
from schemas.envelope import Event
from schemas.moments import Text
from schemas.times import DAY, HOUR, to_ms

META = Meta(
    id="N22", name="activation_late", version=1,
    title=Text(zh="开通延迟", en="Activation late"),
    stage="activate", touchpoint="service_activated", valence="negative", primitives=("deadline",),
    consumes=(
        "order.created", "order.submitted", "order.state_changed", "shipment.created", "shipment.delivered",
        "sim.provisioned", "service.activated",
    ),
    severity=BySeverity(5, 4, 4, 3), owner="network", scope="big_service", keep_ms=31 * DAY,
    explanation=Text(
        zh="{line_zh}业务应在 {allowed_hours} 小时内开通,至今没有开通记录。",
        en="The {line_en} service was due {allowed_hours} hours after the customer was ready and was not active.",
    ),
    recovery=Text(
        zh="人工开通;通过其他号码或邮件告知客户;超过一天给予减免。",
        en="Activate by hand; tell the customer another way; credit the days without service.",
    ),
)  # fmt: skip


class ActivationParams(Params):
    """Hours a mobile service may take once the SIM is in hand; days for which an order is known to be fixed."""

    mobile_hours: float = 2
    fixed_days: int = 366

    @property
    def horizon_ms(self) -> int:
        """The mobile deadline in ms; what is fixed is held by its facts' own `due`."""
        return int(self.mobile_hours * HOUR)


_KINDS = {
    "order.created": "ordered", "order.submitted": "ordered", "order.state_changed": "ended",
    "sim.provisioned": "provisioned", "shipment.created": "shipped", "shipment.delivered": "delivered",
    "service.activated": "activated",
}  # fmt: skip
_ENDED = ("cancelled", "rejected", "failed")


def take(params: ActivationParams, event: Event) -> Taken | None:
    """A fact of the order or line, as `detectors.waits` reads it; `due` is how long a fixed line is waited for."""
    scope, kind = event.order_id or event.line_id, _KINDS[event.event_type]
    if scope is None or (kind == "ended" and event.attributes.state not in _ENDED):
        return None
    if kind not in ("ordered", "provisioned"):
        return Taken(scope, kind)
    line_kind = event.attributes.line_kind or ""
    if line_kind != "fixed":
        return None if kind == "ordered" else Taken(scope, kind, 0, line_kind)
    promised = to_ms(event.attributes.promised_by) if kind == "provisioned" and event.attributes.promised_by else 0
    return Taken(scope, kind, promised, line_kind, max(promised, event.occurred_ms + params.fixed_days * DAY))


def judge(params: ActivationParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per wait whose service was due and not there."""
    findings, looks = [], []
    for wait in waits(facts, params.horizon_ms):
        waiting = deadline(wait.facts, SERVED, wait.due, now)
        looks.append(waiting.look_at)
        if waiting.broken_at is not None:
            allowed = round((wait.due - wait.ready.at) / HOUR, 2)
            measures = {"line_kind": wait.line_kind, "allowed_hours": allowed, **in_words("line", [wait.line_kind])}
            at, events = max(wait.due, wait.ready.at), tuple(fact.event_id for fact in wait.facts)
            findings.append(Finding(wait.ready, at, events, "service.activated", measures=measures))
    return Verdict(tuple(findings), soonest(looks))


_order = about(order_id="o-1", tier="silver")
_SIM = _order("sim.provisioned", "0 10:00", line_kind="mobile")
_LIVE = _order("service.activated", "0 12:00")
_LINE = _order("sim.provisioned", "0 10:00", line_kind="fixed", promised_by=when("3 18:00"))
_SENT, _HERE = _order("shipment.created", "0 09:00"), _order("shipment.delivered", "2 15:00")
_MOBILE = (confirmed(line_kind="mobile", allowed_hours=2.0),)
_NEXT = about(line_id="l-1", line_kind="mobile")
_SECOND = (_NEXT("sim.provisioned", "0 10:00"), _NEXT("service.activated", "0 11:00"))
EXAMPLES = (
    Example(title="SIM in hand, no service", kind="fires", given=(_SIM,), until=DAY, expect=_MOBILE),
    Example(title="the promised day passes", kind="fires", given=(_LINE,), until=4 * DAY,
            expect=(confirmed(line_kind="fixed", allowed_hours=80.0),)),
    Example(title="delivered, still dead", kind="fires", given=(_SENT, _SIM, _HERE), until=DAY, expect=_MOBILE),
    Example(title="still in the post", kind="silent", given=(_SENT, _SIM), until=DAY),
    Example(title="a router arrives, the line is for Thursday", kind="silent", until=DAY,
            given=(_order("order.created", "0 08:00", line_kind="fixed"), _order("shipment.delivered", "0 09:00"))),
    Example(title="the router arrives on day 40, the technician later", kind="silent", until=DAY,
            given=(_order("order.created", "0 08:00", line_kind="fixed"), _order("shipment.delivered", "40 09:00"),
                   _order("service.activated", "44 09:00", line_kind="fixed"))),
    Example(title="the first SIM works, the second one does not", kind="fires", until=DAY, expect=_MOBILE,
            given=(*_SECOND, _NEXT("sim.provisioned", "10 10:00"))),
    Example(title="cancelled in time", kind="silent", until=DAY,
            given=(_SIM, _order("order.state_changed", "0 11:00", state="cancelled"))),
    Example(title="active exactly at two hours", kind="boundary", given=(_SIM, _LIVE), until=DAY),
    Example(title="active a millisecond late", kind="boundary", expect=_MOBILE,
            given=(_SIM, _order("service.activated", "0 12:00:00.001"))),
    Example(title="activation before provisioning in the log", kind="out_of_order", until=DAY,
            given=(_LIVE, _order("sim.provisioned", "0 11:20", line_kind="mobile"))),
    Example(title="the activation comes late in the log", kind="retracted", until=DAY,
            given=(_SIM, _order("order.state_changed", "0 12:40", state="failed"), _LIVE)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=ActivationParams(), take=take, judge=judge, examples=EXAMPLES)
