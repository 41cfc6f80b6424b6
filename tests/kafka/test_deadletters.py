"""Dead letters are found again, and their originals go once more to their customers' partitions."""

from __future__ import annotations

from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition

from schemas.codec import decode
from schemas.deadletters import DeadLetter
from streams.kafka.clients import admin_of
from streams.kafka.deadletters import NoDeadLetterTopic, letters, newest, retry
from streams.kafka.loading import partition_of
from streams.kafka.settings import KafkaSettings
from streams.sinks.ports import Delivery
from streams.sinks.wire import records_of
from tests.conftest import KafkaFactory
from tests.kafka.records import event, read_all

Original = tuple[bytes | None, bytes, list[tuple[str, bytes]]]
BROKEN: list[Original] = [
    (b"other-key", event(1, "c1"), []),
    (b"c2", b'{"event_type":"none","customer_id":"c2"}', []),
    (b"k", b"garbage", [("trace", b"1")]),
]


def produced(settings: KafkaSettings, topic: str, partition: int, originals: list[Original]) -> list[int]:
    """Their offsets."""
    producer = KafkaProducer(**settings.kafka_python())
    sent = [
        producer.send(topic, key=key, value=value, headers=headers, partition=partition)
        for key, value, headers in originals
    ]
    offsets = [one.get(timeout=60).offset for one in sent]
    producer.close()
    return offsets


def set_aside(settings: KafkaSettings, origin: str, positions: list[int], values: list[bytes]) -> list[DeadLetter]:
    """Write the dead letters as the worker does."""
    made = []
    for position, value in zip(positions, values, strict=True):
        letter = decode(value, origin, position)
        if not isinstance(letter, DeadLetter):  # fine in itself, but under another's key
            shape = decode(b"", origin, position)
            assert isinstance(shape, DeadLetter)
            letter = shape.model_copy(update={"reason": "wrong_key"})
        made.append(DeadLetter.model_validate(letter.model_dump()))
    producer = KafkaProducer(**settings.kafka_python())
    for record in records_of(Delivery(dead_letters=made), 0):
        producer.send(settings.dlq_topic, key=record.key, value=record.value, headers=list(record.headers)).get(60)
    producer.close()
    return made


def broken(settings: KafkaSettings) -> list[DeadLetter]:
    topic = settings.events[0]
    offsets = produced(settings, topic, 1, BROKEN)
    return set_aside(settings, f"{topic}-1", offsets, [value for _, value, _ in BROKEN])


def test_letters_come_newest_first_and_by_reason_and_id(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=3)
    made = broken(settings)
    found = letters(settings)
    assert [one.id for one in found] == [one.dead_letter_id for one in reversed(made)]
    assert [one.position for one in found] == [2, 1, 0]
    assert found[0].row["detail"] == made[2].detail
    assert [one.reason for one in letters(settings, reason="unknown_type")] == ["unknown_type"]
    assert [one.id for one in letters(settings, ids=[made[0].dead_letter_id[:20]])] == [made[0].dead_letter_id]
    shown, counts, retried = newest(settings, 1)
    assert [one.id for one in shown] == [made[2].dead_letter_id]
    assert counts == {"wrong_key": 1, "unknown_type": 1, "not_json": 1}
    assert retried == 0
    assert newest(settings, 5, reason="wrong_key").reasons == {"wrong_key": 1}


def test_a_letter_written_twice_is_listed_once(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=2)
    for _ in range(2):
        set_aside(settings, f"{settings.events[0]}-0", [7], [b"garbage"])
    assert len(letters(settings)) == 1
    assert newest(settings, 5).reasons.total() == 1


def test_a_cluster_without_the_topic_is_no_cluster_without_dead_letters(kafka: KafkaFactory) -> None:
    with pytest.raises(NoDeadLetterTopic):
        letters(kafka(create=False))


def test_retry_sends_the_original_bytes_to_the_customers_partition(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=3)
    broken(settings)
    done = retry(settings, letters(settings))
    assert {one.fate for one in done} == {"sent"}
    assert {one.letter.position: one.customer_id for one in done} == {0: "c1", 1: "c2", 2: ""}
    read = read_all(settings, settings.events[0])
    again: dict[Any, Any] = {}
    for partition, records in read.items():
        for record in records[len(BROKEN) if partition == 1 else 0 :]:
            again[record.value] = (record.key, partition, list(record.headers))
    assert again == {
        BROKEN[0][1]: (b"c1", partition_of(b"c1", 3), []),
        BROKEN[1][1]: (b"c2", partition_of(b"c2", 3), []),
        BROKEN[2][1]: (b"k", partition_of(b"k", 3), [("trace", b"1")]),
    }


def test_what_was_retried_is_marked_and_left_out(kafka: KafkaFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = kafka(partitions=3)
    made = broken(settings)
    newer = [letter for letter in letters(settings) if letter.position > 0]
    retry(settings, newer)
    standing = {one.id: one.retried_ms for one in letters(settings)}
    assert standing[made[0].dead_letter_id] is None
    assert all((standing[one.id] or 0) >= one.written_ms for one in newer)
    assert [one.position for one in letters(settings, retried=False)] == [0]
    set_aside(settings, made[1].origin, [made[1].position], [BROKEN[1][1]])  # a worker that died says it again
    for skip in (5_000, 0):  # with little memory, too
        monkeypatch.setattr("streams.kafka.deadletters._SKIP", skip)
        shown, reasons, retried = newest(settings, 1)
        assert ([one.position for one in shown], reasons, retried) == ([0], {"wrong_key": 1}, 2)
        every = newest(settings, 3, retried=True)
        assert (len(every.letters), every.reasons.total(), every.retried) == (3, 3, 0)


def test_a_dry_run_sends_nothing(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=2)
    broken(settings)
    assert {one.fate for one in retry(settings, letters(settings), dry=True)} == {"would_send"}
    assert sum(map(len, read_all(settings, settings.events[0]).values())) == len(BROKEN)


def test_what_retention_deleted_is_gone_and_the_rest_is_sent(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=2)
    broken(settings)
    with admin_of(settings) as admin:
        admin.delete_records({TopicPartition(settings.events[0], 1): 2})
    fates = {one.letter.position: one.fate for one in retry(settings, letters(settings))}
    assert fates == {0: "gone", 1: "gone", 2: "sent"}


def test_records_keyed_otherwise_go_to_the_first_events_topic(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=2, rekey=("tickets",))
    offsets = produced(settings, settings.rekey[0], 0, [BROKEN[1]])
    set_aside(settings, f"{settings.rekey[0]}-0", offsets, [BROKEN[1][1]])
    (one,) = retry(settings, letters(settings))
    assert (one.fate, one.topic, one.customer_id) == ("sent", settings.events[0], "c2")


def test_a_letter_from_a_file_cannot_be_retried(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=1)
    set_aside(settings, "calls.csv", [3], [b"garbage"])
    (one,) = retry(settings, letters(settings))
    assert one.fate == "no_topic"


def test_far_apart_originals_are_all_found(kafka: KafkaFactory) -> None:
    settings = kafka(partitions=1)
    topic = settings.events[0]
    offsets = produced(settings, topic, 0, [(b"k", b"garbage %d" % number, []) for number in range(12_001)])
    wanted = [offsets[0], offsets[1], offsets[12_000]]
    set_aside(settings, f"{topic}-0", wanted, [b"garbage 0", b"garbage 1", b"garbage 12000"])
    retry(settings, letters(settings))
    again = read_all(settings, topic)[0][12_001:]
    assert {record.value for record in again} == {b"garbage 0", b"garbage 1", b"garbage 12000"}
