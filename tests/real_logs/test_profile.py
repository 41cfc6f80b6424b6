"""`mot profile` on five public logs agrees with independent counts in every figure, to the last printed decimal."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from streams.profile.profile import profile_log
from tests.real_logs.logs import FILES, answers_of, log_of

pytestmark = pytest.mark.real_logs


@cache
def _figures(path: Path, mapping: str) -> dict[str, Any]:
    """What `--json` prints, read back."""
    figures: dict[str, Any] = json.loads(json.dumps(profile_log(path, mapping).as_json()))
    return figures


@pytest.mark.parametrize("name", FILES)
def test_every_figure_counted_independently_is_counted_alike(name: str) -> None:
    ours, answers = _figures(log_of(name), name), answers_of(name)

    compared = {key: ours.get(key) for key in answers}
    if "cases_with" in answers:  # the answers name the activities of interest, we count them all
        compared["cases_with"] = {activity: ours["cases_with"].get(activity) for activity in answers["cases_with"]}

    assert compared == answers


@pytest.mark.parametrize("name", FILES)
def test_every_row_of_the_log_can_be_used(name: str) -> None:
    assert _figures(log_of(name), name)["dead_letters"] == 0


def test_the_answers_are_not_read(tmp_path: Path) -> None:
    name = "bpic2016_complaints"
    copy = shutil.copy(log_of(name), tmp_path / "log.csv")

    assert profile_log(copy, name).figures["complaints"] == 289
