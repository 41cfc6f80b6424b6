"""Every story on a detector's page is read as the page says, whatever the order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest

from detectors.base import AnyDetector, Example, Finding
from detectors.catalogue import CATALOGUE
from detectors.testing import Play, disagreement, judge_example
from journeys.lateness import Lateness

PAIRS = [(detector, example) for detector in CATALOGUE for example in detector.examples]
STORIES = [pytest.param(*pair, id=f"{pair[0].meta.id}: {pair[1].title}") for pair in PAIRS]
RETRACTED = [pytest.param(*pair, id=pair[0].meta.id) for pair in PAIRS if pair[1].kind == "retracted"]


@pytest.mark.parametrize(("detector", "example"), STORIES)
def test_a_story_ends_as_its_page_says(detector: AnyDetector, example: Example) -> None:
    assert disagreement(detector, example) is None


@pytest.mark.parametrize(("detector", "example"), STORIES)
def test_the_order_of_arrival_has_no_effect(detector: AnyDetector, example: Example) -> None:
    expected = judge_example(detector, example)
    orders = list(permutations(example.given))
    for order in orders[:: max(1, len(orders) // 40)]:
        play = Play(detector)
        for event in order:
            play.process(event)
        play.advance(play.front + example.until)
        assert play.findings() == expected


@pytest.mark.parametrize(("detector", "example"), STORIES)
def test_late_events_lie_inside_the_allowed_lateness(detector: AnyDetector, example: Example) -> None:
    lateness, front = Lateness(), 0
    for event in example.given:
        assert front - event.occurred_ms <= lateness.of_type(event.event_type), event.event_id
        front = max(front, event.occurred_ms)


@pytest.mark.parametrize(("detector", "example"), STORIES)
def test_explanations_render_in_both_languages(detector: AnyDetector, example: Example) -> None:
    for finding in judge_example(detector, example):
        for language in ("zh", "en"):
            text = detector.meta.explanation.said_in(language).format(**finding.measures)
            assert text
            assert "{" not in text
            assert "None" not in text


@pytest.mark.parametrize(("detector", "example"), STORIES)
def test_evidence_names_events_of_the_story_once_and_in_order(detector: AnyDetector, example: Example) -> None:
    at = {event.event_id: event.occurred_ms for event in example.given}
    for finding in judge_example(detector, example):
        assert finding.anchor.event_id in finding.events
        assert len(set(finding.events)) == len(finding.events)
        assert [at[event_id] for event_id in finding.events] == sorted(at[event_id] for event_id in finding.events)


@pytest.mark.parametrize(("detector", "example"), RETRACTED)
def test_a_retracted_story_was_first_told_otherwise(detector: AnyDetector, example: Example) -> None:
    play, told = Play(detector), set[tuple[str, bool]]()
    for event in example.given:
        play.process(event)
        told |= {_identity(finding) for finding in play.findings()}
    play.advance(play.front + example.until)
    left = {_identity(finding) for finding in play.findings()}
    assert told - left, "nothing was ever said that had to be taken back"


def _identity(finding: Finding) -> tuple[str, bool]:
    return finding.anchor.event_id, finding.retracted_at is not None
