"""Acts: the parts of a life that are told one by one, each from its own generator, each tellable again at any time."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from schemas.times import DAY, HOUR, SECOND, to_ms
from streams.simulator.billing import Books
from streams.simulator.chapters import VARIANTS, Chapters
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import draw, generator, stream_key
from streams.simulator.ordinary import staying
from streams.simulator.population import REGIONS, Customer, Population
from streams.simulator.scenes import contact, notice
from streams.simulator.spelling import Happening, event_line
from streams.simulator.stories import bill_spike
from streams.simulator.telling import Teller
from streams.simulator.transport import Transport
from streams.simulator.truth import TruthRecord
from streams.simulator.usage import Usage

JOINING = 6 * DAY
"""How long before the first use a new customer starts to look around."""
LEAVING = DAY + 2 * HOUR
"""How long before the last use a leaving customer asks to go."""
_OUTAGES_PER_DAY = 0.04
_WAYS_TO_PAY = (("wallet", "app"), ("wallet", "app"), ("auto_debit", "bank"), ("card", "web"), ("cash", "store"))


class ActKind(IntEnum):
    """What an act is about; `argument` is the chapter, the bill number, or the day and region of an outage."""

    CHAPTER = 0
    BILL = 1
    PAYMENT = 2
    SPIKE = 3
    JOIN = 4
    LEAVE = 5
    LINK = 6
    OUTAGE = 7


_TAGS = "cbpsjlko"


class Act(NamedTuple):
    """One act of one customer's life; `begin` in ms."""

    begin: int
    customer: int
    kind: int
    argument: int


class Told(NamedTuple):
    """An act told and sent: (arrival ms, line) of each copy of each event, sorted, and the truth about it."""

    lines: list[tuple[int, bytes]]
    truths: list[TruthRecord]


class Acts:
    """Tells acts. Everything that is not everyday usage comes from here."""

    def __init__(self, config: SimulationConfig, population: Population, chapters: Chapters, usage: Usage) -> None:
        self._config = config
        self._population = population
        self._chapters = chapters
        self._transport = Transport(config)
        self._end = config.end_ms
        self._keys = [stream_key(config.seed, "act", kind) for kind in ActKind]
        self._outages = stream_key(config.seed, "outages")
        self.books = Books(config, chapters, usage, self._chapter_events)

    def told(self, act: Act, after: int = 0, before: int = 1 << 62) -> tuple[Told, int]:
        """Tell `act` and write out the copies that arrive in [`after`, `before`) ms.

        Second comes the first arrival from `before` on, 0 for none.
        """
        teller = self._teller(act)
        self._tell(act, teller)
        lines: list[tuple[int, bytes]] = []
        later = 0
        for number, happening in enumerate(teller.happenings):
            if happening.at >= self._end:
                continue
            arrivals = self._transport.arrivals(teller.rng, happening.event_type, happening.at)
            line = b""
            for arrival in arrivals:
                if arrival >= before:
                    later = min(later, arrival) if later else arrival
                elif arrival and arrival >= after:
                    line = line or self._line(act, teller.customer, number, happening, arrivals[0])
                    lines.append((arrival, line))
        truths = [truth for truth in teller.truths if to_ms(truth.broken_at) < self._end]
        return Told(lines, truths), later

    @staticmethod
    def _line(act: Act, customer: Customer, number: int, happening: Happening, recorded: int) -> bytes:
        event_id = f"{_TAGS[act.kind]}{act.customer}.{act.argument}.{number}"
        return event_line(event_id, happening, recorded, customer)

    def _teller(self, act: Act) -> Teller:
        key = stream_key(self._keys[act.kind], "argument", act.argument)
        return Teller(
            self._config, self._population, self._population.of(act.customer), act.begin,
            generator(key, act.customer), f"{_TAGS[act.kind]}{act.argument}", act.argument,
        )  # fmt: skip

    def _tell(self, act: Act, teller: Teller) -> None:
        if act.kind == ActKind.CHAPTER:
            self._chapter(teller)
            self._running_up(teller)
        elif act.kind == ActKind.BILL:
            self._bill(teller, act.argument)
        elif act.kind == ActKind.PAYMENT:
            self._payment(teller, act.argument)
        elif act.kind == ActKind.SPIKE:
            extra = self.books.planted(teller.customer)
            if extra is not None:
                bill_spike.charges(teller, *extra)
        elif act.kind == ActKind.JOIN:
            self._join(teller)
        elif act.kind == ActKind.LEAVE:
            staying.leaves(teller)
        elif act.kind == ActKind.LINK:
            staying.is_linked(teller)
        else:
            self._outage(teller, act.argument)

    def _chapter_events(self, customer: Customer, number: int) -> list[Happening]:
        """The events of one chapter, before transport."""
        begin = self._chapters.of(number, customer.number)[1]
        teller = self._teller(Act(begin, customer.number, ActKind.CHAPTER, number))
        self._chapter(teller)
        return teller.happenings

    def _chapter(self, teller: Teller) -> None:
        which, begin = self._chapters.of(teller.chapter, teller.customer.number)
        if self._chapters.lived(teller.customer, which, begin):
            variant = VARIANTS[which]
            if variant.kind != "ordinary":
                teller.about(variant.story, variant.cause, variant.kind)
            variant.plant(teller)

    def _running_up(self, teller: Teller) -> None:
        """Charges that no bill in the span will show, because the span or the contract ends before, and yet a spike."""
        found = self.books.unbilled_spike(teller.customer, teller.happenings)
        if found is not None:
            bill_spike.run_up(teller, *found)

    def _join(self, teller: Teller) -> None:
        staying.joins(teller)
        teller.happens(
            teller.customer.joined, "charge.rated", amount=self.books.first_fee(teller.customer), kind="recurring"
        )

    def _bill(self, teller: Teller, number: int) -> None:
        customer, books = teller.customer, self.books
        if not books.billed(customer, number):
            return
        bill, habit = books.bill_and_habit(customer, number)
        teller.happens(teller.begin + teller.minutes(1, 50), "charge.rated", amount=customer.fee, kind="recurring")
        issued, bill_id = teller.begin + teller.minutes(60, 120), f"B{customer.number}-{number}"
        teller.happens(
            issued, "bill.issued", amount=bill.amount, bill_id=bill_id, period_start=teller.stamp(bill.start),
            period_end=teller.stamp(bill.end), recurring_minor=bill.recurring, roaming_minor=bill.roaming,
            lines=bill.lines,
        )  # fmt: skip
        told = notice(teller, issued + teller.minutes(1, 20), "bill_ready", teller.minutes(0.1, 3), bill_id=bill_id)
        if teller.chance(0.35):
            teller.happens(told + teller.minutes(1, 500), "bill.viewed", "app", bill_id=bill_id)
        if habit is None:
            return
        spike = books.spike(customer)
        meant = spike if spike and spike.number == number else None
        bill_spike.recorded(teller, bill_id, bill.amount, habit, (bill.start, issued), meant)
        if teller.chance(0.15 if bill_spike.is_spike(bill.amount, habit) else 0.002):
            asked = told + teller.minutes(60, 700)
            contact(teller, asked, "bill_dispute", resolved=True)
            teller.happens(asked + 60 * SECOND, "bill.disputed", "call_centre", bill_id=bill_id, reason="too_high")

    def _payment(self, teller: Teller, number: int) -> None:
        customer, books = teller.customer, self.books
        if not books.billed(customer, number):
            return
        bill, payment = books.bill(customer, number), f"Y{customer.number}-{number}"
        ids = {"bill_id": f"B{customer.number}-{number}", "payment_id": payment}
        method, channel = teller.pick(_WAYS_TO_PAY)
        at = teller.begin + teller.minutes(0, 300)
        if teller.chance(0.03):
            teller.happens(
                at, "payment.state_changed", channel, amount=bill.amount, state="failed", method=method, **ids
            )
            at += teller.minutes(5, 200)
        teller.happens(at, "payment.state_changed", channel, amount=bill.amount, state="done", method=method, **ids)
        if teller.chance(0.3):
            teller.happens(at + teller.minutes(0.1, 5), "payment.receipt_issued", "sms", amount=bill.amount, **ids)

    def outage(self, day: int, region: int) -> tuple[int, int] | None:
        """The outage of a region on a day of the span: begin (ms) and length (ms), or None."""
        bits = draw(stream_key(self._outages, "day", day), region)
        if (bits & 0xFFFF) >= _OUTAGES_PER_DAY * 65536:
            return None
        begin = self._config.start_ms + day * DAY + (bits >> 16 & 0xFFFF) * (DAY - 7 * HOUR) // 65536
        return begin, HOUR // 2 + (bits >> 32 & 0xFFFF) * (5 * HOUR) // 65536

    def _outage(self, teller: Teller, argument: int) -> None:
        day, region = divmod(argument, len(REGIONS))
        found = self.outage(day, region)
        if found is None:
            return
        begin, length = found
        ids = {"outage_id": f"G{day}-{region}"}
        teller.happens(begin, "outage.started", "network", area=REGIONS[region], **ids)
        reached = teller.minutes(0.2, 3) if teller.chance(0.85) else None
        notice(teller, begin + teller.minutes(3, 25), "outage", reached, **ids)
        teller.happens(begin + length, "outage.ended", "network", **ids)
