"""The one composition: events of one partition in, effects out. Pure: no clock but event time, no I/O but the record
port.

Order of work for an event: lateness, dedup, journey, counters, detectors, then the deadlines its time has brought due.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from detectors.base import AnyDetector, Dims, Fact, Taken, keep_ms_of
from journeys.kpis import UNKNOWN, KpiChanges
from journeys.lateness import Lateness
from journeys.placement import Placement, Placements
from journeys.touchpoints import shipped_touchpoints
from schemas.envelope import Event, Tick
from schemas.facts import DetectorFailure, Handoff
from schemas.kpis import KpiDims
from schemas.moments import Moment
from schemas.times import DAY, MINUTE, iso
from streams.engine.bench import Bench, Said, Seat, is_over
from streams.engine.customer import FORMAT, Case, CaseKey, Customer, pack, unpack
from streams.engine.effects import Checkpoint, Effects, SetAside, VersionedMoment, VersionedTransition
from streams.engine.journal import Deadline, Deadlines, Journal, Meta, pack_meta, unpack_meta
from streams.engine.partition import event_key
from streams.engine.ports import RecordStore
from streams.engine.tally import Tally

_HANDOFFS = frozenset({"interaction.transferred", "ticket.owner_changed"})


class _Reader(NamedTuple):
    """A detector as one event type finds it."""

    detector_id: str
    take: Callable[[Any, Event], Taken | None]
    params: Any
    seat: Seat


class _Allowances(dict[str, int]):
    """Event type -> allowed lateness in ms, looked up once per type."""

    def __init__(self, lateness: Lateness) -> None:
        super().__init__()
        self._lateness = lateness

    def __missing__(self, event_type: str) -> int:
        self[event_type] = allowance = self._lateness.of_type(event_type)
        return allowance


class Engine:
    """Detects moments in one partition's events.

    `catalogue` are the detectors in order; `records` holds customers that are not in memory (without
    it nothing leaves memory and the engine cannot be restored); at most `max_cached`
    customers stay there between checkpoints; `strict` makes a raising detector stop everything (tests) instead of
    being quarantined.
    """

    def __init__(
        self,
        catalogue: Sequence[AnyDetector],
        *,
        partition: int = 0,
        records: RecordStore | None = None,
        strict: bool = False,
        lateness: Lateness | None = None,
        placements: Placements | None = None,
        max_cached: int = 200_000,
    ) -> None:
        self.partition = partition
        self._records = records
        self.max_cached = max_cached
        self._lateness = lateness or Lateness()
        self._placements = placements or Placements(shipped_touchpoints())
        seats = {d.meta.id: _seat(d, self._lateness) for d in catalogue}
        self.fingerprint = _fingerprint(catalogue, self._lateness, self._placements)
        self._bench = Bench(seats, strict)
        self._readers = _readers_by_type(seats)
        self._allowance = _Allowances(self._lateness)
        self._customers: dict[str, Customer] = {}
        self._touched: dict[str, Customer] = {}
        self._deadlines = Deadlines(journalled=records is not None)
        self._journal = Journal()
        self._tally = Tally()
        self._front = -1
        self._sequence = 0
        self._checkpoints = 0
        self._effects = Effects()

    @property
    def front(self) -> int:
        """The partition's clock: the highest event time seen (ms), -1 before any."""
        return self._front

    def process(self, batch: Sequence[Event | Tick]) -> Effects:
        """Take in events and ticks in the order of the log and say what follows.

        How a log is cut into batches makes no difference to what is said of it.
        """
        self._effects = effects = Effects()
        self._prefetch(batch)
        placements = effects.placements
        for record in batch:
            self._sequence += 1
            if type(record) is Tick:
                self._front = max(self._front, record.occurred_ms)
                placements.append(None)
            else:
                placements.append(self._accept(record))
            if self._deadlines.next_due <= self._front:
                self._run_deadlines()
        self._tally.batch_done()
        return effects

    def advance(self, to_ms: int) -> Effects:
        """Let event time reach `to_ms` in silence, as a tick in the log does."""
        self._effects = effects = Effects()
        self._sequence += 1
        self._front = max(self._front, to_ms)
        self._run_deadlines()
        return effects

    def finish(self, to_ms: int) -> Effects:
        """End of a finite log whose highest time is `to_ms`: no fact is missing any more, so what is pending is
        confirmed.

        Expectations whose deadline lies beyond `to_ms` stay open.
        """
        effects = self.advance(to_ms)
        for _, customer_id, detector_id, scope in self._deadlines.pending():
            customer = self._customer(customer_id)
            key = CaseKey(detector_id, scope)
            case = customer.cases.get(key)
            if case is not None and any(raised.status == "pending" for raised in case.raised.values()):
                self._examine(customer, key, case, final=True)
        return effects

    def _accept(self, event: Event) -> Placement | None:
        at = event.occurred_ms
        event_type = event.event_type
        if at > self._front:
            if self._deadlines.next_due <= at:
                self._catch_up(at)
            self._front = at
        elif at < self._front - self._allowance[event_type]:
            self._set_aside(event)
            return None
        customer = self._customers.get(event.customer_id) or self._customer(event.customer_id)
        key = event_key(event.event_id)
        if customer.has_seen(key):
            self._tally.totals["duplicates"] += 1
            return None
        if customer.touched != self._checkpoints:
            self._touch(customer)
        if len(customer.trail) >= customer.room:
            self._tidy(customer, self._front - self._lateness.longest)
        placement = self._placements.place(event)
        self._tally.event(event, placement, at)
        for change in customer.visit(customer.id, at, key, placement, self._placements.by_code):
            self._effects.transitions.append(VersionedTransition(self._sequence, *change))
        if event_type in _HANDOFFS:
            self._hand_off(event, placement)
        readers = self._readers.get(event_type)
        if readers is not None:
            self._detect(customer, event, readers)
        return placement

    def _set_aside(self, event: Event) -> None:
        self._tally.late(event, self._placements.place(event), self._front)
        minutes = self._allowance[event.event_type] // MINUTE
        detail = (
            f"occurred at {iso(event.occurred_ms)} and came later than the {minutes} minutes that its family is waited "
            "for; raise the allowed lateness in the settings if such events are normal"
        )
        self._effects.too_late.append(SetAside(len(self._effects.placements), detail))

    def _hand_off(self, event: Event, placement: Placement) -> None:
        handoff = Handoff(
            event.event_id,
            event.customer_id,
            event.ticket_id or event.interaction_id or "",
            event.occurred_ms,
            event.attributes.from_desk,
            event.attributes.to_desk,
            event.channel,
            event.tier,
        )
        self._tally.handoff(event, placement, handoff)
        self._effects.handoffs.append(handoff)

    def _detect(self, customer: Customer, event: Event, readers: Iterable[_Reader]) -> None:
        dims = None
        for detector_id, take, params, seat in readers:
            if customer.quarantined and seat.name in customer.quarantined:
                continue
            try:
                taken = take(params, event)
            except Exception as error:
                self._tell(*self._bench.quarantine(customer, seat, event.event_id, self._front, error))
                continue
            if taken is None:
                continue
            if dims is None:
                dims = Dims(event.tier, event.channel, event.region or UNKNOWN)
            scope, kind, value, note, due = taken
            fact = Fact(event.occurred_ms, event.event_id, kind, dims, value, note, due)
            key = CaseKey(detector_id, scope)
            case = self._bench.admit(customer, key, fact, seat)
            self._examine(customer, key, case)

    def _examine(
        self, customer: Customer, key: CaseKey, case: Case, now: int | None = None, *, final: bool = False
    ) -> None:
        seat = self._bench.seat(key.detector_id)
        if seat is None or seat.name in customer.quarantined:
            return  # the detector left the catalogue or rests: its cases rest too
        was = case.look_at
        front = self._front
        told = self._bench.examine(customer, key, case, seat, front, front if now is None else now, final=final)
        if customer.touched != self._checkpoints:
            self._touch(customer)
        self._tell(*told)
        if case.look_at is not None and case.look_at != was:
            self._deadlines.add(Deadline(case.look_at, customer.id, key.detector_id, key.scope))

    def _tell(self, said: Iterable[Said], failure: DetectorFailure | None) -> None:
        for one in said:
            self._tally.moment(one)
            self._say(one.moment)
        if failure is not None:
            self._effects.failures.append(failure)

    def _say(self, moment: Moment) -> None:
        """Of what one record brings about a moment only the last word counts: a version stands for one text."""
        moments = self._effects.moments
        for place in range(len(moments) - 1, -1, -1):
            said = moments[place]
            if said.version != self._sequence:
                break
            if said.moment.moment_id == moment.moment_id:
                del moments[place]
                break
        moments.append(VersionedMoment(self._sequence, moment))

    def _run_deadlines(self) -> None:
        for _, customer, key, case in self._due():
            self._examine(customer, key, case)

    def _due(self) -> Iterator[tuple[Deadline, Customer, CaseKey, Case]]:
        """Take out the deadlines the clock has reached, as long as there are any; outdated ones are dropped."""
        while self._deadlines.next_due <= self._front:
            deadline = self._deadlines.pop()
            customer = self._customer(deadline.customer_id)
            key = CaseKey(deadline.detector_id, deadline.scope)
            case = customer.cases.get(key)
            if case is not None and case.look_at == deadline.due:
                yield deadline, customer, key, case

    def _catch_up(self, at: int) -> None:
        """Act on what falls due up to `at` (ms) before an event of that time is taken in.

        What is settled by then must be said before new facts push it out of a detector's sight; but nothing is missing
        yet that the event itself may bring, so detectors are asked as of just before it.
        """
        self._front = at
        waiting = []
        for deadline, customer, key, case in self._due():
            self._examine(customer, key, case, at - 1)
            if case.look_at == deadline.due:
                waiting.append(deadline)
        for deadline in waiting:
            self._deadlines.add(deadline)

    def _prefetch(self, batch: Sequence[Event | Tick]) -> None:
        if self._records is None:
            return
        asked_for = {record.customer_id for record in batch if type(record) is not Tick}
        absent = asked_for.difference(self._customers)
        if absent:
            for customer_id, record in self._records.get_many(absent).items():
                self._customers[customer_id] = unpack(customer_id, record)

    def _customer(self, customer_id: str) -> Customer:
        customer = self._customers.get(customer_id)
        if customer is None:
            record = None if self._records is None else self._records.get(customer_id)
            customer = Customer(customer_id) if record is None else unpack(customer_id, record)
            self._customers[customer_id] = customer
        return customer

    def _touch(self, customer: Customer) -> None:
        customer.touched = self._checkpoints
        if self._records is not None:
            self._touched[customer.id] = customer

    def kpi_changes(self) -> KpiChanges:
        """The KPI windows that changed since the last call or checkpoint."""
        return self._tally.kpis.changes(self._sequence, self.partition)

    def kpi_increments(self) -> tuple[array[int], array[int]]:
        """What was added to KPI windows since the last call, as `KpiFold.increments`: for a run that adds up by itself
        and takes no checkpoint."""
        return self._tally.kpis.increments()

    @property
    def kpi_dims(self) -> Sequence[KpiDims]:
        """The dimensions that KPI windows refer to by their place; the list only grows."""
        return self._tally.kpis.dims

    def close_windows(self) -> None:
        """Forget KPI windows that no event can reach any more; checkpoints do it by themselves now and then."""
        self._tally.kpis.close(self._front - self._lateness.longest - DAY)

    def checkpoint(self) -> Checkpoint:
        """What has to be stored for a restart to go on from here.

        Events may be processed while it is being stored; call `committed` when it is, before the next checkpoint.
        """
        touched, self._touched = self._touched, {}
        self._checkpoints += 1
        settled = self._front - self._lateness.longest
        changes = self.kpi_changes()
        if self._journal.restarts_next:
            self.close_windows()
        entry, restarts = self._journal.entry(self._tally.kpis, changes, self._deadlines)
        records: list[tuple[str, bytes | None]] = [
            (customer.id, self._packed(customer, settled)) for customer in touched.values()
        ]
        meta = Meta(FORMAT, self.fingerprint, self._front, self._sequence, dict(self._tally.totals))
        return Checkpoint(records, entry, restarts, pack_meta(meta), changes)

    def committed(self) -> None:
        """The last checkpoint is stored: customers not touched since may leave memory when there are too many."""
        excess = len(self._customers) - self.max_cached
        if self._records is not None and excess > 0:
            clean = [customer for customer in self._customers.values() if customer.touched < self._checkpoints]
            clean.sort(key=lambda customer: customer.touched)
            for customer in clean[: excess + excess // 4]:
                del self._customers[customer.id]

    def restore(self, meta: bytes, journal: Sequence[bytes]) -> bool:
        """Go on from a stored checkpoint. Returns whether it was made with the same detectors and settings.

        Raises msgspec.DecodeError for bytes that are not a checkpoint.
        """
        position = unpack_meta(meta)
        self._front = position.front
        self._sequence = position.sequence
        self._tally.totals.update(position.counts)
        self._journal.restore(journal, position.front, self._tally.kpis, self._deadlines)
        return position.fingerprint == self.fingerprint

    def summary(self) -> dict[str, int]:
        """Totals since the partition's first event: events, duplicates, late, moments.<detector>."""
        return {"events": 0, "duplicates": 0, "late": 0} | dict(sorted(self._tally.totals.items()))

    def _packed(self, customer: Customer, settled: int) -> bytes:
        self._tidy(customer, settled)
        return pack(customer)

    def _tidy(self, customer: Customer, settled: int) -> None:
        """Drop what no event can concern any more; what is said does not depend on when this happens."""
        if len(customer.trail) >= customer.room or customer.may_settle(settled):
            customer.settle(settled)
        for key, case in list(customer.cases.items()):
            seat = self._bench.seat(key.detector_id)
            if seat is not None and is_over(case, seat, self._front):
                del customer.cases[key]


def _seat(detector: AnyDetector, lateness: Lateness) -> Seat:
    meta = detector.meta
    return Seat(detector, lateness.of_types(meta.consumes), keep_ms_of(detector), f"{meta.id}@{meta.version}")


def _readers_by_type(seats: Mapping[str, Seat]) -> dict[str, list[_Reader]]:
    readers: dict[str, list[_Reader]] = {}
    for detector_id, seat in seats.items():
        for event_type in seat.detector.meta.consumes:
            reader = _Reader(detector_id, seat.detector.take, seat.detector.params, seat)
            readers.setdefault(event_type, []).append(reader)
    return readers


def _fingerprint(catalogue: Sequence[AnyDetector], lateness: Lateness, placements: Placements) -> str:
    """A short hash of what changes what is said of a log: detectors, their limits and parameters, lateness, placing.

    Policy packs count by the product's version, with which they come.
    """
    meaning = [
        (
            d.meta.id,
            d.meta.version,
            d.meta.keep_ms,
            d.meta.forget_ms,
            d.meta.max_facts,
            d.params.model_dump(mode="json"),
        )
        for d in catalogue
    ]
    described = msgspec.json.encode(
        [meaning, lateness.model_dump(mode="json"), placements.described()], order="deterministic"
    )
    return hashlib.blake2b(described, digest_size=8).hexdigest()
