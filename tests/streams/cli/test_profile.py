"""What `mot profile` prints for people."""

from __future__ import annotations

import json
import re
from pathlib import Path

from streams.cli.profile import shortened
from streams.cli.session import Session
from tests.streams.cli.conftest import Mot


def test_a_profile_of_whole_lives_is_short_and_shows_times_and_units(mot: Mot, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    mot("simulate", "--customers", 20, "--days", 130, "--out", log)
    seen = mot("profile", log)
    said = json.loads(mot("profile", log, "--json").out)
    assert len(seen.out.splitlines()) < 120
    assert "No two cases run the same way" in seen.out
    assert re.search(r"first time +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", seen.out)
    assert re.search(r"total duration +[\d.]+ years", seen.out)
    mean = said["duration_days"]["mean"]
    assert re.search(rf"mean +{mean:.1f} days", seen.out)
    assert "没有两个案例" in mot("profile", log, "--lang", "zh").out


DELAYS = """mapping: 1
name: steps
title: {zh: 步骤, en: Steps}
source: {format: csv}
process: {case: case, activity: step, timestamp: {field: at, formats: iso, zone: UTC}}
events: [{name: all, skip: true}]
profile:
  delays: [{name: a_to_b, title: {zh: 甲到乙, en: a to b}, from: a, to: b}]
"""


def profiled(mot: Mot, folder: Path, rows: str, *words: str) -> str:
    (folder / "m.yaml").write_text(DELAYS)
    (folder / "l.csv").write_text("case,step,at\n" + rows)
    return mot("profile", folder / "l.csv", "--mapping", folder / "m.yaml", *words).out


def test_a_profile_cuts_long_variants_and_shows_six(mot: Mot, tmp_path: Path) -> None:
    lives = [["start"] + [f"step-{number}"] * (40 + number // 2) for number in range(20)]
    rows = "".join(
        f"{case},{step},2026-01-01T{place // 60:02}:{place % 60:02}\n"
        for case, life in enumerate(lives)
        for place, step in enumerate(life if case % 2 else lives[0])
    )
    out = profiled(mot, tmp_path, rows)
    assert "start > step-0 > step-0" in out
    assert "… (41 steps)" in out
    assert out.count(" steps)") == 6


def test_a_profile_shows_no_negative_delay(mot: Mot, tmp_path: Path) -> None:
    forward, back = "1,a,2026-01-01\n1,b,2026-01-03T12:00\n", "2,b,2026-01-01\n2,a,2026-01-09\n"
    assert re.search(r"a to b\n.*\n +mean +2\.5 days", profiled(mot, tmp_path, forward))
    both = profiled(mot, tmp_path, forward + back)
    assert "no delay" in both
    assert "-2." not in both
    assert "first time   2026-01-01T00:00:00.000\n" in re.sub(r" +\n", "\n", re.sub(r"(time) +", r"\1   ", both))


def test_a_variant_is_cut_between_steps() -> None:
    session = Session()
    assert shortened(session, "a > b > c") == "a > b > c"
    cut = shortened(session, " > ".join(["bill.issued"] * 100))
    assert cut.endswith("bill.issued > … (100 steps)")
    assert len(cut) <= 123
    assert shortened(session, "x" * 300).endswith("x… (1 steps)")
