"""How the tests of single detectors speak: play events, read findings."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.base import AnyDetector, Finding
from detectors.catalogue import CATALOGUE, with_params
from detectors.testing import Play
from schemas.envelope import Event


def detector(detector_id: str, **params: object) -> AnyDetector:
    """A detector of the catalogue, with other parameters where given."""
    chosen = with_params({detector_id: params}) if params else CATALOGUE
    return next(one for one in chosen if one.meta.id == detector_id)


def told(reader: AnyDetector, events: Iterable[Event], until: int = 0) -> list[Finding]:
    """What `reader` holds after the events and `until` ms of silence."""
    play = Play(reader)
    for event in events:
        play.process(event)
    play.advance(play.front + until)
    return play.findings()
