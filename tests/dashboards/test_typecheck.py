"""The dashboards are what Grafana's own types say a dashboard is, and the check can fail."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import store
from tests.dashboards.typecheck import errors

Board = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tsc")


@pytest.fixture(scope="module")
def boards() -> list[Board]:
    """The ones in one language: lint sees to it that the other differs in words only."""
    found = store.shipped("en")
    assert len(found) >= 3
    return found


def test_every_dashboard_is_one_of_grafana(boards: list[Board], folder: Path) -> None:
    assert errors(boards, folder) == []


def _first(board: Board, kind: str) -> Board:
    return next(one for one in board["panels"] if one["type"] == kind)


BREAKS: dict[str, tuple[Callable[[Board], None], str]] = {
    "schemaVersion": (lambda board: board.update(schemaVersion="41"), "'string' is not assignable to type 'number'"),
    "no schemaVersion": (lambda board: board.pop("schemaVersion"), "'schemaVersion' is missing"),
    "unknown key": (lambda board: board.update(titel="x"), '"titel"'),
    "enum": (lambda board: board.update(graphTooltip=7), "'7' is not assignable"),
    "place": (lambda board: board["panels"][1]["gridPos"].update(x="0"), "not assignable"),
    "threshold mode": (
        lambda board: _first(board, "stat")["fieldConfig"]["defaults"]["thresholds"].update(mode="abs"),
        "not assignable",
    ),
    "panel option": (lambda board: _first(board, "stat")["options"].update(colorMode="rainbow"), '"rainbow"'),
    "unknown option": (lambda board: _first(board, "stat")["options"].update(coolness=1), '"coolness"'),
    "field option": (
        lambda board: _first(board, "timeseries")["fieldConfig"]["defaults"]["custom"].update(drawStyle="crayon"),
        '"crayon"',
    ),
    "variable": (lambda board: board["templating"]["list"][0].update(refresh="often"), "not assignable"),
}


def test_a_broken_dashboard_is_found(boards: list[Board], folder: Path) -> None:
    """All at once, as a run of the compiler takes seconds; each break must be told of on its own dashboard."""
    wall = next(one for one in boards if one["uid"] == "mot-wall")
    broken = []
    for name, (change, _) in BREAKS.items():
        copy = deepcopy(wall)
        change(copy)
        broken.append({**copy, "uid": name})
    told = errors(broken, folder / "broken")
    lines = (folder / "broken" / "dashboards.ts").read_text(encoding="utf-8").splitlines()
    begins = [at for at, line in enumerate(lines, 1) if line.startswith("// ")][1:]
    for (name, (_, words)), begin, end in zip(BREAKS.items(), begins, [*begins[1:], len(lines)], strict=True):
        own = [one for one in told if one.startswith("dashboards.ts(") and begin <= _line(one) <= end]
        assert any(words in one for one in own), (name, own)


def _line(told: str) -> int:
    return int(told.split("(")[1].split(",", maxsplit=1)[0])
