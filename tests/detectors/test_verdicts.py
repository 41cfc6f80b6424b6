"""Properties every judge owes the engine, over random cases built from the detector's own kinds of facts."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import AnyDetector, Dims, Fact, Verdict
from detectors.catalogue import CATALOGUE
from detectors.examples import when
from schemas.times import DAY, HOUR, MINUTE, to_ms

START = to_ms(when("0 09:00"))
DIMS = Dims("gold", "dealer", "henan")
Shape = tuple[str, Sequence[int], Sequence[str], Sequence[int]]
SHAPES: dict[str, tuple[Sequence[int], Sequence[Shape]]] = {
    "N01": (
        (MINUTE, 4 * MINUTE, 5 * MINUTE, 15 * MINUTE, 25 * HOUR),
        (
            ("attached", (0,), ("", "t-1"), (0,)),
            ("charge", (1, 12000, 20000, 31000), ("CNY", "USD"), (0,)),
            ("tariff_notice", (1000,), ("",), (0,)),
            ("limit_notice", (80, 100, 1000), ("",), (0,)),
            ("consent", (0,), ("",), (0,)),
            ("blocked", (0,), ("",), (0,)),
        ),
    ),
    "N03": (
        (HOUR, 2 * HOUR, 23 * HOUR, 10 * DAY),
        tuple((kind, (0,), ("",), (0,)) for kind in ("submitted", "acknowledged", "supply", "ended", "not_found")),
    ),
    "N05": (
        (HOUR, 5 * HOUR, DAY, 7 * DAY),
        (
            ("made", (START - HOUR, START), ("",), (START + DAY, START + HOUR, START - HOUR)),
            ("fulfilled", (-1, 60), ("",), (0,)),
            ("confirmed", (0,), ("",), (0,)),
            ("unhappy", (3,), ("",), (0,)),
        ),
    ),
    "N07": (
        (DAY, 10 * DAY, 29 * DAY, 31 * DAY, 71 * DAY),
        (
            ("bill", (9000, 10000, 30000, 60000), ("CNY", "CNY", "USD"), (START, START + 30 * DAY, START + 60 * DAY)),
            ("bill", (10000,), ("CNY",), (START + 90 * DAY, START + 120 * DAY)),
            ("charge", (8000, 20000), ("CNY",), (0,)),
        ),
    ),
    "N22": (
        (MINUTE, HOUR, 2 * HOUR, 2 * HOUR + 1, DAY),
        (
            ("provisioned", (0,), ("", "mobile"), (0,)),
            ("provisioned", (0, START + DAY, START + 3 * HOUR), ("fixed",), (START + 366 * DAY,)),
            ("ordered", (0,), ("fixed",), (START + 366 * DAY,)),
            ("shipped", (0,), ("",), (0,)),
            ("delivered", (0,), ("",), (0,)),
            ("activated", (0,), ("",), (0,)),
            ("ended", (0,), ("",), (0,)),
        ),
    ),
    "N28": ((HOUR, DAY, 7 * DAY, 7 * DAY + 1), (("contact", (0, 1), ("bill",), (0,)),)),
    "N29": (
        (HOUR, 10 * DAY, 30 * DAY, 30 * DAY + 1),
        tuple((kind, (0,), ("bill\x1fk-1", "bill\x1fk-2"), (0,)) for kind in ("opened", "settled", "reopened")),
    ),
    "N30": (
        (HOUR, 72 * HOUR, 72 * HOUR + 1, 31 * DAY),
        (("transfer", (0,), ("a\x1fb", "b\x1fa", "b/1\x1fb/2", "a\x1fc", "c\x1fa"), (0,)),),
    ),
    "N07M": (
        (29 * DAY, 30 * DAY, 31 * DAY, 30 * DAY, 30 * DAY, 71 * DAY),
        (("bill", (9000, 10000, 10000, 60000), ("CNY",), (0,)),),
    ),
}


@st.composite
def cases(draw: st.DrawFn, detector_id: str) -> list[Fact]:
    """Sorted facts of one case, at gaps that touch the detector's bounds."""
    gaps, shapes = SHAPES.get(detector_id) or of_examples(detector_id)
    facts, at = [], START
    for number in range(draw(st.integers(1, 12))):
        kind, values, notes, dues = draw(st.sampled_from(shapes))
        value, note, due = draw(st.sampled_from(values)), draw(st.sampled_from(notes)), draw(st.sampled_from(dues))
        facts.append(Fact(at, f"e-{number:02d}", kind, DIMS, value, note, due))
        at += draw(st.sampled_from((0, 1, *gaps)))
    return facts


def of_examples(detector_id: str) -> tuple[Sequence[int], Sequence[Shape]]:
    """The facts of a detector's own examples, each as often as it stands there: enough for one without a shape."""
    detector = next(one for one in CATALOGUE if one.meta.id == detector_id)
    shapes: list[Shape] = []
    for example in detector.examples:
        for event in example.given:
            taken = detector.take(detector.params, event) if event.event_type in detector.meta.consumes else None
            if taken is not None:
                due = START + taken.due - event.occurred_ms if taken.due else 0
                shapes.append((taken.kind, (taken.value,), (taken.note,), (due,)))
    horizon = max(detector.params.horizon_ms, HOUR)
    return (MINUTE, HOUR, DAY, horizon // 2, horizon), shapes


def look_times(detector: AnyDetector, facts: Sequence[Fact]) -> list[int]:
    """All times at which the engine would judge these facts without any new one."""
    times = [facts[-1].at]
    while (look_at := detector.judge(detector.params, facts, times[-1]).look_at) is not None:
        assert look_at > times[-1], "a look that is already due would never end"
        times.append(look_at)
        assert len(times) < 30
    return times


def key(verdict: Verdict) -> dict[str, int]:
    """Decided findings by anchor."""
    found = {finding.anchor.event_id: finding.decided_at for finding in verdict.findings}
    assert len(found) == len(verdict.findings), "two moments of one episode"
    return found


EVERY = pytest.mark.parametrize("detector", CATALOGUE, ids=lambda detector: detector.meta.id)
BRIEFLY = settings(max_examples=30, deadline=None, derandomize=True)


def test_shapes_are_of_detectors_that_exist() -> None:
    assert set(SHAPES) <= {detector.meta.id for detector in CATALOGUE}


@EVERY
def test_examples_give_a_shape(detector: AnyDetector) -> None:
    """So a new detector needs no entry in SHAPES; it may get one to touch its bounds more often."""
    gaps, shapes = of_examples(detector.meta.id)

    assert {kind for kind, *_ in shapes}
    assert all(gap > 0 for gap in gaps)


@EVERY
def test_a_verdict_changes_in_silence_only_when_it_said_so(detector: AnyDetector) -> None:
    @BRIEFLY
    @given(cases(detector.meta.id))
    def check(facts: list[Fact]) -> None:
        times = look_times(detector, facts)
        for now, then in zip(times, [*times[1:], times[-1] + 400 * DAY], strict=True):
            verdict = detector.judge(detector.params, facts, now)
            for probe in (now + 1, (now + then) // 2, then - 1):
                if now <= probe < then:
                    assert detector.judge(detector.params, facts, probe) == verdict

    check()


@EVERY
def test_what_was_found_stays_found_as_time_goes_on(detector: AnyDetector) -> None:
    @BRIEFLY
    @given(cases(detector.meta.id))
    def check(facts: list[Fact]) -> None:
        before: dict[str, int] = {}
        for now in look_times(detector, facts):
            found = key(detector.judge(detector.params, facts, now))
            assert before.items() <= found.items()
            before = found

    check()


@EVERY
def test_later_facts_never_unmake_a_decision(detector: AnyDetector) -> None:
    """So a moment whose allowed lateness has passed is final, unless its detector retracts it."""

    @BRIEFLY
    @given(cases(detector.meta.id), st.integers(0, 11))
    def check(facts: list[Fact], cut: int) -> None:
        now = facts[min(cut, len(facts) - 1)].at
        known = [fact for fact in facts if fact.at <= now]
        before = key(detector.judge(detector.params, known, now))
        after = key(detector.judge(detector.params, facts, facts[-1].at))
        recent = {anchor: at for anchor, at in before.items() if at >= facts[-1].at - 40 * DAY}
        assert recent.items() <= after.items()

    check()


@EVERY
def test_a_finding_is_well_formed(detector: AnyDetector) -> None:
    @BRIEFLY
    @given(cases(detector.meta.id))
    def check(facts: list[Fact]) -> None:
        ids = [fact.event_id for fact in facts]
        for now in look_times(detector, facts):
            for finding in detector.judge(detector.params, facts, now).findings:
                assert finding.anchor in facts
                assert finding.anchor.at <= finding.decided_at <= now
                assert finding.retracted_at is None or finding.decided_at <= finding.retracted_at <= now
                assert set(finding.events) <= set(ids)
                assert [ids.index(event_id) for event_id in finding.events] == sorted(map(ids.index, finding.events))
                assert all(isfinite(value) for value in finding.measures.values() if isinstance(value, float))
                for language in ("zh", "en"):
                    assert detector.meta.explanation.said_in(language).format(**finding.measures)

    check()


def test_the_shapes_reach_every_verdict() -> None:
    """The properties above would be empty if the random cases never fired."""
    for detector in CATALOGUE:
        assert _fired(detector) >= 5, detector.meta.id


def _fired(detector: AnyDetector) -> int:
    fired = []

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(cases(detector.meta.id))
    def collect(facts: list[Fact]) -> None:
        end = look_times(detector, facts)[-1]
        fired.append(bool(detector.judge(detector.params, facts, end).findings))

    collect()
    return sum(fired)
