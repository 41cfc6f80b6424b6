"""From the dashboards written in `boards/` to the JSON that Grafana reads, in both languages.

`python -m dashboards.grafana.build` writes `dashboards/generated/{zh,en}/<uid>.json`. The files are committed; a test
holds them against what this module makes. Needs the foundation SDK, which only development has.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

with warnings.catch_warnings():  # the SDK advises its second schema, which needs Grafana 12; ours begins at 11.6
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, GridPos

from dashboards.grafana.annotations import moment_annotation
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.model import COLUMNS, Board, Panel, Place, Section, bottom, laid_out
from dashboards.grafana.sql import FILTER_DIMS
from dashboards.grafana.texts import LANGUAGES, Language, Speech
from dashboards.grafana.variables import variables
from schemas.moments import Text

SCHEMA_VERSION = 41
"""Of Grafana 11.6; newer ones read it and raise it themselves."""
TAG = "mot"
GENERATED = Path(__file__).parent.parent / "generated"
_OF_INTERVALS = ("auto", "auto_min", "auto_count")
"""What the SDK writes for every variable though Grafana knows it of interval variables only."""
_TIMES = Text(zh="时间与日期均为 UTC。", en="Times are UTC, and so are days.")
"""Days of indicators are days of UTC: shown in another zone they would begin at an odd hour."""
_ALL_BOARDS = Text(zh="全部看板", en="All boards")


def dashboard(board: Board, say: Speech) -> Mapping[str, Any]:
    """The dashboard as Grafana's classic JSON."""
    builder = (
        builders.Dashboard(say(board.title))
        .uid(say.uid(board.uid))
        .description(f"{say(board.description)} {say(_TIMES)}")
        .tags([say.uid(TAG)])
        .timezone("utc")
        .time(f"now-{board.since}", "now")
        .refresh(board.refresh)
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_to_all(say))
    )
    for variable in variables(say, board.variables):
        builder.with_variable(variable)
    if board.annotated:
        builder.annotation(moment_annotation(say, [dim for dim in board.variables if dim in FILTER_DIMS]))
    built = builder.build()
    built.schema_version = SCHEMA_VERSION
    built.panels = _placed(board.sections, say)
    made: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
    for variable in made["templating"].get("list", ()):
        for name in _OF_INTERVALS:
            variable.pop(name, None)
    return made


def _to_all(say: Speech) -> builders.DashboardLink:
    return (
        builders.DashboardLink(say(_ALL_BOARDS))
        .type(DashboardLinkType.DASHBOARDS)
        .tags([say.uid(TAG)])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _placed(sections: Sequence[Section], say: Speech) -> list[Any]:
    """Rows and panels in the order of the screen; panels of a collapsed row lie inside it."""
    taken = {panel.number for section in sections for panel in section.panels if panel.number is not None}
    numbers = iter([number for number in range(1, 1000) if number not in taken])
    found: list[Any] = []
    y = 0
    for section in sections:
        places = [*laid_out(section.panels, y + 1)]
        heading = builders.Row(say(section.title)).id(next(numbers)).collapsed(section.collapsed).build()
        heading.grid_pos = GridPos(h=1, w=COLUMNS, x=0, y=y)
        panels = [_at(place, place.panel.number or next(numbers)) for place in places]
        found.append(heading)
        if section.collapsed:
            heading.panels = panels
            y += 1
        else:
            found += panels
            y = bottom(places, y + 1)
    return found


def _at(place: Place, number: int) -> Any:
    panel: Panel = place.panel
    built = panel.builder.build()
    built.id_val = number
    built.grid_pos = GridPos(h=panel.height, w=panel.width, x=place.x, y=place.y)
    return built


def dashboards(language: Language) -> dict[str, Mapping[str, Any]]:
    """All dashboards in one language, by uid."""
    say = Speech(language)
    made = [dashboard(board(say), say) for board in BOARDS]
    return {one["uid"]: one for one in made}


def files() -> dict[str, str]:
    """What `generated` holds: path under it to text."""
    return {
        f"{language}/{uid}.json": json.dumps(one, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for language in LANGUAGES
        for uid, one in dashboards(language).items()
    }


def write(folder: Path = GENERATED) -> list[Path]:
    """Write all files into `folder`, remove dashboards that are no more; returns the paths that changed."""
    changed = []
    wanted = files()
    for name, text in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    for path in folder.glob("*/*.json"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
            changed.append(path)
    return changed


if __name__ == "__main__":
    write()
