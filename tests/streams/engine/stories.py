"""A detector small enough to reason about by hand, and events for it.

An order must be acknowledged within two hours; `order.amended` counts the amendments; `order.state_changed` cancelled
withdraws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from detectors.base import BySeverity, Detector, Fact, Finding, Meta, Params, Taken, Verdict
from schemas.envelope import Attributes, Event
from schemas.moments import Text
from schemas.times import DAY, HOUR, from_ms
from streams.engine.effects import Effects
from streams.engine.engine import Engine
from streams.runners.results import MomentLedger

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Patience(Params):
    within_ms: int = 2 * HOUR

    @property
    def horizon_ms(self) -> int:
        return self.within_ms


_KINDS = {
    "order.submitted": "placed",
    "order.acknowledged": "known",
    "order.amended": "amended",
    "order.state_changed": "cancelled",
}


def take(params: Patience, event: Event) -> Taken | None:
    if event.order_id == "raise":
        raise ZeroDivisionError("planted")
    return Taken(event.order_id or "", _KINDS[event.event_type])


def judge(params: Patience, facts: Sequence[Fact], now: int) -> Verdict:
    if any(fact.note == "boom" for fact in facts):
        raise ZeroDivisionError("planted")
    placed = next((fact for fact in facts if fact.kind == "placed"), None)
    if placed is None:
        return Verdict()
    due = placed.at + params.within_ms
    if any(fact.kind == "known" and fact.at <= due for fact in facts):
        return Verdict()
    if now < due:
        return Verdict(look_at=due)
    amended = sum(fact.kind == "amended" and fact.at >= placed.at for fact in facts)
    cancelled = next((fact.at for fact in facts if fact.kind == "cancelled" and fact.at >= due), None)
    finding = Finding(
        anchor=placed,
        decided_at=due,
        events=(placed.event_id,),
        missing="order.acknowledged",
        measures={"amended": amended},
        retracted_at=cancelled,
    )
    return Verdict((finding,))


def detector(**meta: Any) -> Detector[Patience]:
    fields: dict[str, Any] = {
        "id": "T01",
        "name": "order_unacknowledged",
        "version": 1,
        "title": Text(zh="订单未确认", en="Order not acknowledged"),
        "stage": "purchase",
        "touchpoint": "dealer_order_placed",
        "valence": "negative",
        "primitives": ("deadline",),
        "consumes": tuple(_KINDS),
        "severity": BySeverity(5, 4, 3, 2),
        "owner": "channel",
        "scope": "big_service",
        "explanation": Text(zh="修改 {amended} 次", en="amended {amended} times"),
        "recovery": Text(zh="登记", en="register"),
        "keep_ms": 3 * DAY,
    }
    return Detector(meta=Meta(**(fields | meta)), params=Patience(), take=take, judge=judge)


def event(kind: str, after_ms: int, *, id: str | None = None, customer: str = "c1", **fields: Any) -> Event:
    """An event `after_ms` after START; its id is derived from all that is given unless named."""
    known: Mapping[str, Any] = {"order_id": "o1", "tier": "gold", "channel": "dealer", "attributes": Attributes()}
    return Event(
        event_id=id or f"{kind}-{customer}-{after_ms}-{fields.get('order_id', 'o1')}",
        event_type=kind,
        occurred_at=from_ms(START + after_ms),
        recorded_at=from_ms(START + after_ms) + timedelta(seconds=1),
        customer_id=customer,
        **{**known, **fields},
    )


def said(effects: Effects) -> list[tuple[str, str]]:
    """(status, scope) of the moments an engine spoke of."""
    return [(moment.status, moment.scope) for _, moment in effects.moments]


def final(engines: Sequence[Engine], effects: Sequence[Effects]) -> list[str]:
    """The canonical moments after `engines` have come to the end of the log together."""
    ledger = MomentLedger()
    for one in effects:
        ledger.take(one.moments)
    end = max(engine.front for engine in engines)
    for engine in engines:
        ledger.take(engine.finish(end).moments)
    return [moment.model_dump_json() for moment in ledger.final()]
