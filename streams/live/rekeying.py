"""Topics keyed by something other than the customer: forwarded to the events topic under the right key.

Forwarding is at-least-once; a record forwarded twice has one event id, and the engine counts it once. What cannot be
read is forwarded too, so that there is one place where records become dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from streams.kafka.wire import event_bytes


class _Owner(msgspec.Struct):
    customer_id: str


_owner_of = msgspec.json.Decoder(_Owner).decode


async def forward(records: Sequence[Any], producer: AIOKafkaProducer, topic: str) -> None:
    """Send aiokafka `records` to `topic` keyed by customer; returns when all are acknowledged. Raises KafkaError."""
    sent = []
    for record in records:
        raw = event_bytes(record.value, record.headers, record.key)
        sent.append(await producer.send(topic, raw or b"", key=_key_of(raw, record.key)))
    await asyncio.gather(*sent)


def _key_of(raw: bytes | None, key: bytes | None) -> bytes | None:
    try:
        return _owner_of(raw or b"").customer_id.encode()
    except (msgspec.MsgspecError, ValueError):  # not readable, or no customer: the events agent says what is wrong
        return key
