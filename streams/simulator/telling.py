"""The teller: what a story uses to say what happens, when, and what of it was a moment of truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded by the caller, see draws.py
from typing import Literal, TypeVar, cast

from schemas.moments import Text
from schemas.times import DAY, MINUTE, from_ms
from streams.simulator.config import SimulationConfig
from streams.simulator.population import Customer, Population
from streams.simulator.spelling import Happening, spelled
from streams.simulator.truth import TruthKind, TruthRecord

T = TypeVar("T")

REASONS = (
    "bill_question", "slow_data", "no_coverage", "roaming_setup", "plan_advice", "device_settings", "sim_fault",
    "top_up_missing", "voicemail", "broadband_drops", "charge_unknown", "address_change", "call_quality", "app_login",
    "points_redeem",
)  # fmt: skip
"""Why customers get in touch. A chapter of life uses every third, so that two chapters never continue each other."""
CATEGORIES = (
    "billing", "coverage", "broadband", "roaming", "device", "contract", "staff_conduct", "value_added_services",
    "porting", "installation", "payment", "data_speed",
)  # fmt: skip
"""What complaints are about, shared out among chapters in the same way."""


class Teller:
    """Tells one act of one customer's life, from `begin` (ms) on.

    `key` makes ids unique; `chapter` picks the share of reasons and categories that belongs to this part of life.
    """

    def __init__(
        self, config: SimulationConfig, population: Population, customer: Customer, begin: int, rng: Random, key: str,
        chapter: int,
    ) -> None:  # fmt: skip
        self.config = config
        self.population = population
        self.customer = customer
        self.begin = begin
        self.rng = rng
        self.key = key
        self.chapter = chapter
        self.happenings: list[Happening] = []
        self.truths: list[TruthRecord] = []
        self._about: tuple[str, str, TruthKind] = ("", "", "near_miss")
        self._ids = 0

    def happens(self, at: int, event_type: str, channel: str = "it_system", **details: object) -> None:
        """An event at `at` (ms); `details` are envelope ids, `amount` in fen, and attributes."""
        amount = details.pop("amount", None)
        self.happenings.append(Happening(at, event_type, channel, cast("int | None", amount), details))

    def about(self, story: str, cause: str, kind: TruthKind) -> None:
        """Called before the story is told: what the following truth is about."""
        self._about = (story, cause, kind)

    def truth(self, case_id: str, began: int, broken: int, zh: str, en: str) -> None:
        """Put on record what happened; both times in ms."""
        story, cause, kind = self._about
        self.truths.append(
            TruthRecord(
                story=story,
                cause=cause,
                kind=kind,
                customer_id=self.customer.customer_id,
                case_id=case_id,
                began_at=from_ms(began),
                broken_at=from_ms(broken),
                told=Text(zh=zh, en=en),
            )
        )

    def new_id(self, letter: str) -> str:
        """An id no other act of any customer uses."""
        self._ids += 1
        return f"{letter}{self.customer.number}-{self.key}-{self._ids}"

    def between(self, least: int, most: int) -> int:
        """A duration (ms) drawn evenly from [`least`, `most`]."""
        return self.rng.randint(least, most)

    def minutes(self, least: float, most: float) -> int:
        """A duration in ms between `least` and `most` minutes."""
        return self.rng.randint(round(least * MINUTE), round(most * MINUTE))

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self.rng.random() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[int(self.rng.random() * len(choices))]

    def reasons(self, count: int) -> list[str]:
        """`count` different reasons of this chapter's share."""
        return self.rng.sample(REASONS[self.chapter % 3 :: 3], count)

    def categories(self, count: int) -> list[str]:
        """`count` different complaint categories of this chapter's share."""
        return self.rng.sample(CATEGORIES[self.chapter % 3 :: 3], count)

    def dealer(self, careless: bool = False) -> str:
        """A dealer; the careless tenth of them lose most of the orders that get lost."""
        bad = max(1, self.config.dealers // 10)
        number = self.rng.randrange(bad) if careless and self.chance(0.7) else self.rng.randrange(self.config.dealers)
        return f"dealer-{number:04d}"

    @staticmethod
    def stamp(ms: int) -> str:
        """A time as an attribute spells it."""
        return spelled(ms)


Plant = Callable[[Teller], None]
VariantKind = Literal["planted", "near_miss", "ordinary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way a story can go.

    `weight` is its share among the variants of its story and kind; `length` (ms) is the longest it takes from begin to
    the last moment that matters, so that only variants that fit are told; `travels` while abroad usage at home rests;
    `charges` when it emits charges that the monthly bill must contain.
    """

    story: str
    cause: str
    kind: VariantKind
    length: int
    plant: Plant
    weight: float = 1.0
    travels: bool = False
    charges: bool = False


def variants_of(
    story: str, planted: Iterable[tuple[Plant, int, float]], near_misses: Iterable[tuple[Plant, int]]
) -> tuple[Variant, ...]:
    """The ways a story goes: planted ones as (plant, days, weight), then near misses as (plant, days)."""
    ways: list[tuple[VariantKind, Plant, int, float]] = [("planted", *one) for one in planted]
    ways += [("near_miss", *one, 1.0) for one in near_misses]
    return tuple(
        Variant(
            story=story,
            cause=getattr(plant, "__name__", story),
            kind=kind,
            length=days * DAY,
            plant=plant,
            weight=weight,
        )
        for kind, plant, days, weight in ways
    )


def ordinary(plant: Plant, monthly: float, days: int, travels: bool = False, charges: bool = False) -> Variant:
    """A piece of ordinary life that `monthly` of 100 % of customers live through in thirty days."""
    return Variant(
        story="ordinary",
        cause=getattr(plant, "__name__", "ordinary"),
        kind="ordinary",
        length=days * DAY,
        plant=plant,
        weight=monthly,
        travels=travels,
        charges=charges,
    )
