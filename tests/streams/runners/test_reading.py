"""What may be asked of a folder, and what may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.errors import QueryRefused
from streams.runners.reading import Reader, checked
from streams.sinks.clickhouse import ClickHouseSink, open_client


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("clickhouse")
    sink = ClickHouseSink(open_client(folder), folder)
    sink.write_rows("touchpoints", [{"touchpoint": "t", "stage": "use", "name_zh": "触点", "name_en": "touchpoint"}])
    opened = Reader(folder, max_rows=100, max_seconds=2)
    yield opened
    opened.close()
    sink.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        " -- a comment\n select 1 ;",
        "/* a */ WITH 1 AS x SELECT x",
        "SHOW TABLES",
        "describe table moments",
        "EXPLAIN SELECT 1",
        "(SELECT 1)",
        "SELECT 'insert; drop -- /*'",
        "SELECT `format` FROM (SELECT 1 AS `format`)",
    ],
)
def test_reads_are_answered(reader: Reader, sql: str) -> None:
    assert reader.answer(sql).columns


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "INSERT INTO touchpoints (touchpoint) VALUES ('x')",
        "DROP TABLE moments",
        "ALTER TABLE moments DELETE WHERE 1",
        "TRUNCATE TABLE moments",
        "SET readonly = 0",
        "SYSTEM SHUTDOWN",
        "SELECT 1; DROP TABLE moments",
        "SELECT 1 INTO OUTFILE '/tmp/mot-must-not-exist'",
        "SELECT 1 INTO $$ $$ OUTFILE '/tmp/mot-must-not-exist'",
        "SELECT '--' AS `'` INTO OUTFILE '/tmp/mot-must-not-exist'",
        "SELECT 1 INTO/**/OUTFILE '/tmp/mot-must-not-exist'",
        "SELECT 1 FORMAT CSV",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT `fi\\x6ce`('/etc/passwd')",
        "SELECT \"\\x66ile\"('/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS a)",
        "EXPLAIN SELECT file('/etc/passwd')",
        "/* ' */ SELECT file('/etc/passwd') /* ' */",
        "SELECT * FROM python(reader)",
        "SELECT * FROM filesystem('/etc')",
        "SELECT aiGenerate('x')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV')",
        "SELECT * FROM sqlite('/tmp/x', 't')",
        "SELECT * FROM executable('ls', 'LineAsString', 'x String')",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT count() FROM numbers(1000000000000) SETTINGS max_execution_time = 1000",
        "WITH x AS (SELECT 1) INSERT INTO touchpoints SELECT 'x', 'y', 'z', 'z', now()",
        "EXPLAIN nonsense",
        "SELECT no_such_column FROM moments",
    ],
)
def test_everything_else_is_refused_in_both_languages(reader: Reader, sql: str) -> None:
    with pytest.raises(QueryRefused) as raised:
        reader.answer(sql)

    assert raised.value.said_in("zh").startswith("查询未被执行")
    assert raised.value.said_in("en").startswith("The query was not answered")
    assert raised.value.exit_code == 2
    assert not Path("/tmp/mot-must-not-exist").exists()
    assert reader.answer("SELECT count() FROM touchpoints").rows == [[1]]


@pytest.mark.parametrize(
    ("sql", "said"),
    [("SELCT 1", "Did you mean SELECT?"), ("", "empty"), (" ;", "empty"), ("-- nothing", "empty"), ("x", "only reads")],
)
def test_a_slip_of_the_pen_is_not_taken_for_a_write(sql: str, said: str) -> None:
    with pytest.raises(QueryRefused, match=said):
        checked(sql)


def test_an_empty_answer_has_its_columns(reader: Reader) -> None:
    answer = reader.answer("SELECT touchpoint, 1 AS one FROM touchpoints WHERE 0 -- none")
    assert (answer.columns, answer.rows) == (("touchpoint", "one"), [])


def test_too_many_rows_are_cut_and_it_is_said(reader: Reader) -> None:
    answer = reader.answer("SELECT number FROM numbers(5000000)")
    assert (len(answer.rows), answer.cut) == (100, True)
    assert not reader.answer("SELECT number FROM numbers(100)").cut


def test_a_query_that_takes_too_long_ends(reader: Reader) -> None:
    with pytest.raises(QueryRefused, match="Timeout"):
        reader.answer("SELECT count() FROM numbers(1000000000000)")


def test_values_are_plain_json(reader: Reader) -> None:
    time = "toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')"
    [row] = reader.answer(f"SELECT {time}, toDecimal64(1.5, 2), [1, 2], map('a', 1), NULL, '中文', unhex('ff00')").rows

    assert row[0] in ("2026-01-02T03:04:05.678000Z", "2026-01-02T03:04:05.678000+00:00")
    assert row[2:6] == [[1, 2], {"a": 1}, None, "中文"]


def test_a_statement_is_handed_on_as_it_is_written() -> None:
    assert checked("  SELECT ';' ; ") == "SELECT ';'"
