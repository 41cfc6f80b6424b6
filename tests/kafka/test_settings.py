"""One YAML file for every client; what is wrong in it is said with its line, in both languages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from streams.cli.schema import texts
from streams.kafka.settings import EXAMPLE, KafkaSettings, Security, load_kafka_settings
from streams.settings import SettingsError

ROOT = Path(__file__).parents[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "kafka.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_it_is_a_broker_on_this_machine() -> None:
    settings = load_kafka_settings(None, environment={})
    assert settings == KafkaSettings()
    assert settings.aiokafka() == {"bootstrap_servers": "127.0.0.1:9092", "security_protocol": "PLAINTEXT"}
    assert (settings.alerts_topic, settings.state_topic) == ("mot.alerts", "mot.state")
    assert settings.clickhouse_group == "mot-monitor-clickhouse"
    assert settings.alerts_group("console") == "mot-monitor-alerts-console"


def test_the_shipped_example_can_be_read() -> None:
    settings = load_kafka_settings(ROOT / EXAMPLE, environment={})
    assert settings.security.authenticated
    assert settings.security.encrypted
    assert settings.retention.alerts == 180 * 86_400_000
    assert settings.events == ("orders", "billing", "care")


def test_a_file_with_comments_only_says_nothing(tmp_path: Path) -> None:
    assert load_kafka_settings(written(tmp_path, "# later\n\n"), environment={}) == KafkaSettings()


def test_option_stands_above_file_above_variable(tmp_path: Path) -> None:
    path, environment = written(tmp_path, "bootstrap: a:1\n"), {"MOT_BOOTSTRAP": "b:2,c:3"}
    assert load_kafka_settings(path, environment={}).bootstrap == "a:1"
    assert load_kafka_settings(path, environment=environment).bootstrap == "a:1"
    silent = written(tmp_path, "prefix: x.\n")
    for without in (None, silent):
        settings = load_kafka_settings(without, environment=environment)
        assert settings.kafka_python()["bootstrap_servers"] == ["b:2", "c:3"]
    assert load_kafka_settings(path, bootstrap="d:4", environment=environment).bootstrap == "d:4"


def test_the_password_comes_from_file_or_variable_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hush\n")
    path = written(tmp_path, "security: {protocol: SASL_PLAINTEXT, username: u, password_file: pw}\n")
    settings = load_kafka_settings(path, environment={})
    assert settings.aiokafka()["sasl_plain_password"] == "hush"
    settings = load_kafka_settings(path, environment={"MOT_KAFKA_PASSWORD": "louder"})
    assert settings.kafka_python()["sasl_plain_password"] == "louder"
    assert "louder" not in repr(settings)
    assert "louder" not in settings.model_dump_json()


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for security in (
        Security(protocol="SASL_PLAINTEXT", username="u", password_file=tmp_path / "none"),
        Security(protocol="SSL", ca_file=tmp_path / "none"),
    ):
        with pytest.raises(SettingsError, match="none"):
            KafkaSettings(security=security).aiokafka()
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="ca_file"):
        KafkaSettings(security=Security(protocol="SSL", ca_file=tmp_path / "ca.pem")).kafka_python()


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        ("group: g\nbootstap: a:1\n", 2, "bootstap", "no key"),
        ("bootstrap: nowhere\n", 1, "bootstrap", "HOST:PORT"),
        ("partitions: many\n", 1, "partitions", "whole number"),
        ("security:\n  protocol: TLS\n", 2, "security.protocol", "PLAINTEXT"),
        ("security:\n  protocol: SASL_SSL\n", 1, "security", "username"),
        ("retention:\n  events: a week\n", 2, "retention.events", "15 min"),
        ("events: [a b]\n", 1, "events[0]", "letters"),
        ("events: []\n", 1, "events", "at least one"),
        ("events: [mot.dlq]\n", 1, "(top)", "mot.dlq"),
        ("replication: 1\nmin_insync: 2\n", 1, "(top)", "min_insync"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_field(tmp_path: Path, text: str, line: int, field: str, says: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        load_kafka_settings(written(tmp_path, text), environment={})
    assert (wrong.value.line, wrong.value.field) == (line, field)
    assert says in wrong.value.said_in("en")
    assert wrong.value.said_in("zh") != wrong.value.said_in("en")
    assert wrong.value.exit_code == 2


def test_a_wrong_password_variable_shows_nothing_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "security: {protocol: SASL_SSL}\n")
    with pytest.raises(SettingsError) as wrong:
        load_kafka_settings(path, environment={"MOT_KAFKA_PASSWORD": "louder"})
    assert "louder" not in str(wrong.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        KafkaSettings().partitions = 3  # type: ignore[misc]


def test_the_schema_describes_its_fields_and_accepts_its_own_defaults() -> None:
    schema: Mapping[str, Any] = json.loads(texts()["kafka"])
    fields = schema["properties"]
    assert all(fields[name]["description"] for name in ("events", "rekey", "prefix", "group", "min_insync"))
    kept = schema["$defs"]["Retention"]["properties"]
    assert {name: field["default"] for name, field in kept.items()} == {
        "events": "7 d",
        "dlq": "14 d",
        "alerts": "180 d",
        "facts": "7 d",
    }
    defaults = {name: field["default"] for name, field in fields.items()}
    assert defaults["retention"] == {name: field["default"] for name, field in kept.items()}
    jsonschema.validate(defaults, dict(schema))
    assert KafkaSettings.model_validate(defaults) == KafkaSettings()
