"""The dead letters on their topic: found again, and their original records sent once more after the cause is mended.

What was sent again is marked there: a record without a value that names the letter (see RETRIED in `sinks.wire`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Literal, NamedTuple

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from schemas.codec import decode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from schemas.moments import Text
from streams.errors import StreamsError
from streams.kafka.clients import PATIENCE_MS, consumer_of, producer_of
from streams.kafka.settings import KafkaSettings
from streams.kafka.wire import event_bytes
from streams.sinks.wire import ID, RETRIED

Fate = Literal["sent", "would_send", "gone", "no_topic", "hopeless", "earlier"]
HOPELESS = frozenset({Reason.EMPTY.value, Reason.TOO_LATE.value})
"""Reasons that sending the same record once more cannot mend."""
_SKIP = 5_000
"""Records between two wanted ones that are read rather than jumped over."""


class NoDeadLetterTopic(StreamsError):
    """The topic of dead letters is not on the cluster."""

    def __init__(self, topic: str, bootstrap: str) -> None:
        self.topic = topic
        super().__init__(
            Text(
                zh=f"Kafka {bootstrap} 上没有死信主题 {topic}:请先运行 `mot topics create`,"
                "或检查 --kafka 与 --bootstrap。",
                en=f"Kafka at {bootstrap} has no topic {topic} for dead letters: run `mot topics create` first, or "
                "check --kafka and --bootstrap.",
            )
        )


class Letter(NamedTuple):
    """A dead letter as it lies on the topic. `written_ms` is when it was written there, in which `partition`; `row` is
    all it says; `retried_ms` when its original was sent again, None when it never was."""

    id: str
    reason: str
    origin: str
    position: int
    written_ms: int
    row: dict[str, Any]
    partition: int = 0
    retried_ms: int | None = None

    def source(self) -> TopicPartition | None:
        """Topic and partition of the original record, None when it came from no topic."""
        topic, _, number = self.origin.rpartition("-")
        return TopicPartition(topic, int(number)) if topic and number.isascii() and number.isdigit() else None


class Retried(NamedTuple):
    """What became of one letter: sent again, gone by retention, of no topic of these settings, or left out because
    that cannot mend it or was done earlier. `topic` is where it was sent, `customer_id` its new key."""

    letter: Letter
    fate: Fate
    topic: str = ""
    customer_id: str = ""


class _Mark(NamedTuple):
    """The letter `id` was retried at `at_ms`."""

    id: str
    at_ms: int


class Newest(NamedTuple):
    """The newest letters; of all that were asked for how many have which reason; how many retried ones were not."""

    letters: list[Letter]
    reasons: Counter[str]
    retried: int


def letters(
    kafka: KafkaSettings, *, reason: str | None = None, ids: Sequence[str] = (), retried: bool = True
) -> list[Letter]:
    """Dead letters, newest first, each once. `ids` may be beginnings of ids; `retried` takes in those sent again.

    Raises NoDeadLetterTopic, KafkaUnreachable, KafkaRefused or KafkaFailed.
    """
    found: dict[str, Letter] = {}
    marks: dict[str, int] = {}
    for one in _every(kafka, reason, ids):
        if isinstance(one, _Mark):
            marks[one.id] = one.at_ms
        else:
            found[one.id] = one
    wanted = {name: _marked(one, marks) for name, one in found.items() if retried or name not in marks}
    return _newest_first(wanted)


def newest(kafka: KafkaSettings, limit: int, *, reason: str | None = None, retried: bool = False) -> Newest:
    """The newest dead letters, without those sent again unless `retried`. Raises as `letters`."""
    reasons: dict[str, str] = {}
    kept: dict[str, Letter] = {}
    marks: dict[str, int] = {}
    for one in _every(kafka, reason):
        if isinstance(one, _Mark):
            marks[one.id] = one.at_ms
            continue
        reasons[one.id] = one.reason
        kept[one.id] = one
        if len(kept) > 2 * limit + _SKIP:
            kept = {one.id: one for one in _newest_first(kept)[: limit + _SKIP // 2]}
    asked = {name: text for name, text in reasons.items() if retried or name not in marks}
    shown = _newest_first({name: _marked(one, marks) for name, one in kept.items() if name in asked})[:limit]
    if len(shown) < min(limit, len(asked)):  # so many of the newest were retried that others had to go for them
        shown = letters(kafka, reason=reason, retried=retried)[:limit]
    return Newest(shown, Counter(asked.values()), len(reasons) - len(asked))


def _marked(letter: Letter, marks: Mapping[str, int]) -> Letter:
    return letter._replace(retried_ms=marks[letter.id]) if letter.id in marks else letter


def _newest_first(found: Mapping[str, Letter]) -> list[Letter]:
    return sorted(found.values(), key=lambda one: (-one.written_ms, one.origin, -one.position))


def _every(kafka: KafkaSettings, reason: str | None, ids: Sequence[str] = ()) -> Iterator[Letter | _Mark]:
    """As they lie on the topic, partition by partition; one that was written twice comes twice. Marks of all reasons
    are among them."""
    with consumer_of(kafka, max_partition_fetch_bytes=4 << 20) as consumer:
        places = _places(consumer, kafka.dlq_topic)
        if not places:
            raise NoDeadLetterTopic(kafka.dlq_topic, kafka.bootstrap)
        starts, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
        for at in places:
            for record in _records(consumer, at, starts[at], ends[at]):
                one = _mark(record) if record.value is None else _letter(record)
                if one is None or (ids and not one.id.startswith(tuple(ids))):
                    continue
                if isinstance(one, _Mark) or reason is None or one.reason == reason:
                    yield one


def retry(
    kafka: KafkaSettings, chosen: Sequence[Letter], *, dry: bool = False, told: Callable[[int], None] = lambda _: None
) -> list[Retried]:
    """Fetch the original record of each letter and send it, unchanged but keyed by its customer, to its events topic.

    A record of a topic that is keyed otherwise goes to the first events topic. With `dry` nothing is sent. `told`
    hears how many letters are done. What was sent is marked on the topic of dead letters. Raises KafkaUnreachable,
    KafkaRefused or KafkaFailed; what was sent until then stays sent, and sending it again does no harm, for the engine
    knows duplicates.
    """
    known = {*kafka.events, *kafka.rekey}
    groups: dict[TopicPartition, list[Letter]] = {}
    done: list[Retried] = []
    marked: list[Any] = []
    for letter in chosen:
        source = letter.source()
        if source is None or source.topic not in known:
            done.append(Retried(letter, "no_topic"))
        else:
            groups.setdefault(source, []).append(letter)
    with consumer_of(kafka, max_partition_fetch_bytes=4 << 20) as consumer, producer_of(kafka) as producer:
        for at, wanted in groups.items():
            originals = _originals(consumer, at, sorted({letter.position for letter in wanted}))
            for letter in wanted:
                done.append(_again(kafka, producer, letter, originals.get(letter.position), dry=dry))
                if done[-1].fate == "sent":
                    marked.append(_mark_retried(kafka, producer, letter))
                told(len(done))
        for sent in marked:
            sent.get(timeout=PATIENCE_MS / 1000)
    return done


def _again(kafka: KafkaSettings, producer: KafkaProducer, letter: Letter, original: Any, *, dry: bool) -> Retried:
    if original is None:
        return Retried(letter, "gone")
    topic = original.topic if original.topic in kafka.events else kafka.events[0]
    customer = customer_of(original)
    if not dry:
        key = customer.encode() if customer else original.key
        sent = producer.send(topic, key=key, value=original.value, headers=list(original.headers))
        sent.get(timeout=PATIENCE_MS / 1000)
    return Retried(letter, "would_send" if dry else "sent", topic, customer)


def _mark_retried(kafka: KafkaSettings, producer: KafkaProducer, letter: Letter) -> Any:
    headers = [(ID, letter.id.encode()), (RETRIED, b"1")]
    return producer.send(kafka.dlq_topic, key=letter.id.encode(), partition=letter.partition, headers=headers)


def customer_of(record: Any) -> str:
    """Whose record it is: by its event, else by a `customer_id` in its JSON, else empty."""
    raw = event_bytes(record.value, record.headers, record.key)
    event = decode(raw)
    if isinstance(event, Event):
        return event.customer_id
    if isinstance(event, DeadLetter) and raw:
        try:
            return _named(raw).customer_id
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return ""
    return ""


class _Named(msgspec.Struct):
    customer_id: str = ""


_named = msgspec.json.Decoder(_Named).decode


def _mark(record: Any) -> _Mark | None:
    named = dict(record.headers)
    is_ours = RETRIED in named and ID in named
    return _Mark(named[ID].decode(errors="replace"), int(record.timestamp)) if is_ours else None


def _letter(record: Any) -> Letter | None:
    """None for a record that nobody of ours has written."""
    try:
        row = msgspec.json.decode(record.value)
        return Letter(
            row["dead_letter_id"],
            row["reason"],
            row["origin"],
            int(row["position"]),
            int(record.timestamp),
            row,
            record.partition,
        )
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError):
        return None


def _places(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def _originals(consumer: KafkaConsumer, at: TopicPartition, offsets: Sequence[int]) -> Mapping[int, Any]:
    """The records at `offsets` (ascending) that are still there."""
    if at not in _places(consumer, at.topic):
        return {}
    start, end = consumer.beginning_offsets([at])[at], consumer.end_offsets([at])[at]
    there = [offset for offset in offsets if start <= offset < end]
    found: dict[int, Any] = {}
    for run in _runs(there):
        wanted = set(run)
        for record in _records(consumer, at, run[0], run[-1] + 1):
            if record.offset in wanted:
                found[record.offset] = record
    return found


def _runs(offsets: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > _SKIP:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run


def _records(consumer: KafkaConsumer, at: TopicPartition, first: int, end: int) -> Iterator[Any]:
    """Records of a partition from `first` up to before `end`; gaps (transaction markers, compaction) are no matter."""
    if first >= end:
        return
    consumer.assign([at])
    consumer.seek(at, first)
    heard = monotonic()
    while (consumer.position(at, timeout_ms=PATIENCE_MS) or first) < end:
        polled = consumer.poll(timeout_ms=500).get(at, [])
        if polled:
            heard = monotonic()
        elif monotonic() - heard > 2 * PATIENCE_MS / 1000:
            raise KafkaTimeoutError(f"nothing more of {at.topic}-{at.partition} before offset {end}")
        for record in polled:
            if record.offset >= end:
                return
            yield record
