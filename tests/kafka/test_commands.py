"""`mot topics`, `lag`, `dlq` and `load` as a user runs them, in both languages."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from streams.cli.run import run
from streams.kafka.settings import KafkaSettings
from tests.conftest import KafkaFactory
from tests.kafka.records import event
from tests.kafka.test_deadletters import broken, set_aside

Captured = pytest.CaptureFixture[str]


def file_of(settings: KafkaSettings, folder: Path) -> Path:
    path = folder / "kafka.yaml"
    path.write_text(settings.model_dump_json(include={"bootstrap", "prefix", "events", "partitions", "group"}))
    return path


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_topics_are_created_and_checked(kafka: KafkaFactory, tmp_path: Path, capsys: Captured, language: str) -> None:
    settings = kafka(create=False, partitions=2)
    words = ["--kafka", str(file_of(settings, tmp_path)), "--lang", language]
    assert run(["topics", "check", *words], {}) == 1
    assert settings.state_topic in capsys.readouterr().out
    assert run(["topics", "create", *words], {}) == 0
    assert capsys.readouterr().out.count(settings.prefix) == 5
    assert run(["topics", "check", *words], {}) == 0
    assert ("一致" in capsys.readouterr().out) == (language == "zh")
    file_of(settings.model_copy(update={"partitions": 3}), tmp_path)
    assert run(["topics", "create", *words], {}) == 1
    assert ("分区" in capsys.readouterr().err) == (language == "zh")


def test_a_log_is_loaded_and_waits_for_the_worker(kafka: KafkaFactory, tmp_path: Path, capsys: Captured) -> None:
    settings = kafka(partitions=2)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join([*(event(number, f"c{number}") for number in range(50)), b"garbage"]))
    words = ["--kafka", str(file_of(settings, tmp_path))]
    assert run(["load", str(log), "--end-tick", "30 d", *words], {}) == 0
    said = capsys.readouterr().out
    assert "50 events; 53 records sent, 53 acknowledged" in said
    assert "2026-03-31" in said
    assert settings.bootstrap in said
    assert run(["lag", "--json", *words], {}) == 0
    lags = json.loads(capsys.readouterr().out)
    assert sum(one["lag"] for one in lags if one["group"] == settings.group) == 53
    assert run(["lag", "--lang", "zh", *words], {}) == 0
    assert f"{settings.group}：共落后 53 条" in capsys.readouterr().out


def test_a_log_of_others_is_refused_unless_forced(kafka: KafkaFactory, tmp_path: Path, capsys: Captured) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"what":"call"}\n' * 30)
    words = ["load", str(log), "--kafka", str(file_of(kafka(partitions=2), tmp_path))]
    for language in ("zh", "en"):
        assert run([*words, "--lang", language], {}) == 1
        said = capsys.readouterr().err
        assert ("有效事件" in said) == (language == "zh")
        assert "--mapping" in said
        assert "--force" in said
    assert run([*words, "--force"], {}) == 0
    assert "30 are no valid events" in capsys.readouterr().out


def test_dead_letters_are_listed_shown_and_retried(kafka: KafkaFactory, tmp_path: Path, capsys: Captured) -> None:
    settings = kafka(partitions=2)
    made = broken(settings)
    words = ["--kafka", str(file_of(settings, tmp_path))]
    assert run(["dlq", "ls", *words], {}) == 0
    listed = capsys.readouterr().out
    assert all(letter.dead_letter_id[:12] in listed for letter in made)
    assert run(["dlq", "ls", "--reason", "wrong_key", "--json", *words], {}) == 0
    assert [one["position"] for one in json.loads(capsys.readouterr().out)] == [0]
    assert run(["dlq", "show", made[1].dead_letter_id[:16], *words], {}) == 0
    assert made[1].payload_sha256 in capsys.readouterr().out
    assert run(["dlq", "retry", "--all", "--dry-run", "--lang", "zh", *words], {}) == 0
    assert "会重新发送 3 条" in capsys.readouterr().out
    assert run(["dlq", "retry", made[0].dead_letter_id, *words], {}) == 0
    assert f"1 sent again, to Kafka at {settings.bootstrap}: {settings.events[0]} 1." in capsys.readouterr().out
    assert run(["dlq", "ls", *words], {}) == 0
    listed = capsys.readouterr().out
    assert made[0].dead_letter_id[:12] not in listed
    assert "1 sent again are not among them; --retried lists them too." in listed
    assert run(["dlq", "ls", "--retried", "--lang", "zh", *words], {}) == 0
    listed = capsys.readouterr().out
    assert made[0].dead_letter_id[:12] in listed
    assert "重发；" in listed
    assert run(["dlq", "ls", "--retried", "--json", *words], {}) == 0
    assert sum(one["retried_at"] is not None for one in json.loads(capsys.readouterr().out)) == 1
    assert run(["dlq", "retry", "--all", "--dry-run", *words], {}) == 0
    said = capsys.readouterr().out
    assert "2 would be sent again" in said
    assert "1 left out, they were sent again before: wrong_key 1." in said
    assert run(["dlq", "retry", made[0].dead_letter_id, "--dry-run", *words], {}) == 0
    assert "1 would be sent again" in capsys.readouterr().out
    assert run(["dlq", "retry", *words], {}) == 2
    assert run(["dlq", "retry", "zzz", *words], {}) == 1
    assert run(["dlq", "ls", "--reason", "weather", *words], {}) == 2


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_list_of_dead_letters_has_a_line_for_each_in_eighty_columns(
    kafka: KafkaFactory, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    settings = kafka(partitions=1)
    made = set_aside(settings, f"{settings.events[0]}-0", list(range(25)), [b"garbage %d" % n for n in range(25)])
    words = ["--kafka", str(file_of(settings, tmp_path)), "--lang", language]
    for columns in ("80", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run(["dlq", "ls", *words], {}) == 0
        listed = capsys.readouterr().out
        rows = [line for line in listed.splitlines() if f"{settings.events[0]}-0-" in line]
        assert [row.split()[2] for row in rows] == [one.dead_letter_id[:12] for one in reversed(made[5:])]
        assert [row.rpartition(f"{settings.events[0]}-0-")[2].split()[0] for row in rows] == [
            str(number) for number in range(24, 4, -1)
        ]
        assert ("…" in rows[0]) == (columns == "120")
        assert ("25 in all: not_json 25" if language == "en" else "共 25 条：not_json 25") in listed
        assert "--limit" in listed
    assert run(["dlq", "ls", "--json", *words], {}) == 0
    assert len(json.loads(capsys.readouterr().out)) == 25
    assert run(["dlq", "ls", "--json", "--limit", "3", *words], {}) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3


def test_what_sending_again_cannot_mend_is_left_out_unless_named(
    kafka: KafkaFactory, tmp_path: Path, capsys: Captured
) -> None:
    settings = kafka(partitions=2)
    broken(settings)
    set_aside(settings, f"{settings.events[0]}-1", [1, 2], [b"", b""])
    words = ["--kafka", str(file_of(settings, tmp_path))]
    assert run(["dlq", "retry", "--all", "--dry-run", *words], {}) == 0
    said = capsys.readouterr().out
    assert "3 would be sent again" in said
    assert "2 left out, sending them again cannot mend them: empty 2." in said
    assert run(["dlq", "retry", "--all", "--dry-run", "--json", *words], {}) == 0
    fates = [one["fate"] for one in json.loads(capsys.readouterr().out)]
    assert sorted(fates) == ["hopeless"] * 2 + ["would_send"] * 3
    assert run(["dlq", "retry", "--reason", "empty", "--dry-run", *words], {}) == 0
    assert "2 would be sent again" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["lag"], ["dlq", "ls"], ["dlq", "retry", "--all"]])
def test_topics_that_are_missing_are_named_and_end_the_command(
    kafka: KafkaFactory, tmp_path: Path, capsys: Captured, command: list[str]
) -> None:
    settings = kafka(create=False, partitions=2)
    words = ["--kafka", str(file_of(settings, tmp_path))]
    for language in ("zh", "en"):
        assert run([*command, *words, "--lang", language], {}) == 1
        said = capsys.readouterr().err
        assert settings.dlq_topic in said
        assert "mot topics create" in said


@pytest.mark.parametrize("command", [["topics", "check"], ["lag"], ["dlq", "ls"], ["load", "LOG"]])
def test_a_broker_that_does_not_answer_is_said_in_time(
    command: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command != ["lag"]:  # the others with less patience, to save time
        monkeypatch.setattr("streams.kafka.clients.PATIENCE_MS", 1_000)
    log = tmp_path / "log.jsonl"
    log.write_bytes(event(1, "c1"))
    words = [str(log) if word == "LOG" else word for word in command]
    begun = time.monotonic()
    assert run([*words, "--lang", "zh"], {"MOT_BOOTSTRAP": "127.0.0.1:1"}) == 1
    assert time.monotonic() - begun < 30
    assert "127.0.0.1:1 没有应答" in capsys.readouterr().err
