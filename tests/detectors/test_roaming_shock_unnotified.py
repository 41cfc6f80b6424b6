"""Roaming shock: what is owed on a trip, to the millisecond."""

from __future__ import annotations

import pytest

from detectors.base import Finding
from detectors.examples import about, when
from detectors.rules.roaming_shock_unnotified import EUROPE
from schemas.envelope import Event
from schemas.times import DAY, HOUR, to_ms
from tests.detectors.stories import detector, told

trip = about(trip_id="t-1", line_id="l-1", currency="CNY")
ATTACH = trip("roaming.attached", "0 09:00", country="TH")
WELCOME = trip("notification.delivered", "0 09:01", purpose="roaming_tariff")


def spends(at: str, minor: int, **other: object) -> Event:
    return trip("charge.rated", at, kind="data", roaming=True, amount_minor=minor, **other)


def notice(at: str, percent: int | None = None) -> Event:
    return trip("notification.delivered", at, purpose="roaming_limit", percent=percent)


def causes(findings: list[Finding]) -> list[object]:
    return [finding.measures["causes"] for finding in findings]


def test_a_later_first_charge_decides() -> None:
    (moment,) = told(detector("N01"), [ATTACH, spends("2 10:00", 1)], HOUR)
    assert moment.decided_at == to_ms(when("2 10:00"))
    assert moment.missing == "notification.delivered"
    assert moment.clause == "cn-reminder-2012 roaming tariff reminder"


def test_an_early_charge_waits_for_the_due_time() -> None:
    (moment,) = told(detector("N01"), [ATTACH, spends("0 09:01", 1)], HOUR)
    assert moment.decided_at == to_ms(when("0 09:05"))


def test_without_a_charge_there_is_no_harm() -> None:
    assert told(detector("N01"), [ATTACH], 10 * DAY) == []


def test_a_sent_or_failed_notice_does_not_tell_anyone() -> None:
    sent = trip("notification.sent", "0 09:01", purpose="roaming_tariff")
    assert causes(told(detector("N01"), [ATTACH, sent, spends("0 09:02", 1)], HOUR)) == ["tariff_notice"]


# 80 % of 300.00 is 240.00, reached by the charge at 12:00; due 12:05; the limit itself only when spend is above it
@pytest.mark.parametrize(
    ("spend", "told_at", "expected"),
    [
        (23999, None, []),
        (24000, None, ["step_80"]),
        (24000, "0 12:05", []),
        (24000, "0 12:05:00.001", ["step_80"]),
        (30000, None, ["step_80,step_100"]),
        (30001, None, ["step_80,step_100,over_limit"]),
    ],
)
def test_steps_and_limit_are_exact(spend: int, told_at: str | None, expected: list[str]) -> None:
    notices = [] if told_at is None else [notice(told_at, 80)]
    assert causes(told(detector("N01"), [ATTACH, WELCOME, spends("0 12:00", spend), *notices], HOUR)) == expected


def test_a_notice_of_a_lower_step_does_not_cover_a_higher_one() -> None:
    story = [ATTACH, WELCOME, spends("0 12:00", 30000), notice("0 12:01", 80)]
    assert causes(told(detector("N01"), story, HOUR)) == ["step_100"]


def test_a_notice_that_names_no_percentage_covers_all() -> None:
    assert told(detector("N01"), [ATTACH, WELCOME, spends("0 12:00", 30000), notice("0 12:01")], HOUR) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (trip("data.blocked", "0 12:15"), []),
        (trip("data.blocked", "0 12:15:00.001"), ["over_limit"]),
        (trip("consent.given", "0 10:00", purpose="roaming_over_limit"), []),
        (trip("consent.given", "0 10:00", purpose="marketing"), ["over_limit"]),
    ],
)
def test_beyond_the_limit_only_consent_or_a_block_in_time_helps(answer: Event, expected: list[str]) -> None:
    story = sorted(
        [ATTACH, WELCOME, spends("0 12:00", 30001), notice("0 12:01", 100), answer], key=lambda e: e.occurred_ms
    )
    assert causes(told(detector("N01"), story, HOUR)) == expected


def test_several_causes_are_one_moment_of_the_trip() -> None:
    (moment,) = told(detector("N01"), [ATTACH, spends("0 09:03", 26000), spends("3 12:00", 26000)], HOUR)
    assert moment.measures["causes"] == "tariff_notice,step_80,step_100,over_limit"
    assert moment.anchor.event_id == ATTACH.event_id
    assert moment.measures["spend"] == "260.00 CNY"


def test_refunds_and_charges_at_home_are_nothing() -> None:
    home = trip("charge.rated", "0 10:00", kind="data", amount_minor=90000)
    refund = trip("charge.rated", "0 10:05", kind="refund", roaming=True, amount_minor=-5000)
    assert told(detector("N01"), [ATTACH, home, refund], HOUR) == []


def test_another_currency_counts_for_the_tariff_notice_only() -> None:
    foreign = spends("0 10:00", 90000, currency="USD")
    assert causes(told(detector("N01"), [ATTACH, foreign], HOUR)) == ["tariff_notice"]
    assert told(detector("N01"), [ATTACH, WELCOME, foreign], HOUR) == []


def test_a_trip_without_attach_is_not_judged() -> None:
    assert told(detector("N01"), [spends("0 10:00", 90000)], HOUR) == []


# without a trip id, 24 h without any roaming end a trip:  attach . charge ..... 24 h ..... attach . charge
@pytest.mark.parametrize(("back", "moments"), [("1 09:59:59.999", 1), ("1 10:00", 2)])
def test_a_day_at_home_ends_a_trip_without_id(back: str, moments: int) -> None:
    line = about(line_id="l-1", currency="CNY")
    story = [
        line("roaming.attached", "0 09:00", country="TH"),
        line("charge.rated", "0 09:30", kind="voice", roaming=True, amount_minor=100),
        line("roaming.detached", "0 10:00", country="TH"),
        line("roaming.attached", back, country="LA"),
        line("charge.rated", "1 11:00", kind="voice", roaming=True, amount_minor=100),
    ]
    assert len(told(detector("N01"), story, HOUR)) == moments


def test_with_a_trip_id_a_quiet_week_is_still_the_same_trip() -> None:
    again = trip("roaming.attached", "8 09:00", country="TH")
    assert len(told(detector("N01"), [ATTACH, spends("0 09:30", 100), again, spends("8 10:00", 100)], HOUR)) == 1


# 50.00 EUR: 80 % = 40.00, 100 % = 50.00, a further notice at 100.00 = 200 %
@pytest.mark.parametrize(
    ("spend", "expected"),
    [
        (3999, []),
        (4000, ["step_80"]),
        (5000, ["step_80,step_100"]),
        (9999, ["step_80,step_100,over_limit"]),
        (10000, ["step_80,step_100,step_200,over_limit"]),
    ],
)
def test_europe_has_its_own_limit_and_a_further_notice(spend: int, expected: list[str]) -> None:
    europe = detector("N01", **EUROPE.model_dump())
    story = [ATTACH, WELCOME, spends("0 12:00", spend, currency="EUR")]
    assert causes(told(europe, story, HOUR)) == expected


def test_europe_names_its_clause() -> None:
    europe = detector("N01", **EUROPE.model_dump())
    (moment,) = told(europe, [ATTACH, spends("0 12:00", 5001, currency="EUR")], HOUR)
    assert moment.clause == "eu-roaming-2022 Art. 13"
    assert europe.meta.keep_ms == detector("N01").meta.keep_ms


def test_before_a_pack_is_in_force_nothing_is_owed_by_it() -> None:
    early = about(trip_id="t-0", currency="CNY")
    days = -round((when("0 00:00") - when("0 00:00").replace(year=2012, month=6, day=30)).days)
    attach = early("roaming.attached", f"{days} 15:59:59.999", country="TH")  # 30 June, 23:59:59.999 in Beijing
    charge = early("charge.rated", f"{days} 16:30", kind="data", roaming=True, amount_minor=100)
    assert told(detector("N01"), [attach, charge], HOUR) == []
    in_force = early("roaming.attached", f"{days} 16:00", country="TH")
    assert causes(told(detector("N01"), [in_force, charge], HOUR)) == ["tariff_notice"]
