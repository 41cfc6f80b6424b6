"""The page that teaches the mapping file is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detectors.rules.complaint_reopened import DETECTOR
from schemas.envelope import Event
from streams.engine.engine import Engine
from streams.sources.faults import MappingError
from streams.sources.logs import open_log
from streams.sources.mapping_file import parse_mapping

PAGE = (Path(__file__).parents[3] / "streams" / "sources" / "README.md").read_text("utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_mapping_on_the_page_is_right() -> None:
    assert parse_mapping(EXAMPLE, "calls.yaml").name == "calls"


def test_the_mapping_on_the_page_tells_one_complaint_as_one(tmp_path: Path) -> None:
    """Every event of a complaint must name its category: else its return is a case of its own."""
    rows = ("open", "2026/03/01 10:00:00"), ("closed", "2026/03/02 10:00:00"), ("open", "2026/03/04 10:00:00")
    lines = ["ticket no;step;msisdn;at;level;topic;team"]
    lines += [f"k-1;{step};C1;{at};A;账单;热线 1st" for step, at in rows]
    (tmp_path / "calls.csv").write_text("\n".join(lines) + "\n", "gb18030")
    log = open_log(tmp_path / "calls.csv", parse_mapping(EXAMPLE, "calls.yaml"))
    events = [record.raw for batch in log.batches(100) for record in batch if isinstance(record.raw, Event)]
    assert [event.event_type for event in events].count("complaint.reopened") == 1

    engine = Engine([DETECTOR], strict=True)
    said = [*engine.process(events).moments, *engine.finish(events[-1].occurred_ms).moments]

    assert {moment.moment.scope for moment in said} == {"账单"}
    assert said[-1].moment.evidence.measures["reopenings"] == 1
    assert len(said[-1].moment.evidence.events) == 2, "the closing and the return"


def test_the_error_on_the_page_is_the_one_that_is_told() -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(EXAMPLE.replace("emit: complaint.closed", "emit: complaint.closd"), "calls.yaml")

    assert str(refused.value) in PAGE
