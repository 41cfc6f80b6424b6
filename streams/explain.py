"""Why: what each detector made of one customer's events, case by case, and what would have changed its mind.

The events go through the detectors' own `take` and `judge`; nothing here knows a detector. Why one stayed silent is
found by asking it again: without one fact at a time (what satisfied the expectation), and with other parameters (which
threshold was not reached, and by how much); what it waits for is its own `look_at`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from detectors.base import AnyDetector, Dims, Fact, Finding, Verdict, judged, keep_ms_of
from schemas.envelope import Event
from schemas.moments import Moment
from streams.engine.customer import CaseKey
from streams.engine.wording import worded

Outcome = Literal["fired", "withdrawn", "waiting", "silent", "failed"]
"""`fired`: a moment stands; `withdrawn`: one did and a later fact took it back; `waiting`: time alone may still make
one; `silent`: there is none and nothing is awaited; `failed`: the detector raised."""

FACTORS = (0.9, 1.1, 0.75, 1.25, 0.5, 1.5, 0.33, 2.0, 0.2, 3.0, 0.1, 5.0, 0.0, 10.0)
"""Multiples of a parameter to ask again with, nearest first."""
STEPS = (-1, 1, -2, 2)
"""What to add to a small whole number before multiplying it."""
SMALL = 20
MOST_PAIRS = 3
REFINEMENTS = 12
"""Halvings between a value that stays silent and one that fires: enough to name a threshold to four digits."""


class Turn(NamedTuple):
    """A parameter that would have changed the verdict: its value, and the nearest one found with which it fires."""

    parameter: str
    value: float
    fires_at: float


class CaseReading(NamedTuple):
    """What a detector makes of one case. `moments` are as they stand at the end; times in ms.

    `satisfied_by` are facts without which it would have fired; `look_at` is when silence alone may change the verdict;
    `turns` are parameters, or pairs of them, that would have made it fire; `error` is what the detector raised.
    """

    detector: AnyDetector
    scope: str
    facts: tuple[Fact, ...]
    outcome: Outcome
    moments: tuple[Moment, ...] = ()
    look_at: int | None = None
    satisfied_by: tuple[Fact, ...] = ()
    turns: tuple[tuple[Turn, ...], ...] = ()
    error: str = ""


class Explanation(NamedTuple):
    """Everything about one customer up to `until_ms`: his events in order, each case, and who found nothing to read."""

    customer_id: str
    until_ms: int
    events: tuple[Event, ...]
    cases: tuple[CaseReading, ...]
    without_facts: tuple[AnyDetector, ...]


def explain(
    customer_id: str, events: Iterable[Event], catalogue: Sequence[AnyDetector], until_ms: int | None = None
) -> Explanation:
    """Read one customer's events with every detector of `catalogue`, as of `until_ms` (default: the last event).

    Repeats are counted once, order does not matter. Events that the engine set aside as too late are read like others.
    """
    timeline = _in_order(events)
    end = max([event.occurred_ms for event in timeline], default=0) if until_ms is None else until_ms
    cases: list[CaseReading] = []
    without: list[AnyDetector] = []
    for detector in catalogue:
        found = cases_of(detector, timeline)
        if not found:
            without.append(detector)
        for scope, facts in found.items():
            cases.append(_read(detector, customer_id, scope, facts, timeline, end))
    return Explanation(customer_id, end, timeline, tuple(cases), tuple(without))


def cases_of(detector: AnyDetector, events: Sequence[Event]) -> dict[str, list[Fact]]:
    """The facts that `detector` takes from events in order, by case."""
    consumed = frozenset(detector.meta.consumes)
    cases: defaultdict[str, list[Fact]] = defaultdict(list)
    for event in events:
        if event.event_type not in consumed:
            continue
        taken = detector.take(detector.params, event)
        if taken is not None:
            dims = Dims(event.tier, event.channel, event.region or "unknown")
            fact = Fact(event.occurred_ms, event.event_id, taken.kind, dims, taken.value, taken.note, taken.due)
            cases[taken.scope].append(fact)
    return dict(cases)


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    once = {event.event_id: event for event in events}
    return tuple(sorted(once.values(), key=lambda event: (event.occurred_ms, event.event_id)))


def _read(
    detector: AnyDetector, customer_id: str, scope: str, facts: list[Fact], events: Sequence[Event], end: int
) -> CaseReading:
    try:
        verdict = judged(detector, facts, end, keep_ms_of(detector))
    except Exception as fault:
        return CaseReading(detector, scope, tuple(facts), "failed", error=f"{type(fault).__name__}: {fault}")
    moments = tuple(
        worded(detector, customer_id, CaseKey(detector.meta.id, scope), finding, _status(finding))
        for finding in verdict.findings
    )
    outcome = _outcome(verdict)
    if outcome == "fired":
        return CaseReading(detector, scope, tuple(facts), outcome, moments, verdict.look_at)
    satisfied = tuple(fact for fact in facts if _fires_without(detector, facts, fact, end))
    turns = () if satisfied or outcome == "waiting" else _turns(detector, scope, events, end)
    return CaseReading(detector, scope, tuple(facts), outcome, moments, verdict.look_at, satisfied, turns)


def _status(finding: Finding) -> Literal["confirmed", "retracted"]:
    return "confirmed" if finding.retracted_at is None else "retracted"


def _outcome(verdict: Verdict) -> Outcome:
    if _stands(verdict):
        return "fired"
    if verdict.findings:
        return "withdrawn"
    return "silent" if verdict.look_at is None else "waiting"


def _stands(verdict: Verdict) -> bool:
    return any(finding.retracted_at is None for finding in verdict.findings)


def _fires_without(detector: AnyDetector, facts: Sequence[Fact], left_out: Fact, end: int) -> bool:
    others = [fact for fact in facts if fact is not left_out]
    return bool(others) and _fires(detector, others, end)


def _fires(detector: AnyDetector, facts: Sequence[Fact], end: int) -> bool:
    try:
        return _stands(judged(detector, facts, end, keep_ms_of(detector)))
    except Exception:
        return False


def _turns(detector: AnyDetector, scope: str, events: Sequence[Event], end: int) -> tuple[tuple[Turn, ...], ...]:
    """Parameters that make the detector fire in this case: single ones, or where none does, pairs."""
    trial = _Trial(detector, scope, events, end)
    names = trial.numbers()
    single = [turn for name in names if (turn := trial.turn(name)) is not None]
    if single:
        return tuple((turn,) for turn in single)
    pairs = (trial.pair(first, second) for place, first in enumerate(names) for second in names[place + 1 :])
    return tuple(pair for pair in pairs if pair is not None)[:MOST_PAIRS]


class _Trial:
    """Asks one detector about one case again and again, with other parameters."""

    def __init__(self, detector: AnyDetector, scope: str, events: Sequence[Event], end: int) -> None:
        consumed = frozenset(detector.meta.consumes)
        self._detector = detector
        self._scope = scope
        self._events = [event for event in events if event.event_type in consumed]
        self._end = end
        self._values: dict[str, Any] = detector.params.model_dump()

    def numbers(self) -> list[str]:
        """The parameters that are numbers or switches."""
        return [name for name, value in self._values.items() if isinstance(value, int | float)]

    def fires(self, changes: Mapping[str, float]) -> bool:
        """Whether the detector fires with `changes`; never where its parameters do not allow them."""
        try:
            parameters = type(self._detector.params).model_validate({**self._values, **changes})
            changed = replace(self._detector, params=parameters)
            facts = cases_of(changed, self._events).get(self._scope)
        except Exception:  # parameters nobody would set need not be borne
            return False
        return bool(facts) and _fires(changed, facts or (), self._end)

    def turn(self, name: str, beside: Mapping[str, float] | None = None) -> Turn | None:
        """The nearest value of a parameter found with which it fires, others being set to `beside`."""
        value, fixed = self._values[name], beside or {}
        for candidate in _candidates(value):
            if self.fires({**fixed, name: candidate}):
                return Turn(name, value, self._nearest(name, value, candidate, fixed))
        return None

    def _nearest(self, name: str, silent: float, firing: float, fixed: Mapping[str, float]) -> float:
        return _refined(silent, firing, lambda tried: self.fires({**fixed, name: tried}))

    def pair(self, first: str, second: str) -> tuple[Turn, Turn] | None:
        """Two parameters that make it fire only together: each as near to its value as the other allows."""
        for candidate in _candidates(self._values[first]):
            other = self.turn(second, {first: candidate})
            if other is None:
                continue
            back, settled = self._values[first], {second: other.fires_at}
            return Turn(first, back, self._nearest(first, back, candidate, settled)), other
        return None


def _candidates(value: float) -> list[float]:
    """Other values to try, nearest first."""
    if isinstance(value, bool):
        return [not value]
    whole = isinstance(value, int)
    steps = [value + step for step in STEPS] if whole and abs(value) < SMALL else []
    multiples = [round(value * factor) if whole else value * factor for factor in FACTORS]
    return [candidate for candidate in dict.fromkeys([*steps, *multiples]) if candidate != value]


def _refined(silent: float, firing: float, fires: Callable[[float], bool]) -> float:
    """The value nearest to `silent` that still fires, between it and `firing`."""
    if isinstance(silent, bool):
        return firing
    whole = isinstance(silent, int)
    for _ in range(REFINEMENTS):
        middle = (silent + firing) // 2 if whole else (silent + firing) / 2
        if middle in {silent, firing}:
            break
        if fires(middle):
            firing = middle
        else:
            silent = middle
    return firing
