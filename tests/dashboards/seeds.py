"""A warehouse with something on every panel: what `mot demo` makes of 400 customers, and what the simulator leaves out.

    day 0 ──────────────────────────── day 100 ─────────── day 130
    400 simulated customers            │ nine customers of our own: account managers, corrections, refunds, a cut line,
                                       │ appeals, a late line, a missed visit, a long repair, charges after goodbye

Then the tables that other processes fill: positive and withdrawn moments (no shipped detector says one yet), a detector
that failed, reports of health, the map, values of others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time_ns
from typing import Any, Literal

from detectors.catalogue import CATALOGUE
from journeys.registry import shipped_registry
from journeys.touchpoints import shipped_touchpoints
from schemas.times import DAY, HOUR, MINUTE, iso, to_ms
from streams.runners.embedded import EmbeddedRunner
from streams.runners.feeds import ListSource
from streams.runners.folder import clickhouse_path
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from streams.sinks.clickhouse import open_client
from streams.sinks.rows import HealthMetric, encoded
from streams.warehouse.motmap import mot_map, ripe_span, store
from streams.warehouse.reference import active_packs, step_rows
from streams.warehouse.refresh import Refresher

CONFIG = SimulationConfig(customers=400, days=130, malformed=0.0003, beyond_allowance=0.0005)
SINCE = CONFIG.start + timedelta(days=2)
UNTIL = CONFIG.start + timedelta(days=CONFIG.days + 2)
_ACT = to_ms(CONFIG.start) + 100 * DAY
_OURS = (("diamond", "M1"), ("gold", "M1"), ("silver", "M2"), ("normal", None))


def seeded(folder: Path) -> Any:
    """A client of the chdb database made in `folder`; close it before another is opened in this process."""
    EmbeddedRunner(folder, ListSource([*_log()]), CATALOGUE).run()
    client = open_client(clickhouse_path(folder))
    front = client.query("SELECT max(occurred_at) FROM events").result_rows[0][0].replace(tzinfo=UTC)
    _moments(client)
    _counters(client)
    _others(client, front)
    Refresher(client, shipped_registry(), step_rows(active_packs(CATALOGUE))).refresh()
    _map(client, front)
    return client


def _log() -> Iterator[bytes]:
    ours = sorted(_ours(), key=lambda event: str(event["recorded_at"]))
    for part in Simulation(CONFIG).slices():
        while ours and str(ours[0]["recorded_at"]) < iso(part.until):
            yield json.dumps(ours.pop(0)).encode()
        yield from part.lines
    yield from (json.dumps(event).encode() for event in ours)


def _ours() -> Iterator[dict[str, Any]]:
    for number, (tier, manager) in enumerate(_OURS):
        at = _ACT + number * HOUR
        who = {"customer_id": f"OWN-{number}", "tier": tier, "region": "Shenzhen"}
        for place, (offset, kind, more) in enumerate(_story(number, manager, at)):
            when = at + offset
            times = {"occurred_at": iso(when), "recorded_at": iso(when + 1000)}
            yield {"event_id": f"own-{number}-{place}", "event_type": kind, **times, **who, **more}


def _story(number: int, manager: str | None, at: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """What happens to one of our customers: offset, event type, other fields."""
    if manager:
        yield 0, "account.manager_changed", {"attributes": {"manager_id": manager}}
        yield DAY, "interaction.outbound_call_completed", {"channel": "account_manager"}
    bill = {"bill_id": f"own-bill-{number}", "currency": "CNY", "channel": "it_system"}
    period = {"period_start": iso(at - 30 * DAY), "period_end": iso(at)}
    yield 2 * DAY, "bill.issued", {**bill, "amount_minor": 20_000, "attributes": period}
    yield 3 * DAY, "bill.adjusted", {**bill, "amount_minor": -4_000}
    refund = {"payment_id": f"own-pay-{number}"}
    yield 4 * DAY, "refund.promised", {**refund, "attributes": {"due_at": iso(at + 9 * DAY)}}
    yield 6 * DAY, "refund.issued", {**refund, "amount_minor": 4_000, "currency": "CNY"}
    line = {"line_id": f"own-line-{number}", "channel": "it_system"}
    yield 7 * DAY, "service.suspended", {**line, "attributes": {"reason": "credit"}}
    paid = {"amount_minor": 20_000, "currency": "CNY", "attributes": {"state": "done"}}
    yield 7 * DAY + HOUR, "payment.state_changed", {**line, **paid}
    yield 7 * DAY + 3 * HOUR, "service.restored", line
    order = {"order_id": f"own-order-{number}", "channel": "it_system"}
    fixed = {"line_kind": "fixed", "promised_by": iso(at + 10 * DAY)}
    yield 8 * DAY, "sim.provisioned", {**order, "attributes": fixed}
    yield 13 * DAY, "service.activated", {**order, "attributes": {"line_kind": "fixed"}}
    yield 9 * DAY, "appointment.missed", {**order, "attributes": {"promised_by": iso(at + 9 * DAY)}}
    yield 10 * DAY, "ticket.opened", {"ticket_id": f"own-ticket-{number}", "channel": "call_centre"}
    yield 20 * DAY, "ticket.resolved", {"ticket_id": f"own-ticket-{number}"}
    yield 12 * DAY, "regulator.complaint_received", {"attributes": {"category": "billing"}, "channel": "regulator"}
    yield 14 * DAY, "survey.answered", {"channel": "sms", "attributes": {"instrument": "ces", "score": 3}}
    yield 15 * DAY, "cancel.confirmed", {"channel": "call_centre"}
    charge = {"amount_minor": 5_000, "currency": "CNY", "attributes": {"kind": "recurring"}}
    yield 20 * DAY, "charge.rated", charge


def _moments(client: Any) -> None:
    """A positive moment beside each bill spike, and a quarter of the spikes withdrawn."""
    spikes = "FROM (SELECT * FROM moments FINAL WHERE detector_id = 'N07')"
    client.command(
        "INSERT INTO moments SELECT * REPLACE (concat('p', moment_id) AS moment_id, 'P02' AS detector_id, "
        f"'bill_as_expected' AS detector_name, 'positive' AS valence, 2 AS severity) {spikes}"
    )
    client.command(
        "INSERT INTO moments SELECT * REPLACE ('retracted' AS status, toNullable(decided_at + INTERVAL 1 HOUR) "
        f"AS retracted_at, version + 1 AS version) {spikes} WHERE cityHash64(customer_id) % 4 = 0"
    )


def _counters(client: Any) -> None:
    """The engine's counters of those."""
    for counter in ("moments_positive", "moments_retracted"):
        client.command(
            f"INSERT INTO kpis SELECT * REPLACE ('{counter}' AS indicator) "
            "FROM (SELECT * FROM kpis FINAL WHERE indicator = 'moments_negative')"
        )


def _others(client: Any, front: datetime) -> None:
    _insert(client, "pipeline_health", [*_health(time_ns() // 1_000_000)])
    failure = {"detector_id": "N07", "customer_id": "C00000001", "event_id": "e", "error": "ZeroDivisionError"}
    _insert(client, "detector_failures", [{**failure, "at": iso(to_ms(front) - HOUR)}])
    appeal = {"indicator": "appeal_rate_per_million", "period_start": "2026-01-01", "period_end": "2026-03-31"}
    said = {"source": "MIIT", "note": "", "difficulty": None, "version": 1}
    values = [("own", "ours", 11.3), ("competitor", "B", 14.2), ("regulator", "all", 12.0)]
    _insert(
        client,
        "external_values",
        [{**appeal, **said, "kind": kind, "name": name, "value": v} for kind, name, v in values],
    )


REPORTS: Mapping[str, tuple[HealthMetric | Literal["refresh_seconds"], ...]] = {
    "worker": ("lag_records", "behind_ms", "commit_seconds", "restore_seconds"),
    "sink-clickhouse": ("lag_records", "behind_ms"),
    "kpis": ("refresh_seconds",),
}
"""What each component reports: see `streams.live.reports`, `streams.runners.sink_clickhouse`, `streams.warehouse`."""
DEAD_FOR = 120
"""A third instance of each has stopped so many minutes ago."""


def _health(now: int) -> Iterator[dict[str, Any]]:
    for minute in range(0, 600, 5):
        for part, metrics in REPORTS.items():
            for one in range(3 if minute >= DEAD_FOR else 2):
                for metric in metrics:
                    who = {"component": part, "instance": f"{part}-{one}", "metric": metric}
                    yield {"at": iso(now - minute * MINUTE), **who, "value": 5e6 if one == 2 else 7.5}


def _map(client: Any, front: datetime) -> None:
    def ask(sql: str) -> list[dict[str, Any]]:
        return [*client.query(sql).named_results()]

    span = ripe_span(front, timedelta(days=120))
    store(client, mot_map(ask, shipped_touchpoints(), span), span)
    client.command(  # 400 customers are too few to measure any touchpoint: some that pass for measured
        "INSERT INTO mot_power SELECT * REPLACE (true AS from_data, 80 AS visits, toNullable(power) AS raw) "
        "FROM (SELECT * FROM mot_power_now WHERE stage = 'pay')"
    )


def _insert(client: Any, table: str, rows: list[dict[str, Any]]) -> None:
    client.raw_insert(table, insert_block=b"\n".join(encoded(rows)), fmt="JSONEachRow")
