"""Chapters 1 and 2: what a moment of truth is, and the lifecycle with its touchpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.handbook.anchors import anchor
from dashboards.handbook.markdown import code, codes, heading, link, place, table, text
from dashboards.handbook.material import Material, PlacedEvent
from dashboards.handbook.words import Words
from journeys.lifecycle import STAGES, LifecycleStage
from journeys.touchpoints import Touchpoint


def opening(words: Words) -> list[str]:
    """Chapter 1."""
    blocks = [heading(2, words.say("chapter.opening"), anchor("chapter", "opening"))]
    for part in ("what", "map", "read"):
        title = words.say(f"opening.{part}_title")
        blocks += [heading(3, title, anchor("chapter", f"opening-{part}")), words.say(f"opening.{part}").strip()]
    return blocks


def lifecycle(material: Material, words: Words) -> list[str]:
    """Chapter 2."""
    by_stage = {stage.id: [one for one in material.touchpoints.values() if one.stage == stage.id] for stage in STAGES}
    line = " → ".join(
        f"{link(text(words.pick(stage.name)), anchor('stage', stage.id))} ({len(by_stage[stage.id])})"
        for stage in STAGES
    )
    placed = material.placed()
    blocks = [
        heading(2, words.say("chapter.lifecycle"), anchor("chapter", "lifecycle")),
        words.say("lifecycle.lead"),
        line,
        words.say("lifecycle.deprecated"),
    ]
    for stage in STAGES:
        blocks += _stage(material, words, stage, by_stage[stage.id], placed)
    return blocks


def _stage(
    material: Material,
    words: Words,
    stage: LifecycleStage,
    touchpoints: Sequence[Touchpoint],
    placed: Mapping[str, Sequence[PlacedEvent]],
) -> list[str]:
    columns = ("touchpoint", "channels", "prior", "pack", "events", "watched")
    return [
        heading(3, text(words.pick(stage.name)), anchor("stage", stage.id)),
        words.say("lifecycle.count", count=len(touchpoints)),
        table(
            [words.say(f"lifecycle.{column}") for column in columns],
            (_touchpoint(material, words, one, placed.get(one.id, ())) for one in touchpoints),
        ),
    ]


def _touchpoint(material: Material, words: Words, one: Touchpoint, events: Sequence[PlacedEvent]) -> list[str]:
    name = place(anchor("touchpoint", one.id), text(words.pick(one.name)))
    watchers = [link(text(other.meta.id), anchor("detector", other.meta.id)) for other in material.watchers(one.id)]
    return [
        f"{name}<br>{code(one.id)}",
        text(words.listed(words.name("channel", channel) for channel in one.channels)),
        words.say(f"prior.{one.valence_prior}"),
        words.say(f"pack.{one.pack}"),
        "<br>".join(map(_event, events)) or words.say("lifecycle.nowhere"),
        words.listed(watchers),
    ]


def _event(event: PlacedEvent) -> str:
    return codes([event.event_type, *([f"{event.attribute}={event.equals}"] if event.attribute else [])])
