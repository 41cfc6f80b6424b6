"""Alerts as they come by Kafka, and which of them people get to see.

A moment is said several times: first `pending`, later `confirmed` or `retracted`, always under the same id with a
rising version. A team that calls customers wants to hear of it at once, to hear when it is certain, and above all to
hear when it turned out wrong; it does not want to hear the same thing twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from schemas.moments import Text

Send = Literal["updates", "first", "confirmed", "all"]
"""`updates`: the first word, then each change of status. `first`: the first word, then only a retraction. `confirmed`:
nothing before it is confirmed. `all`: every version, also those that change no status."""

_REMEMBERED = 100_000
_FIRST_WORDS = frozenset({"pending", "confirmed"})


class Alert(msgspec.Struct, frozen=True):
    """What is read of an alert; `raw` is all of it, one JSON object. `at_ms` is when Kafka got it (ms since 1970)."""

    moment_id: str
    version: int
    status: str
    severity: int
    detector_id: str
    detector_name: str
    customer_id: str
    tier: str
    model_only: bool
    decided_at: str
    explanation_zh: str
    explanation_en: str
    recovery_zh: str
    recovery_en: str
    raw: bytes = b""
    at_ms: int = 0

    @property
    def explanation(self) -> Text:
        """Why, in both languages."""
        return Text(zh=self.explanation_zh, en=self.explanation_en)

    @property
    def recovery(self) -> Text:
        """What to do, in both languages."""
        return Text(zh=self.recovery_zh, en=self.recovery_en)

    @property
    def message_id(self) -> str:
        """The same for every delivery of this version of this moment."""
        return f"{self.moment_id}-{self.version}"


_read = msgspec.json.Decoder(Alert).decode


def alert_of(value: bytes | None, at_ms: int) -> Alert | None:
    """The alert a record holds; None when it holds none of ours, which the ClickHouse sink keeps as a dead letter."""
    if not value:
        return None
    try:
        alert = _read(value)
    except msgspec.MsgspecError:
        return None
    return msgspec.structs.replace(alert, raw=value, at_ms=at_ms)


class Undelivered(Exception):
    """A target did not take an alert.

    `at_fault` when it complains about this very alert; `gone` when it wants none any more; `wait_seconds` when it said
    how long to leave it alone.
    """

    def __init__(self, text: Text, *, at_fault: bool = False, gone: bool = False, wait_seconds: float = 0) -> None:
        super().__init__(text.en)
        self.text = text
        self.at_fault = at_fault
        self.gone = gone
        self.wait_seconds = wait_seconds


class AlertTarget(Protocol):
    """Where alerts go. `name` is part of its consumer group; it takes up to `at_once` alerts in one go."""

    name: str
    at_once: int

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver; when this returns they are safe there. Raises Undelivered, then some may be there."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Which alerts are sent. A detector of kind `model_only` is never the sole reason to act, so it stays out unless
    asked for."""

    send: Send = "updates"
    min_severity: int = 1
    with_models: bool = False


class Chooser:
    """Decides for one target and remembers what it was told, as long as the process lives.

    After a restart a moment is unknown again: an update may then be repeated, under the same message id. A retraction
    of an unknown moment is sent, for the one it withdraws may have been sent before.
    """

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._told: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def wants(self, alert: Alert) -> bool:
        """Whether to send it now."""
        known = self._told.get(alert.moment_id)
        if known is not None and alert.version <= known[0]:
            return False
        last = known[1] if known is not None else None
        if alert.status == "retracted":
            return last is None or last not in {"", "retracted"}
        choice = self._choice
        if alert.severity < choice.min_severity or (alert.model_only and not choice.with_models):
            return False
        if choice.send == "all":
            return True
        if alert.status not in _FIRST_WORDS or (choice.send == "confirmed" and alert.status == "pending"):
            return False
        return not last or (choice.send == "updates" and alert.status != last) or last == "retracted"

    def heard(self, alert: Alert, sent: bool) -> None:
        """Remember that the target has been sent this alert, or that it was left out."""
        version, last = self._told.pop(alert.moment_id, (-1, ""))
        told = max(version, alert.version), alert.status if sent else last
        self._told[alert.moment_id] = told
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def forget(self, alerts: Sequence[Alert]) -> None:
        """Alerts that were to be sent were not: they are unknown again."""
        for alert in alerts:
            self._told.pop(alert.moment_id, None)
