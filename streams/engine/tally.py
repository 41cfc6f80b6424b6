"""What is counted while events pass: KPI windows and the engine's own totals."""

from __future__ import annotations

from collections import Counter

from detectors.base import Dims
from journeys.indicators import IndicatorId
from journeys.kpis import DIM_BITS, UNKNOWN, KpiFold
from journeys.placement import Placement
from schemas.envelope import Event
from schemas.facts import Handoff
from schemas.kpis import KpiDims
from schemas.moments import Moment
from schemas.times import MINUTE
from streams.engine.bench import Said

_CountedBy = tuple[bytes, str, str, str | None, str | None]
"""Code of the placement, channel, tier, department, region: the dimensions of an event, cheaply compared."""


class Tally:
    """Counts for one partition. `totals` are since the partition's first event."""

    def __init__(self) -> None:
        self.kpis = KpiFold()
        self.totals: Counter[str] = Counter()
        self._numbers: dict[_CountedBy, int] = {}
        self._keys: list[int] = []

    def event(self, event: Event, placement: Placement, at: int) -> None:
        """An event of time `at` (ms), counted when the batch is done."""
        counted_by = (placement[3], event.channel, event.tier, event.department, event.region)
        number = self._numbers.get(counted_by)
        if number is None:
            number = self._numbers[counted_by] = self.kpis.dim_id(_dims("events", event, placement))
        self._keys.append(at // MINUTE << DIM_BITS | number)

    def batch_done(self) -> None:
        """Count the events of the batch, all at once: an eighth of the cost of one by one."""
        self.totals["events"] += len(self._keys)
        self.kpis.add_all(self._keys)
        self._keys.clear()

    def late(self, event: Event, placement: Placement, front: int) -> None:
        """An event set aside as too late: counted when that was noticed, its own window may be closed long since."""
        self.totals["late"] += 1
        self.kpis.add(self.kpis.dim_id(_dims("late_events", event, placement)), front)

    def handoff(self, event: Event, placement: Placement, handoff: Handoff) -> None:
        """A matter passed on: counted for the desk that gave it away."""
        dims = _dims("handoffs", event, placement)._replace(department=handoff.from_desk)
        self.kpis.add(self.kpis.dim_id(dims), handoff.at)

    def moment(self, said: Said) -> None:
        """Something said of a moment: it counts once, in the window of its decision, and not at all if it never was.

        So does its retraction, in the window of the fact that withdrew it.
        """
        moment, now, before = said
        negative: IndicatorId = "moments_negative" if moment.valence == "negative" else "moments_positive"
        is_counted = None if now is None else (now.dims, now.decided_at)
        was_counted = None if before is None else (before.dims, before.decided_at)
        self.totals[f"moments.{moment.detector_id}"] += (now is not None) - (before is not None)
        self._recount(negative, moment, was_counted, is_counted)
        is_counted = None if now is None or now.retracted_at is None else (now.dims, now.retracted_at)
        was_counted = None if before is None or before.retracted_at is None else (before.dims, before.retracted_at)
        self._recount("moments_retracted", moment, was_counted, is_counted)

    def _recount(
        self, indicator: IndicatorId, moment: Moment, was: tuple[Dims, int] | None, now: tuple[Dims, int] | None
    ) -> None:
        if was == now:
            return
        for counted, count in ((was, -1), (now, 1)):
            if counted is not None:
                dims, at = counted
                self.kpis.add(self.kpis.dim_id(_moment_dims(indicator, moment, dims)), at, count)


def _dims(indicator: IndicatorId, event: Event, placement: Placement) -> KpiDims:
    return KpiDims(
        indicator,
        placement.stage,
        placement.touchpoint,
        event.channel,
        event.tier,
        event.department or UNKNOWN,
        event.region or UNKNOWN,
    )


def _moment_dims(indicator: IndicatorId, moment: Moment, dims: Dims) -> KpiDims:
    return KpiDims(indicator, moment.stage, moment.touchpoint, dims.channel, dims.tier, moment.department, dims.region)
