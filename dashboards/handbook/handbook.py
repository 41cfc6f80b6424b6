"""The whole handbook as Markdown."""

from __future__ import annotations

from dashboards.handbook.detectors import detectors
from dashboards.handbook.indicators import indicators
from dashboards.handbook.lifecycle import lifecycle, opening
from dashboards.handbook.material import Material
from dashboards.handbook.packs import packs
from dashboards.handbook.responsibilities import responsibilities
from dashboards.handbook.words import Language, Words
from journeys.lifecycle import STAGES


def render(material: Material, language: Language) -> str:
    """The handbook of `material` in `language`: Markdown with tables, the same text for the same material."""
    words = Words(language)
    counts = words.say(
        "title.generated",
        stages=len(STAGES),
        touchpoints=len(material.touchpoints),
        indicators=len(material.registry),
        detectors=len(material.detectors),
        packs=len(material.packs),
    )
    blocks = [
        f"# {words.say('title.handbook')}",
        counts,
        *opening(words),
        *lifecycle(material, words),
        *indicators(material, words),
        *detectors(material, words),
        *packs(material, words),
        *responsibilities(material, words),
    ]
    return "\n\n".join(blocks) + "\n"
