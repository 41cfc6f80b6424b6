"""Topics are made as the settings say, compared with them, and never given another partition count."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams.kafka import topics
from streams.kafka.clients import admin_of
from streams.kafka.faults import KafkaFailed, KafkaUnreachable
from streams.kafka.settings import KafkaSettings, Retention
from tests.conftest import KafkaFactory


def test_created_topics_are_as_wanted_and_creating_again_changes_nothing(kafka: KafkaFactory) -> None:
    settings = kafka(create=False, partitions=3, events=("orders", "bills"), rekey=("tickets",))
    assert {one.what for one in topics.check(settings)} == {"topic"}
    created = topics.create(settings)
    assert len(created) == 7
    assert topics.check(settings) == []
    assert topics.create(settings) == []


def test_the_brokers_clock_stamps_events_and_state_is_compacted(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=1)
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in (settings.events[0], settings.state_topic)]
    with admin_of(settings) as admin:
        configs = admin.describe_configs(asked, config_filter="all")["topic"]
    events, state = (configs[resource.name] for resource in asked)
    assert events["message.timestamp.type"]["value"] == "LogAppendTime"
    assert events["cleanup.policy"]["value"] == "delete"
    assert state["cleanup.policy"]["value"] == "compact"
    assert int(state["delete.retention.ms"]["value"]) >= 7 * 86_400_000
    assert (
        events["unclean.leader.election.enable"]["value"] == state["unclean.leader.election.enable"]["value"] == "false"
    )


def test_every_difference_is_listed_with_what_is_wanted_and_found(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=2, retention={"events": "3 d"})
    with admin_of(settings) as admin:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, settings.events[0], {"cleanup.policy": "compact"})]
        )
        admin.delete_topics([settings.dlq_topic])
    wanted = settings.model_copy(update={"partitions": 4, "replication": 2, "retention": Retention()})
    events = settings.events[0]
    for _ in range(50):  # an alteration reaches the broker's own view a little later
        found = {(one.topic, one.what): (one.wanted, one.found) for one in topics.check(wanted)}
        if {(events, "cleanup.policy"), (settings.dlq_topic, "topic")} <= set(found):
            break
        time.sleep(0.1)
    assert found[events, "cleanup.policy"] == ("delete", "compact")
    assert found[events, "retention.ms"] == (str(7 * 86_400_000), str(3 * 86_400_000))
    assert found[events, "partitions"] == ("4", "2")
    assert found[settings.state_topic, "replication"] == ("2", "1")
    assert found[settings.dlq_topic, "topic"] == ("4", "")


def test_more_than_wanted_is_no_difference_where_more_is_safe(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=1, max_message_bytes=4 << 20)
    assert topics.check(settings.model_copy(update={"max_message_bytes": 2 << 20})) == []


@pytest.mark.parametrize("topic", ["events", "state"])
def test_another_partition_count_is_refused_before_anything_is_created(kafka: KafkaFactory, topic: str) -> None:
    settings = kafka(create=False, partitions=2)
    with admin_of(settings) as admin:
        admin.create_topics(
            {f"{settings.prefix}{topic}": {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True
        )
        with pytest.raises(topics.PartitionsDiffer) as refused:
            topics.create(settings)
        assert [name for name in admin.list_topics() if name.startswith(settings.prefix)] == [settings.prefix + topic]
    assert "has 3 partitions, the settings say 2" in refused.value.said_in("en")
    assert "分区" in refused.value.said_in("zh")
    assert refused.value.exit_code == 1


def test_topics_keyed_otherwise_may_have_any_partition_count(kafka: KafkaFactory) -> None:
    settings = kafka(create=False, partitions=2, rekey=("tickets",))
    with admin_of(settings) as admin:
        admin.create_topics({settings.rekey[0]: {"num_partitions": 5, "replication_factor": 1}}, wait_for_metadata=True)
    assert settings.rekey[0] not in topics.create(settings)
    assert "partitions" not in {one.what for one in topics.check(settings)}


def test_a_broker_that_does_not_answer_is_said_within_ten_seconds() -> None:
    begun = time.monotonic()
    with pytest.raises(KafkaUnreachable) as silent:
        topics.create(KafkaSettings(bootstrap="127.0.0.1:1"))
    assert time.monotonic() - begun < 30
    assert "127.0.0.1:1" in silent.value.said_in("zh")
    assert "--bootstrap" in silent.value.said_in("en")


def test_two_who_create_at_once_both_succeed(kafka: KafkaFactory) -> None:
    settings = kafka(create=False, partitions=2)
    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(topics.create, [settings] * 4))
    assert sorted(name for names in created for name in names) == sorted(
        spec.name for spec in topics.wanted_topics(settings)
    )


def test_what_the_cluster_cannot_do_is_said(kafka: KafkaFactory) -> None:
    with pytest.raises(KafkaFailed, match="replication"):
        topics.create(kafka(create=False, replication=3))
