"""Topics are made as the settings say, compared with them, and never given another partition count."""

from __future__ import annotations

from streams.kafka import topics
from tests.conftest import KafkaFactory


def test_created_topics_are_as_wanted_and_creating_again_changes_nothing(kafka: KafkaFactory) -> None:
    settings = kafka(create=False, partitions=3, events=("orders", "bills"), rekey=("tickets",))
    assert {one.what for one in topics.check(settings)} == {"topic"}
    created = topics.create(settings)
    assert len(created) == 7
    assert topics.check(settings) == []
    assert topics.create(settings) == []
