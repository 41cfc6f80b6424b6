"""Facts of a million customers over 90 days, made inside ClickHouse: no row passes through Python."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

DAYS = 90
BEGINS = "toDateTime64('2026-01-05 00:00:00', 3, 'UTC')"
BLOCK = 5_000_000
STORIES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("stories.toml").read_text("utf-8"))["story"]
_SETTINGS = {"max_partitions_per_insert_block": 0, "max_insert_threads": 2}
_IDS = ("order_id", "bill_id", "ticket_id", "interaction_id", "trip_id", "outage_id", "payment_id")


def events_per_customer() -> float:
    """How many events a customer has in the whole span, on average."""
    return sum(
        story["per_1000"] / 1000 * DAYS * sum(step.get("share", 1) for step in story["steps"]) for story in STORIES
    )


def fill(client: Any, events: int) -> int:
    """Write about `events` events, and the other facts that go with them; gives the number of customers."""
    customers = max(1_000, round(events / events_per_customer()))
    for number, story in enumerate(STORIES):
        count = round(customers * DAYS * story["per_1000"] / 1000)
        for step, said in enumerate(story["steps"]):
            for first in range(0, count, BLOCK):
                client.command(_events(said, number, step, customers, count, first), settings=_SETTINGS)
    _moments(client, customers)
    _others(client, customers)
    return customers


def _events(step: dict[str, Any], story: int, place: int, customers: int, count: int, first: int) -> str:
    began = f"cityHash64(n, {story}) % {DAYS * 86_400_000}"
    at = f"{BEGINS} + toIntervalMillisecond({began} + {step['after']} * 1000 + cityHash64(n, {story}, {place}) % 9000)"
    attributes = f"'{step['attributes']}'"
    for token, sql in (
        ("{n}", "toString(n)"),
        ("{m}", "toString(n % 400)"),
        ("{start}", "formatDateTime(at - INTERVAL 31 DAY, '%FT00:00:00Z')"),
        ("{end}", "formatDateTime(at - INTERVAL 1 DAY, '%FT00:00:00Z')"),
        ("{soon}", "formatDateTime(at + INTERVAL 1 DAY, '%FT%TZ')"),
    ):
        if token in attributes:
            attributes = f"replaceAll({attributes}, '{token}', {sql})"
    ids = ", ".join(f"concat('{name[0].upper()}', toString(n), 's{story}') AS {name}" for name in _IDS)
    share = f" WHERE cityHash64(n, 'share', {place}) % 1000 < {round(step.get('share', 1) * 1000)}"
    return (
        "INSERT INTO events (event_id, event_type, occurred_at, recorded_at, customer_id, tier, channel, source, "
        f"department, region, {', '.join(_IDS)}, amount_minor, currency, attributes, stage, touchpoint) "
        f"WITH number + {first} AS n, cityHash64(n, {story}, 'who') % {customers} AS who, {at} AS at "
        f"SELECT concat('e{story}-{place}-', toString(n)), '{step['type']}', at, at + INTERVAL 2 SECOND, "
        f"concat('C', leftPad(toString(who), 8, '0')), {_tier('who')}, '{step['channel']}', 'bench', "
        f"'{step.get('department', 'unknown')}', concat('R', toString(who % 31)), {ids}, "
        f"{step.get('amount', 'NULL')}, '{'CNY' if 'amount' in step else ''}', {attributes}, '{step['stage']}', "
        f"'{step['touchpoint']}' FROM numbers({min(BLOCK, count - first)}){share}"
    )


def _tier(who: str) -> str:
    return f"multiIf({who} % 1000 < 5, 'diamond', {who} % 1000 < 25, 'gold', {who} % 1000 < 100, 'silver', 'normal')"


def _moments(client: Any, customers: int) -> None:
    """One moment for two customers in the span, by eight detectors."""
    client.command(
        "INSERT INTO moments (moment_id, detector_id, detector_name, detector_version, customer_id, scope, stage, "
        "touchpoint, valence, severity, tier, channel, region, department, status, anchor_at, decided_at, "
        "evidence_events, explanation_zh, explanation_en, recovery_zh, recovery_en, version) "
        f"WITH number AS n, cityHash64(n, 'm') % {customers} AS who, "
        "['N01', 'N03', 'N05', 'N07', 'N22', 'N28', 'N29', 'N30'][1 + n % 8] AS detector, "
        f"{BEGINS} + toIntervalMillisecond(cityHash64(n, 'at') % {DAYS * 86_400_000}) AS at "
        "SELECT concat(lower(detector), '-', toString(n)), detector, detector, 1, "
        f"concat('C', leftPad(toString(who), 8, '0')), toString(n), "
        "['use', 'purchase', 'resolve', 'pay', 'activate', 'resolve', 'resolve', 'resolve'][1 + n % 8], "
        "['data_used', 'contract_signed', 'fault_reported', 'bill_received', 'welcome_contact_received', "
        "'contact_centre_information_sought', 'fault_reported', 'fault_reported'][1 + n % 8], 'negative', "
        f"1 + n % 5, {_tier('who')}, 'call_centre', concat('R', toString(who % 31)), "
        "['billing', 'channel', 'service_supervision', 'billing', 'network_it', 'call_centre', "
        "'service_supervision', 'call_centre'][1 + n % 8], if(n % 20 = 0, 'retracted', 'confirmed'), at, "
        "at + INTERVAL 2 HOUR, [concat('e0-0-', toString(n))], '说明', 'what happened', '补救', 'what to do', n "
        f"FROM numbers({customers // 2})"
    )


def _others(client: Any, customers: int) -> None:
    """Stage changes for every fifth event, handoffs, live counters by minute, hour and day."""
    stages = "['discover', 'purchase', 'activate', 'use', 'pay', 'resolve', 'renew_or_leave']"
    moves = customers * 18
    for first in range(0, moves, BLOCK):
        client.command(
            "INSERT INTO journey_transitions (customer_id, event_key, at, from_stage, to_stage, touchpoint, after_ms, "
            f"version, deleted) WITH number + {first} AS n SELECT concat('C', leftPad(toString(cityHash64(n, 't') % "
            f"{customers}), 8, '0')), cityHash64(n), {BEGINS} + toIntervalMillisecond(cityHash64(n, 'at') % "
            f"{DAYS * 86_400_000}), {stages}[1 + n % 7], {stages}[1 + cityHash64(n) % 7], 'data_used', "
            f"cityHash64(n, 'dwell') % 864000000, 1, 0 FROM numbers({min(BLOCK, moves - first)})",
            settings=_SETTINGS,
        )
    client.command(
        "INSERT INTO handoffs (event_id, customer_id, case_id, at, from_desk, to_desk, channel, tier) "
        "SELECT event_id, customer_id, ticket_id, occurred_at, JSONExtractString(attributes, 'from_desk'), "
        "JSONExtractString(attributes, 'to_desk'), channel, tier FROM events "
        "WHERE event_type IN ('interaction.transferred', 'ticket.owner_changed')",
        settings=_SETTINGS,
    )
    for grain, start in (("minute", "toStartOfMinute"), ("hour", "toStartOfHour"), ("day", "toStartOfDay")):
        recent = f"occurred_at >= {BEGINS} + INTERVAL {DAYS - 2} DAY" if grain == "minute" else "1"
        for indicator, time, table in (
            ("events", "occurred_at", f"events WHERE {recent}"),
            ("moments_negative", "decided_at", "moments"),
        ):
            client.command(
                "INSERT INTO kpis (indicator, grain, window_start, stage, touchpoint, channel, tier, department, "
                f"region, partition, value, version) SELECT '{indicator}', '{grain}', "
                f"toDateTime64({start}({time}), 3, 'UTC') AS w, stage, touchpoint, channel, tier, department, region, "
                f"0, count(), 1 FROM {table} GROUP BY ALL",
                settings=_SETTINGS,
            )
