"""Finding -> moment: identity, severity, owner and words."""

from __future__ import annotations

import base64
import hashlib

import msgspec
import xxhash

from detectors.base import AnyDetector, Fact, Finding
from schemas.moments import Evidence, Moment, Severity, Status, Text
from schemas.times import from_ms
from streams.engine.customer import CaseKey, Raised

_canonical = msgspec.json.Encoder(order="deterministic").encode


def moment_id(detector: AnyDetector, customer_id: str, scope: str, finding: Finding) -> str:
    """The derived id: a 128-bit hash of detector, its major version, customer, case and anchor event, in base 32."""
    meta = detector.meta
    named = "\x1f".join((meta.id, str(meta.version), customer_id, scope, finding.anchor.event_id))
    digest = hashlib.blake2b(named.encode(), digest_size=16).digest()
    return f"{meta.id.lower()}-{base64.b32encode(digest).decode().rstrip('=').lower()}"


def digest(finding: Finding) -> int:
    """A number that changes when anything in the finding changes."""
    return xxhash.xxh3_64_intdigest(_canonical(finding)) >> 1


def severity(detector: AnyDetector, finding: Finding) -> Severity:
    """Severity by the customer's tier, shifted as the finding says, never below 3 for a statutory detector."""
    level = detector.meta.severity.of(finding.anchor.dims.tier) + finding.severity_shift
    return max(3 if detector.meta.statutory else 1, min(5, level))


WITHDRAWN = Text(
    zh="迟到的事实表明该时刻并未发生,已撤回。",
    en="Withdrawn: an event that arrived late shows that this did not happen.",
)


def worded(detector: AnyDetector, customer_id: str, key: CaseKey, finding: Finding, status: Status) -> Moment:
    """The moment that a finding makes, with its texts filled in."""
    identity = moment_id(detector, customer_id, key.scope, finding)
    return _moment(detector, customer_id, key, finding, status, identity, _filled(detector.meta.explanation, finding))


QUARANTINED = Text(
    zh="检测器在该客户上出错,其暂定结论无法维持,已撤回。",
    en="Withdrawn: the detector failed on this customer, so what it said provisionally cannot be upheld.",
)


def withdrawn(
    detector: AnyDetector, customer_id: str, key: CaseKey, before: Raised, identity: str, why: Text = WITHDRAWN
) -> Moment:
    """What is said of a moment that never was, as a late event showed: the facts for it are gone."""
    finding = Finding(Fact(before.anchor_at, "", "", before.dims), before.decided_at, ())
    return _moment(detector, customer_id, key, finding, "retracted", identity, why)


def _moment(
    detector: AnyDetector,
    customer_id: str,
    key: CaseKey,
    finding: Finding,
    status: Status,
    identity: str,
    explanation: Text,
) -> Moment:
    meta = detector.meta
    anchor = finding.anchor
    return Moment(
        moment_id=identity,
        detector_id=meta.id,
        detector_name=meta.name,
        detector_version=meta.version,
        customer_id=customer_id,
        scope=key.scope,
        stage=meta.stage,
        touchpoint=meta.touchpoint,
        valence=meta.valence,
        severity=severity(detector, finding),
        tier=anchor.dims.tier,
        channel=anchor.dims.channel,
        region=anchor.dims.region,
        department=meta.owner,
        status=status,
        model_only=meta.model_only,
        anchor_at=from_ms(anchor.at),
        decided_at=from_ms(finding.decided_at),
        retracted_at=None if finding.retracted_at is None else from_ms(finding.retracted_at),
        evidence=Evidence(
            events=finding.events, missing=finding.missing, clause=finding.clause, measures=dict(finding.measures)
        ),
        explanation=explanation,
        recovery=meta.recovery,
    )


def _filled(template: Text, finding: Finding) -> Text:
    return Text(zh=template.zh.format(**finding.measures), en=template.en.format(**finding.measures))
