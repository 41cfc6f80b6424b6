"""Where cases are judged: facts in, verdict compared with what was said before, moments out.

A verdict is a function of the facts and the partition's clock, so whatever order events arrive in, the last verdict
is the same. What changes on the way is said as it happens: a finding is `pending` until the allowed lateness of its
detector has passed over it, then `confirmed`; one that vanishes while pending was an error of incomplete knowledge
and is `retracted`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from typing import NamedTuple

from detectors.base import AnyDetector, Fact, Finding
from schemas.facts import DetectorFailure
from schemas.moments import Moment
from streams.engine.customer import Case, CaseKey, Customer, Raised, RaisedStatus
from streams.engine.wording import digest, moment_id, withdrawn, worded


class Seat(NamedTuple):
    """A detector at its place in the engine.

    `lateness` (ms) is the allowance of the events it reads, `keep` (ms) how long a case can matter after its last fact:
    what the detector says of itself or, when its parameters reach further back, what they need.
    """

    detector: AnyDetector
    lateness: int
    keep: int


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

    def admit(self, customer: Customer, key: CaseKey, fact: Fact, seat: Seat, front: int) -> Case:
        """Put a fact into its case (opened when there is none, begun anew when the old one is over) and return the
        case.
        """
        case = customer.cases.get(key)
        if case is None or is_over(case, seat, front):
            case = customer.cases[key] = Case()
        facts = case.facts
        if not facts or fact > facts[-1]:
            facts.append(fact)
        else:
            insort(facts, fact)
        meta = seat.detector.meta
        if len(facts) > meta.max_facts:
            _thin(case, meta.max_facts)
        return case

    def examine(
        self, customer: Customer, key: CaseKey, case: Case, seat: Seat, front: int, *, final: bool = False
    ) -> tuple[list[Said], DetectorFailure | None]:
        """Judge a case as of `front` (ms) and set when to look again. Returns what is newly to be said of it.

        With `final` no fact can come any more, so every finding is settled.
        A detector that raises yields a failure, after which it is quarantined for this customer; in strict mode raises
        DetectorRaised.
        """
        detector = seat.detector
        settled_until = front if final else front - seat.lateness
        if detector.meta.forget_ms is not None:
            horizon = max(detector.meta.forget_ms, seat.keep)
            _forget(case, horizon + seat.lateness)
        try:
            findings, look_at = detector.judge(detector.params, case.facts, front)
            if not findings and not case.raised:
                case.look_at = look_at
                return [], None
            return self._compare(customer, key, case, seat, settled_until, findings, look_at), None
        except Exception as error:
            case.look_at = None
            return [], self.quarantine(customer, key.detector_id, case.facts[-1].event_id, front, error)

    def quarantine(
        self, customer: Customer, detector_id: str, event_id: str, front: int, error: Exception
    ) -> DetectorFailure:
        """Let a detector that raised rest for this customer; in strict mode raise DetectorRaised instead."""
        if self._strict:
            raise DetectorRaised(f"{detector_id} on customer {customer.id}, event {event_id}") from error
        customer.quarantined |= {detector_id}
        return DetectorFailure(detector_id, customer.id, event_id, f"{type(error).__name__}: {error}"[:500], front)

    def _compare(
        self,
        customer: Customer,
        key: CaseKey,
        case: Case,
        seat: Seat,
        settled_until: int,
        findings: tuple[Finding, ...],
        look_at: int | None,
    ) -> list[Said]:
        said = []
        vanished = dict(case.raised)
        wake = [] if look_at is None else [look_at]
        for finding in findings:
            identity = moment_id(seat.detector, customer.id, key.scope, finding)
            before = vanished.pop(identity, None)
            settled = finding.decided_at <= settled_until
            if before is None and settled and case.thinned:
                continue  # an artefact of thinned facts, long past: not news
            status = _status(finding, settled or (before is not None and before.status == "confirmed"))
            now = Raised(status, finding.decided_at, digest(finding), finding.anchor.dims)
            if status == "pending":
                wake.append(finding.decided_at + seat.lateness)
            if now != before:
                case.raised[identity] = now
                said.append(Said(worded(seat.detector, customer.id, key, finding, status), now, before))
        for identity, before in vanished.items():
            if before.status == "pending":
                del case.raised[identity]
                said.append(Said(withdrawn(seat.detector, customer.id, key, before, identity), None, before))
        case.look_at = min(wake, default=None)
        return said

    def seat(self, detector_id: str) -> Seat | None:
        """The seat of a detector, None when the catalogue no longer has it."""
        return self._seats.get(detector_id)


def is_over(case: Case, seat: Seat, front: int) -> bool:
    """Whether no fact still to come can concern this case any more."""
    return case.look_at is None and case.facts[-1].at + seat.keep + seat.lateness < front


def _status(finding: Finding, settled: bool) -> RaisedStatus:
    if finding.retracted_at is not None:
        return "retracted"
    return "confirmed" if settled else "pending"


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
