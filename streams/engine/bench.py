"""Where cases are judged: facts in, verdict compared with what was said before, moments out.

A verdict is a function of the facts and the partition's clock, so whatever order events arrive in, the last verdict
is the same. What changes on the way is said as it happens: a finding is `pending` until the allowed lateness of its
detector has passed over it, then `confirmed`; one that vanishes while pending was an error of incomplete knowledge
and is `retracted`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from detectors.base import AnyDetector, Fact, Finding, Verdict, connected, judged
from schemas.facts import DetectorFailure
from schemas.moments import Moment
from streams.engine.customer import Case, CaseKey, Customer, Raised, RaisedStatus
from streams.engine.wording import QUARANTINED, digest, moment_id, withdrawn, worded


class Seat(NamedTuple):
    """A detector at its place in the engine.

    `lateness` (ms) is the allowance of the events it reads, `keep` (ms) how long a case can matter after its last
    fact: what the detector says of itself or, when its parameters reach further back, what they need. `name` is id
    and version.
    """

    detector: AnyDetector
    lateness: int
    keep: int
    name: str


class Said(NamedTuple):
    """One thing to say of a moment.

    Its new wording; what it counts as now (None: it never was) and before (None: new).
    """

    moment: Moment
    now: Raised | None
    before: Raised | None


class DetectorRaised(Exception):
    """A detector raised in strict mode; the cause is chained."""


class Bench:
    """Judges cases of any customer with the detectors of a catalogue. Holds no state of its own."""

    def __init__(self, seats: Mapping[str, Seat], strict: bool) -> None:
        self._seats = seats
        self._strict = strict

    def admit(self, customer: Customer, key: CaseKey, fact: Fact, seat: Seat) -> Case:
        """Put a fact into its case, opened when there is none, and return the case."""
        case = customer.cases.get(key)
        if case is None:
            case = customer.cases[key] = Case()
        facts = case.facts
        if not facts or fact > facts[-1]:
            facts.append(fact)
        else:
            insort(facts, fact)
        if len(facts) > seat.detector.meta.max_facts:
            _thin(case, seat.detector.meta.max_facts)
        return case

    def examine(
        self, customer: Customer, key: CaseKey, case: Case, seat: Seat, front: int, now: int, *, final: bool = False
    ) -> tuple[list[Said], DetectorFailure | None]:
        """Judge a case as of `now` and set when to look again. Returns what is newly to be said of it.

        `front` (ms) is the partition's clock, which tells what is settled; `now` is the same, or just before it while
        an event at `front` is about to come. With `final` no fact can come any more, so every finding is settled. A
        detector that raises yields a failure, after which it is quarantined for this customer; in strict mode it
        raises DetectorRaised.
        """
        settled_until = front if final else front - seat.lateness - 1
        try:
            verdict = _judged(case, seat, now)
            if not verdict.findings and not case.raised:
                case.look_at = verdict.look_at
                said = []
            else:
                said = self._compare(customer, key, case, seat, settled_until, verdict)
        except Exception as error:
            return self.quarantine(customer, seat, case.facts[-1].event_id, front, error)
        case.judged = front
        _prune(case, seat, front)
        return said, None

    def quarantine(
        self, customer: Customer, seat: Seat, event_id: str, front: int, error: Exception
    ) -> tuple[list[Said], DetectorFailure]:
        """Let this version of a detector rest for this customer and withdraw what is pending of it.

        In strict mode raise DetectorRaised instead.
        """
        meta = seat.detector.meta
        if self._strict:
            raise DetectorRaised(f"{meta.id} on customer {customer.id}, event {event_id}") from error
        customer.quarantined |= {seat.name}
        said = []
        for key, case in customer.cases.items():
            if key.detector_id == meta.id:
                case.look_at = None
                for identity, before in list(case.raised.items()):
                    if before.status == "pending":
                        del case.raised[identity]
                        moment = withdrawn(seat.detector, customer.id, key, before, identity, QUARANTINED)
                        said.append(Said(moment, None, before))
        described = f"{type(error).__name__}: {error}"[:500]
        return said, DetectorFailure(meta.id, customer.id, event_id, described, front)

    def _compare(
        self,
        customer: Customer,
        key: CaseKey,
        case: Case,
        seat: Seat,
        settled_until: int,
        verdict: Verdict,
    ) -> list[Said]:
        said = []
        vanished = dict(case.raised)
        wake = [] if verdict.look_at is None else [verdict.look_at]
        for finding in verdict.findings:
            identity = moment_id(seat.detector, customer.id, key.scope, finding)
            before = vanished.pop(identity, None)
            if before is None and case.thinned and finding.decided_at < case.judged - seat.lateness:
                continue  # an artefact of facts left out: it was settled already when the case was last judged
            settled = finding.decided_at <= settled_until or (before is not None and before.status == "confirmed")
            now = _raised(finding, settled)
            if now.status == "pending":
                wake.append(finding.decided_at + seat.lateness + 1)
            if now != before:
                case.raised[identity] = now
                said.append(Said(worded(seat.detector, customer.id, key, finding, now.status), now, before))
        for identity, before in vanished.items():
            if before.status == "pending" or before.decided_at > settled_until:
                del case.raised[identity]
                said.append(Said(withdrawn(seat.detector, customer.id, key, before, identity), None, before))
        case.look_at = min(wake, default=None)
        return said

    def seat(self, detector_id: str) -> Seat | None:
        """The seat of a detector, None when the catalogue no longer has it."""
        return self._seats.get(detector_id)


def is_over(case: Case, seat: Seat, front: int) -> bool:
    """Whether no fact still to come can concern this case any more, and silence cannot either."""
    past = front - seat.keep - seat.lateness
    return case.look_at is None and case.facts[-1].at < past and _end(case.facts) < past


def _end(facts: Sequence[Fact]) -> int:
    return max(max(fact.at, fact.due) for fact in facts)


def _judged(case: Case, seat: Seat, now: int) -> Verdict:
    forget = seat.detector.meta.forget_ms
    if forget is not None:
        _forget(case, max(forget, seat.keep) + seat.lateness)
    return judged(seat.detector, case.facts, now, seat.keep)


def _raised(finding: Finding, settled: bool) -> Raised:
    status: RaisedStatus = "retracted" if finding.retracted_at is not None else "confirmed" if settled else "pending"
    anchor = finding.anchor
    return Raised(status, anchor.at, finding.decided_at, finding.retracted_at, digest(finding), anchor.dims)


def _prune(case: Case, seat: Seat, front: int) -> None:
    """Drop episodes that no fact can join any more, and what was said of them: all of it is settled."""
    facts = case.facts
    if facts[0].at + seat.keep + seat.lateness >= front or facts[-1].at - facts[0].at <= seat.keep:
        return
    past = connected(facts, seat.keep)[:-1]
    over = [episode for episode in past if _end(episode) + seat.keep + seat.lateness < front]
    if over:
        until = max(_end(episode) for episode in over) + seat.keep
        kept = sum(len(episode) for episode in over)
        case.facts = list(facts[kept:])
        case.raised = {identity: raised for identity, raised in case.raised.items() if raised.decided_at > until}


def _thin(case: Case, limit: int) -> None:
    """Keep the first and the last facts, whatever their order of arrival."""
    del case.facts[limit // 2]
    case.thinned = True


def _forget(case: Case, horizon: int) -> None:
    """Drop facts more than `horizon` ms older than the case's last one."""
    before = case.facts[-1].at - horizon
    if case.facts[0].at < before:
        case.facts = [fact for fact in case.facts if fact.at >= before]
        case.thinned = True
