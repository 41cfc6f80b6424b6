"""A list of units: what is counted, when, for whom, by which dimensions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tests.warehouse.recount.log import Ev, Log, day_of

DIMS = ("stage", "touchpoint", "channel", "tier", "department", "region", "detail")
COLUMNS = ("at", "customer_id", *DIMS, "hit", "base", "spread", "cycle")


class Units:
    """Units of one indicator, one by one."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def add(
        self,
        e: Ev,
        *,
        at: int | None = None,
        hit: float = 1.0,
        base: float = 1.0,
        spread: float = 0.0,
        detail: str = "",
        cycle: int | None = None,
    ) -> None:
        """A unit with the dimensions of event `e`, placed by its time or `at`; `spread` in seconds."""
        when = e.at if at is None else at
        dims = (e.stage, e.touchpoint, e.channel, e.tier, e.department, e.region, detail)
        self._rows.append((when, e.customer_id, *dims, hit, base, spread, when if cycle is None else cycle))

    def put(
        self, at: int, customer_id: str, *, hit: float = 1.0, base: float = 1.0, spread: float = 0.0, **dims: str
    ) -> None:
        """A unit with only the dimensions given."""
        said = tuple(dims.get(name, "") for name in DIMS)
        self._rows.append((at, customer_id, *said, hit, base, spread, at))

    def frame(self) -> pd.DataFrame:
        """All units as a table."""
        return pd.DataFrame(self._rows, columns=list(COLUMNS)).astype(dict.fromkeys(DIMS, "category"))

    def __len__(self) -> int:
        return len(self._rows)


def add_population(units: Units, log: Log) -> None:
    """Per day, tier and region as base: customers seen before the day's end and not gone for good before it."""
    joins: dict[tuple[str, str], dict[int, int]] = {}
    for person in log.people.values():
        steps = joins.setdefault((person.tier, person.region), {})
        came = day_of(person.seen)
        went = None if person.left is None else day_of(person.left)
        if went is not None and went <= came:
            continue
        steps[came] = steps.get(came, 0) + 1
        if went is not None:
            steps[went] = steps.get(went, 0) - 1
    for (tier, region), steps in joins.items():
        there = 0
        for day in log.days:
            there += steps.get(day, 0)
            if there:
                units.put(day, "", hit=0.0, base=float(there), tier=tier, region=region)
