"""`mot handbook`: the handbook of journeys and indicators, written from the data in force."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from dashboards.handbook.handbook import render
from dashboards.handbook.html import page
from dashboards.handbook.material import Material, own_packs, shipped_areas
from detectors.policy import shipped_packs
from streams.cli.session import Session
from streams.settings import OperatorSettings, load_settings

Format = Literal["md", "html"]
_HTML = frozenset({".html", ".htm"})


def run(session: Session, form: Format | None, out: Path | None, settings: Path | None) -> None:
    """Write the handbook to `out`, or print it. Without `form` the name of the file says which form.

    Raises SettingsError for settings that are wrong, OSError for a file that cannot be written.
    """
    material = material_of(OperatorSettings() if settings is None else load_settings(settings))
    text = render(material, session.language)
    if (form or _form_of(out)) == "html":
        text = page(text, session.language)
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    said = session.say("handbook.wrote", path=out, indicators=len(material.registry), detectors=len(material.detectors))
    session.err.print(said, markup=False, soft_wrap=True)


def material_of(settings: OperatorSettings) -> Material:
    """What an operator's handbook is made of."""
    detectors = settings.catalogue()
    return Material(
        registry=settings.registry(),
        touchpoints=settings.touchpoints(),
        placements=settings.placements(),
        detectors=detectors,
        packs={**shipped_packs(), **own_packs(detectors)},
        areas=shipped_areas(),
    )


def _form_of(out: Path | None) -> Format:
    return "html" if out is not None and out.suffix.lower() in _HTML else "md"
