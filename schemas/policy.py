"""What a policy pack looks like: a regulation or an operator's own promise as dated data.

A pack is read, never executed. Amounts are minor units of the rule's currency, durations seconds, ratios plain numbers.
`confidence` says whether a number was read in the source or assumed by us; what is assumed is shown as such.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.moments import Frozen
from schemas.times import to_ms

Metric = Literal[
    "roaming_entry", "roaming_spend", "data_spend", "allowance", "bill_ratio", "restore", "complaint_reply",
    "fault_repair", "port_in", "port_out_code", "contract_end", "plan_activation",
]  # fmt: skip
"""What a rule watches: entering another network's country, the running roaming or data spend, an included allowance, a
bill against its own past, restoring service, answering a complaint, repairing a fault, moving a number, the end of a
term, an option that is switched on."""

Percent = Annotated[int, Field(gt=0, le=1000)]
Minor = Annotated[int, Field(ge=0)]
Seconds = Annotated[int, Field(gt=0)]


class PolicyRule(Frozen):
    """One duty of a pack.

    `steps_percent` are percentages of the limit or allowance at which the customer must be told; `extra_notices_minor`
    are further sums. A notice must be delivered within `notify_within_s` of its trigger. Beyond the limit the operator
    must stop within `act_within_s` unless the customer consented (`consent_purpose`). `ratio` is to the mean of the
    `bills` previous bills, exceeded when strictly above. `within_s` or `working_days` bound other duties.
    """

    metric: Metric
    article: str = Field(min_length=1)
    confidence: Literal["verified", "assumed"]
    notice_purpose: str | None = None
    content: tuple[str, ...] = ()
    notify_within_s: Seconds | None = None
    steps_percent: tuple[Percent, ...] = ()
    extra_notices_minor: tuple[Minor, ...] = ()
    limit_minor: Minor | None = None
    currency: Annotated[str, Field(min_length=3, max_length=3)] | None = None
    excluding_vat: bool = False
    act_within_s: Seconds | None = None
    consent_purpose: str | None = None
    ratio: Annotated[float, Field(gt=1)] | None = None
    bills: Annotated[int, Field(gt=0)] | None = None
    within_s: Seconds | None = None
    working_days: Annotated[int, Field(gt=0)] | None = None
    days_before: tuple[int, int] | None = None
    exemptions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.limit_minor is not None or self.extra_notices_minor) and self.currency is None:
            raise ValueError("a sum needs its currency")
        if (self.ratio is None) != (self.bills is None):
            raise ValueError("ratio and bills belong together")
        if self.steps_percent != tuple(sorted(set(self.steps_percent))):
            raise ValueError("steps_percent must rise")
        return self


class PolicyPack(Frozen):
    """A set of duties with one legal basis and one life span.

    `effective_from` and `effective_to` are the first and the last day in force (both inclusive) in local time of
    `utc_offset_minutes`; `dates` says whether the days were read or assumed. Scope: `line_types`, `prepaid` (None =
    both) and the `zone` the rules speak of.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    jurisdiction: str
    authority: str
    instrument: str
    effective_from: date
    effective_to: date | None = None
    dates: Literal["verified", "assumed"] = "verified"
    utc_offset_minutes: Annotated[int, Field(ge=-720, le=840)] = 0
    supersedes: str | None = None
    line_types: tuple[Literal["mobile", "fixed"], ...] = ("mobile",)
    prepaid: bool | None = None
    zone: str = "any"
    source: str
    rules: tuple[PolicyRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to lies before effective_from")
        return self

    def __hash__(self) -> int:
        return hash((self.id, self.effective_from))

    @cached_property
    def span(self) -> tuple[int, int]:
        """First ms in force and first ms no longer in force, since the epoch."""
        ends = date.max if self.effective_to is None else self.effective_to + timedelta(days=1)
        return self._midnight(self.effective_from), self._midnight(ends)

    def in_force(self, at: int) -> bool:
        """Whether the pack binds at `at` (ms since the epoch); half-open."""
        begins, ends = self.span
        return begins <= at < ends

    def clause(self, rule: PolicyRule) -> str:
        """How evidence names a rule of this pack."""
        return f"{self.id} {rule.article}"

    def _midnight(self, day: date) -> int:
        return to_ms(datetime.combine(day, time(), tzinfo=timezone(timedelta(minutes=self.utc_offset_minutes))))
