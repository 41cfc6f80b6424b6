"""The log as a plain person reads it: each event once, none that came too late, placed on the lifecycle."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from importlib import resources
from typing import Any

import msgspec

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER_OF_AN_HOUR = {"usage", "roaming", "network", "notification"}
_TWO_DAYS = {"charging", "billing", "payment"}
LEAVING = ("churn.confirmed", "port_out.completed")


def ms(moment: datetime | str) -> int:
    """Milliseconds since 1970, rounded down."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


class Ev(msgspec.Struct):
    """An event with what it leaves out filled in; `at` and `recorded` in ms, `a` its attributes."""

    event_id: str
    event_type: str
    occurred_at: datetime
    recorded_at: datetime
    customer_id: str
    tier: str = "normal"
    channel: str = "unknown"
    account_id: str = ""
    line_id: str = ""
    touchpoint_id: str = ""
    department: str = "unknown"
    region: str = "unknown"
    order_id: str = ""
    bill_id: str = ""
    ticket_id: str = ""
    interaction_id: str = ""
    trip_id: str = ""
    outage_id: str = ""
    payment_id: str = ""
    amount_minor: int | None = None
    currency: str = ""
    a: dict[str, Any] = msgspec.field(default_factory=dict, name="attributes")
    at: int = 0
    recorded: int = 0
    stage: str = ""
    touchpoint: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """Events of one time stand in the order of their ids."""
        return self.at, self.event_id


Key = Callable[[Ev], Hashable]


def customer(e: Ev) -> str:
    """Key: the customer."""
    return e.customer_id


def customer_order(e: Ev) -> tuple[str, str]:
    """Key: the customer's order."""
    return e.customer_id, e.order_id


def customer_ticket(e: Ev) -> tuple[str, str]:
    """Key: the customer's ticket."""
    return e.customer_id, e.ticket_id


class Person(msgspec.Struct):
    """What is known of a customer at the end; `left` is when he left for the last time."""

    tier: str = "normal"
    region: str = "unknown"
    manager: str = ""
    bill: int = 0
    currency: str = ""
    seen: int = 0
    left: int | None = None


class Log:
    """Events in order of (time, id); `late` are (event, the clock's time when it came)."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        decode = msgspec.json.Decoder(Ev).decode
        self.late: list[tuple[Ev, int]] = []
        self.events: list[Ev] = []
        allowed = _allowances()
        place = _places()
        seen: set[str] = set()
        front = -1
        for line in lines:
            event = decode(line)
            event.at, event.recorded = ms(event.occurred_at), ms(event.recorded_at)
            event.stage, event.touchpoint = place(event)
            if event.at < front - allowed.get(event.event_type, HOUR):
                self.late.append((event, front))
                continue
            front = max(front, event.at)
            if event.event_id not in seen:
                seen.add(event.event_id)
                self.events.append(event)
        self.now = front
        self.events.sort(key=lambda e: e.order)
        self._by_type: dict[str, list[Ev]] = defaultdict(list)
        for event in self.events:
            self._by_type[event.event_type].append(event)
        self._keyed: dict[Any, dict[Hashable, list[Ev]]] = {}

    def of(self, *types: str) -> list[Ev]:
        """All events of these types, in order."""
        if len(types) == 1:
            return self._by_type[types[0]]
        return sorted((e for one in types for e in self._by_type[one]), key=lambda e: e.order)

    def keyed(self, key: Key, *types: str) -> dict[Hashable, list[Ev]]:
        """The events of these types by key, each list in order."""
        found = self._keyed.get((key, types))
        if found is None:
            found = self._keyed[key, types] = grouped(self.of(*types), key)
        return found

    @cached_property
    def people(self) -> dict[str, Person]:
        """Customers by id."""
        people: dict[str, Person] = {}
        for e in self.events:
            one = people.get(e.customer_id)
            if one is None:
                one = people[e.customer_id] = Person(seen=e.at)
            one.tier = e.tier
            if e.region not in ("", "unknown"):
                one.region = e.region
            if e.event_type == "account.manager_changed":
                one.manager = e.a.get("manager_id") or ""
            elif e.event_type == "bill.issued":
                one.bill, one.currency = e.amount_minor or 0, e.currency
            elif e.event_type in LEAVING:
                one.left = e.at
        return people

    @property
    def days(self) -> range:
        """Starts of the days from that of the earliest event to that of the latest."""
        return range(day_of(self.events[0].at), self.now + 1, DAY)


def grouped(events: Iterable[Ev], key: Key) -> dict[Hashable, list[Ev]]:
    """Events by key, their order kept."""
    found: dict[Hashable, list[Ev]] = defaultdict(list)
    for event in events:
        found[key(event)].append(event)
    return dict(found)


def day_of(at: int) -> int:
    """Start of the UTC day."""
    return at - at % DAY


def within(events: Sequence[Ev] | None, since: int, until: int) -> list[Ev]:
    """Those with since <= time <= until, in order."""
    return [e for e in events or () if since <= e.at <= until]


def firsts(events: Iterable[Ev], key: Key, span: int) -> list[Ev]:
    """Those (given in order) that have no other of their key in the `span` ms before them, bound included."""
    last: dict[Hashable, int] = {}
    found = []
    for e in events:
        k = key(e)
        before = last.get(k)
        if before is None or e.at - before > span:
            found.append(e)
        last[k] = e.at
    return found


def _allowances() -> dict[str, int]:
    """Event type to how late it may come: domain/5-detectors.md §5.1."""
    from schemas.events import FAMILY_OF  # noqa: PLC0415 - the vocabulary only

    by_family = dict.fromkeys(_QUARTER_OF_AN_HOUR, 15 * MINUTE) | dict.fromkeys(_TWO_DAYS, 2 * DAY)
    return {name: by_family.get(family, HOUR) for name, family in FAMILY_OF.items()}


def _places() -> Callable[[Ev], tuple[str, str]]:
    data = resources.files("journeys").joinpath("data")
    points = csv.DictReader(data.joinpath("touchpoints.csv").read_text(encoding="utf-8").splitlines())
    stage_of = {row.get("id") or row["touchpoint_id"]: row["stage"] for row in points}
    rules: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in csv.DictReader(data.joinpath("placement.csv").read_text(encoding="utf-8").splitlines()):
        rules[row["event_type"]].append(row)

    def place(event: Ev) -> tuple[str, str]:
        if event.touchpoint_id in stage_of:
            return stage_of[event.touchpoint_id], event.touchpoint_id
        always = ""
        for rule in rules[event.event_type]:
            if not rule["attribute"]:
                always = rule["touchpoint_id"]
            elif _said(event.a.get(rule["attribute"])) == rule["equals"]:
                return stage_of[rule["touchpoint_id"]], rule["touchpoint_id"]
        return (stage_of[always], always) if always else ("use", "")

    return place


def _said(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool | int) else value
