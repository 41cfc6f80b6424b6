"""One simulated log that many tests read, with stories dense enough to see each of them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, NamedTuple

import pytest

from streams.simulator.config import STORY_RATES, SimulationConfig
from streams.simulator.simulation import Simulation
from streams.simulator.truth import TruthRecord

DENSE = SimulationConfig(
    customers=1_000, days=130, seed=5, usage_per_day=0.25, story_rates=dict.fromkeys(STORY_RATES, 0.08)
)


class SimulatedLog(NamedTuple):
    """Lines as they arrived, each event once by customer in order of occurrence, and the truth."""

    lines: list[bytes]
    of_customer: dict[str, list[dict[str, Any]]]
    truth: list[TruthRecord]

    def events(self, record: TruthRecord, event_type: str, **wanted: object) -> list[dict[str, Any]]:
        """The customer's events of a type whose fields or attributes are as wanted."""
        return [
            event
            for event in self.of_customer[record.customer_id]
            if event["event_type"] == event_type
            and all(event.get(name, event.get("attributes", {}).get(name)) == value for name, value in wanted.items())
        ]


@pytest.fixture(scope="session")
def simulated() -> SimulatedLog:
    lines: list[bytes] = []
    truth: list[TruthRecord] = []
    for part in Simulation(DENSE).slices():
        lines += part.lines
        truth += part.truths
    of_customer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    seen = set()
    for line in lines:
        event = json.loads(line)
        if event["event_id"] not in seen:
            seen.add(event["event_id"])
            of_customer[event["customer_id"]].append(event)
    for events in of_customer.values():
        events.sort(key=lambda event: (event["occurred_at"], event["event_id"]))
    return SimulatedLog(lines, dict(of_customer), truth)
