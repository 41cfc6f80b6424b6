"""How values of indicators are written for people."""

from __future__ import annotations

from journeys.registry import Indicator, Unit
from streams.cli.session import Session

STYLES = {"met": "green", "warning": "yellow", "breach": "bold red", "none": ""}
"""The colour of a standing to target and warning."""
_PER: dict[str, str] = {"per_1000": "‰", "per_10k": "/10k", "per_million": "/M"}
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def figure(value: float | None, unit: Unit) -> str:
    """`value` with its unit: 87.5 %, 2.3 h, 1,204.50; a dash when there is none."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{value:.1%}"
    if unit == "seconds":
        length, name = next((step for step in _STEPS if abs(value) >= step[0]), (1, "s"))
        return f"{value / length:,.1f} {name}"
    if unit == "minor":
        return f"{value / 100:,.2f}"
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:,.2f}{_PER.get(unit, '')}"


def target_of(session: Session, indicator: Indicator) -> str:
    """The target as a person says it: ≥ 80.0 % (warning 70.0 %)."""
    if indicator.target is None:
        return session.say("kpi.trend")
    sign = {"up": "≥", "down": "≤", "none": "="}[indicator.direction]
    words = f"{sign} {figure(indicator.target, indicator.unit)}"
    if indicator.warning is not None:
        words += session.say("kpi.warns", value=figure(indicator.warning, indicator.unit))
    return words
