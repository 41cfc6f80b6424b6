"""Activation late.

## What it detects
The customer holds his SIM, or his line was promised for today, and there is no service.

## Why it matters
It is the first hour of a new customer: he has paid, nothing works, and he cannot even call from the new number.
Contacts within the first week and early cancellations begin here.

## How it decides
DEADLINE. Mobile: no service.activated by 2 h after the earlier of sim.provisioned and shipment.delivered of the order
(or line). While a shipment is on its way, provisioning does not count: the customer does not hold the SIM yet. Fixed
line (the order or the provisioning says so): none by the promised date. Exactly at the due time is in time. An order
cancelled, rejected or failed by then is not expected any more. One moment per order.

## Known gaps
Delivery, provisioning and activation must share the order id, else the line id. Orders without service (accessories, a
replaced handset) must not carry shipment.delivered with an order id of their own unless something activates them. A
fixed line without a promised date is not judged. Hours are elapsed hours, nights included.

## Runbook
1. Open the service order and find the step that hangs (HLR, eSIM profile, port-in, ONT).
2. Activate by hand, or send the step back with a reason.
3. Tell the customer, through another number or mail, when it will work.
4. Credit the first days when it took more than a day.

## References
`domain/5-detectors.md` N22; ITU-T E.803 (provisioning dates); TM Forum TMF641, TMF700.

## 中文
客户已拿到 SIM 卡 2 小时仍未开通,或固定线路到承诺日期仍未开通。运输途中的预配置不计时;订单取消则不再等待。
每张订单只报一次。
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import NOTHING, BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed, when
from detectors.primitives import deadline, first
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
    """Hours a mobile service may take once the SIM is in the customer's hands."""

    mobile_hours: float = 2

    @property
    def horizon_ms(self) -> int:
        """The mobile deadline in ms; a fixed line's promise is waited for as long as it takes."""
        return int(self.mobile_hours * HOUR)


_KINDS = {
    "sim.provisioned": "provisioned", "shipment.created": "shipped", "shipment.delivered": "delivered",
    "service.activated": "activated",
}  # fmt: skip
_ORDERED = ("order.created", "order.submitted")
_ENDED = ("cancelled", "rejected", "failed")


def take(params: ActivationParams, event: Event) -> Taken | None:
    """A fact of the order or line; `note` is the kind of line, `due` the promised time of a fixed one."""
    scope = event.order_id or event.line_id
    if scope is None:
        return None
    if event.event_type in _ORDERED:
        return Taken(scope, "ordered", 0, "fixed") if event.attributes.line_kind == "fixed" else None
    if event.event_type == "order.state_changed":
        return Taken(scope, "ended") if event.attributes.state in _ENDED else None
    kind = _KINDS[event.event_type]
    if kind != "provisioned":
        return Taken(scope, kind)
    line_kind, promised = event.attributes.line_kind or "", event.attributes.promised_by
    return Taken(scope, kind, 0, line_kind, to_ms(promised) if promised is not None and line_kind == "fixed" else 0)


def judge(params: ActivationParams, facts: Sequence[Fact], now: int) -> Verdict:
    """At most one finding: the service was due and not there."""
    provisioned, delivered = first(facts, ("provisioned",)), first(facts, ("delivered",))
    shipped, fixed = first(facts, ("shipped",)), next((fact for fact in facts if fact.note == "fixed"), None)
    if provisioned is not None and shipped is not None and shipped.at <= provisioned.at + params.horizon_ms:
        provisioned = None  # in the post: the customer does not hold it yet
    ready = min((fact for fact in (provisioned, delivered) if fact is not None), default=None)
    if fixed is not None and (ready is None or fixed.at <= ready.at + params.horizon_ms):
        ready = next((fact for fact in facts if fact.due), None)
    if ready is None:
        return NOTHING
    due = ready.due or ready.at + params.horizon_ms
    waiting = deadline(facts, ("activated", "ended"), due, now)
    if waiting.broken_at is None:
        return Verdict(look_at=waiting.look_at)
    kind = "fixed" if ready.due else "mobile"
    allowed = round((due - ready.at) / HOUR, 2)
    measures = {"line_kind": kind, "allowed_hours": allowed, **in_words("line", [kind])}
    events = tuple(fact.event_id for fact in facts)
    return Verdict((Finding(ready, max(due, ready.at), events, "service.activated", measures=measures),))


_order = about(order_id="o-1", tier="silver")
_SIM = _order("sim.provisioned", "0 10:00", line_kind="mobile")
_LIVE = _order("service.activated", "0 12:00")
_LINE = _order("sim.provisioned", "0 10:00", line_kind="fixed", promised_by=when("3 18:00"))
_SENT, _HERE = _order("shipment.created", "0 09:00"), _order("shipment.delivered", "2 15:00")
_MOBILE = (confirmed(line_kind="mobile", allowed_hours=2.0),)
EXAMPLES = (
    Example(title="SIM in hand, no service", kind="fires", given=(_SIM,), until=DAY, expect=_MOBILE),
    Example(title="the promised day passes", kind="fires", given=(_LINE,), until=4 * DAY,
            expect=(confirmed(line_kind="fixed", allowed_hours=80.0),)),
    Example(title="delivered, still dead", kind="fires", given=(_SENT, _SIM, _HERE), until=DAY, expect=_MOBILE),
    Example(title="still in the post", kind="silent", given=(_SENT, _SIM), until=DAY),
    Example(title="a router arrives, the line is for Thursday", kind="silent", until=DAY,
            given=(_order("order.created", "0 08:00", line_kind="fixed"), _order("shipment.delivered", "0 09:00"))),
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
