"""Facts made by the engine, as plain tables: what the recount takes as given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

HAND_MADE = "hand-"
"""How the ids of moments begin that no engine has said."""
_TIMES = {
    "moments_now": ("anchor_at", "decided_at", "retracted_at"),
    "handoffs_now": ("at",),
    "transitions_now": ("at",),
}
_COLUMNS = {
    "moments_now": "moment_id, detector_id, customer_id, scope, stage, touchpoint, valence, tier, channel, region, "
    "department, status",
    "handoffs_now": "event_id, customer_id, case_id, from_desk, to_desk, channel, tier",
    "transitions_now": "customer_id, from_stage, to_stage, touchpoint, after_ms",
}


class Facts(NamedTuple):
    """Rows of the views, times in ms; `steps` are rows of policy_steps."""

    moments: list[dict[str, Any]]
    handoffs: list[dict[str, Any]]
    transitions: list[dict[str, Any]]
    steps: Sequence[dict[str, Any]]


def facts_of(client: Any, steps: Sequence[dict[str, Any]]) -> Facts:
    """Read them all."""
    return Facts(*(_table(client, name) for name in _TIMES), steps)


def _table(client: Any, view: str) -> list[dict[str, Any]]:
    times = ", ".join(f"toUnixTimestamp64Milli({name}) AS {name}_ms" for name in _TIMES[view])
    found = client.query(f"SELECT {_COLUMNS[view]}, {times} FROM {view}")
    names = [name.removesuffix("_ms") if name != "after_ms" else name for name in found.column_names]
    return [dict(zip(names, row, strict=True)) for row in found.result_rows]
