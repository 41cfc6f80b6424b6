"""Numbers of the handbook as people write them."""

from __future__ import annotations

from dashboards.handbook.words import Words
from journeys.registry import Indicator, Unit

_LENGTHS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def number(value: float) -> str:
    """Without needless zeros, thousands apart."""
    rounded = round(value, 6)
    return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:,.6f}".rstrip("0")


def duration(words: Words, seconds: float) -> str:
    """A length of time in the largest unit that fits."""
    length, unit = next((step for step in _LENGTHS if abs(seconds) >= step[0]), (1, "second"))
    amount = number(round(seconds / length, 2))
    return words.say(f"figure.{unit}" if amount == "1" else f"figure.{unit}s", value=amount)


def figure(words: Words, value: float, unit: Unit) -> str:
    """A value of an indicator with its unit."""
    if unit == "share":
        return f"{number(value * 100)}%"
    if unit == "seconds":
        return duration(words, value)
    return words.say(f"figure.{unit}", value=number(value))


def limit(words: Words, indicator: Indicator, value: float | None) -> str:
    """A target or warning: ≥ 80 %; a dash when there is none."""
    if value is None:
        return "–"
    sign = {"up": "≥ ", "down": "≤ ", "none": ""}[indicator.direction]
    return f"{sign}{figure(words, value, indicator.unit)}"
