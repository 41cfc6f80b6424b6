"""Dealer order lost, promise against experience, activation late: every expectation, to the millisecond."""

from __future__ import annotations

import pytest

from detectors.base import Finding
from detectors.examples import about, when
from detectors.words import WORDS, in_words, word
from schemas.envelope import Event
from schemas.times import DAY, HOUR, to_ms
from tests.detectors.stories import detector, told

order = about(order_id="o-1")
SENT = order("order.submitted", "0 09:00", channel="dealer")
KNOWN = order("order.acknowledged", "0 09:30")
STOCK = order("stock.reserved", "0 10:00")
promise = about(commitment_id="p-1")


def causes(findings: list[Finding]) -> list[object]:
    return [finding.measures["causes"] for finding in findings]


def anchors(findings: list[Finding]) -> list[str]:
    return [finding.anchor.event_id for finding in findings]


def survey(at: str, score: int, instrument: str = "nps", **other: object) -> Event:
    return promise("survey.answered", at, score=score, instrument=instrument, **other)


@pytest.mark.parametrize("channel", ["web", "store", "app"])
def test_the_operators_own_orders_are_not_dealers(channel: str) -> None:
    assert told(detector("N03"), [order("order.submitted", "0 09:00", channel=channel)], 5 * DAY) == []


def test_a_partners_order_is_a_dealers() -> None:
    (moment,) = told(detector("N03"), [order("order.submitted", "0 09:00", channel="partner")], 3 * HOUR)
    assert moment.decided_at == to_ms(when("0 11:00"))
    assert moment.missing == "order.acknowledged"


@pytest.mark.parametrize(
    ("supply", "at", "expected"),
    [
        ("stock.reserved", "1 09:00", []),
        ("shipment.created", "1 09:00", []),
        ("shipment.delivered", "1 09:00", []),
        ("stock.reserved", "1 09:00:00.001", ["not_supplied"]),
    ],
)
def test_stock_or_shipment_within_a_day(supply: str, at: str, expected: list[str]) -> None:
    assert causes(told(detector("N03"), [SENT, KNOWN, order(supply, at)], DAY)) == expected


def test_any_state_change_shows_that_the_operator_knows_it() -> None:
    assert told(detector("N03"), [SENT, order("order.state_changed", "0 10:59", state="pending"), STOCK], 2 * DAY) == []


@pytest.mark.parametrize("state", ["cancelled", "rejected"])
def test_an_order_that_ended_in_time_is_not_expected(state: str) -> None:
    ended = order("order.state_changed", "0 10:00", state=state)
    lookup = order("interaction.lookup_failed", "0 12:00", looked_for="order")
    assert told(detector("N03"), [SENT, ended, lookup], 2 * DAY) == []


def test_an_order_that_ended_too_late_was_lost() -> None:
    ended = order("order.state_changed", "0 20:00", state="cancelled")
    assert causes(told(detector("N03"), [SENT, ended], 2 * DAY)) == ["not_acknowledged"]


def test_a_contact_that_cannot_find_it_decides_at_once_and_stays_the_first_cause() -> None:
    lookup = order("interaction.lookup_failed", "0 09:40", looked_for="order")
    (moment,) = told(detector("N03"), [SENT, lookup], 2 * DAY)
    assert moment.decided_at == to_ms(when("0 09:40"))
    assert moment.measures["causes"] == "not_found,not_acknowledged,not_supplied"
    assert moment.measures["waited_hours"] == 0.67


@pytest.mark.parametrize(("at", "fires"), [("30 09:00", True), ("30 09:00:00.001", False)])
def test_a_lookup_counts_for_thirty_days(at: str, fires: bool) -> None:
    lookup = order("interaction.lookup_failed", at, looked_for="order")
    assert causes(told(detector("N03"), [SENT, KNOWN, STOCK, lookup])) == ["not_found"] * fires


def test_a_contact_that_asked_before_the_order_is_no_conflict() -> None:
    lookup = order("interaction.lookup_failed", "0 08:00", looked_for="order")
    assert told(detector("N03"), [lookup, SENT, KNOWN, STOCK], 2 * DAY) == []


def test_services_without_stock_wait_for_none() -> None:
    assert told(detector("N03", supply_hours=None), [SENT, KNOWN], 5 * DAY) == []


def test_a_promise_with_the_date_already_past_is_broken_when_it_is_made() -> None:
    made = promise("commitment.made", "1 10:00", due_at=when("0 10:00"))
    (moment,) = told(detector("N05"), [made])
    assert moment.decided_at == to_ms(when("1 10:00"))


def test_the_first_word_counts() -> None:
    made = promise("commitment.made", "0 10:00", due_at=when("1 10:00"))
    again = promise("commitment.made", "0 20:00", due_at=when("9 10:00"))
    (moment,) = told(detector("N05"), [made, again], 3 * DAY)
    assert moment.decided_at == to_ms(when("1 10:00"))


def test_both_clocks_stand_side_by_side() -> None:
    story = [
        promise("commitment.made", "0 12:00", due_at=when("1 10:00"), asked_at=when("0 10:00")),
        promise("commitment.fulfilled", "1 09:00", operator_elapsed_minutes=300),
        promise("commitment.confirmed", "2 10:00"),
    ]
    (moment,) = told(detector("N05"), story)
    assert dict(moment.measures) == {
        "cause": "customer_clock",
        "promised_minutes": 1440,
        "customer_minutes": 2880,
        "operator_minutes": 300,
        "why_zh": "仅按运营商时钟按时",
        "why_en": "kept by our clock only",
    }
    assert moment.missing is None


@pytest.mark.parametrize(
    ("answer", "fires"),
    [
        (survey("8 09:00", 6), True),
        (survey("8 09:00:00.001", 6), False),
        (survey("3 10:00", 7), False),
        (survey("3 10:00", 2, "csat"), True),
        (survey("3 10:00", 3, "csat"), False),
        (survey("3 10:00", 0, "ces"), False),
        (survey("3 10:00", 0, commitment_id=None), False),
        (survey("3 10:00", 0, commitment_id="p-2"), False),
    ],
)
def test_only_a_bad_answer_on_this_promise_within_a_week_counts(answer: Event, fires: bool) -> None:
    story = [
        promise("commitment.made", "0 10:00", due_at=when("1 10:00")),
        promise("commitment.fulfilled", "1 09:00"),
        answer,
    ]
    assert [moment.measures["cause"] for moment in told(detector("N05"), story)] == ["survey"] * fires


def test_a_customer_who_never_confirms_is_judged_by_the_operators_clock() -> None:
    story = [promise("commitment.made", "0 10:00", due_at=when("1 10:00")), promise("commitment.fulfilled", "1 09:00")]
    assert told(detector("N05"), story, 60 * DAY) == []


# shipped .... delivered ---- 2 h ----| the SIM provisioned meanwhile waits in the parcel
def test_the_clock_starts_when_the_parcel_arrives() -> None:
    story = [
        order("shipment.created", "0 08:00"),
        order("sim.provisioned", "0 09:00", line_kind="mobile"),
        order("shipment.delivered", "2 15:00"),
    ]
    (moment,) = told(detector("N22"), story, DAY)
    assert moment.decided_at == to_ms(when("2 17:00"))
    assert moment.anchor.kind == "delivered"
    assert moment.missing == "service.activated"


def test_the_earlier_of_sim_and_parcel_starts_the_clock() -> None:
    story = [order("shipment.delivered", "0 09:00"), order("sim.provisioned", "0 10:30", line_kind="mobile")]
    (moment,) = told(detector("N22"), story, DAY)
    assert moment.decided_at == to_ms(when("0 11:00"))


def test_a_fixed_line_is_held_to_its_promise_however_the_kind_is_known() -> None:
    line = order("sim.provisioned", "1 10:00", line_kind="fixed", promised_by=when("3 18:00"))
    ordered = order("order.submitted", "0 07:00", channel="dealer", line_kind="fixed")
    router = order("shipment.delivered", "0 09:00")
    (moment,) = told(detector("N22"), [ordered, router, line], 5 * DAY)
    assert moment.decided_at == to_ms(when("3 18:00"))
    assert moment.measures["line_kind"] == "fixed"
    in_time = order("service.activated", "3 18:00", line_kind="fixed")
    assert told(detector("N22"), [ordered, router, line, in_time], 5 * DAY) == []


def test_a_fixed_line_without_a_promise_is_not_judged() -> None:
    assert told(detector("N22"), [order("sim.provisioned", "1 10:00", line_kind="fixed")], 50 * DAY) == []


def test_without_an_order_the_line_is_the_case() -> None:
    line = about(line_id="l-1")
    story = [line("sim.provisioned", "0 10:00", line_kind="mobile"), line("service.activated", "0 11:00")]
    assert told(detector("N22"), story, DAY) == []
    assert len(told(detector("N22"), story[:1], DAY)) == 1
    assert told(detector("N22"), [about()("sim.provisioned", "0 10:00", line_kind="mobile")], DAY) == []


# day 0 SIM 1, active ---- day 10 SIM 2 | day 20 SIM 3 | day 60 SIM 4: each waits for its own activation
def test_every_sim_provisioned_after_an_activation_waits_for_its_own() -> None:
    line = about(line_id="l-1", line_kind="mobile")
    first = [line("sim.provisioned", "0 10:00"), line("service.activated", "0 11:00")]
    second, third = line("sim.provisioned", "10 10:00"), line("sim.provisioned", "20 10:00")
    assert anchors(told(detector("N22"), [*first, second], DAY)) == ["sim.provisioned@10 10:00"]
    late = line("service.activated", "10 15:00")
    assert anchors(told(detector("N22"), [*first, second, late, third], DAY)) == [
        "sim.provisioned@10 10:00",
        "sim.provisioned@20 10:00",
    ]
    in_time = line("service.activated", "10 12:00")
    assert told(detector("N22"), [*first, second, in_time], DAY) == []
    fourth = line("sim.provisioned", "60 10:00")
    assert anchors(told(detector("N22"), [*first, second, in_time, fourth], DAY)) == ["sim.provisioned@60 10:00"]


def test_a_second_sim_without_an_activation_between_is_the_same_wait() -> None:
    line = about(line_id="l-1", line_kind="mobile")
    story = [line("sim.provisioned", "0 10:00"), line("sim.provisioned", "10 10:00")]
    assert anchors(told(detector("N22"), story, DAY)) == ["sim.provisioned@0 10:00"]


@pytest.mark.parametrize(("at", "fires"), [("0 12:00", False), ("0 12:00:00.001", True)])
def test_records_of_one_sim_may_cross_by_two_hours(at: str, fires: bool) -> None:
    story = [order("service.activated", "0 10:00"), order("sim.provisioned", at, line_kind="mobile")]
    assert bool(told(detector("N22"), story, DAY)) is fires


def test_a_parcel_after_the_activation_is_no_new_wait() -> None:
    story = [
        order("sim.provisioned", "0 10:00", line_kind="mobile"),
        order("service.activated", "0 10:30"),
        order("shipment.created", "0 12:00"),
        order("shipment.delivered", "3 12:00"),
    ]
    assert told(detector("N22"), story, 5 * DAY) == []


def test_a_later_sim_in_the_post_waits_for_its_own_parcel() -> None:
    line = about(line_id="l-1")
    served = [line("shipment.created", "0 08:00"), line("shipment.delivered", "1 08:00")]
    served += [line("sim.provisioned", "0 09:00"), line("service.activated", "1 09:00")]
    sent = [line("shipment.created", "10 08:00"), line("sim.provisioned", "10 11:00")]
    assert told(detector("N22"), [*served, *sent], DAY) == []
    (moment,) = told(detector("N22"), [*served, *sent, line("shipment.delivered", "12 08:00")], DAY)
    assert moment.anchor.event_id == "shipment.delivered@12 08:00"
    assert moment.decided_at == to_ms(when("12 10:00"))


def test_nothing_is_expected_of_an_order_that_ended() -> None:
    ended = order("order.state_changed", "1 10:00", state="cancelled")
    assert told(detector("N22"), [ended, order("sim.provisioned", "2 10:00", line_kind="mobile")], DAY) == []


@pytest.mark.parametrize("known_by", ["order.created", "order.submitted", "sim.provisioned"])
@pytest.mark.parametrize("day", [2, 40, 200])
def test_a_fixed_line_without_a_promise_stays_fixed_when_its_router_arrives(known_by: str, day: int) -> None:
    known = order(known_by, "0 08:00", line_kind="fixed")
    router, live = order("shipment.delivered", f"{day} 09:00"), order("service.activated", f"{day + 5} 09:00")
    assert told(detector("N22"), [known, router], 3 * DAY) == []
    assert told(detector("N22"), [known, router, live], 3 * DAY) == []


def test_a_promise_made_months_after_the_order_is_still_kept_to() -> None:
    ordered = order("order.created", "0 08:00", line_kind="fixed")
    line = order("sim.provisioned", "90 10:00", line_kind="fixed", promised_by=when("130 18:00"))
    router = order("shipment.delivered", "125 09:00")
    (moment,) = told(detector("N22"), [ordered, line, router], 20 * DAY)
    assert moment.decided_at == to_ms(when("130 18:00"))
    assert told(detector("N22"), [ordered, line, router, order("service.activated", "130 18:00")], 20 * DAY) == []


# kept 31 days, 60 days ---- the same id again is another case, with an anchor of its own
def test_an_id_used_again_after_a_long_silence_is_a_new_case() -> None:
    again = order("order.submitted", "60 09:00", channel="dealer")
    assert anchors(told(detector("N03"), [SENT, KNOWN, STOCK, again], 3 * DAY)) == ["order.submitted@60 09:00"]
    assert len(told(detector("N03"), [SENT, again], 3 * DAY)) == 2
    story = [
        promise("commitment.made", "0 10:00", due_at=when("1 10:00")),
        promise("commitment.fulfilled", "0 20:00"),
        promise("commitment.made", "80 10:00", due_at=when("81 10:00")),
    ]
    assert anchors(told(detector("N05"), story, 3 * DAY)) == ["commitment.made@80 10:00"]


def test_operators_may_allow_more_hours() -> None:
    story = [order("sim.provisioned", "0 10:00", line_kind="mobile"), order("service.activated", "0 13:00")]
    assert told(detector("N22", mobile_hours=4), story, DAY) == []


def test_every_code_has_words_in_both_languages() -> None:
    for code in (*WORDS, "step_80"):
        assert word(code).zh
        assert not word(code).zh.isascii()
        assert word(code).en.isascii()
    assert in_words("why", ["missed", "survey"])["why_en"] == "the date was missed, the customer is not content"
    with pytest.raises(KeyError):
        word("unheard_of")
