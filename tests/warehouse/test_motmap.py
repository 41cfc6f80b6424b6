"""The MOT map on a real ClickHouse: every rule of who counts, a recount by hand, and a planted effect found."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from journeys.power import MIN_VISITS, PRIORS
from journeys.touchpoints import shipped_touchpoints
from streams.warehouse.asking import asking
from streams.warehouse.motmap import Point, mot_map, ripe_span, store
from streams.warehouse.values import Span, front_of
from tests.warehouse import planted
from tests.warehouse.planted import START, Row, day, event, stored, text

HERE = "help_contact_made"
CONTACT = "interaction.contact_completed"
SPAN = Span(day(0), day(100))
MONTH = timedelta(days=30)
TICK = timedelta(milliseconds=1)


def visits(*customers: str, at: float = 40) -> list[Row]:
    return [event(f"v-{one}-{at}", CONTACT, day(at), one, HERE) for one in customers]


def moment(name: str, at: datetime, customer: str, touchpoint: str, **said: Any) -> Row:
    """One whose episode began on the midnight before, when visits are, unless said otherwise."""
    began = START + (at - START) // timedelta(days=1) * timedelta(days=1)
    return planted.moment(name, at, customer, touchpoint, **{"anchor_at": text(began), **said})


def end(at: float = 200) -> Row:
    """The clock: everything older than 30 days is ripe."""
    return event("end", "app.logged_in", day(at), "clock", "app_logged_in")


def counted(folder: Path, events: list[Row], moments: list[Row], valence: str = "negative") -> tuple[int, ...]:
    """Marked visits, comparison and purged at the touchpoint; hits are looked at with the power."""
    warehouse = stored(folder, [*events, end()], moments)
    points = mot_map(warehouse.rows, shipped_touchpoints(), SPAN)
    one = next(point for point in points if point.power.touchpoint == HERE and point.valence == valence)
    return one.power.visits, round(1000 * (one.power.raw if one.power.raw is not None else -9)), one.purged


def complaint(customer: str, at: datetime, name: str = "c") -> Row:
    return event(f"{name}-{customer}-{at}", "complaint.opened", at, customer, "complaint_made", category="bill")


def test_a_marked_visit_is_compared_with_visits_without_a_moment(tmp_path: Path) -> None:
    facts = [*visits("a", "b", "c", "d"), complaint("a", day(60)), complaint("b", day(60))]

    assert counted(tmp_path, facts, [moment("m", day(40.1), "a", HERE)]) == (1, round(1000 * (1 - 1 / 3)), 0)


@pytest.mark.parametrize(
    ("at", "hit"),
    [
        (day(40.1) + TICK, True),
        (day(40.1) + MONTH, True),
        (day(40.1) + MONTH + TICK, False),
    ],
)
def test_an_outcome_counts_within_thirty_days_after_the_decision(tmp_path: Path, at: datetime, hit: bool) -> None:
    facts = [*visits("a", "b"), complaint("a", at)]

    assert counted(tmp_path, facts, [moment("m", day(40.1), "a", HERE)]) == (1, 1000 * hit, 0)


@pytest.mark.parametrize("at", [day(40.1), day(40.1) - TICK, day(40.1) - MONTH])
def test_who_had_the_outcome_before_the_decision_is_left_out(tmp_path: Path, at: datetime) -> None:
    facts = [*visits("a", "b"), complaint("a", at), complaint("a", day(50))]

    assert counted(tmp_path, facts, [moment("m", day(40.1), "a", HERE)]) == (0, -9000, 1)


def test_an_old_complaint_is_forgotten(tmp_path: Path) -> None:
    facts = [*visits("a", "b"), complaint("a", day(40.1) - MONTH - TICK)]

    assert counted(tmp_path, facts, [moment("m", day(40.1), "a", HERE)]) == (1, 0, 0)


def test_the_comparison_is_purged_by_the_same_rule(tmp_path: Path) -> None:
    facts = [*visits("a", "b", "c"), complaint("b", day(30)), complaint("b", day(50))]

    assert counted(tmp_path, facts, [moment("m", day(40.1), "a", HERE)]) == (1, 0, 0)


def test_an_outcome_that_is_evidence_of_the_moment_leaves_the_visit_out(tmp_path: Path) -> None:
    late = complaint("a", day(45))
    marked = moment("m", day(40.1), "a", HERE, evidence_events=[late["event_id"]])

    assert counted(tmp_path, [*visits("a", "b"), late], [marked]) == (0, -9000, 1)


def test_retracted_moments_mark_nothing_and_their_visits_compare(tmp_path: Path) -> None:
    moments = [moment("m", day(40.1), "a", HERE), moment("r", day(40.1), "b", HERE, status="retracted")]
    facts = [*visits("a", "b"), complaint("b", day(50))]

    assert counted(tmp_path, facts, moments) == (1, -1000, 0)


def test_moments_of_a_model_alone_or_of_the_other_valence_are_on_neither_side(tmp_path: Path) -> None:
    moments = [
        moment("m", day(40.1), "a", HERE),
        moment("x", day(40.1), "b", HERE, model_only=True),
        moment("p", day(40.1), "c", HERE, valence="positive"),
    ]
    facts = [*visits("a", "b", "c", "d"), complaint("b", day(50)), complaint("c", day(50))]

    assert counted(tmp_path, facts, moments) == (1, 0, 0)


@pytest.mark.parametrize(
    ("began", "at", "compares"),
    [(10, 12, False), (8, 9, True), (35, 41, False), (40, 69, False), (62, 63, True), (69, 69, True)],
)
def test_a_visit_after_a_moment_or_in_its_episode_is_no_comparison(
    tmp_path: Path, began: float, at: float, compares: bool
) -> None:
    """The visit of b on day 40, and an episode of b: what begins later says nothing of that visit."""
    facts = [*visits("a", "b"), complaint("b", day(50) if at < 40 else day(45))]
    moments = [moment("m", day(40.1), "a", HERE), moment("o", day(at), "b", HERE, anchor_at=text(day(began)))]
    found = counted(tmp_path, facts, moments)

    assert found[1] == (-1000 if compares else -9000)


def test_one_unit_per_customer_and_month(tmp_path: Path) -> None:
    moments = [moment(f"m{at}", day(at), "a", HERE) for at in (35, 40, 41, 60)]
    facts = [*visits("a", "b"), *visits("b", "a", at=42), *visits("b", at=62), complaint("b", day(43))]

    assert counted(tmp_path, facts, moments)[0] == 1  # February; March has no comparison: b complained


def test_matching_is_by_tier_and_month(tmp_path: Path) -> None:
    facts = [*visits("a", "b", at=40), *visits("c", at=70)]
    facts += [event("v-g", CONTACT, day(40), "g", HERE, tier="gold")]

    assert counted(tmp_path, facts, [moment("m", day(40.1), "a", HERE, tier="silver")]) == (0, -9000, 0)
    assert counted(tmp_path / "2", facts, [moment("m", day(40.1), "a", HERE, tier="gold")]) == (1, 0, 0)


def test_unripe_visits_wait(tmp_path: Path) -> None:
    warehouse = stored(tmp_path, [*visits("a", "b", at=40), end(69)], [moment("m", day(40.1), "a", HERE)])
    front = front_of(warehouse)
    assert front is not None
    span = ripe_span(front, timedelta(days=90))

    assert span == Span(day(-21), day(39))
    assert not any(point.power.visits for point in mot_map(warehouse.rows, shipped_touchpoints(), span))
    assert ripe_span(front, timedelta(days=20)).since == ripe_span(front, timedelta(days=20)).until


def test_surveys_count_by_their_score(tmp_path: Path) -> None:
    def survey(customer: str, instrument: str, score: int) -> Row:
        said = {"instrument": instrument, "score": score}
        return event(f"s-{customer}", "survey.answered", day(50), customer, "survey_answered", **said)

    scores = {"a": ("nps", 6), "b": ("nps", 7), "c": ("csat", 2), "d": ("csat", 3), "e": ("ces", 1), "f": ("nps", 9)}
    facts = [*visits(*scores, "z"), *(survey(one, *said) for one, said in scores.items())]
    for number, valence in enumerate(("negative", "positive")):
        marked = [moment(one, day(40.1), one, HERE, valence=valence) for one in scores]
        share = 2 / 6 if valence == "negative" else 1 / 6
        assert counted(tmp_path / str(number), facts, marked, valence) == (6, round(1000 * share), 0)


def facts_of_a_town(rng: Random, customers: int, effect: float) -> tuple[list[Row], list[Row]]:
    """Customers who call once a month; gold ones are marked more and complain more, the marked `effect` more."""
    events, moments = [end()], []
    for number in range(customers):
        customer, gold = f"c{number}", rng.random() < 0.3
        base = 0.2 if gold else 0.05
        tier = "gold" if gold else "normal"
        at = day(rng.uniform(0, 100))
        marked = rng.random() < (0.5 if gold else 0.1)
        events.append(event(f"v{number}", CONTACT, at, customer, HERE, tier=tier))
        if marked:
            decided = at + timedelta(hours=1)
            moments.append(moment(f"m{number}", decided, customer, HERE, tier=tier, anchor_at=text(at)))
        if rng.random() < base + effect * marked:
            events.append(complaint(customer, at + timedelta(days=rng.uniform(0.1, 29))))
    return events, moments


def of(points: list[Point], touchpoint: str = HERE, valence: str = "negative") -> Point:
    return next(one for one in points if (one.power.touchpoint, one.valence) == (touchpoint, valence))


@pytest.mark.parametrize("effect", [0.0, 0.15, 0.3])
def test_a_planted_effect_is_found_within_its_interval(tmp_path: Path, effect: float) -> None:
    warehouse = stored(tmp_path, *facts_of_a_town(Random(17), 3000, effect))
    power = of(mot_map(warehouse.rows, shipped_touchpoints(), SPAN)).power

    assert power.from_data
    assert power.visits > 500
    assert power.low <= effect <= power.high
    assert power.high - power.low < 0.12
    assert power.raw == pytest.approx(effect, abs=0.04)


def test_outcomes_that_lead_to_moments_make_no_power(tmp_path: Path) -> None:
    """A moment changes nothing here; but seven of ten who complain come again over it, and that is a moment.

    A comparison without those who get a moment later would have lost most of its complaints: 0.07 of it instead of 0.2.
    """
    rng, events, moments = Random(41), [end()], []
    for number in range(3000):
        customer, at = f"c{number}", day(rng.uniform(0, 80))
        events.append(event(f"v{number}", CONTACT, at, customer, HERE))
        marked = rng.random() < 0.3
        if marked:
            moments.append(moment(f"m{number}", at + timedelta(hours=1), customer, HERE, anchor_at=text(at)))
        if rng.random() < 0.2:
            gone = at + timedelta(days=rng.uniform(0.1, 10))
            events.append(complaint(customer, gone))
            if rng.random() < 0.7:
                again = gone + timedelta(days=1)
                events.append(event(f"w{number}", CONTACT, again, customer, HERE))
                moments.append(moment(f"n{number}", again, customer, HERE, anchor_at=text(again)))
    power = of(mot_map(stored(tmp_path, events, moments).rows, shipped_touchpoints(), SPAN)).power

    assert power.visits > 700
    assert power.raw == pytest.approx(0, abs=0.04)


def test_it_equals_a_recount_by_hand(tmp_path: Path) -> None:
    """Random facts, twice in the table; the same rules in plain Python."""
    rng = Random(23)
    events, moments = [end()], []
    for number in range(250):
        customer, tier = f"c{number}", rng.choice(["gold", "normal"])
        for again in range(rng.randrange(4)):
            at = day(rng.uniform(-10, 110))
            events.append(event(f"v{number}.{again}", CONTACT, at, customer, HERE, tier=tier))
            if rng.random() < 0.3:
                status = rng.choice(["confirmed", "confirmed", "retracted"])
                said = {"status": status, "anchor_at": text(at - timedelta(days=rng.choice([0, 0, 3, 20])))}
                moments.append(moment(f"m{number}.{again}", at, customer, HERE, tier=tier, **said))
        for again in range(rng.randrange(3)):
            events.append(complaint(customer, day(rng.uniform(-10, 140)), f"c{again}"))
    stored(tmp_path, events, moments)
    warehouse = stored(tmp_path, events, moments)

    found = of(mot_map(warehouse.rows, shipped_touchpoints(), SPAN))
    assert found.power.visits > 30
    assert (found.power.visits, found.power.raw) == (
        pytest.approx(recount(events, moments)[0]),
        pytest.approx(recount(events, moments)[1]),
    )


def recount(events: list[Row], moments: list[Row]) -> tuple[int, float]:
    valid = [one for one in moments if one["status"] != "retracted"]
    complaints: dict[str, list[datetime]] = {}
    for one in events:
        if one["event_type"].startswith("complaint"):
            complaints.setdefault(one["customer_id"], []).append(datetime.fromisoformat(one["occurred_at"]))
    units: dict[tuple[bool, str, str], tuple[datetime, str]] = {}
    for marked, rows, field in ((True, valid, "decided_at"), (False, events, "occurred_at")):
        for one in rows:
            at = datetime.fromisoformat(one[field])
            if one["touchpoint"] == HERE and text(SPAN.since) <= one[field] < text(SPAN.until):
                key = (marked, one["customer_id"], one[field][:7])
                if key not in units or at < units[key][0]:
                    units[key] = (at, one["tier"])
    counts: Counter[tuple[str, str, bool, bool]] = Counter()
    for (marked, customer, month), (at, tier) in units.items():
        near = [
            (datetime.fromisoformat(one["anchor_at"]), datetime.fromisoformat(one["decided_at"]))
            for one in valid
            if one["customer_id"] == customer
        ]
        if not marked and any(began <= at and decided >= at - MONTH for began, decided in near):
            continue
        outcomes = complaints.get(customer, [])
        if not any(at - MONTH <= one <= at for one in outcomes):
            counts[tier, month, marked, any(at < one <= at + MONTH for one in outcomes)] += 1
    return standardised(counts)


def standardised(counts: Counter[tuple[str, str, bool, bool]]) -> tuple[int, float]:
    visits, apart = 0, 0.0
    for tier, month in {(tier, month) for tier, month, _, _ in counts}:
        marked, others = (
            (counts[tier, month, side, True], counts[tier, month, side, True] + counts[tier, month, side, False])
            for side in (True, False)
        )
        if marked[1] and others[1]:
            visits += marked[1]
            apart += marked[0] - marked[1] * others[0] / others[1]
    return visits, apart / visits


def test_under_fifty_visits_the_map_shows_the_prior(tmp_path: Path) -> None:
    customers = [f"c{at}" for at in range(MIN_VISITS)]
    marked = [moment(one, day(40.1), one, HERE) for one in customers[1:]]
    facts = [*visits(*customers, "z"), *(complaint(one, day(50)) for one in customers)]
    warehouse = stored(tmp_path, [*facts, end()], marked)
    power = of(mot_map(warehouse.rows, shipped_touchpoints(), SPAN)).power
    assert (power.visits, power.from_data, power.power) == (MIN_VISITS - 1, False, PRIORS["negative"]["both"])

    stored(tmp_path, [], [moment("one more", day(40.1), customers[0], HERE)])
    power = of(mot_map(warehouse.rows, shipped_touchpoints(), SPAN)).power
    assert (power.visits, power.from_data) == (MIN_VISITS, True)
    assert power.power > 0.5


def test_every_touchpoint_of_the_catalogue_is_on_the_map_and_unknown_ones_too(tmp_path: Path) -> None:
    facts = [event("v", CONTACT, day(40), "b", "own_corner"), end()]
    warehouse = stored(tmp_path, facts, [moment("m", day(40.1), "a", "own_corner")])
    points = mot_map(warehouse.rows, shipped_touchpoints(), SPAN)

    assert len(points) == 2 * len(shipped_touchpoints()) + 1
    assert of(points, "own_corner").stage == ""
    assert of(points, "bill_received", "positive").power.power == PRIORS["positive"]["both"]


def test_the_newest_map_is_what_is_read(tmp_path: Path) -> None:
    warehouse = stored(tmp_path, *facts_of_a_town(Random(1), 400, 0.3))
    for span in (Span(day(0), day(50)), SPAN, SPAN):
        with warehouse.writing() as client:
            points = mot_map(asking(client), shipped_touchpoints(), span)
            store(client, points, span)
    rows: list[dict[str, Any]] = warehouse.rows("SELECT * FROM mot_power_now")

    assert len(rows) == len(points)
    one = next(row for row in rows if row["touchpoint"] == HERE and row["valence"] == "negative")
    mine = of(points).power
    assert (one["power"], one["low"], one["high"]) == pytest.approx((mine.power, mine.low, mine.high))
    assert (one["visits"], one["raw"], one["from_data"]) == (mine.visits, pytest.approx(mine.raw), True)
    assert one["window_end"].startswith("2026-04-11T00:00:00")
