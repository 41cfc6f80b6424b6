"""SASL_SSL against a real broker with an authority of our own: the right user gets in, nobody else does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.kafka import topics
from streams.kafka.faults import KafkaRefused, KafkaUnreachable
from streams.kafka.settings import KafkaSettings, Security
from tests.kafka.authority import Authority
from tests.kafka.broker import Broker, BrokerSecurity

USER, PASSWORD = "mot", "correcthorse"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure_broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    security = BrokerSecurity(authority, {USER: PASSWORD})
    broker = Broker.start(tmp_path_factory.mktemp("secure"), security=security)
    yield broker
    broker.stop()


def settings_for(broker: Broker, authority: Authority, **changed: Any) -> KafkaSettings:
    given = {
        "protocol": "SASL_SSL",
        "username": USER,
        "password": PASSWORD,
        "ca_file": authority.certificate,
        **changed,
    }
    return KafkaSettings(bootstrap=broker.bootstrap, partitions=2, security=Security(**given))


async def through(settings: KafkaSettings) -> bytes:
    """A record sent and read with aiokafka."""
    producer = AIOKafkaProducer(**settings.aiokafka(), enable_idempotence=True)
    try:
        await producer.start()
        sent = await producer.send_and_wait(settings.events[0], b"hello", partition=0)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(settings.events[0], **settings.aiokafka(), auto_offset_reset="earliest")
    try:
        await consumer.start()
        while True:
            record = await asyncio.wait_for(consumer.getone(), 60)
            if (record.partition, record.offset) == (0, sent.offset):
                return bytes(record.value)
    finally:
        await consumer.stop()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_the_right_user_gets_in(secure_broker: Broker, authority: Authority, mechanism: str) -> None:
    settings = settings_for(secure_broker, authority, mechanism=mechanism)
    topics.create(settings)
    assert topics.check(settings) == []
    assert asyncio.run(through(settings)) == b"hello"


WRONG: dict[str, dict[str, Any]] = {
    "password": {"password": "wrong"},
    "user": {"username": "nobody"},
    "authority": {"ca_file": None},
    "no encryption": {"protocol": "SASL_PLAINTEXT", "ca_file": None},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_nobody_else_does_with_kafka_python(
    secure_broker: Broker, authority: Authority, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong != "password":  # the others with less patience, to save time
        monkeypatch.setattr("streams.kafka.clients.PATIENCE_MS", 2_000)
    begun = time.monotonic()
    with pytest.raises(KafkaRefused) as refused:
        topics.create(settings_for(secure_broker, authority, **WRONG[wrong]))
    assert time.monotonic() - begun < 30
    assert "security" in refused.value.said_in("zh")
    assert "wrong" not in str(refused.value)
    if wrong == "authority":
        assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)


@pytest.mark.parametrize("wrong", ["password", "user", "authority"])
def test_nobody_else_does_with_aiokafka(secure_broker: Broker, authority: Authority, wrong: str) -> None:
    with pytest.raises(KafkaError):
        asyncio.run(asyncio.wait_for(through(settings_for(secure_broker, authority, **WRONG[wrong])), 90))


def test_another_authority_is_not_trusted(secure_broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(KafkaRefused, match="CERTIFICATE_VERIFY_FAILED"):
        topics.create(settings_for(secure_broker, Authority(tmp_path / "other")))


def test_a_broker_that_hangs_while_greeting_is_given_up(secure_broker: Broker, authority: Authority) -> None:
    secure_broker.pause()
    try:
        begun = time.monotonic()
        with pytest.raises(KafkaUnreachable):
            topics.check(settings_for(secure_broker, authority))
        assert time.monotonic() - begun < 30
    finally:
        secure_broker.resume()
    secure_broker.wait()
    assert topics.check(settings_for(secure_broker, authority)) is not None


def test_faust_gets_the_same_credentials(authority: Authority) -> None:
    security = Security(protocol="SASL_SSL", username=USER, password=PASSWORD, ca_file=authority.certificate)
    credentials = KafkaSettings(security=security).faust_credentials()
    assert (credentials.username, credentials.password, credentials.mechanism.value) == (
        USER,
        PASSWORD,
        "SCRAM-SHA-512",
    )
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.ssl_context.check_hostname
    assert KafkaSettings().faust_credentials() is None
