"""Dealer order lost.

## What it detects
A dealer or partner took an order and the operator does not know it, or does nothing with it.

## Why it matters
The customer holds a paper and believes he bought something. When he asks, nobody finds him: the first thing he learns
about his new operator is that it does not know him. The dealer already has his commission.

## How it decides
DEADLINE and STATE-CONFLICT, from order.submitted by a dealer or partner. Broken with no acknowledgement or state change
by 2 h, with no stock or shipment by 24 h, and at once when a contact cannot find the order. Exactly at the due time is
in time. A cancelled or rejected order is not expected any more. One moment per order; the earliest cause decides.

## Known gaps
All systems must carry the reference printed on the customer's paper as order id. Services without stock or shipment
need `supply_hours: null`. A cancellation without a state change is not seen. An id submitted again is the same order,
unless 31 days passed in which nothing was heard of it.

## Runbook
1. Look the reference up in the dealer portal and in order management; note the hop where it stops.
2. Register the order by hand, with the dealer's date and price.
3. Tell the customer that it exists and when it comes.
4. Put it on the dealer's scorecard; three losses of one dealer in a day: check the interface, not the orders.

## References
`domain/5-detectors.md` N03; TM Forum TMF622 (product order), TMF700 (shipping order).

## 中文
代理商或合作方已受理订单,但运营商 2 小时内没有确认、24 小时内没有备货或发货,或客户来询时查无此单。
每张订单只报一次,证据列出缺失的环节;订单在到期前取消或拒绝则不再等待。
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import NOTHING, BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed
from detectors.primitives import deadline, first, soonest, state_conflict
from detectors.words import in_words
from schemas.envelope import Channel, Event
from schemas.moments import Text
from schemas.times import DAY, HOUR

META = Meta(
    id="N03", name="dealer_order_lost", version=1,
    title=Text(zh="代理商订单丢失", en="Dealer order lost"),
    stage="purchase", touchpoint="dealer_order_placed", valence="negative", primitives=("deadline", "state_conflict"),
    consumes=(
        "order.submitted", "order.acknowledged", "order.state_changed", "stock.reserved", "shipment.created",
        "shipment.delivered", "interaction.lookup_failed",
    ),
    severity=BySeverity(5, 4, 4, 3), owner="channel", scope="big_service", keep_ms=31 * DAY,
    explanation=Text(
        zh="代理商提交的订单在 {waited_hours} 小时后仍无着落({why_zh})。",
        en="The dealer's order led nowhere after {waited_hours} hours ({why_en}).",
    ),
    recovery=Text(zh="人工补录订单并向客户确认;登记代理商记分卡。",
                  en="Register the order by hand, confirm it to the customer, note it on the dealer's scorecard."),
)  # fmt: skip


class DealerOrderParams(Params):
    """Hours to the first trace in order management and in stock (None: not expected); days in which a lookup counts."""

    channels: tuple[Channel, ...] = ("dealer", "partner")
    acknowledge_hours: float | None = 2
    supply_hours: float | None = 24
    lookup_days: int = 30

    @property
    def horizon_ms(self) -> int:
        """The longest of the three, in ms."""
        return int(max((self.acknowledge_hours or 0) * HOUR, (self.supply_hours or 0) * HOUR, self.lookup_days * DAY))


_KINDS = {
    "order.submitted": "submitted", "order.acknowledged": "acknowledged", "order.state_changed": "acknowledged",
    "stock.reserved": "supply", "shipment.created": "supply", "shipment.delivered": "supply",
    "interaction.lookup_failed": "not_found",
}  # fmt: skip
_ENDED = ("cancelled", "rejected")


def take(params: DealerOrderParams, event: Event) -> Taken | None:
    """A fact of the order: submitted, acknowledged, ended, supply or not_found."""
    if event.order_id is None:
        return None
    kind = _KINDS[event.event_type]
    if kind == "submitted" and event.channel not in params.channels:
        return None
    if event.event_type == "order.state_changed" and event.attributes.state in _ENDED:
        kind = "ended"
    return Taken(event.order_id, kind)


def judge(params: DealerOrderParams, facts: Sequence[Fact], now: int) -> Verdict:
    """At most one finding: the order's earliest broken expectation."""
    order = first(facts, ("submitted",))
    if order is None:
        return NOTHING
    causes, looks = [], []
    for name, kinds, hours, missing in (
        ("not_acknowledged", ("acknowledged", "ended"), params.acknowledge_hours, "order.acknowledged"),
        ("not_supplied", ("supply", "ended"), params.supply_hours, "stock.reserved"),
    ):
        if hours is not None:
            waiting = deadline(facts, kinds, order.at + int(hours * HOUR), now, since=order.at)
            looks.append(waiting.look_at)
            if waiting.broken_at is not None:
                causes.append((waiting.broken_at, name, missing))
    clash = state_conflict(facts, "submitted", "ended", "not_found")
    if clash is not None and clash[0] == order and clash[1].at - order.at <= params.lookup_days * DAY:
        causes.append((clash[1].at, "not_found", "order.acknowledged"))
    if not causes:
        return Verdict(look_at=soonest(looks))
    causes.sort()
    decided_at, _, missing = causes[0]
    waited = round((decided_at - order.at) / HOUR, 2)
    names = [name for _, name, _ in causes]
    measures = {"causes": ",".join(names), "waited_hours": waited, **in_words("why", names)}
    events = tuple(fact.event_id for fact in facts if fact.at >= order.at)
    return Verdict((Finding(order, decided_at, events, missing, measures=measures),), soonest(looks))


_order = about(order_id="o-1", tier="silver", region="henan")
_SENT = _order("order.submitted", "0 09:00", channel="dealer", dealer_id="d-7")
_KNOWN = _order("order.acknowledged", "0 11:00")
_STOCK = _order("stock.reserved", "0 20:00")
_LOST = (confirmed(causes="not_acknowledged,not_supplied", waited_hours=2.0),)
EXAMPLES = (
    Example(title="nobody ever acknowledges", kind="fires", given=(_SENT,), until=2 * DAY, expect=_LOST),
    Example(title="known but never supplied", kind="fires", given=(_SENT, _KNOWN), until=2 * DAY,
            expect=(confirmed(causes="not_supplied", waited_hours=24.0),)),
    Example(title="a contact cannot find it", kind="fires", expect=(confirmed(causes="not_found"),),
            given=(_SENT, _KNOWN, _order("interaction.lookup_failed", "0 14:00", looked_for="order"), _STOCK)),
    Example(title="known and supplied", kind="silent", given=(_SENT, _KNOWN, _STOCK), until=2 * DAY),
    Example(title="acknowledged exactly at two hours", kind="boundary", given=(_SENT, _KNOWN, _STOCK), until=2 * DAY),
    Example(title="acknowledged a millisecond late", kind="boundary", until=DAY,
            given=(_SENT, _order("order.acknowledged", "0 11:00:00.001"), _STOCK),
            expect=(confirmed(causes="not_acknowledged"),)),
    Example(title="stock before the dealer's word", kind="out_of_order", until=2 * DAY,
            given=(_order("stock.reserved", "0 09:50"), _order("order.acknowledged", "0 09:30"), _SENT)),
    Example(title="the acknowledgement comes late in the log", kind="retracted", until=2 * DAY,
            given=(_SENT, _order("stock.reserved", "0 11:40"), _KNOWN)),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=DealerOrderParams(), take=take, judge=judge, examples=EXAMPLES)
