"""What is counted while events pass: KPI windows and the engine's own totals."""

from __future__ import annotations

from collections import Counter

from detectors.base import Dims
from journeys.indicators import IndicatorId
from journeys.kpis import UNKNOWN, CountedEvent, KpiFold
from journeys.placement import Placement
from schemas.envelope import Event
from schemas.facts import Handoff
from schemas.kpis import KpiDims
from schemas.moments import Moment
from schemas.times import to_ms
from streams.engine.bench import Said


class Tally:
    """Counts for one partition. `totals` are since the partition's first event; `events` waits for `batch_done`."""

    def __init__(self) -> None:
        self.kpis = KpiFold()
        self.totals: Counter[str] = Counter()
        self.events: list[CountedEvent] = []

    def batch_done(self) -> None:
        """Count the events of the batch, all at once: an eighth of the cost of one by one."""
        self.totals["events"] += len(self.events)
        self.kpis.add_all(self.events)
        self.events.clear()

    def late(self, event: Event, placement: Placement) -> None:
        """An event set aside as too late."""
        self.totals["late"] += 1
        self.kpis.add(self.kpis.dim_id(_dims("late_events", event, placement)), event.occurred_ms)

    def handoff(self, event: Event, placement: Placement, handoff: Handoff) -> None:
        """A matter passed on: counted for the desk that gave it away."""
        dims = _dims("handoffs", event, placement)._replace(department=handoff.from_desk)
        self.kpis.add(self.kpis.dim_id(dims), handoff.at)

    def moment(self, said: Said) -> None:
        """Something said of a moment: it counts once, in the window of its decision, and not at all if it never was."""
        moment, now, before = said
        if now is not None and before is not None and (now.decided_at, now.dims) == (before.decided_at, before.dims):
            pass
        else:
            if before is not None:
                self._moment(moment, before.dims, before.decided_at, -1)
            if now is not None:
                self._moment(moment, now.dims, now.decided_at, 1)
        if now is not None and moment.retracted_at is not None and (before is None or before.status != "retracted"):
            dims = _moment_dims("moments_retracted", moment, now.dims)
            self.kpis.add(self.kpis.dim_id(dims), to_ms(moment.retracted_at))

    def _moment(self, moment: Moment, dims: Dims, at: int, count: int) -> None:
        self.totals[f"moments.{moment.detector_id}"] += count
        indicator: IndicatorId = "moments_negative" if moment.valence == "negative" else "moments_positive"
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
