"""XES, streaming, and safe against what XML can carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.sources.faults import LogError
from streams.sources.logs import read_rows
from streams.sources.rows import Row
from tests.streams.sources.small_logs import tickets

EVENT = """<event>
  <string key="step" value="{step}"/><date key="at" value="2026-01-01T10:00:00+01:00"/>
  <string key="team" value="{team}"><string key="step" value="nested, not the step"/></string>
</event>"""


def _log(*traces: str) -> str:
    inside = "".join(f"<trace>{trace}</trace>" for trace in traces)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<log xmlns="http://www.xes-standard.org/"><string key="step" value="of the log"/>
<global scope="event"><string key="team" value="UNKNOWN"/></global>{inside}</log>"""


def _rows(path: Path) -> list[Row]:
    mapping = tickets(format="xes", missing=("", "?"))
    process = mapping.process.model_copy(
        update={"case": mapping.process.case.model_copy(update={"field": ("case:name",)})}
    )
    rows = list(read_rows(path, mapping.model_copy(update={"process": process})))
    assert all(isinstance(row, Row) for row in rows)
    return rows  # type: ignore[return-value]


def test_events_carry_their_traces_attributes_wherever_these_stand(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    name = '<string key="name" value="k{}"/>'
    first = name.format(1) + EVENT.format(step="open", team="?") + EVENT.format(step="closed", team="B")
    path.write_text(_log(first, EVENT.format(step="late", team="C") + name.format(2)))

    rows = _rows(path)

    assert [(row.number, row.values["case:name"], row.values["step"], row.values["team"]) for row in rows] == [
        (1, "k1", "open", None),
        (2, "k1", "closed", "B"),
        (3, "k2", "late", "C"),
    ]
    assert rows[0].values["customer"] is None


def test_a_document_type_is_refused_before_any_entity_grows(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text('<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><log>&b;</log>')

    with pytest.raises(LogError, match="document type"):
        _rows(path)


def test_a_cut_off_file_says_how_far_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text(_log(EVENT.format(step="open", team="A")).removesuffix("</log>"))

    with pytest.raises(LogError, match=r"is not XES: no element found.*; 1 events were read before it"):
        _rows(path)
