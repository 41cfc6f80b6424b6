"""A small harness: plays a story through one detector as the engine does, without the engine.

It keeps the facts of each case sorted, re-judges on each new fact and when an announced `look_at` passes, and says how
the moments stand at the end. A case is cut into episodes by the same `judged` as in the engine. Allowed lateness,
dedup horizon and eviction belong to the engine and are left out.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from detectors.base import AnyDetector, Dims, Example, Fact, Finding, Verdict, judged, keep_ms_of
from schemas.envelope import Event


class Play:
    """One detector over one customer's events, in the order they arrive."""

    def __init__(self, detector: AnyDetector) -> None:
        self.detector = detector
        self.facts: dict[str, list[Fact]] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.front = 0

    def process(self, event: Event) -> None:
        """Take one event: time moves on to it, due looks first, then the fact itself. Repeats change nothing."""
        self.advance(event.occurred_ms)
        if event.event_type not in self.detector.meta.consumes:
            return
        taken = self.detector.take(self.detector.params, event)
        if taken is None:
            return
        dims = Dims(event.tier, event.channel, event.region or "")
        fact = Fact(event.occurred_ms, event.event_id, taken.kind, dims, taken.value, taken.note, taken.due)
        facts = self.facts.setdefault(taken.scope, [])
        if all(fact.event_id != known.event_id for known in facts):
            insort(facts, fact, key=lambda known: (known.at, known.event_id))
            self._judge(taken.scope)

    def advance(self, to: int) -> None:
        """Let time pass to `to` (ms), looking again wherever a verdict asked for it."""
        self.front = max(self.front, to)
        for scope, verdict in list(self.verdicts.items()):
            if verdict.look_at is not None and verdict.look_at <= self.front:
                self._judge(scope)

    def findings(self) -> list[Finding]:
        """What the detector holds now, over all cases, in order of decision."""
        found = [finding for verdict in self.verdicts.values() for finding in verdict.findings]
        return sorted(found, key=lambda finding: (finding.decided_at, finding.anchor))

    def _judge(self, scope: str) -> None:
        detector = self.detector
        verdict = judged(detector, tuple(self.facts[scope]), self.front, keep_ms_of(detector))
        look_at = verdict.look_at
        if look_at is not None and look_at <= self.front:
            raise AssertionError(f"{detector.meta.name}: look_at {look_at} is not after now {self.front}")
        self.verdicts[scope] = verdict


def judge_example(detector: AnyDetector, example: Example) -> list[Finding]:
    """The findings at the end of a story: after its last event and `until` ms of silence."""
    play = Play(detector)
    for event in example.given:
        play.process(event)
    play.advance(play.front + example.until)
    return play.findings()


def outcome(findings: Sequence[Finding]) -> list[tuple[str, Mapping[str, object]]]:
    """Findings as the (status, measures) pairs that an example's `expect` is compared with."""
    return [("confirmed" if finding.retracted_at is None else "retracted", finding.measures) for finding in findings]


def disagreement(detector: AnyDetector, example: Example) -> str | None:
    """What is wrong with an example, in words; None when the detector reads it as expected."""
    told = outcome(judge_example(detector, example))
    expected = [(status, dict(measures)) for status, measures in example.expect]
    seen = [
        (status, {name: measures.get(name, "absent") for name in (expected[place][1] if place < len(expected) else ())})
        for place, (status, measures) in enumerate(told)
    ]
    return None if seen == expected else f"{example.title}: expected {expected}, was told {told}"
