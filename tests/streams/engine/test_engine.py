"""How the engine keeps time, forgets repeats and corrects itself.

0h            2h                3h
|placed       |due              |due + 1 h allowed lateness
|-- waiting --|---- pending ----|---- confirmed ---->
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from schemas.envelope import Tick
from schemas.times import DAY, HOUR, MINUTE, from_ms
from streams.engine.bench import DetectorRaised
from streams.engine.engine import Engine
from tests.streams.engine.stories import START, detector, event, said


def engine(**options: object) -> Engine:
    return Engine([detector()], strict=True, **options)  # type: ignore[arg-type]


def test_silence_until_the_deadline_says_nothing() -> None:
    one = engine()

    one.process([event("order.submitted", 0)])

    assert said(one.advance(START + 2 * HOUR - 1)) == []


def test_a_passed_deadline_is_pending_and_then_confirmed() -> None:
    one = engine()
    one.process([event("order.submitted", 0)])

    assert said(one.advance(START + 2 * HOUR)) == [("pending", "o1")]
    assert said(one.advance(START + 3 * HOUR)) == [], "an event exactly one hour late is still taken"
    assert said(one.advance(START + 3 * HOUR + 1)) == [("confirmed", "o1")]
    assert said(one.advance(START + 30 * DAY)) == []


def test_another_customers_event_moves_the_clock() -> None:
    one = engine()

    effects = one.process([event("order.submitted", 0), event("web.page_viewed", 2 * HOUR, customer="c2")])

    assert said(effects) == [("pending", "o1")]


def test_a_tick_in_the_log_moves_the_clock() -> None:
    one = engine()

    effects = one.process([event("order.submitted", 0), Tick(occurred_at=from_ms(START + 2 * HOUR))])

    assert said(effects) == [("pending", "o1")]
    assert effects.placements[1] is None


def test_an_acknowledgement_exactly_at_the_deadline_satisfies() -> None:
    one = engine()

    effects = one.process([event("order.submitted", 0), event("order.acknowledged", 2 * HOUR)])

    assert said(effects) == []


def test_a_late_fact_withdraws_a_pending_moment() -> None:
    one = engine()
    one.process([event("order.submitted", 0), Tick(occurred_at=from_ms(START + 2 * HOUR + MINUTE))])

    effects = one.process([event("order.acknowledged", 2 * HOUR)])

    (version, moment) = effects.moments[0]
    assert (moment.status, moment.retracted_at, version) == ("retracted", None, 3)
    assert said(one.advance(START + 9 * DAY)) == []


def test_a_fact_later_than_allowed_is_set_aside_with_its_reason() -> None:
    one = engine()
    one.process([event("order.submitted", 0), Tick(occurred_at=from_ms(START + 3 * HOUR + 1))])

    effects = one.process([event("order.acknowledged", 2 * HOUR)])

    assert effects.placements == [None]
    assert [place for place, _ in effects.too_late] == [0]
    assert "2026-01-01T02:00:00.000Z" in effects.too_late[0].detail
    assert one.summary()["late"] == 1
    assert said(effects) == []


def test_a_later_fact_of_the_story_withdraws_with_its_time() -> None:
    one = engine()
    one.process([event("order.submitted", 0), Tick(occurred_at=from_ms(START + 5 * HOUR))])

    effects = one.process([event("order.state_changed", 6 * HOUR)])

    (_, moment) = effects.moments[0]
    assert (moment.status, moment.retracted_at) == ("retracted", from_ms(START + 6 * HOUR))


def test_later_evidence_is_said_again_under_the_same_id() -> None:
    one = engine()
    first = one.process([event("order.submitted", 0), Tick(occurred_at=from_ms(START + 4 * HOUR))])

    second = one.process([event("order.amended", 4 * HOUR)])

    assert [moment.evidence.measures for _, moment in second.moments] == [{"amended": 1}]
    assert {m.moment_id for _, m in first.moments} == {m.moment_id for _, m in second.moments}
    assert second.moments[0].moment.status == "confirmed"


def test_a_repeat_counts_once() -> None:
    one = engine()
    twice = event("order.amended", HOUR)

    effects = one.process([event("order.submitted", 0), twice, twice, Tick(occurred_at=from_ms(START + 3 * HOUR))])

    assert effects.placements[2] is None
    assert one.summary() | {"events": 2, "duplicates": 1} == one.summary()
    assert effects.moments[-1].moment.evidence.measures == {"amended": 1}


def test_severity_follows_the_tier_of_the_anchor() -> None:
    for tier, expected in (("diamond", 5), ("gold", 4), ("silver", 3), ("normal", 2)):
        one = engine()
        one.process([event("order.submitted", 0, tier=tier)])
        assert one.advance(START + 2 * HOUR).moments[0].moment.severity == expected


def test_a_statutory_detector_never_falls_below_three() -> None:
    one = Engine([detector(statutory=True)], strict=True)
    one.process([event("order.submitted", 0, tier="normal")])

    assert one.advance(START + 2 * HOUR).moments[0].moment.severity == 3


def test_a_raising_detector_is_quarantined_for_that_customer_only() -> None:
    one = Engine([detector()])

    effects = one.process(
        [
            event("order.submitted", 0, order_id="raise"),
            event("order.submitted", 1, order_id="o2"),
            event("order.submitted", 2, customer="c2"),
        ]
    )

    assert [(f.detector_id, f.customer_id) for f in effects.failures] == [("T01", "c1")]
    assert [m.customer_id for _, m in one.advance(START + 2 * HOUR + 2).moments] == ["c2"]


def test_a_raising_detector_stops_a_strict_engine() -> None:
    with pytest.raises(DetectorRaised, match="T01 on customer c1"):
        engine().process([event("order.submitted", 0, order_id="raise")])


def test_an_event_exactly_as_late_as_allowed_still_withdraws() -> None:
    one = engine()
    one.process([event("order.submitted", 0), event("web.page_viewed", 3 * HOUR, customer="c2")])

    effects = one.process([event("order.acknowledged", 2 * HOUR)])

    assert said(effects) == [("retracted", "o1")]
    assert one.finish(START + 9 * DAY).moments == []


def test_a_late_fact_withdraws_even_what_another_fact_had_retracted() -> None:
    one = engine()
    one.process([event("order.submitted", 0), event("order.state_changed", 2 * HOUR + 10 * MINUTE)])

    effects = one.process([event("order.acknowledged", 2 * HOUR - MINUTE)])

    assert [(m.status, m.retracted_at) for _, m in effects.moments] == [("retracted", None)]
    kpis = counted(one)
    assert (kpis["moments_negative"], kpis["moments_retracted"]) == (0, 0)


def test_the_same_order_months_later_is_another_episode() -> None:
    again = [event("order.submitted", 0), event("order.submitted", 60 * DAY)]
    alone, between = engine(), engine()

    first = alone.process(again).moments + alone.finish(START + 90 * DAY).moments
    busy = [again[0], *(event("web.page_viewed", day * DAY, customer="c2") for day in range(1, 60)), again[1]]
    second = between.process(busy).moments + between.finish(START + 90 * DAY).moments

    confirmed = [[m.moment_id for _, m in said if m.status == "confirmed"] for said in (first, second)]
    assert len(set(confirmed[0])) == 2
    assert confirmed[0] == confirmed[1]


def test_late_events_are_counted_when_they_come_not_in_a_window_long_closed() -> None:
    one = Engine([detector()], records=_Nothing())
    late = [event("order.amended", minutes * MINUTE, id=f"late{minutes}") for minutes in range(6)]
    one.process([event("web.page_viewed", 30 * DAY, customer="c2")])
    total = 0
    for single in late:
        one.process([single])
        total = max(total, counted(one)["late_events"])
        one.checkpoint()
        one.committed()

    assert total == 6


def counted(one: Engine) -> Counter[str]:
    """Totals of the day windows that changed, by indicator."""
    changes = one.kpi_changes()
    days = next(columns for columns in changes.columns if columns.grain == "day")
    found: Counter[str] = Counter()
    for dim, value in zip(days.dim_id, days.value, strict=True):
        found[changes.dims[dim].indicator] += value
    return found


def test_a_quarantined_detector_rests_and_what_it_said_provisionally_is_withdrawn() -> None:
    one = Engine([detector()])
    one.process([event("order.submitted", 0), Tick(occurred_at=from_ms(START + 2 * HOUR))])

    effects = one.process([event("order.submitted", HOUR, order_id="raise") for _ in range(1)])
    later = one.process([event("order.submitted", 2 * HOUR + n, order_id="raise") for n in range(1, 4)])

    assert [(m.status, m.scope) for _, m in effects.moments] == [("retracted", "o1")]
    assert len(effects.failures) == 1
    assert later.failures == []
    assert one.finish(START + 9 * DAY).moments == []


def test_stage_changes_are_told_and_corrected() -> None:
    one = engine()
    first = one.process([event("web.page_viewed", 0), event("usage.recorded", 10 * MINUTE)])
    assert [(t.from_stage, t.to_stage) for _, t, _ in first.transitions] == [("", "discover"), ("discover", "use")]

    between = one.process([event("usage.recorded", 5 * MINUTE)])

    assert [(t.from_stage, t.to_stage, deleted) for _, t, deleted in between.transitions] == [
        ("discover", "use", False),
        ("discover", "use", True),
    ]
    assert between.transitions[1].transition.event_key == first.transitions[1].transition.event_key


def test_recorded_at_decides_nothing() -> None:
    plain, lagging = engine(), engine()
    log = [event("order.submitted", 0), event("order.acknowledged", HOUR)]

    lagged = [one.model_copy(update={"recorded_at": one.recorded_at + timedelta(hours=5)}) for one in log]

    assert plain.process(log).moments == lagging.process(lagged).moments


def test_an_idle_case_is_forgotten_when_nothing_can_concern_it() -> None:
    one = engine(records=_Nothing())
    one.process([event("order.submitted", 0), event("order.acknowledged", HOUR)])
    held = len(dict(one.checkpoint().customers)["c1"] or b"")

    one.process([event("web.page_viewed", 40 * DAY)])

    assert len(dict(one.checkpoint().customers)["c1"] or b"") < held


class _Nothing:
    def get(self, customer_id: str) -> bytes | None:
        return None

    def get_many(self, customer_ids: object) -> dict[str, bytes]:
        return {}
