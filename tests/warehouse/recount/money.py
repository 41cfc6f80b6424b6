"""Bills and payments: indicators of 07_bills and 08_payments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from tests.warehouse.recount.facts import Facts
from tests.warehouse.recount.log import DAY, HOUR, Ev, Log, customer, firsts, ms, within
from tests.warehouse.recount.units import Units

FAILED = ("failed", "denied")
PAID = ("done", "captured")


def customer_bill(e: Ev) -> tuple[str, str]:
    """Key: the customer's bill."""
    return e.customer_id, e.bill_id


def _period(e: Ev) -> int:
    return ms(e.a["period_start"])


def bills(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("bill.issued"):
        units.add(e, cycle=_period(e))
    return units


def bill_amount(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("bill.issued"):
        if e.amount_minor is not None:
            units.add(e, hit=float(e.amount_minor), detail=e.currency, cycle=_period(e))
    return units


def disputes(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("bill.disputed"):
        units.add(e, detail=e.a.get("reason") or "unknown")
    return units


def bill_dispute_per_10k(log: Log, facts: Facts) -> Units:
    units = Units()
    disputed = log.keyed(customer_bill, "bill.disputed")
    for e in log.of("bill.issued"):
        if e.bill_id:
            found = within(disputed.get(customer_bill(e)), e.at, e.at + 60 * DAY)
            units.add(e, hit=float(bool(found)), cycle=_period(e))
    return units


def adjustment_value(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in log.of("bill.adjusted"):
        if e.amount_minor is not None and e.amount_minor < 0:
            units.add(e, hit=float(-e.amount_minor), detail=e.currency)
    return units


def _account(e: Ev) -> str:
    return e.account_id or e.customer_id


def _with_previous(log: Log) -> Iterator[tuple[Ev, int]]:
    """Every bill and the time of the one before it of the customer's account, or 100 days before."""
    last: dict[tuple[str, str], int] = {}
    for e in log.of("bill.issued"):
        key = (e.customer_id, _account(e))
        before = last.get(key)
        last[key] = e.at
        yield e, e.at - 100 * DAY if before is None or e.at - before > 100 * DAY else before


def bill_shock_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    shocks = defaultdict(list)
    for moment in facts.moments:
        if moment["detector_id"] == "N07" and moment["status"] != "retracted":
            shocks[moment["customer_id"], moment["scope"]].append(moment)
    for e, previous in _with_previous(log):
        shocked = any(
            previous <= one["anchor_at"] < e.at and one["decided_at"] <= e.at
            for one in shocks.get((e.customer_id, f"bills:{_account(e)}"), ())
        )
        units.add(e, hit=float(shocked), cycle=_period(e))
    return units


def bill_presented(log: Log, facts: Facts) -> Units:
    units = Units()
    ready = log.keyed(customer_bill, "notification.delivered")
    for e in log.of("bill.issued"):
        if e.bill_id and e.at + 72 * HOUR <= log.now:
            found = within(ready.get(customer_bill(e)), e.at, e.at + 72 * HOUR)
            units.add(e, hit=float(any(one.a["purpose"] == "bill_ready" for one in found)))
    return units


def _outcomes(log: Log) -> list[Ev]:
    return [e for e in log.of("payment.state_changed") if e.a["state"] in (*FAILED, *PAID)]


def payment_failure_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    for e in _outcomes(log):
        units.add(e, hit=float(e.a["state"] in FAILED), detail=e.a.get("method") or "unknown")
    return units


def payment_loop_rate(log: Log, facts: Facts) -> Units:
    units = Units()
    tries = log.keyed(customer, "payment.state_changed")
    for e in _outcomes(log):
        failed = [one for one in within(tries[e.customer_id], e.at - DAY, e.at) if one.a["state"] in FAILED]
        units.add(e, hit=float(e.a["state"] in FAILED and len(failed) >= 3))
    return units


def reconnect_p95(log: Log, facts: Facts) -> Units:
    units = Units()
    cut = log.keyed(customer, "service.suspended")
    payments = log.keyed(customer, "payment.state_changed")
    for e in log.of("service.restored"):
        stops = [one for one in within(cut.get(e.customer_id), e.at - 90 * DAY, e.at) if one.line_id == e.line_id]
        if not stops:
            continue
        paid = [one for one in within(payments.get(e.customer_id), stops[-1].at, e.at) if one.a["state"] in PAID]
        if paid:
            units.add(e, spread=(e.at - paid[0].at) / 1000)
    return units


def refund_key(e: Ev) -> Hashable:
    """What a refund is joined by: the payment, else the bill, else the customer."""
    if e.payment_id:
        return e.customer_id, "payment", e.payment_id
    return (e.customer_id, "bill", e.bill_id) if e.bill_id else (e.customer_id,)


def refund_on_time(log: Log, facts: Facts) -> Units:
    units = Units()
    issued = log.keyed(refund_key, "refund.issued")
    for e in firsts([e for e in log.of("refund.promised") if e.a.get("due_at")], refund_key, 60 * DAY):
        due = ms(e.a["due_at"])
        if e.at <= due <= e.at + 120 * DAY and due <= log.now:
            units.add(e, at=due, hit=float(bool(within(issued.get(refund_key(e)), e.at, due))))
    return units


def cancel_then_charged(log: Log, facts: Facts) -> Units:
    units = Units()
    gone = log.keyed(customer, "cancel.confirmed")
    stayed = log.keyed(customer, "contract.signed", "contract.renewed", "retention.offer_accepted", "service.activated")
    for e in log.of("charge.rated"):
        if e.a["kind"] != "recurring" or (e.amount_minor or 0) <= 0:
            continue
        before = [one for one in gone.get(e.customer_id, ()) if one.at < e.at]
        soon = before and e.at - before[-1].at <= 90 * DAY
        if soon and not within(stayed.get(e.customer_id), before[-1].at, e.at):
            units.add(e)
    return units


RECOUNTS = (
    bills,
    bill_amount,
    disputes,
    bill_dispute_per_10k,
    adjustment_value,
    bill_shock_rate,
    bill_presented,
    payment_failure_rate,
    payment_loop_rate,
    reconnect_p95,
    refund_on_time,
    cancel_then_charged,
)
