"""Parquet logs of others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.sources.faults import LogError, MappingError
from tests.streams.sources.small_logs import read, tickets

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def _write(path: Path, **columns: object) -> Path:
    table = {"case": [1, 2], "step": ["open", None], "customer": [b"c", b"d"], "topic": ["t", "t"], "team": ["A", "A"]}
    at = pa.array([datetime(2026, 1, 1, 10, tzinfo=UTC)] * 2, pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({**table, "at": at, **columns}), path)
    return path


def test_typed_columns_are_read_as_what_they_say(tmp_path: Path) -> None:
    events, letters, log = read(_write(tmp_path / "log.parquet"), tickets(format="parquet"))

    assert log.total_rows == 2
    assert [(event.ticket_id, event.customer_id) for event in events] == [("1", "c")] * 2
    assert events[0].occurred_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert [letter.position for letter in letters] == [2]  # states no step, and the event needs one
    assert "state" in letters[0].detail


def test_a_dot_reaches_into_a_struct(tmp_path: Path) -> None:
    path = _write(tmp_path / "log.parquet", who=pa.array([{"id": "x"}, {"id": "y"}]))
    mapping = tickets(format="parquet")
    customer = mapping.process.customer.model_copy(update={"field": ("who.id",)})  # type: ignore[union-attr]
    process = mapping.process.model_copy(update={"customer": customer})

    events, _, _ = read(path, mapping.model_copy(update={"process": process}))

    assert events[0].customer_id == "x"


def test_a_column_the_file_has_not_is_a_wrong_mapping(tmp_path: Path) -> None:
    pq.write_table(pa.table({"case_no": [1]}), tmp_path / "log.parquet")

    with pytest.raises(MappingError, match=r"line 6, field process.case: the log log.parquet has no column 'case'"):
        read(tmp_path / "log.parquet", tickets(format="parquet"))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_text("case,step\n")

    with pytest.raises(LogError, match="is not a readable Parquet file"):
        read(tmp_path / "log.parquet", tickets(format="parquet"))
