"""The engine with the shipped detectors finds what the stories say, and nothing else."""

from __future__ import annotations

from detectors.catalogue import CATALOGUE
from schemas.codec import decode
from schemas.envelope import Event
from schemas.moments import Moment
from streams.engine.engine import Engine
from streams.simulator.scoring import score
from tests.streams.simulator.conftest import SimulatedLog


def test_precision_and_recall_are_at_least_98_percent_for_each_detector(simulated: SimulatedLog) -> None:
    engine = Engine([detector for detector in CATALOGUE if not detector.meta.model_only], strict=True)
    moments: dict[str, Moment] = {}
    front = 0
    events = [event for event in map(decode, simulated.lines) if isinstance(event, Event)]
    for begin in range(0, len(events), 5_000):
        batch = events[begin : begin + 5_000]
        front = max(front, *(event.occurred_ms for event in batch))
        for said in engine.process(batch).moments:
            moments[said.moment.moment_id] = said.moment
    for effects in (engine.advance(front), engine.finish(front)):
        for said in effects.moments:
            moments[said.moment.moment_id] = said.moment
    for row in score(simulated.truth, moments.values()):
        assert row.planted >= 40
        assert row.recall >= 0.98, (row.detector_id, [record.cause for record in row.missed])
        assert row.precision >= 0.98, (row.detector_id, [moment.scope for moment in row.spurious])
