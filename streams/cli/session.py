"""What a command has in hand while it runs: the language, where to print, and how to say things."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from schemas.translation import in_chinese
from streams.i18n import Language, say

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(kw_only=True)
class Session:
    """One run of a command. Results go to `out` (stdout), progress and errors to `err` (stderr)."""

    language: Language = "en"
    debug: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def out(self) -> Console:
        """Where results go."""
        from rich.console import Console  # noqa: PLC0415 - only commands that print need rich

        return Console(highlight=False)

    @cached_property
    def err(self) -> Console:
        """Where progress and errors go, so that a pipe sees results only."""
        from rich.console import Console  # noqa: PLC0415 - only commands that print need rich

        return Console(stderr=True, highlight=False)

    def say(self, key: str, **values: object) -> str:
        """The message `key` in the language of this run."""
        return say(self.language, key, **values)

    def pick(self, text: Any) -> str:
        """The side of a bilingual `Text` or `Message` that this run speaks."""
        return str(text.said_in(self.language))

    def why(self, detail: str) -> str:
        """What a dead letter says, in the language of this run; the letter itself keeps the English sentence."""
        return in_chinese(detail) if self.language == "zh" else detail

    def write_json(self, data: object) -> None:
        """Print `data` as JSON for a program: stable keys, no colours, UTF-8 as it is."""
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")
