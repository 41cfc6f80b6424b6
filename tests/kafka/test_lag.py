"""Lag is the end of a partition less what its group has committed, and never counts what retention has deleted."""

from __future__ import annotations

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from streams.kafka.clients import admin_of
from streams.kafka.lag import Lag, lags
from streams.kafka.settings import KafkaSettings
from tests.conftest import KafkaFactory


def filled(settings: KafkaSettings, counts: dict[int, int]) -> None:
    producer = KafkaProducer(**settings.kafka_python())
    for partition, count in counts.items():
        for number in range(count):
            producer.send(settings.events[0], value=b"%d" % number, partition=partition)
    producer.flush()
    producer.close()


def committed(settings: KafkaSettings, group: str, offsets: dict[int, int]) -> None:
    consumer = KafkaConsumer(**settings.kafka_python(), group_id=group, enable_auto_commit=False)
    places = {TopicPartition(settings.events[0], number): offset for number, offset in offsets.items()}
    consumer.assign(list(places))
    consumer.commit({at: OffsetAndMetadata(offset, "", -1) for at, offset in places.items()})
    consumer.close()


def test_lag_of_each_group_in_each_partition(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=3)
    filled(settings, {0: 10, 1: 4})
    committed(settings, settings.group, {0: 7, 1: 4})
    committed(settings, settings.alerts_group("console"), {0: 0})  # a target that was there once
    found = {(one.group, one.topic, one.partition): one for one in lags(settings)}
    events, worker, clickhouse = settings.events[0], settings.group, settings.clickhouse_group
    assert found[worker, events, 0] == Lag(worker, events, 0, end=10, committed=7, lag=3)
    assert found[worker, events, 1] == Lag(worker, events, 1, end=4, committed=4, lag=0)
    assert found[worker, events, 2] == Lag(worker, events, 2, end=0, committed=None, lag=0)
    assert found[clickhouse, events, 0] == Lag(clickhouse, events, 0, end=10, committed=None, lag=10)
    assert {(group, topic) for group, topic, _ in found} == {
        (worker, events),
        *((clickhouse, topic) for topic in (events, settings.alerts_topic, settings.facts_topic, settings.dlq_topic)),
        (settings.alerts_group("console"), settings.alerts_topic),
    }


def test_what_retention_has_deleted_is_no_lag(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=1)
    filled(settings, {0: 10})
    committed(settings, settings.group, {0: 2})
    with admin_of(settings) as admin:
        admin.delete_records({TopicPartition(settings.events[0], 0): 6})
    by_group = {one.group: one.lag for one in lags(settings) if one.topic == settings.events[0]}
    assert by_group == {settings.group: 4, settings.clickhouse_group: 4}


def test_topics_that_do_not_exist_have_no_lag(kafka: KafkaFactory) -> None:
    assert lags(kafka(create=False)) == []
