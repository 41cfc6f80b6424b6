"""Units counted by hand: logs of a few events at the edges of windows, with ties and everything stored twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from streams.sinks.clickhouse import ClickHouseSink, open_client
from streams.warehouse.customers import count_population, note_customers
from tests.warehouse.minilog import MiniLog

CONTACT = "interaction.contact_completed"
TABLES = ("events", "moments", "handoffs", "customer_states", "customers", "population", "policy_steps")


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, ClickHouseSink]]:
    folder = tmp_path_factory.mktemp("units")
    client = open_client(folder / "clickhouse")
    yield client, ClickHouseSink(client, folder)
    client.close()


@pytest.fixture
def log(sink: tuple[Any, ClickHouseSink]) -> MiniLog:
    for table in TABLES:
        sink[0].command(f"TRUNCATE TABLE {table}")
    return MiniLog(*sink)


def test_first_contact_resolution_and_repeats(log: MiniLog) -> None:
    log.happens("edge", "0 10:00", CONTACT, reason="bill", resolved=True)
    log.happens("edge", "7 10:00", CONTACT, reason="bill", resolved=True)  # exactly seven days
    log.happens("edge", "14 10:00:00.001", CONTACT, reason="bill", resolved=True)  # a millisecond more
    log.happens("other", "0 10:00", CONTACT, reason="bill", resolved=True)
    log.happens("other", "1 10:00", CONTACT, reason="roaming", resolved=True)
    log.happens("other", "2 10:00", CONTACT, reason="bill", resolved=True, direction="outbound")
    log.happens("tie", "3 10:00", CONTACT, id="t2", reason="bill", resolved=False)
    log.happens("tie", "3 10:00", CONTACT, id="t1", reason="bill", resolved=True)
    log.now("15 00:00")
    assert log.units("fcr_7d") == [
        ("edge", "0 10:00", 0),
        ("other", "0 10:00", 1),
        ("other", "1 10:00", 1),
        ("tie", "3 10:00", 0),
        ("edge", "7 10:00", 1),
        ("edge", "14 10:00:00.001", 1),
    ]
    assert log.units("repeat_contact_7d") == [
        ("edge", "0 10:00", 0),
        ("other", "0 10:00", 0),
        ("other", "1 10:00", 0),
        ("tie", "3 10:00", 0),
        ("tie", "3 10:00", 1),
        ("edge", "7 10:00", 1),
        ("edge", "14 10:00:00.001", 0),
    ]


def test_channel_switches_look_at_the_contact_just_before(log: MiniLog) -> None:
    for day, channel in ((0, "app"), (1, "call_centre"), (2, "call_centre"), (9, "app"), (17, "store")):
        log.happens("c", f"{day} 10:00", CONTACT, reason="bill", channel=channel)
    log.happens("c", "1 12:00", CONTACT, reason="roaming", channel="web")
    log.now("20 00:00")
    assert log.units("channel_switches") == [("c", "1 10:00", 1), ("c", "9 10:00", 1)]
    assert log.units("channel_switch_delay_p50") == [("c", "1 10:00", 86_400), ("c", "9 10:00", 604_800)]


def test_transfers_belong_to_their_contact(log: MiniLog) -> None:
    log.happens("c", "0 10:00", "interaction.transferred", interaction_id="i1", from_desk="a", to_desk="b")
    log.happens("c", "0 10:05", CONTACT, interaction_id="i1", reason="bill")
    log.happens("c", "0 11:00", CONTACT, interaction_id="i2", reason="bill")
    log.happens("c", "0 12:00", CONTACT, reason="bill")  # no id: not judged
    log.happens("d", "0 10:00", CONTACT, interaction_id="i1", reason="bill")  # another customer's i1
    log.now("1 00:00")
    assert log.units("transfer_rate") == [("d", "0 10:00", 0), ("c", "0 10:05", 1), ("c", "0 11:00", 0)]


def test_orders_lost_between_partner_and_operator(log: MiniLog) -> None:
    def sent(order: str, text: str, channel: str = "dealer") -> None:
        log.happens("c", text, "order.submitted", order_id=order, channel=channel)

    sent("in time", "0 10:00")
    log.happens("c", "0 12:00", "order.acknowledged", order_id="in time")
    sent("late", "0 10:01")
    log.happens("c", "0 12:01:00.001", "order.acknowledged", order_id="late")
    sent("state", "0 10:02", "partner")
    log.happens("c", "0 10:02", "order.state_changed", order_id="state", state="cancelled")
    sent("again", "0 10:03")
    sent("again", "31 10:03")  # exactly 31 days: the same order
    sent("again", "62 10:03:00.001")
    sent("web", "0 10:04", "web")
    sent("unripe", "62 10:04")
    log.now("62 12:03:59.999")
    assert log.units("handoff_loss") == [
        ("c", "0 10:00", 0),
        ("c", "0 10:01", 1),
        ("c", "0 10:02", 0),
        ("c", "0 10:03", 1),
        ("c", "62 10:03:00.001", 1),
    ]


def test_complaints_that_came_back(log: MiniLog) -> None:
    def tells(customer: str, text: str, what: str, ticket: str, category: str = "bill", **more: Any) -> None:
        log.happens(customer, text, f"complaint.{what}", ticket_id=ticket, category=category, **more)

    tells("edge", "0 10:00", "closed", "k1")
    tells("edge", "30 10:00", "opened", "k2")  # exactly thirty days, another ticket
    tells("over", "0 11:00", "closed", "k1")
    tells("over", "30 11:00:00.001", "opened", "k2")
    tells("reopened", "0 12:00", "closed", "k1")
    tells("reopened", "3 12:00", "reopened", "k1", category="other words")
    tells("reopened", "4 12:00", "closed", "k1")
    tells("else", "0 13:00", "closed", "k1")
    tells("else", "1 13:00", "opened", "k2", category="coverage")
    tells("else", "1 14:00", "opened", "k1")  # the same ticket, opened again by its system: no new complaint
    tells("tie", "0 14:00", "closed", "k1", id="x1")
    tells("tie", "0 14:00", "reopened", "k1", id="x0")  # before the closing, by its id
    log.now("31 00:00")
    assert log.units("complaint_reopen_30d") == [
        ("edge", "0 10:00", 1),
        ("over", "0 11:00", 0),
        ("reopened", "0 12:00", 1),
        ("else", "0 13:00", 0),
        ("tie", "0 14:00", 0),
        ("reopened", "4 12:00", 0),
    ]


def test_a_complaint_on_both_clocks(log: MiniLog) -> None:
    log.happens("c", "0 00:00", CONTACT, reason="bill")  # more than thirty days before: another matter
    log.happens("c", "31 08:00", CONTACT, reason="bill")
    log.happens("c", "31 09:00", CONTACT, reason="roaming")
    log.happens("c", "32 10:00", "complaint.opened", ticket_id="k", category="bill")
    log.happens("c", "32 12:00", "ticket.state_changed", ticket_id="k", state="held")
    log.happens("c", "32 18:00", "ticket.state_changed", ticket_id="k", state="inProgress")
    log.happens("c", "33 00:00", "ticket.state_changed", ticket_id="k", state="pending")
    log.happens("c", "33 10:00", "complaint.resolved", ticket_id="k")
    log.happens("c", "33 11:00", "complaint.closed", ticket_id="k")
    log.happens("c", "34 11:00", "complaint.reopened", ticket_id="k")
    log.happens("c", "35 08:00", "complaint.closed", ticket_id="k")
    log.happens("unopened", "35 09:00", "complaint.closed", ticket_id="k")
    log.now("40 00:00")
    assert log.units("complaint_time_p90") == [("c", "35 08:00", 4 * 86_400)]
    assert log.units("complaint_time_operator_p90") == [("c", "33 10:00", (24 - 6 - 10) * 3600)]


def test_promises_on_the_customers_clock(log: MiniLog) -> None:
    def promised(name: str, due: str, kept: str = "", confirmed: str = "", asked: str = "0 08:00") -> None:
        at = {"due_at": f"2026-03-{2 + int(due[0]):02}T{due[2:]}:00Z", "asked_at": f"2026-03-02T{asked[2:]}:00Z"}
        log.happens(name, "0 10:00", "commitment.made", commitment_id=name, **at)
        if kept:
            log.happens(name, kept, "commitment.fulfilled", commitment_id=name)
        if confirmed:
            log.happens(name, confirmed, "commitment.confirmed", commitment_id=name)

    promised("at due", "1 08:00", kept="1 08:00", confirmed="1 20:00")  # 36 h of 24 h: exactly 1.5 times
    promised("too long", "1 08:00", kept="1 08:00", confirmed="1 20:00:00.001")
    promised("late", "1 08:00", kept="1 08:00:00.001")
    promised("never", "1 08:00")
    promised("told only", "1 08:00", confirmed="1 07:00")
    promised("unripe", "6 08:00", kept="1 08:00")
    log.now("5 00:00")
    assert {name: hit for name, _, hit in log.units("promise_kept")} == {
        "at due": 1,
        "too long": 0,
        "late": 0,
        "never": 0,
        "told only": 0,
    }
    assert {at for _, at, _ in log.units("promise_kept")} == {"1 08:00"}


def test_notices_owed_by_packs(log: MiniLog, sink: tuple[Any, ClickHouseSink]) -> None:
    step = {"clause": "x", "within_ms": 300_000, "effective_from": "2026-03-03", "active": True}
    entry = {"pack": "own", "metric": "roaming_entry", "purpose": "roaming_tariff", "percent": 0}
    allowance = {"pack": "law", "metric": "allowance", "purpose": "allowance", "percent": 80}
    sink[1].write_rows("policy_steps", [{**step, **entry}, {**step, **allowance}, {**step, **allowance, "pack": "ended",
                       "effective_to": "2026-03-03"}, {**step, **entry, "pack": "off", "active": False}])  # fmt: skip

    def lands(customer: str, text: str, told: str = "", trip: str = "T", told_trip: str = "T") -> None:
        log.happens(customer, text, "roaming.attached", trip_id=trip, country="FR")
        if told:
            log.happens(customer, told, "notification.sent", trip_id=told_trip, purpose="roaming_tariff")
            log.happens(customer, told, "notification.delivered", trip_id=told_trip, purpose="roaming_tariff")

    lands("before the law", "0 10:00")
    lands("at five", "1 10:00", "1 10:05")
    lands("at five", "1 11:00")  # the same trip goes on
    lands("too late", "1 10:00", "1 10:05:00.001")
    lands("wrong trip", "1 10:00", "1 10:01", told_trip="U")
    lands("unripe", "9 10:00", "9 10:01")
    for customer, told in (("eighty", 80), ("fifty", 50), ("hundred", 100)):
        log.happens(customer, "2 10:00", "usage.threshold_crossed", allowance="data", percent=80)
        log.happens(customer, "2 10:01", "notification.delivered", purpose="allowance", percent=told)
    log.now("9 10:04")
    assert log.units("notified_before_charge") == [
        ("at five", "1 10:05", 1),
        ("too late", "1 10:05", 0),
        ("wrong trip", "1 10:05", 0),
        ("eighty", "2 10:05", 1),
        ("fifty", "2 10:05", 0),
        ("hundred", "2 10:05", 1),
    ]
    assert log.units("notices_due") == [(who, at, 1) for who, at, _ in log.units("notified_before_charge")]
    assert [hit for _, _, hit in log.units("notices_sent")] == [1, 0, 0, 0, 0, 0]
    assert log.units("notice_latency_p95")[:2] == [("at five", "1 10:00", 300), ("too late", "1 10:00", 300.001)]


def test_notices_owed_as_roaming_money_runs_up(log: MiniLog, sink: tuple[Any, ClickHouseSink]) -> None:
    step = {"pack": "own", "clause": "x", "metric": "roaming_spend", "purpose": "roaming_limit", "within_ms": 300_000,
            "limit_minor": 30_000, "currency": "CNY", "effective_from": "2026-01-01", "active": True}  # fmt: skip
    sink[1].write_rows("policy_steps", [{**step, "percent": 80}, {**step, "percent": 100}])

    def spends(customer: str, text: str, amount: int, currency: str = "CNY", trip: str = "T", **more: Any) -> None:
        said = {"kind": "data", "roaming": True, **more}
        log.happens(customer, text, "charge.rated", amount_minor=amount, currency=currency, trip_id=trip, **said)

    spends("warned", "0 10:00", 23_999)
    spends("warned", "0 11:00", 1)  # 80 %
    log.happens("warned", "0 11:05", "notification.delivered", trip_id="T", purpose="roaming_limit", percent=80)
    spends("warned", "0 12:00", 6_000)  # 100 %, nobody told
    spends("warned", "0 13:00", 9_000)  # beyond: owed once
    spends("home", "0 10:00", 40_000, roaming=False)
    spends("euros", "0 10:00", 40_000, currency="EUR")
    spends("two trips", "0 10:00", 20_000)
    spends("two trips", "0 11:00", 20_000, trip="U")
    spends("slow", "0 10:00", 20_000)
    spends("slow", "30 10:00:00.001", 20_000)  # the first has left the 30 days
    spends("at once", "1 10:00", 40_000)
    log.now("40 00:00")
    assert log.units("notified_before_charge") == [
        ("warned", "0 11:05", 1),
        ("warned", "0 12:05", 0),
        ("at once", "1 10:05", 0),
        ("at once", "1 10:05", 0),
    ]


def test_a_shock_meets_one_bill(log: MiniLog) -> None:
    for number, day in enumerate((0, 30, 60)):
        start = {"period_start": f"2026-0{2 + number}-01T00:00:00Z", "period_end": f"2026-0{3 + number}-01T00:00:00Z"}
        log.happens("c", f"{day} 02:00", "bill.issued", bill_id=f"b{number}", **start)
    shock = {"detector_id": "N07", "scope": "bills:c", "anchor": "0 02:00"}
    log.decided("c", "30 02:00", **shock)  # decided by the second bill, in the third's period
    log.decided("c", "50 02:00", **{**shock, "anchor": "30 02:00"}, status="retracted")
    log.decided("c", "50 02:00", **{**shock, "anchor": "30 02:00", "scope": "bills:another"})
    log.now("61 00:00")
    assert log.units("bill_shock_rate") == [("c", "0 02:00", 0), ("c", "30 02:00", 1), ("c", "60 02:00", 0)]
    assert log.units("bill_dispute_per_10k") == [("c", f"{day} 02:00", 0) for day in (0, 30, 60)]


def test_who_heard_of_the_outage_from_us(log: MiniLog) -> None:
    def told(customer: str, text: str, outage: str = "o") -> None:
        log.happens(customer, text, "notification.delivered", outage_id=outage, purpose="outage")

    for customer in ("first", "same time", "asked first", "never", "late", "other outage"):
        log.happens(customer, "0 10:00", "outage.started", outage_id="o")
    told("first", "0 10:05")
    log.happens("first", "0 10:06", "ticket.opened", ticket_id="k")
    told("same time", "0 10:05")
    log.happens("same time", "0 10:05", CONTACT, reason="slow")
    log.happens("asked first", "0 10:04", "complaint.opened", category="coverage")
    told("asked first", "0 10:05")
    told("late", "1 10:00:00.001")
    told("other outage", "0 10:05", "p")
    log.happens("first", "0 10:30", "outage.started", outage_id="o")  # the same outage
    log.happens("unripe", "1 09:00", "outage.started", outage_id="q")
    log.now("2 00:00")
    assert {who: hit for who, _, hit in log.units("outage_told_first")} == {
        "first": 1,
        "same time": 0,
        "asked first": 0,
        "never": 0,
        "late": 0,
        "other outage": 0,
    }


def test_a_working_day_for_ports(log: MiniLog) -> None:
    def ports(customer: str, asked: str, done: str, state: str = "completed") -> None:
        log.happens(customer, asked, "port_in.state_changed", state="requested")
        log.happens(customer, done, "port_in.state_changed", state=state)

    ports("thursday", "3 10:00", "4 10:00")
    ports("friday", "4 10:00", "7 10:00")  # Monday, the same hour
    ports("friday late", "4 10:00", "7 10:00:00.001")
    ports("saturday", "5 10:00", "8 00:00")  # Tuesday, midnight
    ports("sunday late", "6 10:00", "8 00:00:00.001")
    ports("rejected", "3 10:00", "3 11:00", "rejected")
    log.happens("friday", "5 10:00", "port_in.state_changed", state="requested")  # asked again
    log.happens("unripe", "8 10:00", "port_in.state_changed", state="requested")
    log.now("9 09:00")
    assert log.units("port_in_1wd") == [
        ("thursday", "3 10:00", 1),
        ("friday", "4 10:00", 1),
        ("friday late", "4 10:00", 0),
        ("saturday", "5 10:00", 1),
        ("sunday late", "6 10:00", 0),
    ]


def test_terms_that_end(log: MiniLog) -> None:
    for customer in ("edge", "too late", "by notice", "superseded", "gone"):
        log.happens(customer, "0 10:00", "contract.end_scheduled", ends_at="2026-05-01T00:00:00Z")  # day 60
    log.happens("edge", "50 00:00", "interaction.renewal_contacted")  # ten days before
    log.happens("too late", "50 00:00:00.001", "interaction.renewal_contacted")
    log.happens("by notice", "20 00:00", "notification.delivered", purpose="contract_end")  # forty days before
    log.happens("by notice", "1 10:00", "contract.end_scheduled", ends_at="2026-05-01T00:00:00Z")  # said again
    log.happens("superseded", "5 10:00", "contract.end_scheduled", ends_at="2026-06-01T00:00:00Z")
    log.happens("gone", "40 00:00", "churn.confirmed")
    log.now("61 00:00")
    assert log.units("expiry_contacted") == [
        ("by notice", "60 00:00", 1),
        ("edge", "60 00:00", 1),
        ("too late", "60 00:00", 0),
    ]


def test_matters_handed_back(log: MiniLog) -> None:
    log.passed("c", "0 10:00", "care/1>billing", event_id="b")
    log.passed("c", "0 10:00", "billing>care/1", event_id="a")  # before the other, by its id
    log.passed("c", "0 11:00", "billing>network")
    log.passed("c", "0 12:00", "network>care/1")
    log.passed("c", "0 13:00", "care/1>care/1")
    log.passed("c", "40 13:00", "care/1>network")  # it left network more than thirty days before
    log.passed("c", "0 12:30", "x>care/1", case="another")
    log.now("41 00:00")
    assert [hit for _, at, hit in log.units("handoff_return_rate") if at == "0 10:00"] == [0, 1]
    assert log.units("handoff_return_rate")[2:] == [
        ("c", "0 11:00", 0),
        ("c", "0 12:00", 1),
        ("c", "0 12:30", 0),
        ("c", "40 13:00", 0),
    ]


def test_what_came_of_moments(log: MiniLog) -> None:
    log.decided("edge", "0 10:00")
    log.happens("edge", "30 10:00", "churn.confirmed")
    log.happens("edge", "31 10:00", "complaint.opened", category="bill")
    log.decided("same time", "0 10:00")
    log.happens("same time", "0 10:00", "complaint.opened", category="bill")
    log.decided("pending", "0 10:00", status="pending")
    log.decided("good", "0 10:00", valence="positive")
    log.decided("unripe", "20 10:00")
    log.now("40 00:00")
    assert log.units("moment_outcome_30d") == [("edge", "0 10:00", 1), ("same time", "0 10:00", 0)]
    assert log.units("moment_lead_time_p50") == [("edge", "0 10:00", 30 * 86_400)]


def test_money_after_leaving_and_service_after_paying(log: MiniLog) -> None:
    charge = {"amount_minor": 5000, "currency": "CNY", "kind": "recurring"}
    log.happens("c", "0 10:00", "cancel.confirmed")
    log.happens("c", "0 10:00", "charge.rated", **charge)  # at the same time: not after
    log.happens("c", "90 10:00", "charge.rated", **charge)
    log.happens("c", "90 10:00:00.001", "charge.rated", **charge)
    log.happens("stayed", "0 10:00", "cancel.confirmed")
    log.happens("stayed", "1 10:00", "retention.offer_accepted")
    log.happens("stayed", "2 10:00", "charge.rated", **charge)
    log.happens("cut", "1 10:00", "payment.state_changed", state="done")
    log.happens("cut", "2 10:00", "service.suspended")
    log.happens("cut", "3 10:00", "payment.state_changed", state="failed")
    log.happens("cut", "3 11:00", "payment.state_changed", state="done")
    log.happens("cut", "3 11:30", "payment.state_changed", state="done")
    log.happens("cut", "3 12:00", "service.restored")
    log.happens("cut", "3 13:00", "service.restored", line_id="never suspended")
    log.now("91 00:00")
    assert log.units("cancel_then_charged") == [("c", "90 10:00", 1)]
    assert log.units("reconnect_p95") == [("cut", "3 12:00", 3600)]


def test_loops_of_failing_payments(log: MiniLog) -> None:
    for text in ("0 10:00", "0 20:00", "1 10:00"):  # the first exactly a day before the last
        log.happens("loop", text, "payment.state_changed", state="failed")
    for text in ("0 10:00", "0 20:00", "1 10:00:00.001"):
        log.happens("slow", text, "payment.state_changed", state="denied")
    log.happens("fine", "0 10:00", "payment.state_changed", state="done")
    log.happens("open", "0 10:00", "payment.state_changed", state="authorized")
    log.now("2 00:00")
    found = log.units("payment_loop_rate")
    assert [one for one in found if one[2]] == [("loop", "1 10:00", 1)]
    assert {who for who, _, _ in found} == {"loop", "slow", "fine"}


def test_from_the_sim_in_hand_to_service(log: MiniLog) -> None:
    def order(customer: str, *steps: tuple[str, str], line_kind: str = "mobile") -> None:
        for text, what in steps:
            kind = {"line_kind": line_kind} if what in {"sim.provisioned", "service.activated"} else {}
            log.happens(customer, text, what, order_id="o", **kind)

    order("store", ("0 10:00", "sim.provisioned"), ("0 11:00", "service.activated"))
    order("post", ("0 09:00", "shipment.created"), ("0 09:30", "sim.provisioned"), ("2 10:00", "shipment.delivered"),
          ("2 10:30", "service.activated"), ("3 10:30", "service.activated"))  # fmt: skip
    order(
        "on its way", ("0 09:00", "shipment.created"), ("0 09:30", "sim.provisioned"), ("0 10:00", "service.activated")
    )
    order("fixed", ("0 10:00", "sim.provisioned"), ("0 11:00", "service.activated"), line_kind="fixed")
    log.now("5 00:00")
    assert log.units("activate_time_p90") == [("store", "0 11:00", 3600), ("post", "2 10:30", 1800)]


def test_pence_for_slow_repairs(log: MiniLog) -> None:
    for customer, opened, solved in (
        ("monday in time", "0 23:00", "3 00:00"),
        ("monday late", "0 23:00", "3 00:00:00.001"),
        ("thursday", "3 10:00", "9 12:00"),  # Friday and Monday are full: from Tuesday on, two days begun
        ("saturday", "5 10:00", "9 00:00"),
    ):
        log.happens(customer, opened, "ticket.opened", ticket_id="k")
        log.happens(customer, solved, "ticket.resolved", ticket_id="k")
    log.now("20 00:00")
    assert log.units("uk_repair_compensation") == [
        ("monday late", "3 00:00:00.001", 1034),
        ("thursday", "9 12:00", 2068),
    ]


def test_valued_customers_day_by_day(log: MiniLog) -> None:
    log.happens("v", "0 10:00", "account.manager_changed", manager_id="m1", tier="gold")
    log.happens("v", "1 10:00", "interaction.outbound_call_completed", tier="gold")
    log.happens("w", "1 12:00", "app.logged_in", tier="diamond")
    log.happens("w", "2 12:00", CONTACT, reason="bill", tier="diamond", channel="call_centre")  # he called us
    log.happens("gone", "0 12:00", "account.reviewed", tier="silver")
    log.happens("gone", "1 12:00", "churn.confirmed", tier="silver")
    log.happens("plain", "0 12:00", "account.reviewed", tier="normal")
    log.now("32 00:00")
    note_customers(log.client, "toDateTime(0, 'UTC')")
    count_population(log.client, 1)
    found = log.units("vip_contact_coverage_30d")
    assert found[:5] == [
        ("gone", "0 00:00", 1),
        ("v", "0 00:00", 0),
        ("v", "1 00:00", 1),
        ("w", "1 00:00", 0),
        ("v", "2 00:00", 1),
    ]
    assert [hit for who, at, hit in found if who == "v" and int(at.split()[0]) >= 29] == [1, 1, 0, 0]
    assert not any(hit for who, _, hit in found if who == "w")
    assert len(log.units("manager_book")) == 33
    assert log.units("manager_book")[0] == ("v", "0 00:00", 1)
