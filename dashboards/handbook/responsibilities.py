"""Chapter 6: who answers for what, and which data are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboards.handbook.anchors import anchor
from dashboards.handbook.detectors import to_detector
from dashboards.handbook.indicators import to_indicator
from dashboards.handbook.markdown import code, heading, link, place, table, text
from dashboards.handbook.material import Area, Material
from dashboards.handbook.words import Words
from detectors.base import AnyDetector
from journeys.registry import Indicator
from journeys.touchpoints import Touchpoint

LINE = "<br>"


def responsibilities(material: Material, words: Words) -> list[str]:
    """The chapter."""
    return [
        heading(2, words.say("chapter.responsibilities"), anchor("chapter", "responsibilities")),
        words.say("responsibilities.lead"),
        heading(3, words.say("responsibilities.matrix"), anchor("chapter", "matrix")),
        _matrix(material, words),
        heading(3, words.say("responsibilities.by_department"), anchor("chapter", "departments")),
        _departments(material, words),
        *_gaps(material, words),
        *_blind(material, words),
    ]


def _matrix(material: Material, words: Words) -> str:
    columns = ("area", "departments", "indicators", "detectors", "touchpoints")
    rows = [_area(material, words, area) for area in material.areas]
    left = _unassigned(material)
    if any(left):
        lost, unwatched, unplaced = left
        rows.append(
            [
                words.say("responsibilities.unassigned"),
                "",
                LINE.join(f"{to_indicator(words, one)} ({text(words.phrase(one.etom))})" for one in lost),
                LINE.join(to_detector(words, one, titled=True) for one in unwatched),
                words.listed(_to_touchpoint(words, one) for one in unplaced),
            ]
        )
    return table([words.say(f"responsibilities.{column}") for column in columns], rows)


def _area(material: Material, words: Words, area: Area) -> list[str]:
    found = [one for one in material.detectors if one.meta.id in area.detectors]
    touched = [material.touchpoints[one] for one in area.touchpoints if one in material.touchpoints]
    name = f"**{text(words.pick(area.name))}**"
    processes = [text(words.phrase(process)) for process in area.processes]
    return [
        place(anchor("area", area.id), LINE.join([name, words.listed(processes)])),
        LINE.join(_to_department(words, department) for department in area.departments),
        _by_owner(words, material.measured(area)),
        LINE.join(to_detector(words, one, titled=True) for one in found),
        words.listed(_to_touchpoint(words, one) for one in touched),
    ]


def _by_owner(words: Words, indicators: Sequence[Indicator]) -> str:
    """Indicators behind the department that answers for each."""
    owned: dict[str, list[str]] = {}
    for one in indicators:
        owned.setdefault(one.owner, []).append(to_indicator(words, one))
    return LINE.join(
        words.say("responsibilities.owned", department=_to_department(words, owner), indicators=words.listed(links))
        for owner, links in owned.items()
    )


def _unassigned(material: Material) -> tuple[list[Indicator], list[AnyDetector], list[Touchpoint]]:
    """Indicators, detectors and touchpoints that no area claims."""
    processes = {process for area in material.areas for process in area.processes}
    detectors = {one for area in material.areas for one in area.detectors}
    touchpoints = {one for area in material.areas for one in area.touchpoints}
    return (
        [one for one in material.registry.values() if one.etom not in processes],
        [one for one in material.detectors if one.meta.id not in detectors],
        [one for one in material.touchpoints.values() if one.id not in touchpoints],
    )


def _to_touchpoint(words: Words, one: Touchpoint) -> str:
    return link(text(words.pick(one.name)), anchor("touchpoint", one.id))


def _to_department(words: Words, department: str) -> str:
    return link(words.name("department", department), anchor("department", department))


def _departments(material: Material, words: Words) -> str:
    named: Iterable[str] = (
        *(department for area in material.areas for department in area.departments),
        *(one.owner for one in material.registry.values()),
        *(one.meta.owner for one in material.detectors),
    )
    rows = (
        [
            place(anchor("department", department), text(words.name("department", department))),
            words.listed(to_indicator(words, one) for one in material.registry.values() if one.owner == department),
            LINE.join(
                to_detector(words, one, titled=True) for one in material.detectors if one.meta.owner == department
            ),
        ]
        for department in dict.fromkeys(named)
    )
    columns = ("department", "indicators", "detectors")
    return table([words.say(f"responsibilities.{column}") for column in columns], rows)


def _gaps(material: Material, words: Words) -> list[str]:
    missing = [one for one in material.registry.values() if one.measure is None]
    title = heading(3, words.say("responsibilities.gaps"), anchor("chapter", "gaps"))
    if not missing:
        return [title, words.say("responsibilities.no_gaps")]
    rows = (
        [
            to_indicator(words, one),
            words.say(f"availability.{one.availability}"),
            _to_department(words, one.owner),
            text(words.phrase(one.source)),
            "" if one.obtain is None else text(words.pick(one.obtain)),
        ]
        for one in missing
    )
    head = [
        words.say("responsibilities.indicators"),
        words.say("indicators.availability"),
        *(words.say(f"responsibilities.{column}") for column in ("who", "what", "how")),
    ]
    return [title, words.say("responsibilities.gaps_lead", count=len(missing)), table(head, rows)]


def _blind(material: Material, words: Words) -> list[str]:
    placed = material.placed()
    blind = [one for one in material.touchpoints.values() if one.id not in placed and one.pack != "deprecated"]
    if not blind:
        return []
    return [
        heading(3, words.say("responsibilities.blind"), anchor("chapter", "blind")),
        words.say("responsibilities.blind_lead"),
        "\n".join(f"- {_to_touchpoint(words, one)} {code(one.id)}" for one in blind),
    ]
