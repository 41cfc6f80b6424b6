"""Secrets come from a variable or from the file another variable names, and are never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.kafka.settings import load_kafka_settings
from streams.secrets import SecretUnreadable, secret_of
from streams.sinks.connect import server_at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("口令 with spaces \n", encoding="utf-8")
    return path


def test_a_variable_stands_above_its_file(file: Path) -> None:
    assert secret_of({}, "X") == ""
    assert secret_of({"X": "", "X_FILE": ""}, "X") == ""
    assert secret_of({"X_FILE": str(file)}, "X") == "口令 with spaces "
    assert secret_of({"X": "other", "X_FILE": str(file)}, "X") == "other"


def test_a_file_that_cannot_be_read_is_said_and_nothing_else_is(tmp_path: Path) -> None:
    for content, zh, en in (
        (None, "无法读取", "cannot be read"),
        (b"", "是空的", "is empty"),
        (b"\xff", "无法读取", "UTF-8?"),
    ):
        path = tmp_path / "secret"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SecretUnreadable) as refused:
            secret_of({"X_FILE": str(path)}, "X")
        assert zh in refused.value.text.zh
        assert en in refused.value.text.en
        assert "X_FILE" in refused.value.text.en
        assert refused.value.exit_code == 2


def test_who_reads_them(file: Path) -> None:
    server = server_at("http://user@host:8123/mot", {"MOT_CLICKHOUSE_PASSWORD_FILE": str(file)})
    assert server.password == "口令 with spaces "
    assert "口令" not in str(server) + repr(server)
    kafka = load_kafka_settings(None, bootstrap="h:1", environment={"MOT_KAFKA_PASSWORD_FILE": str(file)})
    assert kafka.security.secret() == "口令 with spaces "
