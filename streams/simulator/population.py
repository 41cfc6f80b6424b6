"""Who the customers are: tier, region, plan, bill cycle, how lively, since when and until when.

Everything is read off two 64-bit draws per customer, in a scalar form for telling and a vector form for choosing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.times import DAY, HOUR
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import Bits, draw, draws, stream_key

TIERS = ("diamond", "gold", "silver", "normal")
REGIONS = (
    "Guangzhou", "Shenzhen", "Zhuhai", "Shantou", "Foshan", "Shaoguan", "Zhanjiang", "Zhaoqing", "Jiangmen", "Maoming",
    "Huizhou", "Meizhou", "Shanwei", "Heyuan", "Yangjiang", "Qingyuan", "Dongguan", "Zhongshan", "Chaozhou", "Jieyang",
    "Yunfu",
)  # fmt: skip
"""The 21 prefecture-level cities of Guangdong."""

FEES = (
    (59_900, 49_900, 59_900, 69_900),
    (29_900, 39_900, 29_900, 36_900),
    (15_900, 19_900, 12_900, 16_900),
    (2_900, 5_900, 8_900, 12_900),
)
"""Monthly fee in fen by tier and plan."""
ACTIVITY = (0.4, 0.8, 1.2, 1.6)
CYCLE_DAYS = (1, 6, 11, 16, 21, 26)
"""Days of the month on which bill runs take place; each customer has one."""
FOREVER = 1 << 62
_MONTHLY_TURNOVER = 0.012
_LIFE_BITS = 20


class Customer(NamedTuple):
    """One customer; `fee` in fen a month, `joined` and `left` in ms (0 and `FOREVER` when outside the span)."""

    number: int
    customer_id: str
    account_id: str
    line_id: str
    tier: str
    region: str
    fee: int
    cycle: int
    activity: int
    pay_offset: int
    linked: bool
    joined: int
    left: int


def region_code(traits: Any) -> Any:
    """Index into `REGIONS`, of one word or many."""
    return ((traits >> 16 & 0xFF) * 21) >> 8


def activity_code(traits: Any) -> Any:
    """Index into `ACTIVITY`."""
    return traits >> 24 & 3


def cycle_code(traits: Any) -> Any:
    """Index into `CYCLE_DAYS`."""
    return ((traits >> 26 & 0xFF) * 6) >> 8


def pay_days(traits: Any) -> Any:
    """Days from bill to payment, 1 to 12."""
    return (traits >> 36 & 0xFFF) % 12 + 1


def bill_offset(traits: Bits) -> npt.NDArray[np.int64]:
    """How long (ms) after the end of the period a customer's turn in the bill run comes, up to six hours."""
    return (traits >> np.uint64(58)).astype(np.int64) * (6 * HOUR // 64)


def is_linked(traits: Any) -> Any:
    """Whether the customer is a spouse, delegate or officer of a valued one."""
    return (traits >> 48 & 0x3FF) < 30


class Population:
    """The customers of one configuration."""

    def __init__(self, config: SimulationConfig) -> None:
        mix = config.tiers
        cuts = (mix.diamond, mix.diamond + mix.gold, mix.diamond + mix.gold + mix.silver)
        self.tier_cuts = np.array([round(cut * 65536) for cut in cuts], dtype=np.uint64)
        self._cuts = tuple(int(cut) for cut in self.tier_cuts)
        self._traits = stream_key(config.seed, "traits")
        self._life = stream_key(config.seed, "life")
        self._start = config.start_ms
        self._customers = config.customers
        self._room_s = max(0, (config.days - 13) * DAY // 1000)
        share = min(0.3, _MONTHLY_TURNOVER * config.days / 30) if config.days >= 20 else 0.0
        self._join_cut = round(share * (1 << _LIFE_BITS))
        self._leave_cut = 2 * self._join_cut
        self.of = lru_cache(maxsize=4096)(self._customer)

    def traits(self, customers: Bits) -> Bits:
        """The trait bits of many customers."""
        return draws(self._traits, customers)

    def tier_codes(self, traits: Bits) -> Any:
        """Indexes into `TIERS`."""
        return np.searchsorted(self.tier_cuts, traits & np.uint64(0xFFFF), side="right")

    def lifetimes(self, customers: Bits) -> tuple[Any, Any]:
        """When each customer joins and leaves, in ms."""
        life = draws(self._life, customers)
        lot = (life & np.uint64((1 << _LIFE_BITS) - 1)).astype(np.int64)
        when = self._start + self._life_moment(life).astype(np.int64)
        joined = np.where(lot < self._join_cut, when, 0)
        left = np.where((lot >= self._join_cut) & (lot < self._leave_cut), when, FOREVER)
        return joined, left

    def _life_moment(self, life: Any) -> Any:
        seconds = ((life >> 32) * self._room_s) >> 32
        return seconds * 1000 + 7 * DAY

    def _customer(self, index: int) -> Customer:
        traits, life = draw(self._traits, index), draw(self._life, index)
        tier = sum(traits & 0xFFFF >= cut for cut in self._cuts)
        lot, when = life & ((1 << _LIFE_BITS) - 1), self._start + self._life_moment(life)
        return Customer(
            number=index,
            customer_id=f"C{index:08d}",
            account_id=f"A{index:08d}",
            line_id=f"L{index:08d}",
            tier=TIERS[tier],
            region=REGIONS[region_code(traits)],
            fee=FEES[tier][traits >> 34 & 3],
            cycle=cycle_code(traits),
            activity=activity_code(traits),
            pay_offset=pay_days(traits),
            linked=is_linked(traits),
            joined=when if lot < self._join_cut else 0,
            left=when if self._join_cut <= lot < self._leave_cut else FOREVER,
        )

    def valued_neighbour(self, index: int) -> Customer | None:
        """The next diamond or gold customer after `index`, looking no further than 400; None when there is none."""
        for step in range(1, min(400, self._customers)):
            other = (index + step) % self._customers
            if draw(self._traits, other) & 0xFFFF < self._cuts[1]:
                return self.of(other)
        return None
