"""The topics this product needs, made and compared with what the cluster has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import NoError, TopicAlreadyExistsError, for_code

from schemas.moments import Text
from schemas.times import DAY, MINUTE
from streams.errors import StreamsError
from streams.kafka.clients import PATIENCE_MS, administered
from streams.kafka.settings import KafkaSettings

Kind = Literal["events", "rekey", "alerts", "facts", "dlq", "state"]
SHAPE = ("topic", "partitions", "replication")
"""What a Difference may be about besides configuration."""
TOMBSTONES_MS = 7 * DAY
"""A worker that was away longer than this must not take its old state file for a mirror of the topic."""
_AT_LEAST = frozenset({"delete.retention.ms", "max.message.bytes"})


class TopicSpec(NamedTuple):
    """A topic as it should be. `config` holds Kafka's own names and spellings."""

    name: str
    kind: Kind
    partitions: int
    replication: int
    config: Mapping[str, str]


class Difference(NamedTuple):
    """Something the cluster has otherwise than the settings say. `what` is "topic", "partitions", "replication" or the
    name of a topic configuration; `found` is empty for a topic that is missing."""

    topic: str
    what: str
    wanted: str
    found: str


class PartitionsDiffer(StreamsError):
    """An existing topic has another partition count than the settings."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        self.differences = tuple(differences)
        zh = ";".join(f"{one.topic} 现有 {one.found} 个分区,设置要求 {one.wanted} 个" for one in differences)
        en = "; ".join(f"{one.topic} has {one.found} partitions, the settings say {one.wanted}" for one in differences)
        super().__init__(
            Text(
                zh=f"分区数不一致:{zh}。改变分区数会把客户移到别的分区,与其状态分离,因此没有改动任何主题。"
                "请把设置中的 partitions 改为现有分区数;若确需另一分区数,请换新的 prefix、group 与事件主题,"
                "再用 `mot load` 重新载入日志。",
                en=f"Partition counts differ: {en}. Another count would move customers away from their state, so no "
                "topic was touched. Set `partitions` to what the topics have; if another count is needed, take a new "
                "`prefix`, `group` and events topics and load the log again with `mot load`.",
            )
        )


def wanted_topics(kafka: KafkaSettings) -> list[TopicSpec]:
    """Every topic of these settings: events, those to be keyed anew, alerts, facts, dead letters, state."""
    safe = {
        "min.insync.replicas": str(kafka.min_insync),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(kafka.max_message_bytes),
    }
    keep = kafka.retention
    # The broker's clock stamps events: a source's clock must not decide what retention deletes.
    arrived = {**safe, "cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}

    def spec(name: str, kind: Kind, config: Mapping[str, str]) -> TopicSpec:
        return TopicSpec(name, kind, kafka.partitions, kafka.replication, config)

    return [
        *(spec(name, "events", {**arrived, "retention.ms": str(keep.events)}) for name in kafka.events),
        *(spec(name, "rekey", {**arrived, "retention.ms": str(keep.events)}) for name in kafka.rekey),
        spec(kafka.alerts_topic, "alerts", {**safe, "cleanup.policy": "delete", "retention.ms": str(keep.alerts)}),
        spec(kafka.facts_topic, "facts", {**safe, "cleanup.policy": "delete", "retention.ms": str(keep.facts)}),
        spec(kafka.dlq_topic, "dlq", {**safe, "cleanup.policy": "delete", "retention.ms": str(keep.dlq)}),
        spec(kafka.state_topic, "state", {**safe, **_COMPACTED}),
    ]


_COMPACTED = {
    "cleanup.policy": "compact",
    # The segment being written is never compacted; small ones keep a take-over short.
    "segment.bytes": str(64 * 1024 * 1024),
    "segment.ms": str(60 * MINUTE),
    "min.cleanable.dirty.ratio": "0.3",
    "min.compaction.lag.ms": str(MINUTE),
    "delete.retention.ms": str(TOMBSTONES_MS),
}


def create(kafka: KafkaSettings) -> list[str]:
    """Create the topics that are missing; returns their names. Existing ones are left as they are.

    Raises PartitionsDiffer, before anything is created, and KafkaUnreachable, KafkaRefused or KafkaFailed.
    """
    wanted = wanted_topics(kafka)

    def create_missing(admin: KafkaAdminClient) -> list[str]:
        there = _described(admin, wanted)
        _must_agree(wanted, there)
        missing = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication,
                "configs": dict(spec.config),
            }
            for spec in wanted
            if spec.name not in there
        }
        if not missing:
            return []
        answers = admin.create_topics(missing, timeout_ms=PATIENCE_MS, raise_errors=False)["topics"]
        created = [one["name"] for one in answers if _was_created(one)]
        admin.wait_for_topics(list(missing), timeout_ms=PATIENCE_MS)
        if len(created) < len(missing):  # somebody else was faster, and may have wanted another count
            _must_agree(wanted, _described(admin, wanted))
        return created

    return administered(kafka, create_missing)


def check(kafka: KafkaSettings) -> list[Difference]:
    """Everything the cluster has otherwise than these settings, in the order of the topics.

    Raises KafkaUnreachable, KafkaRefused or KafkaFailed.
    """
    wanted = wanted_topics(kafka)

    def compare(admin: KafkaAdminClient) -> list[Difference]:
        there = _described(admin, wanted)
        asked = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in wanted if spec.name in there]
        configs = admin.describe_configs(asked, config_filter="all").get("topic", {}) if asked else {}
        return [
            one
            for spec in wanted
            for one in (
                _differences(spec, there[spec.name], configs.get(spec.name, {}))
                if spec.name in there
                else [Difference(spec.name, "topic", f"{spec.partitions}", "")]
            )
        ]

    return administered(kafka, compare)


def _described(admin: KafkaAdminClient, wanted: Sequence[TopicSpec]) -> dict[str, Any]:
    names = {spec.name for spec in wanted} & set(admin.list_topics())
    return {topic["name"]: topic for topic in admin.describe_topics(sorted(names))} if names else {}


def _must_agree(wanted: Sequence[TopicSpec], there: Mapping[str, Any]) -> None:
    counts = [one for spec in wanted if spec.name in there for one in _count(spec, there[spec.name])]
    if counts:
        raise PartitionsDiffer(counts)


def _was_created(answer: Mapping[str, Any]) -> bool:
    error = for_code(answer["error_code"])
    if error not in (NoError, TopicAlreadyExistsError):
        raise error(f"topic {answer['name']}: {answer['error_message']}")
    return error is NoError


def _count(spec: TopicSpec, there: Mapping[str, Any]) -> Iterator[Difference]:
    found = len(there["partitions"])
    if spec.kind != "rekey" and found != spec.partitions:
        yield Difference(spec.name, "partitions", str(spec.partitions), str(found))


def _differences(spec: TopicSpec, there: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _count(spec, there)
    copies = min(len(partition["replica_nodes"]) for partition in there["partitions"])
    if copies != spec.replication:
        yield Difference(spec.name, "replication", str(spec.replication), str(copies))
    for name, value in spec.config.items():
        found = str(config.get(name, {}).get("value", ""))
        enough = name in _AT_LEAST and found.isdigit() and int(found) >= int(value)
        if found != value and not enough:
            yield Difference(spec.name, name, value, found)
