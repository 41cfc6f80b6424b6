"""Old spellings of events, brought to the present one step at a time.

A version is a major one: fields were renamed or changed their meaning. New optional fields, new words and new event
types need no new version, because readers keep what they do not know. Each step is a pure function from a record of
one version to the next, with a golden pair in `tests/schemas/golden/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from schemas.codes import CURRENCIES

CURRENT_VERSION = 1

Record = dict[str, Any]

_RENAMED_IN_ONE = {"event_time": "occurred_at", "ingest_time": "recorded_at", "subscriber_id": "customer_id"}
_BEYOND_64_BITS = 2**63
_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,6})?", re.ASCII)
"""No exponent: a few characters such as 1e99999999 would keep the arithmetic busy for hours."""


class UpcastError(ValueError):
    """A record of an old version cannot be brought forward; `field` is at fault, `flaw` says what to mend."""

    def __init__(self, field: str, flaw: str) -> None:
        super().__init__(f"{field} {flaw}")
        self.field = field
        self.flaw = flaw


def upcast(record: Record) -> Record:
    """`record` in the current version; the given one is left as it is. Raises UpcastError."""
    while (version := record.get("schema_version", CURRENT_VERSION)) != CURRENT_VERSION:
        record = UPCASTERS[version](record)
    return record


def from_zero(record: Record) -> Record:
    """Version 0, before the first release: other names for times and customer, amounts as decimal text.

    `event_time`, `ingest_time`, `subscriber_id` become `occurred_at`, `recorded_at`, `customer_id`; `amount` ("12.34",
    in the main unit of `currency`) becomes `amount_minor` (1234). Version 0 always stated `schema_version`.
    """
    for old, new in _RENAMED_IN_ONE.items():
        if old in record and new in record:
            raise UpcastError(old, f"and {new} are both stated; keep the one of the stated schema version")
    upcasted = {_RENAMED_IN_ONE.get(name, name): value for name, value in record.items()}
    upcasted["schema_version"] = 1
    amount = upcasted.pop("amount", None)
    if amount is not None:
        upcasted["amount_minor"] = _minor(amount, upcasted.get("currency"))
    return upcasted


def _minor(amount: Any, currency: Any) -> int:
    """`amount` in minor units of `currency`."""
    digits = CURRENCIES.get(currency) if isinstance(currency, str) else None
    if digits is None:
        raise UpcastError("currency", "must be an ISO 4217 code where an amount is stated")
    if not isinstance(amount, str) or not _DECIMAL.fullmatch(amount):
        raise UpcastError("amount", "must be a decimal number as text, such as 12.34")
    minor = Decimal(amount).scaleb(digits)
    if minor != minor.to_integral_value() or abs(minor) >= _BEYOND_64_BITS:
        raise UpcastError("amount", f"must have at most {digits} decimals in its currency and fit into 64 bits")
    return int(minor)


UPCASTERS: Mapping[int, Callable[[Record], Record]] = MappingProxyType({0: from_zero})
"""Old version to the step that brings a record to the next one."""
