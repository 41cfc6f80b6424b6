"""The public logs, where they lie, and what was counted of them independently. The data are no part of the product."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("MOT_REAL_LOGS") or ROOT.parent / "shared" / "data")
FILES = {
    "bpic2013_volvo": "BPIC13_incidents.xes.gz",
    "helpdesk_italian": "finale.csv.gz",
    "hospital_billing": "hospital_billing.csv.gz",
    "bpic2012_loan": "BPI_Challenge_2012.xes.gz",
    "bpic2016_complaints": "BPI2016_Complaints.csv",
}
"""Log (and shipped mapping of the same name) to its file."""


def log_of(name: str) -> Path:
    """The file of a log; skips the test where it is absent."""
    path = DATA / name / FILES[name]
    if not path.exists():
        pytest.skip(f"{path} is absent; set MOT_REAL_LOGS to the folder of the public logs")
    return path


def answers_of(name: str) -> dict[str, Any]:
    """The figures counted independently; skips the test where they are absent."""
    path = DATA / "answers" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{path} is absent; set MOT_REAL_LOGS to the folder of the public logs")
    answers: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return answers
