"""Allowed lateness per event family, and what follows from it.

An event older than the partition's clock by more than its family's allowance is set aside; up to that it corrects
what was said before. Defaults: 15 min for the network, 48 h for billing (`domain/5-detectors.md` §5.1), 1 h for the
rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from schemas.events import FAMILY_OF
from schemas.moments import Frozen
from schemas.times import HOUR, MINUTE

NETWORK_MS = 15 * MINUTE
BILLING_MS = 48 * HOUR
OTHER_MS = 1 * HOUR


class Lateness(Frozen):
    """Allowed lateness in ms by family; families not named get `other_ms`."""

    by_family: Mapping[str, int] = Field(
        default={
            "usage": NETWORK_MS,
            "roaming": NETWORK_MS,
            "network": NETWORK_MS,
            "notification": NETWORK_MS,
            "charging": BILLING_MS,
            "billing": BILLING_MS,
            "payment": BILLING_MS,
        }
    )
    other_ms: int = OTHER_MS

    def of_type(self, event_type: str) -> int:
        """The allowance of an event type, in ms."""
        return self.by_family.get(FAMILY_OF.get(event_type, ""), self.other_ms)

    def of_types(self, event_types: Iterable[str]) -> int:
        """The longest allowance among `event_types`: how long a decision that reads them stays provisional, in ms."""
        return max((self.of_type(event_type) for event_type in event_types), default=self.other_ms)

    @property
    def longest(self) -> int:
        """The longest allowance of all families, in ms."""
        return max(self.other_ms, *self.by_family.values())
