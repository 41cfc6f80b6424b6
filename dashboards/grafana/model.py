"""What a dashboard is here: sections of panels and the names of its variables.

A function of `boards/` gives a `Board` in one language; `build.py` makes Grafana's JSON of it. Panels are laid out in
rows of 24 columns from left to right and numbered in that order, unless links lead to a number of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.moments import Text

COLUMNS = 24


@dataclass(frozen=True)
class Panel:
    """A panel of the SDK with the room it takes; `number` is its id where links lead to it."""

    builder: Any
    width: int
    height: int
    number: int | None = None


@dataclass(frozen=True)
class Section:
    """Panels under a heading. A collapsed section asks nothing of the database until it is opened."""

    title: Text
    panels: Sequence[Panel]
    collapsed: bool = False


@dataclass(frozen=True)
class Board:
    """A dashboard in one language. `variables` are names of `variables.py`, `since` how far its time range goes back
    (`24h`), `refresh` how often it asks anew; `annotated` says whether moments are drawn on its time lines."""

    uid: str
    title: Text
    description: Text
    sections: Sequence[Section]
    variables: Sequence[str] = ()
    since: str = "24h"
    refresh: str = "1m"
    annotated: bool = True


@dataclass(frozen=True)
class Place:
    """Where a panel lies on the grid."""

    panel: Panel
    x: int
    y: int


def laid_out(panels: Sequence[Panel], top: int) -> Iterator[Place]:
    """The panels from left to right, a new line where one does not fit; a line is as high as its highest panel."""
    x, y, height = 0, top, 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, height = 0, y + height, 0
        yield Place(panel, x, y)
        x, height = x + panel.width, max(height, panel.height)


def bottom(places: Sequence[Place], top: int) -> int:
    """The first free line below."""
    return max((place.y + place.panel.height for place in places), default=top)
