"""The shape of a detector.

A detector is a pure reading of the facts of one case. `take` picks from an event the fact the detector cares about
and the case it belongs to; `judge` reads all facts of that case, always sorted by time, and says which moments they
hold **now** and when to look again although nothing happens. The engine keeps the facts, sets the clock, compares the
verdict with the one before, and emits, confirms or retracts. A detector therefore never sees disorder, repeats or
restarts: whatever the order of arrival, the same facts give the same moments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from schemas.envelope import Event, Tier
from schemas.moments import Scalar, Severity, Stage, Text, Valence

Primitive = Literal[
    "threshold", "ratio", "count_in_window", "sequence", "deadline", "state_conflict", "reconcile", "collision", "score"
]


class Dims(NamedTuple):
    """The dimensions of the event a fact was taken from."""

    tier: Tier
    channel: str
    region: str


class Fact(NamedTuple):
    """What a detector remembers of one event.

    `at` is the event's `occurred_at` in ms; `kind` is the detector's own word for it; `value` a number whose unit the
    detector states; `note` a short text (a reason, a department, a country); `due` a time in ms that the event
    promises.
    """

    at: int
    event_id: str
    kind: str
    dims: Dims
    value: int = 0
    note: str = ""
    due: int = 0


class Taken(NamedTuple):
    """A fact and the case it belongs to (an order id, a trip, a reason family, a bill cycle)."""

    scope: str
    kind: str
    value: int = 0
    note: str = ""
    due: int = 0


class Finding(NamedTuple):
    """A moment as the detector sees it; the engine adds id, customer, stage, owner and texts.

    `anchor` names the episode and gives the moment its identity and its dimensions; `decided_at` (ms) is when the
    decision fell; `retracted_at` (ms) is set when later facts of the case withdrew it; `measures` fill the
    explanation's template.
    """

    anchor: Fact
    decided_at: int
    events: tuple[str, ...]
    missing: str | None = None
    clause: str | None = None
    measures: Mapping[str, Scalar] = {}
    severity_shift: int = 0
    retracted_at: int | None = None


class Verdict(NamedTuple):
    """All findings of a case as of `now`, and when (ms) silence alone may change them; None means never."""

    findings: tuple[Finding, ...] = ()
    look_at: int | None = None


NOTHING = Verdict()


class Params(BaseModel):
    """Base of a detector's parameters: data that operators may change, validated."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    @property
    def horizon_ms(self) -> int:
        """The longest window or deadline of these parameters, in ms; a case is kept at least this long after its last
        fact."""
        return 0


class BySeverity(NamedTuple):
    """Severity 1-5 for diamond, gold, silver and normal customers."""

    diamond: Severity
    gold: Severity
    silver: Severity
    normal: Severity

    def of(self, tier: Tier) -> Severity:
        """The severity for `tier`."""
        return getattr(self, tier)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What a detector is, for people and for the engine.

    `keep_ms` is how long after its last fact a case can still matter; it must cover every window and deadline of
    `judge`. A longer gap ends an episode (`connected`); with `forget_ms`, single facts older than that are
    dropped too (for cases that never end, like a customer's bills). `version` is the major version: raise it when the
    same log gives other moments.
    """

    id: str
    name: str
    version: int
    title: Text
    stage: Stage
    touchpoint: str
    valence: Valence
    primitives: tuple[Primitive, ...]
    consumes: tuple[str, ...]
    severity: BySeverity
    owner: str
    scope: Literal["big_service", "small_service"]
    explanation: Text
    recovery: Text
    keep_ms: int
    forget_ms: int | None = None
    statutory: bool = False
    model_only: bool = False
    maturity: Literal["stable", "preview"] = "stable"
    max_facts: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A small story a detector must read rightly: it runs as a test and stands on the detector's page.

    `given` are events in the order they arrive; `until` is how far time goes on in silence, in ms after the last event;
    `expect` are the (status, measures) pairs of the moments at the end: measures named are compared, others ignored.
    """

    title: str
    kind: Literal["fires", "silent", "boundary", "out_of_order", "retracted"]
    given: Sequence[Event]
    until: int = 0
    expect: Sequence[tuple[Literal["confirmed", "retracted"], Mapping[str, Scalar]]] = ()


P = TypeVar("P", bound=Params)
"""The parameters of one detector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector(Generic[P]):
    """A detector: what it is, its parameters, its two pure functions and its examples.

    `take(params, event)` is called for each event whose type is in `meta.consumes`, and returns None for one without
    interest. `judge(params, facts, now)` gets the facts of one case sorted by (`at`, `event_id`), without repeats, at
    least one; `now` (ms) is the partition's clock, never before a fact already seen as due. Both must be pure.
    """

    meta: Meta
    params: P
    take: Callable[[P, Event], Taken | None]
    judge: Callable[[P, Sequence[Fact], int], Verdict]
    examples: Sequence[Example] = field(default=())


AnyDetector = Detector[Any]


def connected(facts: Sequence[Fact], keep_ms: int) -> list[Sequence[Fact]]:
    """Facts (sorted, at least one) cut into episodes where for more than `keep_ms` nothing happens or is due.

    A detector is asked of one episode at a time. The cut depends on the facts alone, so what a detector sees does not
    depend on what the engine has already been able to forget.
    """
    episodes: list[Sequence[Fact]] = []
    start, last = 0, max(facts[0].at, facts[0].due)
    for place, fact in enumerate(facts):
        if fact.at > last + keep_ms:
            episodes.append(facts[start:place])
            start = place
        last = max(last, fact.at, fact.due)
    episodes.append(facts[start:] if start else facts)
    return episodes


def keep_ms_of(detector: AnyDetector) -> int:
    """How long (ms) a case matters after its last fact: as the detector says, or as its parameters reach back."""
    horizon: int = detector.params.horizon_ms
    return max(detector.meta.keep_ms, horizon)


def judged(detector: AnyDetector, facts: Sequence[Fact], now: int, keep_ms: int) -> Verdict:
    """The verdict on a case (sorted facts, at least one) as of `now`: that of all its episodes together."""
    if facts[-1].at - facts[0].at <= keep_ms:
        return detector.judge(detector.params, facts, now)
    verdicts = [detector.judge(detector.params, episode, now) for episode in connected(facts, keep_ms)]
    looks = [verdict.look_at for verdict in verdicts if verdict.look_at is not None]
    return Verdict(tuple(finding for one in verdicts for finding in one.findings), min(looks, default=None))
