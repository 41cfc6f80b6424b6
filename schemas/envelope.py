"""The envelope every event wears, and the words its dimensions may use.

`occurred_at` drives every decision; `recorded_at` serves only lag, lateness and the check against clocks that run ahead.
The envelope fields are those of `domain/3-interfaces.md` §3.4; correlation ids follow TM Forum entity names.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.times import to_ms

Tier = Literal["diamond", "gold", "silver", "normal"]
Channel = Literal[
    "web", "app", "store", "dealer", "partner", "call_centre", "account_manager", "retention", "enterprise_service",
    "chatbot", "ai_agent", "logistics", "field", "network", "it_system", "device", "bank", "sms", "email", "post",
    "media", "social", "word_of_mouth", "regulator", "unknown",
]  # fmt: skip
Department = Literal[
    "service_supervision", "billing", "retention", "channel", "network", "network_it", "logistics",
    "account_manager", "call_centre", "field", "partner", "unknown",
]  # fmt: skip

Identifier = Annotated[str, Field(min_length=1, max_length=128)]
CurrencyCode = Annotated[str, Field(min_length=3, max_length=3)]
"""ISO 4217 code; the codec refuses one that is not on the list."""


class Strict(BaseModel):
    """House settings of a model read from outside: strict types, finite numbers, immutable, unknown fields kept apart."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)


class Attributes(Strict):
    """What an event says beyond its envelope; each event type has its own subclass or uses this open one."""


class Event(Strict):
    """One fact about one customer.

    Amounts are integers in minor units (`amount_minor`, cents or fen) of `currency`. `touchpoint_id` may be left out:
    the touchpoint is then inferred from the event type. Unknown fields stay in `model_extra`.
    """

    schema_version: Literal[1] = 1
    event_id: Identifier
    event_type: str
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    customer_id: Identifier
    tier: Tier = "normal"
    channel: Channel = "unknown"
    source: str | None = None
    account_id: str | None = None
    line_id: str | None = None
    touchpoint_id: str | None = None
    department: str | None = None
    region: str | None = None
    order_id: str | None = None
    bill_id: str | None = None
    ticket_id: str | None = None
    interaction_id: str | None = None
    trip_id: str | None = None
    outage_id: str | None = None
    payment_id: str | None = None
    amount_minor: int | None = None
    currency: CurrencyCode | None = None
    attributes: Any = Attributes()

    @cached_property
    def occurred_ms(self) -> int:
        """`occurred_at` in milliseconds since the epoch."""
        return to_ms(self.occurred_at)

    @cached_property
    def recorded_ms(self) -> int:
        """`recorded_at` in milliseconds since the epoch."""
        return to_ms(self.recorded_at)


class Tick(Strict):
    """A statement in the log that time has passed although nothing happened, so that replay sees the same silence."""

    event_type: Literal["clock.tick"] = "clock.tick"
    occurred_at: AwareDatetime

    @cached_property
    def occurred_ms(self) -> int:
        """`occurred_at` in milliseconds since the epoch."""
        return to_ms(self.occurred_at)
