"""The engine with the shipped detectors finds what the stories say, and nothing else."""

from __future__ import annotations

from detectors.catalogue import CATALOGUE
from schemas.codec import decode
from schemas.envelope import Event
from schemas.moments import Moment
from schemas.times import DAY, from_ms, to_ms
from streams.engine.engine import Engine
from streams.simulator.config import SimulationConfig
from streams.simulator.scoring import DETECTOR_OF, Score, score
from streams.simulator.simulation import Simulation
from streams.simulator.truth import TruthRecord
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


def test_a_cut_in_the_middle_of_a_spike_blames_nobody() -> None:
    """The run ends while bills grow; of their truths, told when the bills are issued, nothing is known yet."""
    whole = list(Simulation(SPIKY).slices())
    told_later = [
        record
        for part in whole
        for record in part.truths
        if record.kind == "planted" and DETECTOR_OF[record.story] == "N07"
    ]
    undecided = 0
    for record in told_later[:: max(1, len(told_later) // 5)]:
        row = scored_until(to_ms(record.broken_at) - 2 * DAY)
        assert not row.spurious, [moment.evidence for moment in row.spurious]
        undecided += len(row.undecided)
    assert undecided, "no cut fell into a spike that was seen growing"


SPIKY = SimulationConfig(customers=150, days=130, seed=1)


def scored_until(cut: int) -> Score:
    """How bill_spike did in a run that read and knew nothing after `cut` (ms)."""
    engine = Engine([detector for detector in CATALOGUE if detector.meta.id == "N07"], strict=True)
    moments: dict[str, Moment] = {}
    truths: list[TruthRecord] = []
    front = 0
    for part in Simulation(SPIKY).slices():
        if part.until > cut:
            break
        truths += part.truths
        events = [event for event in map(decode, part.lines) if isinstance(event, Event)]
        front = max([front, *(event.occurred_ms for event in events)])
        moments |= {said.moment.moment_id: said.moment for said in engine.process(events).moments}
    for effects in (engine.advance(front), engine.finish(front)):
        moments |= {said.moment.moment_id: said.moment for said in effects.moments}
    return next(row for row in score(truths, moments.values(), from_ms(front)) if row.detector_id == "N07")
