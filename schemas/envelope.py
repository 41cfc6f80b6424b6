"""The envelope every event wears, and the words its dimensions may use.

`occurred_at` drives every decision; `recorded_at` serves only lag, lateness and the check against fast clocks.
The envelope fields are those of `domain/3-interfaces.md` §3.4; correlation ids follow TM Forum entity names.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Annotated, Any, Literal, final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainSerializer,
    WrapValidator,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from schemas.codes import COUNTRIES
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
Label = Annotated[str, Field(min_length=1, max_length=128)]
"""A word of a dimension (region, department, source): short, because indicators are broken down by it."""
Minor = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""An amount in minor units of its currency; 64 bits, because that is what every store behind us holds."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Word = Annotated[str, Field(min_length=1, max_length=64)]
"""A word of an open vocabulary (a state, a product, a purpose): an unknown one is kept, never refused."""
Reason = Annotated[str, Field(min_length=1, max_length=128)]
"""A reason or category family, as the operator's own systems name it; cases are joined by it."""
Score = Annotated[int, Field(ge=0, le=10)]
CurrencyCode = Annotated[str, Field(min_length=3, max_length=3)]
"""ISO 4217 code; the codec refuses one that is not in `schemas.codes`."""


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC as RFC 3339 with milliseconds, or with microseconds where milliseconds would lose something."""
    exact = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=exact)[:-6] + "Z"


def _in_utc(value: Any, read: ValidatorFunctionWrapHandler) -> datetime:
    """Refuse a count of seconds, even one dressed as text, which pydantic would take for a time; turn others to UTC."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and value[4:5] == "-"):
        raise PydanticCustomError("datetime_parsing", "Input should be a time in RFC 3339")
    moment: datetime = read(value)
    if not 1 < moment.year < 9999:  # the edges cannot be turned to UTC
        raise PydanticCustomError("datetime_parsing", "Input should be a time between the years 2 and 9998")
    return moment.astimezone(UTC)


Stamp = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""A time of the envelope. The codec reads it itself, faster, and turns it to UTC."""
Time = Annotated[Stamp, Field(strict=False), WrapValidator(_in_utc)]
"""A time among the attributes: a promise, a due date, the end of a period. Always UTC after reading."""


def _iso_country(code: str) -> str:
    if code not in COUNTRIES:
        raise PydanticCustomError("country_code", "Input should be an ISO 3166-1 alpha-2 code")
    return code


Country = Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(_iso_country)]
"""ISO 3166-1 alpha-2 code."""


class Strict(BaseModel):
    """House settings of a model read from outside: strict types, finite numbers, immutable, unknown fields kept apart.

    Validators are built at the first use of a type: with 140 types, building all at import would take seconds.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False, defer_build=True)


class Attributes(Strict):
    """What an event says beyond its envelope; each event type has its own subclass or uses this open one."""


AnyAttributes = Annotated[Any, GetPydanticSchema(lambda _, handler: handler(Attributes))]
"""Attributes for pydantic, anything for the type checker: who reads `event.attributes` knows the type of the event."""


def blank(model: type[Attributes]) -> Any:
    """Default of an `attributes` field: one shared empty instance, made at first need since building is deferred."""
    return Field(default_factory=cache(model))


class Event(Strict):
    """One fact about one customer.

    Amounts are integers in minor units (`amount_minor`, cents or fen) of `currency`. `touchpoint_id` may be left out:
    the touchpoint is then inferred from the event type. Unknown fields stay in `model_extra`.
    """

    schema_version: Literal[1] = 1
    event_id: Identifier
    event_type: str
    occurred_at: Stamp
    recorded_at: Stamp
    customer_id: Identifier
    tier: Tier = "normal"
    channel: Channel = "unknown"
    source: Label | None = None
    account_id: Identifier | None = None
    line_id: Identifier | None = None
    touchpoint_id: Identifier | None = None
    department: Label | None = None
    region: Label | None = None
    order_id: Identifier | None = None
    bill_id: Identifier | None = None
    ticket_id: Identifier | None = None
    interaction_id: Identifier | None = None
    trip_id: Identifier | None = None
    outage_id: Identifier | None = None
    payment_id: Identifier | None = None
    amount_minor: Minor | None = None
    currency: CurrencyCode | None = None
    attributes: AnyAttributes = blank(Attributes)

    @cached_property
    def occurred_ms(self) -> int:
        """`occurred_at` in milliseconds since the epoch."""
        return to_ms(self.occurred_at)

    @cached_property
    def recorded_ms(self) -> int:
        """`recorded_at` in milliseconds since the epoch."""
        return to_ms(self.recorded_at)


@final
class Tick(Strict):
    """A statement in the log that time has passed although nothing happened, so that replay sees the same silence."""

    event_type: Literal["clock.tick"] = "clock.tick"
    occurred_at: Stamp

    @cached_property
    def occurred_ms(self) -> int:
        """`occurred_at` in milliseconds since the epoch."""
        return to_ms(self.occurred_at)
