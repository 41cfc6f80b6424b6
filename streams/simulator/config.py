"""What a simulation is told: how many, how long, which seed, and how often things go wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from schemas.times import DAY, HOUR, to_ms

Share = Annotated[float, Field(ge=0.0, le=1.0)]

STORY_RATES: dict[str, float] = {
    "roaming_shock": 0.012,
    "dealer_order_lost": 0.012,
    "broken_promise": 0.012,
    "bill_spike": 0.02,
    "activation_late": 0.012,
    "repeat_contact": 0.012,
    "complaint_reopened": 0.012,
    "ping_pong": 0.012,
}
"""Share of customers to whom each story happens once within the span; its near misses come on top."""


class TierMix(BaseModel):
    """Share of each tier; seed B's top customers are few, the rest is `normal`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    diamond: Share = 0.005
    gold: Share = 0.02
    silver: Share = 0.075


class SimulationConfig(BaseModel):
    """One simulation. The same configuration always gives the same bytes.

    `start` must be a whole hour; `days` are 24 h each. Rates are shares of events (`duplicates`, `late`,
    `beyond_allowance`, `malformed`), of customers over the whole span (`story_rates`), or of the story rate
    (`near_misses`). `beyond_allowance` touches everyday usage only, so that no truth depends on an event that nobody
    waits for. `malformed` lines come on top of the good ones. `shuffle_seconds` is how far on-time events may overtake
    each other. `ordinary_rate` scales everything that goes well. `roaming_limit_minor` is in fen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    days: Annotated[int, Field(ge=1, le=3660)] = 130
    seed: Annotated[int, Field(ge=0)] = 1
    start: AwareDatetime = datetime(2026, 1, 4, 16, tzinfo=UTC)
    tiers: TierMix = TierMix()
    usage_per_day: Annotated[float, Field(ge=0.0, le=8.0)] = 2.0
    ordinary_rate: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    story_rates: dict[str, Share] = STORY_RATES
    near_misses: Annotated[float, Field(ge=0.0, le=5.0)] = 0.7
    duplicates: Share = 0.02
    late: Share = 0.05
    beyond_allowance: Share = 0.0
    malformed: Share = 0.0
    shuffle_seconds: Annotated[float, Field(ge=0.0, le=600.0)] = 20.0
    roaming_limit_minor: Annotated[int, Field(ge=1_000)] = 30_000
    dealers: Annotated[int, Field(ge=10, le=10_000)] = 60

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        unknown = set(self.story_rates) - set(STORY_RATES)
        if unknown:
            raise ValueError(f"unknown stories {sorted(unknown)}; known: {sorted(STORY_RATES)}")
        if to_ms(self.start) % HOUR:
            raise ValueError("start must be a whole hour")
        return self

    @property
    def start_ms(self) -> int:
        """First millisecond of the span."""
        return to_ms(self.start)

    @property
    def end_ms(self) -> int:
        """First millisecond after the span."""
        return self.start_ms + self.days * DAY
