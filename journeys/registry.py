"""The indicator registry: what every number means, as data.

One entry says what is measured, for whom, how it is computed, what is good, who answers for it and where its data come
from. Views, panels, thresholds, scorecard and handbook are made from it (seed A12: definition, method, cycle, values,
then availability and the way to obtain). The shipped entries lie in `data/indicators/*.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator
from yaml import CSafeLoader

from schemas.envelope import Department
from schemas.events import EVENT_TYPES
from schemas.moments import Frozen, Stage, Text

RowGrain = Literal["minute", "hour", "day", "cycle"]
"""Windows in which rows are kept; weeks, months and quarters are put together from days when read."""
RowDim = Literal["stage", "touchpoint", "channel", "tier", "department", "region", "detail"]
Kind = Literal["ratio", "sum", "customers", "customer_share", "quantile"]
Unit = Literal["share", "count", "per_1000", "per_10k", "per_million", "seconds", "minor", "score", "ratio"]
"""Of a value: a share is 0 to 1, durations are seconds, money minor units of its currency."""
Cycle = Literal["minute", "hour", "day", "week", "month", "quarter", "bill_cycle", "incident"]
Availability = Literal["available", "derivable", "missing", "external"]
"""`available`: events state it; `derivable`: computed from several; `missing`: no system delivers it yet; `external`:
published by others and imported."""
Quadrant = Literal["customer", "operating", "controlling", "supporting"]
"""The four-part frame of seed A3."""

_COMPUTED: frozenset[str] = frozenset({"available", "derivable"})
TAKEN: frozenset[str] = frozenset({"rows", "registry", "marks", "now"})
"""No indicator may be called so: its view would be called like a table."""
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "ratio": ("hit", "base"),
    "sum": ("hit",),
    "customers": ("hit",),
    "customer_share": ("hit", "base"),
    "quantile": ("spread",),
}


class Measure(Frozen):
    """How an indicator is computed: one row per unit (a contact, a bill) in SQL, and how units become a value.

    `reads` are the event types behind `{events}` in `units`; `back_days` and `ahead_days` say how far from a unit's
    own time its SQL looks at facts. `by` are the dimensions the units give; `detail` says what the dimension of that
    name holds. `words` fill tokens of their names in `units`, so that indicators that differ in a number share one SQL.
    """

    kind: Kind
    level: Annotated[float, Field(gt=0, lt=1)] | None = None
    scale: float = 1.0
    reads: tuple[str, ...] = ()
    back_days: Annotated[int, Field(ge=0, le=400)] = 0
    ahead_days: Annotated[int, Field(ge=0, le=400)] = 0
    grains: Annotated[tuple[RowGrain, ...], Field(min_length=1)] = ("hour", "day")
    by: tuple[RowDim, ...]
    detail: Text | None = None
    words: Mapping[str, str] = {}
    units: str

    @property
    def columns(self) -> tuple[str, ...]:
        """What `units` must give besides `at`, `customer_id` and the dimensions."""
        return _NEEDED[self.kind] + (("cycle_start",) if "cycle" in self.grains else ())

    @model_validator(mode="after")
    def _sound(self) -> Self:
        unknown = [name for name in self.reads if name not in EVENT_TYPES]
        if unknown:
            raise ValueError(f"reads unknown event types {unknown}")
        unused = [name for name in self.words if f"{{{name}}}" not in self.units]
        if unused:
            raise ValueError(f"no {{{unused[0]}}} in `units` for that of `words` to fill")
        if ("{events}" in self.units) != bool(self.reads):
            raise ValueError("`reads` and {events} in `units` belong together")
        if (self.level is not None) != (self.kind == "quantile"):
            raise ValueError("`level` belongs to a quantile, and a quantile needs one")
        if ("detail" in self.by) != (self.detail is not None):
            raise ValueError("say in `detail` what the dimension detail holds, if it is one of `by`")
        return self


class Benchmarks(Frozen):
    """What others reach, in the indicator's unit, and where that stands."""

    regulator: float | None = None
    competitor: float | None = None
    international_mean: float | None = None
    best_practice: float | None = None
    source: str = ""


_KINDS = ("regulator", "competitor", "international_mean", "best_practice")


class Indicator(Frozen):
    """An indicator. `target` and `warning` are in its unit; between the two lies the warning, beyond it the breach.

    `direction` is the better way; `difficulty` from 1 (easy to move) to 5. `obtain` says how to get the data when no
    system delivers them; `anchors` are the standards it answers to.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Text
    definition: Text
    formula: Text
    cycle: Cycle
    unit: Unit
    direction: Literal["up", "down", "none"]
    target: float | None = None
    warning: float | None = None
    benchmarks: Benchmarks = Benchmarks()
    difficulty: Annotated[float, Field(ge=1, le=5)] = 3
    source: str
    availability: Availability
    obtain: Text | None = None
    owner: Department
    stage: Stage | None = None
    quadrant: Quadrant
    etom: str
    anchors: tuple[str, ...] = ()
    measure: Measure | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.id in TAKEN:
            raise ValueError(f"an indicator cannot be called {self.id!r}: a table is")
        if (self.availability in _COMPUTED) != (self.measure is not None):
            raise ValueError("an available or derivable indicator has a measure, the others have none")
        if self.measure is None and self.obtain is None:
            raise ValueError("say in `obtain` how to get the data")
        said = (self.target, self.warning, *(getattr(self.benchmarks, name) for name in _KINDS))
        if self.unit == "share" and any(one is not None and not 0 <= one <= 1 for one in said):
            raise ValueError("a share is written from 0 to 1, like 0.995 for 99.5 %")
        if self.warning is not None and self.target is None:
            raise ValueError("a warning needs a target")
        if self.target is not None and self.warning is not None and self.target != self.warning:
            better = "up" if self.target > self.warning else "down"
            if better != self.direction:
                raise ValueError(f"target and warning say that better is {better}, direction says {self.direction}")
        return self

    def standing(self, value: float | None) -> Literal["met", "warning", "breach", "none"]:
        """How `value` stands to target and warning; `none` without a value or a target."""
        if value is None or self.target is None or self.direction == "none":
            return "none"
        sign = 1 if self.direction == "up" else -1
        if sign * value >= sign * self.target:
            return "met"
        limit = self.target if self.warning is None else self.warning
        return "warning" if sign * value >= sign * limit else "breach"


class IndicatorOverride(Frozen):
    """What an operator says otherwise of one indicator; what is left out stays as shipped."""

    name: Text | None = None
    target: float | None = None
    warning: float | None = None
    benchmarks: Benchmarks | None = None
    difficulty: Annotated[float, Field(ge=1, le=5)] | None = None
    owner: Department | None = None
    source: str | None = None
    obtain: Text | None = None


class Registry(Mapping[str, Indicator]):
    """Indicators by id, in the order of the handbook."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        self._by_id: dict[str, Indicator] = {}
        for one in indicators:
            if one.id in self._by_id:
                raise ValueError(f"two indicators are called {one.id!r}")
            self._by_id[one.id] = one

    def __getitem__(self, indicator_id: str) -> Indicator:
        return self._by_id[indicator_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def computed(self) -> list[Indicator]:
        """Those that are computed from facts."""
        return [one for one in self.values() if one.measure is not None]

    def overridden(self, overrides: Mapping[str, IndicatorOverride], added: Iterable[Indicator] = ()) -> Registry:
        """A registry with an operator's targets, owners and own indicators.

        Raises KeyError for an override of what does not exist, ValueError when the whole is then not sound.
        """
        for name in overrides:
            if name not in self:
                raise KeyError(f"no indicator {name!r} to override; `mot kpi ls` lists them")
        return Registry([*(_changed(one, overrides.get(one.id)) for one in self.values()), *added])


def _changed(indicator: Indicator, override: IndicatorOverride | None) -> Indicator:
    if override is None:
        return indicator
    said = {name: getattr(override, name) for name in override.model_fields_set}
    return Indicator.model_validate({**dict(indicator), **said})


def read_indicators(text: str, file: str) -> list[Indicator]:
    """The indicators of one YAML file. Raises ValueError naming the file and the indicator that is wrong."""
    found = []
    for number, entry in enumerate(yaml.load(text, Loader=CSafeLoader) or [], 1):
        try:
            found.append(Indicator.model_validate(entry))
        except ValueError as flaw:
            name = entry.get("id", number) if isinstance(entry, dict) else number
            raise ValueError(f"{file}, indicator {name}: {flaw}") from flaw
    return found


@cache
def shipped_registry() -> Registry:
    """The indicators that ship with the monitor."""
    folder = resources.files("journeys").joinpath("data/indicators")
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".yaml")), key=lambda one: one.name)
    return Registry(
        indicator for one in files for indicator in read_indicators(one.read_text(encoding="utf-8"), one.name)
    )
