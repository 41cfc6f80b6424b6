"""Where the Kafka cluster is, how to get in, and what our topics are called: one YAML file, or the defaults.

A file that says nothing means a broker on this machine without security; `example_kafka.yaml` shows every key.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, ValidationError, model_validator

from schemas.mapping import Loc
from schemas.moments import Frozen
from schemas.times import DAY
from streams.secrets import secret_of
from streams.settings import Duration, SettingsError
from streams.sources.faults import MappingError
from streams.sources.mapping_file import MAX_BYTES, line_of, read_yaml, spelled

BOOTSTRAP = "MOT_BOOTSTRAP"
PASSWORD = "MOT_KAFKA_PASSWORD"  # noqa: S105 - the variable's name
EXAMPLE = "streams/kafka/example_kafka.yaml"
LONGEST_POLL_MS = 50
"""How long (ms) a broker may wait for new records before it answers a consumer of ours. aiokafka has one request under
way per broker, so a partition that has nothing new holds up the others on that broker for as long; left alone it would
be 0.5 s, with Faust 1.5 s."""

_ADDRESS = r"[^\s,:]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}"
Addresses = Annotated[str, StringConstraints(pattern=rf"^({_ADDRESS})(,({_ADDRESS}))*$")]
"""`host:port`, or several with commas between."""
TopicName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,240}$")]


class Security(Frozen):
    """How clients get in. `password_file` is read at every connection, so that a password can be changed; the variable
    MOT_KAFKA_PASSWORD stands above both. Files are PEM; without `ca_file` the system's authorities are trusted."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    check_hostname: bool = True

    @property
    def encrypted(self) -> bool:
        """Whether the wire is TLS."""
        return self.protocol.endswith("SSL")

    @property
    def authenticated(self) -> bool:
        """Whether clients name a user."""
        return self.protocol.startswith("SASL")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.authenticated and not self.username:
            raise ValueError(f"{self.protocol} needs `username`")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("give both `cert_file` and `key_file`, or neither")
        if self.ca_file is not None and not self.encrypted:
            raise ValueError(f"`ca_file` says nothing to {self.protocol}; the protocol must be SSL or SASL_SSL")
        return self

    def secret(self) -> str:
        """The password. Raises SettingsError when its file cannot be read."""
        if self.password.get_secret_value() or self.password_file is None:
            return self.password.get_secret_value()
        try:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as flaw:
            raise _unreadable("security.password_file", self.password_file, flaw) from flaw

    def ssl_context(self) -> ssl.SSLContext | None:
        """What TLS trusts and shows, or None for a plain wire. Raises SettingsError for files that are none."""
        if not self.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except (OSError, ssl.SSLError) as flaw:
            raise _unreadable("security.ca_file", self.ca_file, flaw) from flaw
        if self.cert_file is not None:
            try:
                context.load_cert_chain(str(self.cert_file), str(self.key_file))
            except (OSError, ssl.SSLError) as flaw:
                raise _unreadable("security.cert_file / key_file", self.cert_file, flaw) from flaw
        context.check_hostname = self.check_hostname
        return context


def _kept(days: int, description: str) -> Any:
    """A duration whose schema shows its default as the file would say it."""
    return Field(default=days * DAY, description=description, json_schema_extra={"default": f"{days} d"})


class Retention(Frozen):
    """How long records stay. The state topic keeps the latest of every key for good."""

    events: Duration = _kept(7, "How long the events topics keep events.")
    dlq: Duration = _kept(14, "How long dead letters can be listed and retried.")
    alerts: Duration = _kept(180, "How long alerts can be sent again.")
    facts: Duration = _kept(7, "How long the rows for ClickHouse wait for its sink.")


class KafkaSettings(Frozen):
    """One cluster and our topics on it. Made by `load_kafka_settings`, or in code; picklable."""

    bootstrap: Addresses = Field(
        default="127.0.0.1:9092", description="HOST:PORT of a broker, or several with commas between."
    )
    security: Security = Security()
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{0,200}$")] = Field(
        default="mot.", description="Our own topics are called this and then alerts, facts, dlq, state."
    )
    events: tuple[TopicName, ...] = Field(
        default=("mot.events",),
        min_length=1,
        description="The topics with events, keyed by customer_id; all have the same number of partitions.",
    )
    rekey: tuple[TopicName, ...] = Field(
        default=(),
        description="Topics with our events under other keys; the worker forwards them, keyed by customer_id, to the "
        "first of `events`.",
    )
    partitions: int = Field(
        default=8, ge=1, le=1_000, description="Partitions of every topic; cannot be changed once the topics exist."
    )
    replication: int = Field(default=1, ge=1, le=32, description="Copies of every record; 3 where three brokers run.")
    min_insync: int = Field(
        default=1,
        ge=1,
        le=32,
        description="So many copies must be written before a record counts as sent; not above `replication`.",
    )
    retention: Retention = Retention()
    max_message_bytes: int = Field(default=2 * 1024 * 1024, ge=1024 * 1024, le=64 * 1024 * 1024)
    group: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,200}$")] = Field(
        default="mot-monitor",
        description="The consumer group of the workers; the sinks' begin with it. Another one starts anew.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [*self.events, *self.rekey, self.alerts_topic, self.facts_topic, self.dlq_topic, self.state_topic]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"topic {twice[0]} is named twice; events, rekey and what we write must be different topics"
            )
        if self.min_insync > self.replication:
            raise ValueError("`min_insync` is larger than `replication`; nothing could be written")
        return self

    @property
    def alerts_topic(self) -> str:
        """Moments of truth, each version one record."""
        return f"{self.prefix}alerts"

    @property
    def facts_topic(self) -> str:
        """Rows for the warehouse."""
        return f"{self.prefix}facts"

    @property
    def dlq_topic(self) -> str:
        """What could not be read."""
        return f"{self.prefix}dlq"

    @property
    def state_topic(self) -> str:
        """Compacted: what a worker hands to the next."""
        return f"{self.prefix}state"

    @property
    def clickhouse_group(self) -> str:
        """The consumer group of the ClickHouse sink."""
        return f"{self.group}-clickhouse"

    def alerts_group(self, target: str) -> str:
        """The consumer group of the alert sink's `target`: each keeps its own position."""
        return f"{self.group}-alerts-{target}"

    def kafka_python(self) -> dict[str, Any]:
        """Arguments for clients of kafka-python. Raises SettingsError when a file of `security` cannot be read."""
        return {**self._client(), "bootstrap_servers": self.bootstrap.split(",")}

    def aiokafka(self) -> dict[str, Any]:
        """Arguments for clients of aiokafka. Raises SettingsError when a file of `security` cannot be read."""
        return {**self._client(), "bootstrap_servers": self.bootstrap}

    def faust_credentials(self) -> Any:
        """`faust.SASLCredentials` or `faust.SSLCredentials`, None on a plain wire. Raises SettingsError."""
        import faust  # noqa: PLC0415 - heavy, and only the worker needs it

        security = self.security
        if security.authenticated:
            return faust.SASLCredentials(
                username=security.username,
                password=security.secret(),
                ssl_context=security.ssl_context(),
                mechanism=security.mechanism,
            )
        return faust.SSLCredentials(security.ssl_context()) if security.encrypted else None

    def _client(self) -> dict[str, Any]:
        security = self.security
        client: dict[str, Any] = {"security_protocol": security.protocol}
        if security.encrypted:
            client["ssl_context"] = security.ssl_context()
        if security.authenticated:
            client["sasl_mechanism"] = security.mechanism
            client["sasl_plain_username"] = security.username
            client["sasl_plain_password"] = security.secret()
        return client


def load_kafka_settings(
    path: Path | None, *, bootstrap: str | None = None, environment: Mapping[str, str] = os.environ
) -> KafkaSettings:
    """The settings in a file, or the defaults; `bootstrap` above the file above MOT_BOOTSTRAP.

    Paths in the file are relative to it. Raises SettingsError naming file, line and field, and what to do.
    """
    data: dict[str, Any] = {}
    lines: dict[Loc, int] = {}
    file = "MOT_BOOTSTRAP / --bootstrap"
    if path is not None:
        file = path.name
        data, lines = _read(path)
        _anchor(data, path.parent)
    # What a command is told stands above what stands in the surroundings.
    if chosen := bootstrap or (None if "bootstrap" in data else environment.get(BOOTSTRAP)):
        data["bootstrap"] = chosen
    if (password := secret_of(environment, PASSWORD)) and isinstance(data.get("security", {}), dict):
        data["security"] = {**data.get("security", {}), "password": password}
    try:
        return KafkaSettings.model_validate(data)
    except ValidationError as refused:
        raise _explained(refused, file, lines) from None


def _read(path: Path) -> tuple[dict[str, Any], dict[Loc, int]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(
                path.name, 0, "", "超过 256 KiB,不是设置文件", "is larger than 256 KiB: no settings file"
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as flaw:
        zh = f"无法读取({flaw.strerror});写法见 {EXAMPLE}"
        raise SettingsError(str(path), 0, "", zh, f"cannot be read ({flaw.strerror}); {EXAMPLE} shows one") from flaw
    except UnicodeDecodeError:
        raise SettingsError(path.name, 0, "", "不是 UTF-8 文本", "is not UTF-8 text") from None
    if not re.sub(r"(?m)^\s*(#.*)?$", "", text).strip():
        return {}, {}
    try:
        return read_yaml(text, path.name)
    except MappingError as flaw:
        zh, en = flaw.zh, flaw.en
        if flaw.field == "(top)":
            zh, en = f"应为键和值;写法见 {EXAMPLE}", f"must be keys and values; {EXAMPLE} shows one"
        raise SettingsError(flaw.file, flaw.line, flaw.field, zh, en) from None


def _anchor(data: dict[str, Any], folder: Path) -> None:
    security = data.get("security")
    if isinstance(security, dict):
        for name in ("password_file", "ca_file", "cert_file", "key_file"):
            if isinstance(security.get(name), str):
                security[name] = str(folder / security[name])


_SHAPES = {
    "missing": ("缺少这个字段,请补上", "is missing; add it"),
    "extra_forbidden": (f"这里没有这个键;写法见 {EXAMPLE}", f"is no key here; {EXAMPLE} shows how it is written"),
    "model_type": ("应为键和值", "must be keys and values"),
    "tuple_type": ("应为列表", "must be a list"),
    "too_short": ("至少要有一项", "must name at least one"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
}


def _explained(refused: ValidationError, file: str, lines: Mapping[Loc, int]) -> SettingsError:
    """One error of pydantic in both languages; a misspelt key before what it leaves missing."""
    errors = refused.errors(include_input=False)
    error = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    loc: Loc = tuple(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    zh, en = _SHAPES.get(kind, (f"不正确:{error['msg']}", error["msg"][:1].lower() + error["msg"][1:]))
    if kind == "literal_error":
        zh, en = f"应为 {context['expected']} 之一", f"must be one of {context['expected']}"
    elif kind == "value_error":
        zh, en = f"不正确:{context['error']}", str(context["error"])
    elif kind == "string_pattern_mismatch" and loc == ("bootstrap",):
        zh, en = "应为 HOST:PORT,多个用逗号隔开", "must be HOST:PORT, several with commas between"
    elif kind == "string_pattern_mismatch":
        zh, en = "只能用字母、数字、点、_ 与 -", "letters, digits, dots, _ and - only"
    return SettingsError(file, line_of(dict(lines), loc) if lines else 0, spelled(loc), zh, en)


def _unreadable(field: str, path: Path | None, flaw: Exception) -> SettingsError:
    reason = getattr(flaw, "strerror", None) or str(flaw)
    return SettingsError(
        str(path),
        0,
        field,
        f"{field} 无法读取({reason}),请检查路径与内容",
        f"{field} cannot be read ({reason}); check it",
    )
