"""The bill is far above habit, whatever made it so: planted charges, or a trip, or a month of heavy use.

The charges are planted; whether it was a spike is read off the bills themselves, so that a heavy month that came by
itself is on record too.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.times import DAY, HOUR
from streams.simulator.telling import Teller
from streams.simulator.truth import TruthKind

STORY = "bill_spike"
FLOOR = 3_000
"""Fen above the habit from which people mind."""
BEFORE_BILL = 10 * DAY
"""The planted charges fall in the last days before the bill."""
CAUSES: tuple[tuple[str, str], ...] = (
    ("data_overage", "data"),
    ("subscription", "one_off"),
    ("long_calls", "voice"),
    ("new_instalment", "device_instalment"),
)


class Spike(NamedTuple):
    """What is planted on bill `number`: extra charges of `kind` that bring the bill to `times` its habit."""

    number: int
    cause: str
    kind: str
    planted: TruthKind
    times: float


def extra_charge(spike: Spike, usual: int, habit: int) -> int:
    """How much to add (fen) to a bill of `usual` fen when the habit is `habit` fen; 0 when it is enough already."""
    if spike.planted == "planted":
        goal = max(round(habit * spike.times), habit + FLOOR + 1_000)
    elif spike.cause == "below_floor" and habit <= 2 * (FLOOR - 500):
        goal = habit + FLOOR - 400
    else:
        goal = round(habit * 1.4)
    return max(0, goal - usual)


def median_of_three(amounts: tuple[int, int, int]) -> int:
    """The customer's habit."""
    return sorted(amounts)[1]


def is_spike(amount: int, habit: int) -> bool:
    """Half as much again and at least the floor above."""
    return 2 * amount >= 3 * habit and amount - habit >= FLOOR


def charges(teller: Teller, spike: Spike, extra: int) -> None:
    """The planted charges, in two to five pieces within ten days from the act's begin."""
    pieces = 1 if spike.kind in {"one_off", "device_instalment"} else teller.rng.randint(2, 5)
    for n in range(pieces):
        amount = extra * (n + 1) // pieces - extra * n // pieces
        if amount:
            at = teller.begin + teller.between(HOUR, BEFORE_BILL - 2 * HOUR)
            teller.happens(at, "charge.rated", amount=amount, kind=spike.kind)


def recorded(teller: Teller, bill: str, amount: int, habit: int, period: tuple[int, int], spike: Spike | None) -> None:
    """Put the bill on record when it was a spike, or was meant to be nearly one; `period` is begin and issue in ms."""
    yuan = f"{amount / 100:.2f}", f"{habit / 100:.2f}"
    if is_spike(amount, habit):
        teller.about(STORY, spike.cause if spike else "heavy_month", "planted")
        zh, en = f"账单 {yuan[0]} 元, 平时 {yuan[1]} 元", f"a bill of {yuan[0]} CNY where {yuan[1]} is the habit"
        teller.truth(bill, *period, zh, en)
    elif spike:
        teller.about(STORY, spike.cause, "near_miss")
        zh = f"账单 {yuan[0]} 元, 高于平时 {yuan[1]} 元但未到门槛"
        teller.truth(bill, *period, zh, f"a bill of {yuan[0]} CNY, above the habit of {yuan[1]} but not by enough")


def run_up(teller: Teller, at: int, amount: int, habit: int) -> None:
    """Put on record a month that was a spike before any bill came of it; `at` in ms."""
    teller.about(STORY, "run_up_unbilled", "planted")
    zh = f"本月尚未出账, 费用已达 {amount / 100:.2f} 元, 平时 {habit / 100:.2f} 元"
    en = f"{amount / 100:.2f} CNY have run up before the bill where {habit / 100:.2f} is the habit"
    teller.truth(teller.customer.account_id, teller.begin, at, zh, en)
