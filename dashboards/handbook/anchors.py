"""Where things stand in the handbook: anchors that do not change, for links from boards and alerts."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["chapter", "stage", "touchpoint", "group", "indicator", "detector", "pack", "area", "department"]
_OTHER = re.compile(r"[^A-Za-z0-9_.-]")


def anchor(kind: Kind, name: str) -> str:
    """The anchor of a thing by its id: `indicator-fcr_7d`, `detector-N07`, `touchpoint-bill_received`."""
    return f"{kind}-{_OTHER.sub('-', name)}"
