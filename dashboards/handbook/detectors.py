"""Chapter 4: every detector with its page and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.handbook.anchors import anchor
from dashboards.handbook.markdown import code, codes, deeper, facts, heading, link, table, text
from dashboards.handbook.material import Material, packs_of
from dashboards.handbook.words import Words, typeset, unfolded
from detectors.base import AnyDetector, Meta
from detectors.pages import page_of
from journeys.lifecycle import STAGES

TIERS = ("diamond", "gold", "silver", "normal")


def detectors(material: Material, words: Words) -> list[str]:
    """The chapter."""
    blocks = [
        heading(2, words.say("chapter.detectors"), anchor("chapter", "detectors")),
        words.say("detectors.lead", count=len(material.detectors)),
        _overview(material, words),
    ]
    for detector in material.detectors:
        blocks += _detector(material, words, detector)
    return blocks


def to_detector(words: Words, detector: AnyDetector, *, titled: bool = False) -> str:
    """A link to a detector, by its id or by id and title."""
    meta = detector.meta
    label = f"{meta.id} {words.pick(meta.title)}" if titled else meta.id
    return link(text(label), anchor("detector", meta.id))


def _overview(material: Material, words: Words) -> str:
    columns = ("detector", "stage", "severity", "owner")
    rows = (
        [
            to_detector(words, one, titled=True),
            _stand(material, words, one.meta),
            "/".join(str(level) for level in one.meta.severity),
            words.name("department", one.meta.owner),
        ]
        for one in material.detectors
    )
    return table([words.say(f"detectors.{column}") for column in columns], rows)


def _stand(material: Material, words: Words, meta: Meta) -> str:
    """Stage and touchpoint, as links."""
    stage = next(text(words.pick(stage.name)) for stage in STAGES if stage.id == meta.stage)
    known = material.touchpoints.get(meta.touchpoint)
    touchpoint = (
        code(meta.touchpoint)
        if known is None
        else link(text(words.pick(known.name)), anchor("touchpoint", meta.touchpoint))
    )
    return f"{link(stage, anchor('stage', meta.stage))} › {touchpoint}"


def _detector(material: Material, words: Words, detector: AnyDetector) -> list[str]:
    meta = detector.meta
    head = (words.say("indicators.field"), words.say("indicators.content"))
    said = {**_judgement(material, words, meta), **_surroundings(material, words, detector)}
    return [
        heading(3, text(f"{meta.id} {words.pick(meta.title)}"), anchor("detector", meta.id)),
        facts(head, ((words.say(f"detectors.{field}"), content) for field, content in said.items())),
        _page(words, detector),
        *_parameters(words, detector),
    ]


def _page(words: Words, detector: AnyDetector) -> str:
    """The page in the language of the handbook; the English one without its first line, which repeats the title."""
    page = page_of(detector, words.language)
    if words.language == "zh":
        return typeset(unfolded(page))
    return deeper(page.partition("\n")[2].strip() or page, 2)


def _judgement(material: Material, words: Words, meta: Meta) -> dict[str, str]:
    """What it finds and how grave that is, by field."""
    severity = words.listed(f"{words.say(f'tier.{tier}')} {getattr(meta.severity, tier)}" for tier in TIERS)
    return {
        "name": f"{code(meta.name)} v{meta.version}",
        "stage": _stand(material, words, meta),
        "valence": words.say(f"valence.{meta.valence}"),
        "severity": severity,
        "owner": link(words.name("department", meta.owner), anchor("department", meta.owner)),
        "scope": text(words.say(f"scope.{meta.scope}")),
        "primitives": text(words.listed(words.say(f"primitive.{one}") for one in meta.primitives)),
        "consumes": codes(meta.consumes),
        "explanation": text(words.pick(meta.explanation)),
        "recovery": text(words.pick(meta.recovery)),
    }


def _surroundings(material: Material, words: Words, detector: AnyDetector) -> dict[str, str]:
    """The law behind it, where it belongs and what else is to know, by field."""
    meta = detector.meta
    areas = (link(text(words.pick(area.name)), anchor("area", area.id)) for area in material.areas_of(meta.id))
    notes = [
        words.say(f"detectors.{note}")
        for note, holds in (
            ("statutory", meta.statutory),
            ("model_only", meta.model_only),
            ("preview", meta.maturity == "preview"),
        )
        if holds
    ]
    return {
        "packs": words.listed(link(text(pack), anchor("pack", pack)) for pack in packs_of(detector)),
        "areas": words.listed(areas),
        "notes": text(words.listed(notes)),
    }


def _parameters(words: Words, detector: AnyDetector) -> list[str]:
    fields = type(detector.params).model_fields
    if not fields:
        return []
    values = detector.params.model_dump(mode="json")
    defaults = _defaults(detector)
    rows = []
    for name in fields:
        value, default = said(words, values[name]), said(words, defaults.get(name, values[name]))
        shown = value if value == default else words.say("detectors.changed", value=value, default=default)
        rows.append([code(name), shown, _meaning(words, detector, name)])
    head = [words.say(f"detectors.{column}") for column in ("parameter", "value", "meaning")]
    return [f"#### {words.say('detectors.parameters')}", table(head, rows)]


def _defaults(detector: AnyDetector) -> Mapping[str, Any]:
    fields = type(detector.params).model_fields
    if any(field.is_required() for field in fields.values()):
        return {}
    defaults: Mapping[str, Any] = type(detector.params)().model_dump(mode="json")
    return defaults


def _meaning(words: Words, detector: AnyDetector, name: str) -> str:
    key = f"parameter.{detector.meta.id}.{name}"
    description = type(detector.params).model_fields[name].description
    return text(words.say(key) if words.knows(key) else description or "")


def said(words: Words, value: Any) -> str:
    """A parameter's value as Markdown."""
    if value is None or isinstance(value, bool):
        return words.say(f"value.{str(value).lower()}" if value is not None else "value.null")
    if isinstance(value, Mapping):
        if "id" in value:
            return link(text(str(value["id"])), anchor("pack", str(value["id"])))
        return words.listed(f"{code(str(key))} {said(words, one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return words.listed(said(words, one) for one in value) or words.say("value.nothing")
    return (
        text(f"{value:g}") if isinstance(value, float) else code(str(value)) if isinstance(value, str) else str(value)
    )
