"""F14: one customer has as many events as all others together."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from streams.live.settings import LiveSettings
from streams.stores.mirrored import MirroredStore
from tests.chaos.figures import Chaos
from tests.chaos.traffic import events, seconds_to_read
from tests.conftest import KafkaFactory
from tests.live.bed import Bed, bed

HOT = "HOT-1"
LIMIT = 64 * 1024


def _storm(count: int) -> list[bytes]:
    """Usage, charges and network trouble of one customer within ten minutes."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    kinds = [
        ("usage.recorded", {"kind": "data", "units": 5}, None),
        ("charge.rated", {"kind": "data"}, 10),
        ("usage.recorded", {"kind": "voice", "units": 1}, None),
        ("charge.rated", {"kind": "data", "roaming": True}, 500),
    ]
    lines = []
    for number in range(count):
        at = (start + timedelta(seconds=600 * number / count)).isoformat(timespec="milliseconds")
        kind, attributes, amount = kinds[number % len(kinds)]
        stated = {"event_id": f"hot-{number}", "event_type": kind, "occurred_at": at, "recorded_at": at}
        stated |= {"customer_id": HOT, "line_id": "L-1", "attributes": attributes}
        if amount is not None:
            stated |= {"amount_minor": amount, "currency": "CNY"}
        lines.append(json.dumps(stated).encode())
    return lines


def _life(count: int, seed: int) -> list[bytes]:
    """Everything that happens to many customers, as if it happened to one."""
    lines = []
    for line in events(count, seed):
        stated = json.loads(line)
        lines.append(json.dumps(stated | {"customer_id": HOT}).encode())
    return lines


@pytest.mark.fault("F14")
@pytest.mark.parametrize("kind", ["a storm of usage", pytest.param("every kind of event", marks=pytest.mark.thorough)])
def test_a_customer_with_very_many_events_costs_no_more_for_each(
    live: Bed, kafka: KafkaFactory, tmp_path: Path, chaos: Chaos, kind: str
) -> None:
    is_storm = kind == "a storm of usage"
    count = chaos.size("events of the hot customer", 1_000_000 if is_storm else 60_000, 20_000)
    chaos.injected = f"one customer with {kind}, in {'ten minutes' if is_storm else '130 days'} of event time"
    hot = _storm(count) if is_storm else _life(count, chaos.seed + 14)
    usual = events(min(count, 200_000), chaos.seed + 15)
    with bed(kafka(partitions=2), tmp_path / "many customers") as others:
        others.produce(usual)
        usual_us = seconds_to_read(others, fetch_records=500) / len(usual) * 1e6
    live.produce(hot)
    hot_us = seconds_to_read(live, commit_records=max(1_000, len(hot) // 12), fetch_records=500) / len(hot) * 1e6
    times = [at for word, at in live.trace_of() if word == "acknowledged"]
    steps = [after - before for before, after in pairwise(times)]
    said = live.check()
    chaos.said(said)
    per_detector = Counter(json.loads(alert)["detector_id"] for alert in said.alerts.values())
    size = max(_record_size(live, number) for number in range(live.kafka.partitions))
    third = max(1, len(steps) // 3)
    first, last = median(steps[:third]), median(steps[-third - 1 : -1])  # one pause of the machine is no trend
    chaos.figures |= {
        "hot_events": len(hot),
        "us_per_event": {"hot": round(hot_us, 1), "of many customers": round(usual_us, 1)},
        "record_bytes": size,
        "commit_to_commit_first_third_s": round(first, 2),
        "commit_to_commit_last_third_s": round(last, 2),
        "alerts_by_detector": dict(per_detector),
    }
    assert size <= LIMIT
    assert last <= 2 * first + 0.2
    if chaos.scale >= 1:  # small sizes measure the start-up
        assert hot_us <= 2 * usual_us


def _record_size(live: Bed, partition: int) -> int:
    """Bytes of the hot customer's record in the state file; 0 where he is not."""
    store = MirroredStore(
        live.folder / "w1" / f"partition-{partition:03d}.sqlite", synchronous=LiveSettings().synchronous
    )
    try:
        packed = store.get(HOT)
        return 0 if packed is None else len(packed)
    finally:
        store.close()
