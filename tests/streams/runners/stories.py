"""A small log with a bit of everything: moments, repeats, late events, poison, ticks; and the ledger of a folder.

day 1 ───────────── day 20
orders, contacts, tickets, complaints of 150 customers, each event maybe twice, some out of order, some unreadable
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random  # noqa: TID251 seeded
from typing import Any

from detectors.base import AnyDetector
from detectors.rules import complaint_reopened, dealer_order_lost, ping_pong, repeat_contact
from schemas.times import DAY, HOUR, MINUTE, iso
from streams.runners.query_server import query_folder

CATALOGUE: tuple[AnyDetector, ...] = (
    dealer_order_lost.DETECTOR,
    ping_pong.DETECTOR,
    repeat_contact.DETECTOR,
    complaint_reopened.DETECTOR,
)
BEGIN = 1_760_000_000_000
POISON = (
    b"",
    b"not json",
    b'{"event_type":"usage.recorded"}',
    b'{"event_id":"x","event_id":"y"}',
    b"[1,2]",
    b"\xff\xfe",
)


def raw(event_id: str, event_type: str, at: int, customer: str, attributes: Mapping[str, Any], **fields: Any) -> bytes:
    event = {
        "event_id": event_id,
        "event_type": event_type,
        "occurred_at": iso(at),
        "recorded_at": iso(at + 1_000),
        "customer_id": customer,
        "tier": ("diamond", "gold", "silver", "normal")[sum(customer.encode()) % 4],
        **fields,
        "attributes": attributes,
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def log(size: int, seed: int = 7, customers: int = 150, days: int = 20) -> list[bytes]:
    """`size` records or a few more, the same for the same arguments."""
    dice = Random(seed)
    timed: list[tuple[int, bytes]] = []
    while len(timed) < size:
        number = len(timed)
        at = BEGIN + dice.randrange(days * DAY)
        line = _event(dice, f"e{number}", at, f"客户-{dice.randrange(customers)}")
        jitter = dice.choice([0, 0, 0, dice.randrange(10 * MINUTE), dice.randrange(3 * HOUR)])
        timed.append((at + jitter, line))
        if dice.random() < 0.05:
            timed.append((at + jitter + dice.randrange(HOUR), line))
        if dice.random() < 0.01:
            timed.append((at, dice.choice(POISON)))
        if dice.random() < 0.01:
            timed.append((at, b'{"event_type":"clock.tick","occurred_at":"%s"}' % iso(at).encode()))
    timed.sort(key=lambda pair: pair[0])
    return [line for _, line in timed]


def _event(dice: Random, event_id: str, at: int, customer: str) -> bytes:
    kind = dice.random()
    region = dice.choice(["north", "south"])
    case = f"{customer}-{dice.randrange(3)}"
    order = f"o{customer}-{dice.randrange(30)}"
    if kind < 0.2:
        return raw(event_id, "order.submitted", at, customer, {}, order_id=order, channel="dealer")
    if kind < 0.3:
        return raw(event_id, "order.acknowledged", at, customer, {"system": "crm"}, order_id=order)
    if kind < 0.5:
        desks = {"from_desk": dice.choice("ab"), "to_desk": dice.choice("ab")}
        return raw(event_id, "ticket.owner_changed", at, customer, desks, ticket_id=f"t{case}", channel="it_system")
    if kind < 0.7:
        contact = {"reason": dice.choice(["billing", "network"]), "resolved": dice.random() < 0.5}
        return raw(event_id, "interaction.contact_completed", at, customer, contact, channel="call_centre")
    if kind < 0.8:
        complaint = dice.choice(["complaint.opened", "complaint.closed", "complaint.reopened"])
        return raw(event_id, complaint, at, customer, {"category": "bill"}, ticket_id=f"k{case}")
    return raw(event_id, "usage.recorded", at, customer, {"kind": "data", "units": 5}, line_id=case, region=region)


LEDGER = {
    "events": "SELECT event_id, customer_id, toString(occurred_at), stage, touchpoint FROM events FINAL ORDER BY ALL",
    "moments": "SELECT * EXCEPT (stored_at, version) FROM moments FINAL ORDER BY moment_id",
    "transitions": "SELECT * EXCEPT (stored_at, version) FROM journey_transitions FINAL ORDER BY ALL",
    "handoffs": "SELECT * EXCEPT (stored_at) FROM handoffs FINAL ORDER BY ALL",
    "dead_letters": "SELECT dead_letter_id, reason FROM dead_letters FINAL ORDER BY ALL",
    "kpis": "SELECT * FROM kpi ORDER BY ALL",
}


def ledger(folder: Path) -> dict[str, list[str]]:
    """What a folder's ClickHouse says, one JSON text per row; free of versions, which depend on where a run was cut."""
    said = {}
    for name, query in LEDGER.items():
        answer = query_folder(folder, query, max_rows=10_000_000)
        assert not answer.cut
        said[name] = [json.dumps(row, ensure_ascii=False) for row in answer.rows]
    return said
