"""Durations as options take them."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from streams.cli.failures import UsageFault
from streams.settings import Duration

_read = TypeAdapter(Duration).validate_python


def duration_ms(text: str) -> int:
    """The milliseconds that `7d` or `15 min` means. Raises UsageFault."""
    try:
        return int(_read(text))
    except ValidationError:
        raise UsageFault("error.no_duration", what=text) from None
