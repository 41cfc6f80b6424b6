"""CSV in the encodings and shapes that systems really write."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from streams.sources.faults import LogError
from streams.sources.logs import read_rows
from streams.sources.rows import Row
from tests.streams.sources.small_logs import HEADER, read, tickets

ROW = "k1,open,2026-01-01T10:00:00,张伟,账单,投诉组\n"


@pytest.mark.parametrize(("encoding", "declared"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030")])
def test_chinese_text_reads_the_same_in_every_declared_encoding(tmp_path: Path, encoding: str, declared: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes((HEADER + ROW).encode(encoding))

    events, letters, _ = read(path, tickets(encoding=declared))

    assert letters == []
    assert [(event.customer_id, event.event_type) for event in events] == [
        ("张伟", "complaint.opened"),
        ("张伟", "ticket.state_changed"),
    ]
    assert events[0].attributes.category == "账单"


def test_latin_1_with_semicolons_and_single_quotes(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("case;step;at;customer;topic;team\nk1;'op;en';2026-01-01;Zoë;prix élevé;A\n".encode("latin-1"))

    events, letters, _ = read(path, tickets(encoding="latin-1", separator=";", quote="'"))

    assert letters == []
    assert (events[0].customer_id, events[0].attributes.category) == ("Zoë", "prix élevé")
    assert events[1].attributes.state == "op;en"


def test_gzip_is_seen_from_the_bytes_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(gzip.compress((HEADER + ROW).encode()))

    events, _, log = read(path, tickets())

    assert len(events) == 2
    assert log.fraction() == 1.0


def test_bytes_in_another_encoding_cost_only_the_row_they_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER.encode() + ROW.encode("gb18030") + ROW.encode())

    events, letters, log = read(path, tickets())

    assert {event.event_id.split(":")[1] for event in events} == {"000000003"}
    assert [(letter.position, letter.detail) for letter in letters] == [
        (2, "its bytes are not utf-8: is source.encoding right?")
    ]
    assert (log.ledger.rows, log.ledger.mapped, log.ledger.dead) == (2, 1, 1)


def test_a_row_of_the_wrong_length_says_its_line_and_both_lengths(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "k1,open\n" + ROW)

    _, letters, _ = read(path, tickets())

    assert [(letter.origin, letter.position, letter.detail) for letter in letters] == [
        ("log.csv", 2, "the row has 2 values, the first line names 6")
    ]


def test_a_value_over_two_lines_keeps_the_line_numbers_right(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEADER + 'k1,open,2026-01-01,c,"two\nlines",A\nk2,open,2026-01-01,c,t,A\nshort\n')

    rows = list(read_rows(path, tickets()))

    assert [row.number if isinstance(row, Row) else -row.position for row in rows] == [2, 4, -5]
    assert isinstance(rows[0], Row)
    assert rows[0].values["topic"] == "two\nlines"


def test_a_quote_never_closed_is_one_dead_letter_that_says_how_many_lines_it_took(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEADER + 'k1,"open,2026-01-01,c,t,A\nk2,open,2026-01-01,c,t,A\n')

    events, letters, _ = read(path, tickets())

    assert events == []
    assert letters[0].detail == "not readable as CSV, 2 line(s): unexpected end of data; see source.quote"


def test_a_column_name_that_comes_again_gets_a_number(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("case,step,at,customer,topic,team,team\nk1,open,2026-01-01,c,t,A,B\n")
    mapping = tickets()
    derived = mapping.derived[2].model_copy(
        update={"when": (mapping.derived[2].when[0].model_copy(update={"field": "team~2"}),)}
    )

    rows = list(read_rows(path, mapping.model_copy(update={"derived": (derived,)})))

    assert rows[0].values["team~2"] == "B"  # type: ignore[union-attr]


def test_an_empty_file_is_refused_in_both_languages(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("")

    with pytest.raises(LogError, match="has no line of column names") as refused:
        read(path, tickets())

    assert "空文件" in refused.value.text.zh


def test_a_cut_off_gzip_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROW * 20_000).encode())[:-400])

    with pytest.raises(LogError, match="cut off or damaged"):
        read(path, tickets())


def test_column_names_in_another_encoding_ask_for_the_encoding_and_print_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("工单,步骤\n1,开\n".encode("gb18030"))

    with pytest.raises(LogError) as refused:
        read(path, tickets())

    assert "is source.encoding right?" in refused.value.text.en
    assert "source.encoding 写对了吗" in refused.value.text.zh
    assert "\\udc" not in repr(str(refused.value))
