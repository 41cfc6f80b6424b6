"""Colours and words of an indicator's targets, and an operator's own ones in the dashboards that ship.

What ships was made with the registry's targets by the SDK, which only development has; so an operator's targets are put
into the JSON. Panels are known by the words they begin with, columns by the name of their indicator.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from math import inf, nextafter
from typing import Any, cast

from dashboards.grafana import sql
from dashboards.grafana.lint import panels
from dashboards.grafana.texts import DEPARTMENT_WORDS, Language
from journeys.registry import Indicator, Registry, shipped_registry
from schemas.moments import Text

Json = dict[str, Any]
Step = tuple[float | None, str]
_GOOD, _SO_SO, _BAD = "green", "orange", "red"
_PLAIN: Sequence[Step] = ((None, "blue"),)


def steps(indicator: Indicator) -> Sequence[Step]:
    """Colours from a value on. A limit that may be reached lies just above, as Grafana colours from the step on."""
    if indicator.target is None or indicator.direction == "none":
        return _PLAIN
    target = sql.shown(indicator, indicator.target)
    warning = target if indicator.warning is None else sql.shown(indicator, indicator.warning)
    found: list[Step]
    if indicator.direction == "up":
        found = [(None, _BAD), (warning, _SO_SO), (target, _GOOD)]
    else:
        found = [(None, _GOOD), (_above(target), _SO_SO), (_above(warning), _BAD)]
    return [one for one in found if warning != target or one[1] != _SO_SO]


def _above(number: float) -> float:
    return nextafter(number, inf) if number else 1e-9


def words(indicator: Indicator) -> Sequence[Text]:
    """What the description of an indicator's panel begins with: definition, formula, target, owner."""
    parts = [indicator.definition, Text(zh=f"计算：{indicator.formula.zh}", en=f"Formula: {indicator.formula.en}")]
    if indicator.target is not None:
        limit = "" if indicator.warning is None else f" / {indicator.warning:g}"
        said = f"{indicator.target:g}{limit}"
        parts.append(Text(zh=f"目标 / 预警：{said}", en=f"Target / warning: {said}"))
    owner = DEPARTMENT_WORDS[indicator.owner]
    return [*parts, Text(zh=f"责任部门：{owner.zh}", en=f"Owner: {owner.en}")]


def opening(indicator: Indicator, language: Language) -> str:
    """`words` as they stand in a description."""
    return "\n\n".join(one.said_in(language) for one in words(indicator))


def with_targets(dashboards: Sequence[Json], registry: Registry, language: Language) -> list[Json]:
    """The shipped dashboards of `language` with targets, warnings and owners of `registry`.

    Names of indicators and indicators that do not ship stay out: panels are made for those of the shipped registry.
    """
    shipped = shipped_registry()
    changed = {name: one for name, one in registry.items() if name in shipped and _differs(one, shipped[name])}
    if not changed:
        return [*dashboards]
    made = copy.deepcopy([*dashboards])
    for dashboard in made:
        for panel in panels(dashboard):
            _patch(cast(Json, panel), changed, shipped, language)
    return made


def _differs(one: Indicator, other: Indicator) -> bool:
    return (one.target, one.warning, one.owner) != (other.target, other.warning, other.owner)


def _patch(panel: dict[str, Any], changed: Mapping[str, Indicator], shipped: Registry, language: Language) -> None:
    """Put what has changed into a panel, in place."""
    description = str(panel.get("description", ""))
    own = next((name for name in changed if description.startswith(opening(shipped[name], language))), None)
    if own is not None:
        begun = opening(shipped[own], language)
        panel["description"] = opening(changed[own], language) + description[len(begun) :]
        if panel["type"] in {"stat", "timeseries", "barchart"}:
            _colour(panel, shipped[own], changed[own])
    for column, properties in _columns(panel):
        name = own if column == "value" else column
        if name is not None and name in changed:
            for one in properties:
                if one["id"] == "thresholds" and one["value"]["steps"] == _written(shipped[name]):
                    one["value"]["steps"] = _written(changed[name])


def _colour(panel: Json, old: Indicator, new: Indicator) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if defaults["thresholds"]["steps"] != _written(old):
        return
    defaults["thresholds"]["steps"] = _written(new)
    if len(_written(new)) > 1:  # one that had no target till now
        if panel["type"] == "timeseries":
            defaults.setdefault("custom", {})["thresholdsStyle"] = {"mode": "dashed"}
        else:
            defaults["color"] = {"mode": "thresholds"}


def _columns(panel: Json) -> Iterator[tuple[str, list[Json]]]:
    for one in panel.get("fieldConfig", {}).get("overrides", ()):
        if one["matcher"]["id"] == "byName":
            yield one["matcher"]["options"], one["properties"]


def _written(indicator: Indicator) -> list[Json]:
    return [{"color": color, "value": value} for value, color in steps(indicator)]
