"""The engine's live counters, counted again: view `kpi` per minute, hour and day and by its dimensions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tests.warehouse.recount.facts import HAND_MADE, Facts
from tests.warehouse.recount.log import DAY, HOUR, MINUTE, Ev, Log

DIMS = ["indicator", "stage", "touchpoint", "channel", "tier", "department", "region"]
_SIZES = {"minute": MINUTE, "hour": HOUR, "day": DAY}
_COUNTED = {"negative": "moments_negative", "positive": "moments_positive"}


def differing_counters(client: Any, log: Log, facts: Facts) -> tuple[dict[str, int], pd.DataFrame]:
    """How many things each counter counts by hand, and the rows of `kpi` that differ."""
    counted = pd.DataFrame(_counted(log, facts), columns=["at", *DIMS])
    parts = []
    for grain, size in _SIZES.items():
        windows = counted.assign(window=counted["at"] - counted["at"] % size, grain=grain)
        parts.append(windows.groupby(["grain", "window", *DIMS], sort=False).size().rename("hand").reset_index())
    said = ", ".join(f"toString({name}) AS said_{name}" for name in ["grain", *DIMS])
    live = client.query_df(
        f"SELECT {said}, toInt64(toUnixTimestamp64Milli(window_start)) AS window, value FROM kpi WHERE value != 0"
    ).rename(columns=lambda name: name.removeprefix("said_"))
    both = pd.concat(parts).merge(live, how="outer", on=["grain", "window", *DIMS])
    wrong = both[both["hand"].fillna(0) != both["value"].fillna(0)]
    return counted["indicator"].value_counts().to_dict(), wrong


def _counted(log: Log, facts: Facts) -> list[tuple[Any, ...]]:
    """(time, counter, dimensions) of everything that is counted."""
    rows = [_of_event(e, e.at, "events") for e in log.events]
    rows += [_of_event(e, front, "late_events") for e, front in log.late]
    for e in log.of("interaction.transferred", "ticket.owner_changed"):
        at, *dims = _of_event(e, e.at, "handoffs")
        rows.append((at, *dims[:5], e.a["from_desk"], e.region))
    for moment in facts.moments:
        never_was = moment["status"] == "retracted" and moment["retracted_at"] is None  # a late event has shown that
        if never_was or moment["moment_id"].startswith(HAND_MADE):
            continue
        dims = [moment[name] for name in DIMS[1:]]
        rows.append((moment["decided_at"], _COUNTED[moment["valence"]], *dims))
        if moment["retracted_at"] is not None:
            rows.append((moment["retracted_at"], "moments_retracted", *dims))
    return rows


def _of_event(e: Ev, at: int, counter: str) -> tuple[Any, ...]:
    return at, counter, e.stage, e.touchpoint, e.channel, e.tier, e.department, e.region
