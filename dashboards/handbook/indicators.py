"""Chapter 3: every indicator, by stage or quadrant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from dashboards.handbook.anchors import anchor
from dashboards.handbook.figures import figure, limit, number
from dashboards.handbook.markdown import code, codes, facts, fenced, folded, heading, link, table, text
from dashboards.handbook.material import Material
from dashboards.handbook.words import Words
from journeys.formulas import BEGINNING, END, units_sql, value_sql
from journeys.lifecycle import STAGES
from journeys.registry import Availability, Indicator, Quadrant

BENCHMARKS = ("regulator", "competitor", "international_mean", "best_practice")


def indicators(material: Material, words: Words) -> list[str]:
    """The chapter."""
    counts = Counter(one.availability for one in material.registry.values())
    numbers = {kind: counts[kind] for kind in get_args(Availability)}
    blocks = [
        heading(2, words.say("chapter.indicators"), anchor("chapter", "indicators")),
        words.say("indicators.lead", count=len(material.registry), **numbers),
    ]
    for name, title, members in _groups(material, words):
        blocks += [heading(3, text(title), anchor("group", name)), _overview(words, members)]
        for one in members:
            blocks += _indicator(material, words, one)
    return blocks


def _groups(material: Material, words: Words) -> Iterator[tuple[str, str, Sequence[Indicator]]]:
    """Name, title and members of each group that has any."""
    everything = list(material.registry.values())
    for stage in STAGES:
        title = words.say("indicators.stage_group", stage=words.pick(stage.name))
        yield from _group(stage.id, title, [one for one in everything if one.stage == stage.id])
    for quadrant in get_args(Quadrant):
        title = words.say("indicators.quadrant_group", quadrant=words.say(f"quadrant.{quadrant}"))
        members = [one for one in everything if one.stage is None and one.quadrant == quadrant]
        yield from _group(quadrant, title, members)


def _group(name: str, title: str, members: Sequence[Indicator]) -> Iterator[tuple[str, str, Sequence[Indicator]]]:
    if members:
        yield name, title, members


def _overview(words: Words, members: Sequence[Indicator]) -> str:
    columns = ("indicator", "target", "warning", "cycle", "owner", "availability")
    rows = (
        [
            to_indicator(words, one),
            text(limit(words, one, one.target)),
            text(limit(words, one, one.warning)),
            words.say(f"cycle.{one.cycle}"),
            words.name("department", one.owner),
            words.say(f"availability.{one.availability}"),
        ]
        for one in members
    )
    return table([words.say(f"indicators.{column}") for column in columns], rows)


def to_indicator(words: Words, one: Indicator) -> str:
    """A link to an indicator, by its name."""
    return link(text(words.pick(one.name)), anchor("indicator", one.id))


def _indicator(material: Material, words: Words, one: Indicator) -> list[str]:
    head = (words.say("indicators.field"), words.say("indicators.content"))
    said = {**_meaning(words, one), **_origin(material, words, one)}
    blocks = [
        heading(4, text(words.pick(one.name)), anchor("indicator", one.id)),
        facts(head, ((words.say(f"indicators.{field}"), content) for field, content in said.items())),
    ]
    return [*blocks, _sql(words, one) if one.measure is not None else words.say("indicators.not_computed")]


def _meaning(words: Words, one: Indicator) -> dict[str, str]:
    """What it says and what is good, by field."""
    trend = words.say("indicators.trend")
    return {
        "id": code(one.id),
        "definition": text(words.pick(one.definition)),
        "formula": text(words.pick(one.formula)),
        "cycle": words.say(f"cycle.{one.cycle}"),
        "unit": text(words.say(f"unit.{one.unit}")),
        "direction": words.say(f"direction.{one.direction}"),
        "target": trend if one.target is None else text(limit(words, one, one.target)),
        "warning": "" if one.warning is None else text(limit(words, one, one.warning)),
        "benchmarks": _benchmarks(words, one),
        "difficulty": words.say("indicators.difficulty_value", value=number(one.difficulty)),
    }


def _origin(material: Material, words: Words, one: Indicator) -> dict[str, str]:
    """Where it comes from and who answers for it, by field."""
    measure = one.measure
    stage = next((other for other in STAGES if other.id == one.stage), None)
    return {
        "source": text(words.phrase(one.source)),
        "reads": "" if measure is None else codes(measure.reads),
        "availability": words.say(f"availability.{one.availability}"),
        "obtain": "" if one.obtain is None else text(words.pick(one.obtain)),
        "owner": link(words.name("department", one.owner), anchor("department", one.owner)),
        "stage": "" if stage is None else link(text(words.pick(stage.name)), anchor("stage", stage.id)),
        "quadrant": words.say(f"quadrant.{one.quadrant}"),
        "etom": _process(material, words, one.etom),
        "standards": text("; ".join(words.phrase(anchored) for anchored in one.anchors)),
        "dimensions": _dimensions(words, one),
        "grains": "" if measure is None else words.listed(words.say(f"grain.{grain}") for grain in measure.grains),
    }


def _benchmarks(words: Words, one: Indicator) -> str:
    given = [(kind, getattr(one.benchmarks, kind)) for kind in BENCHMARKS]
    said = words.listed(
        words.say("indicators.benchmark", kind=words.say(f"benchmark.{kind}"), value=figure(words, value, one.unit))
        for kind, value in given
        if value is not None
    )
    source = one.benchmarks.source
    if not said or not source:
        return text(said)
    return text(said + words.say("indicators.benchmark_source", source=words.phrase(source)))


def _process(material: Material, words: Words, process: str) -> str:
    name = text(words.phrase(process))
    area = next((area for area in material.areas if process in area.processes), None)
    return name if area is None else link(name, anchor("area", area.id))


def _dimensions(words: Words, one: Indicator) -> str:
    if one.measure is None:
        return ""
    names = []
    for dimension in one.measure.by:
        name = words.say(f"dimension.{dimension}")
        if dimension == "detail" and one.measure.detail is not None:
            name = words.say("indicators.detail", name=name, what=words.pick(one.measure.detail))
        names.append(text(name))
    return words.listed(names)


def _sql(words: Words, one: Indicator) -> str:
    body = "\n\n".join(
        (
            words.say("indicators.sql_values"),
            fenced("sql", value_sql(one)),
            words.say("indicators.sql_units"),
            fenced("sql", runnable_units(one)),
        )
    )
    return folded(words.say("indicators.sql"), body)


def runnable_units(one: Indicator) -> str:
    """The units' SQL over all time, its bounds named once at the top, so that they can be changed there."""
    return f"WITH {BEGINNING} AS since, {END} AS until\n{units_sql(one, 'since', 'until')}"
