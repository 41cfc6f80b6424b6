"""A customer's waits for service: the reading behind activation_late.

Facts have the kinds ordered, shipped, delivered, provisioned, activated and ended; `note` is the kind of line where it
is known, `value` the promised time (ms) of a fixed line, 0 without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detectors.base import Fact
from detectors.primitives import first

SERVED = ("activated", "ended")
"""What ends a wait: service, or an order that is not expected any more."""


class Wait(NamedTuple):
    """One wait: the customer is `ready` (or was promised), service is owed at `due` (ms); `facts` are all that belong
    to it."""

    ready: Fact
    due: int
    line_kind: str
    facts: Sequence[Fact]


def waits(facts: Sequence[Fact], allowed_ms: int) -> Iterator[Wait]:
    """The waits of an order or line, in order; a mobile one may last `allowed_ms` once the SIM is there.

    What is known to be fixed waits for its promise, and is no wait without one.
    """
    fixed = next((fact for fact in facts if fact.note == "fixed"), None)
    for run in _runs(facts, allowed_ms):
        ready = _in_hand(run, allowed_ms)
        if fixed is not None and (ready is None or fixed.at <= ready.at + allowed_ms):
            promised = next((fact for fact in run if fact.value), None)
            if promised is not None:
                yield Wait(promised, promised.value, "fixed", sorted({fixed, *run}))
        elif ready is not None:
            yield Wait(ready, ready.at + allowed_ms, "mobile", run)


def _runs(facts: Sequence[Fact], crossing_ms: int) -> list[list[Fact]]:
    """Facts cut where a SIM is provisioned after an activation.

    Systems' records cross, so a provisioning up to `crossing_ms` after the activation is still the activated one's.
    """
    runs: list[list[Fact]] = [[]]
    served: Fact | None = None
    for fact in facts:
        if (
            fact.kind == "provisioned"
            and served is not None
            and served.kind != "ended"
            and fact.at - served.at > crossing_ms
        ):
            runs.append(_on_the_way(runs[-1]))
            served = None
        runs[-1].append(fact)
        if fact.kind in SERVED and (served is None or served.kind != "ended"):
            served = fact
    return runs


def _on_the_way(run: Sequence[Fact]) -> list[Fact]:
    """Parcels sent since the last delivery or activation: they bring what is provisioned next."""
    parcels: list[Fact] = []
    for fact in run:
        if fact.kind == "shipped":
            parcels.append(fact)
        elif fact.kind in ("delivered", "activated"):
            parcels = []
    return parcels


def _in_hand(run: Sequence[Fact], allowed_ms: int) -> Fact | None:
    """Since when the customer holds the SIM: provisioned or delivered, whichever came first."""
    provisioned, shipped = first(run, ("provisioned",)), first(run, ("shipped",))
    if provisioned is not None and shipped is not None and shipped.at <= provisioned.at + allowed_ms:
        provisioned = None  # in the post: the customer does not hold it yet
    return min((fact for fact in (provisioned, first(run, ("delivered",))) if fact is not None), default=None)
