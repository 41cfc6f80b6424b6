"""Facts as ClickHouse rows: one JSON object per line, times as RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from journeys.kpis import KpiChanges
from journeys.touchpoints import Touchpoints
from schemas.deadletters import DeadLetter
from schemas.facts import DetectorFailure, Handoff
from schemas.times import iso, to_ms
from streams.engine.effects import VersionedMoment, VersionedTransition

_json = msgspec.json.Encoder().encode


def moment_row(said: VersionedMoment) -> dict[str, Any]:
    """Columns of table `moments`."""
    moment = said.moment
    evidence = moment.evidence
    return {
        "moment_id": moment.moment_id,
        "detector_id": moment.detector_id,
        "detector_name": moment.detector_name,
        "detector_version": moment.detector_version,
        "customer_id": moment.customer_id,
        "scope": moment.scope,
        "stage": moment.stage,
        "touchpoint": moment.touchpoint,
        "valence": moment.valence,
        "severity": moment.severity,
        "tier": moment.tier,
        "channel": moment.channel,
        "region": moment.region,
        "department": moment.department,
        "status": moment.status,
        "model_only": moment.model_only,
        "anchor_at": iso(to_ms(moment.anchor_at)),
        "decided_at": iso(to_ms(moment.decided_at)),
        "retracted_at": None if moment.retracted_at is None else iso(to_ms(moment.retracted_at)),
        "evidence_events": evidence.events,
        "evidence_missing": evidence.missing or "",
        "evidence_clause": evidence.clause or "",
        "measures": _json(evidence.measures).decode(),
        "explanation_zh": moment.explanation.zh,
        "explanation_en": moment.explanation.en,
        "recovery_zh": moment.recovery.zh,
        "recovery_en": moment.recovery.en,
        "version": said.version,
    }


def transition_row(said: VersionedTransition) -> dict[str, Any]:
    """Columns of table `journey_transitions`. There is one for every fifth event, so this row is made by hand."""
    customer_id, event_key, at, from_stage, to_stage, touchpoint, after_ms = said.transition
    return {
        "customer_id": customer_id,
        "event_key": event_key,
        "at": iso(at),
        "from_stage": from_stage,
        "to_stage": to_stage,
        "touchpoint": touchpoint,
        "after_ms": after_ms,
        "version": said.version,
        "deleted": int(said.deleted),
    }


def handoff_row(handoff: Handoff) -> dict[str, Any]:
    """Columns of table `handoffs`."""
    return {**handoff._asdict(), "at": iso(handoff.at)}


def dead_letter_row(letter: DeadLetter) -> dict[str, Any]:
    """Columns of table `dead_letters`."""
    return {
        "dead_letter_id": letter.dead_letter_id,
        "origin": letter.origin,
        "position": letter.position,
        "reason": letter.reason.value,
        "field": letter.field or "",
        "detail": letter.detail,
        "payload": letter.payload,
        "payload_sha256": letter.payload_sha256,
        "occurred_at": None if letter.occurred_at is None else iso(to_ms(letter.occurred_at)),
    }


def failure_row(failure: DetectorFailure) -> dict[str, Any]:
    """Columns of table `detector_failures`."""
    return {**failure._asdict(), "at": iso(failure.at)}


HealthMetric = Literal["lag_records", "behind_ms", "commit_seconds", "restore_seconds"]


class HealthFigure(NamedTuple):
    """One figure about a part of the pipeline: when (ms since 1970), of which process, what, how much.

    `instance` is a name that outlives the process, so that there are few.
    """

    at: int
    component: Literal["worker", "sink-clickhouse"]
    instance: str
    metric: HealthMetric
    value: float


def health_row(figure: HealthFigure) -> dict[str, Any]:
    """Columns of table `pipeline_health`."""
    return {**figure._asdict(), "at": iso(figure.at)}


def touchpoint_rows(touchpoints: Touchpoints) -> list[dict[str, Any]]:
    """Rows of table `touchpoints`."""
    return [
        {"touchpoint": one.id, "stage": one.stage, "name_zh": one.name.zh, "name_en": one.name.en}
        for one in touchpoints.values()
    ]


def kpi_rows(changes: KpiChanges) -> Iterator[dict[str, Any]]:
    """Columns of table `kpis`, row by row; ClickHouse gets them as whole columns instead (`kpi_columns`)."""
    for part in changes.columns:
        for dim, window, value in zip(part.dim_id, part.window_ms, part.value, strict=True):
            yield {
                **changes.dims[dim]._asdict(),
                "grain": part.grain,
                "window_start": iso(window),
                "partition": changes.partition,
                "value": value,
                "version": changes.version,
            }


def encoded(rows: Iterable[dict[str, Any]]) -> list[bytes]:
    """Each row as one line of JSON."""
    return [_json(row) for row in rows]
