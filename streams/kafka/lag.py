"""How far the consumer groups of the workers and the sinks are behind the ends of their topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from streams.kafka.clients import administered
from streams.kafka.settings import KafkaSettings


class Lag(NamedTuple):
    """One partition as one group sees it. `committed` is None when the group has committed nothing there; then all
    that the topic still holds counts as lag."""

    group: str
    topic: str
    partition: int
    end: int
    committed: int | None
    lag: int


def lags(kafka: KafkaSettings) -> list[Lag]:
    """Every partition each of our groups reads, in the order of groups, topics and partitions.

    A topic that does not exist is left out: `check` of `streams.kafka.topics` names it. Raises KafkaUnreachable,
    KafkaRefused or KafkaFailed.
    """

    def ask(admin: KafkaAdminClient) -> list[Lag]:
        read = _read_by(kafka, admin)
        there = _partitions(admin, sorted({topic for topics in read.values() for topic in topics}))
        every = [TopicPartition(topic, number) for topic, count in there.items() for number in range(count)]
        if not every:
            return []
        ends = admin.list_partition_offsets(dict.fromkeys(every, OffsetSpec.LATEST))
        starts = admin.list_partition_offsets(dict.fromkeys(every, OffsetSpec.EARLIEST))
        committed = admin.list_group_offsets(list(read))
        return [
            _lag(group, at, starts[at].offset, ends[at].offset, committed.get(group, {}))
            for group, topics in read.items()
            for topic in topics
            for at in (TopicPartition(topic, number) for number in range(there.get(topic, 0)))
        ]

    return administered(kafka, ask)


def _read_by(kafka: KafkaSettings, admin: KafkaAdminClient) -> dict[str, Sequence[str]]:
    """The workers' group and the ClickHouse sink's, and of each target of the alert sink that there ever was."""
    prefix = kafka.alerts_group("")
    alerting = sorted(one["group_id"] for one in admin.list_groups() if one["group_id"].startswith(prefix))
    return {
        kafka.group: (*kafka.events, *kafka.rekey),
        kafka.clickhouse_group: (*kafka.events, kafka.alerts_topic, kafka.facts_topic, kafka.dlq_topic),
        **dict.fromkeys(alerting, (kafka.alerts_topic,)),
    }


def _partitions(admin: KafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    there = sorted(set(topics) & set(admin.list_topics()))
    return {one["name"]: len(one["partitions"]) for one in admin.describe_topics(there)} if there else {}


def _lag(group: str, at: TopicPartition, start: int, end: int, committed: Mapping[TopicPartition, Any]) -> Lag:
    found = committed.get(at)
    position = None if found is None or found.offset < 0 else int(found.offset)
    # What retention has deleted cannot be read any more and is no work that waits.
    behind = end - max(start, position if position is not None else start)
    return Lag(group, at.topic, at.partition, end, position, max(0, behind))
