"""What the monitor says: a moment of truth with its evidence.

A moment's id is derived from what it is about (detector, its major version, customer, anchor), never random, so that a
repeated delivery or a replay names the same moment.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from schemas.envelope import Tier

Stage = Literal["discover", "purchase", "activate", "use", "pay", "resolve", "renew_or_leave"]
Valence = Literal["negative", "positive"]
Status = Literal["pending", "confirmed", "retracted", "acknowledged", "acting", "repaired", "expired"]
"""`pending`: decided, but a late fact may still overturn it; `confirmed`: the allowed lateness has passed over it;
`retracted`: a fact overturned it. The other four belong to case work."""
Severity = Literal[1, 2, 3, 4, 5]
Scalar = int | float | str | bool | None


class Frozen(BaseModel):
    """House settings of what we write ourselves."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(Frozen):
    """One text in both languages of the product."""

    zh: str
    en: str

    def said_in(self, language: str) -> str:
        """The Chinese text for `zh`, the English one for anything else."""
        return self.zh if language == "zh" else self.en


class Evidence(Frozen):
    """Why: the events that happened, the one that did not, the baseline, the clause.

    `events` are event ids in order of occurrence; `missing` names the expected event that did not happen; `measures`
    are the numbers of the decision (units in their names); `clause` is the policy pack and article.
    """

    events: tuple[str, ...]
    missing: str | None = None
    clause: str | None = None
    measures: dict[str, Scalar] = {}


class Moment(Frozen):
    """A moment of truth of one customer.

    `anchor_at` is when the episode began, `decided_at` the event time at which the expectation was broken (or met),
    `retracted_at` the event time of the fact that withdrew it. A moment retracted without such a time was never true: a
    late event showed that its provisional reading was wrong. `scope` is the case it belongs to (order, trip, reason).
    """

    moment_id: str
    detector_id: str
    detector_name: str
    detector_version: int
    customer_id: str
    scope: str
    stage: Stage
    touchpoint: str
    valence: Valence
    severity: Severity
    tier: Tier
    channel: str
    region: str
    department: str
    status: Status
    model_only: bool = False
    anchor_at: AwareDatetime
    decided_at: AwareDatetime
    retracted_at: AwareDatetime | None = None
    evidence: Evidence
    explanation: Text
    recovery: Text
