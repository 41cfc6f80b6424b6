"""Clients of kafka-python for commands: they give up after some seconds and say why no broker let them in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from time import monotonic, sleep
from typing import Any, TypeVar

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError

from streams.kafka.faults import KafkaRefused, KafkaUnreachable, reason_of, translated
from streams.kafka.settings import KafkaSettings

Result = TypeVar("Result")
Client = TypeVar("Client", KafkaAdminClient, KafkaConsumer, KafkaProducer)
PATIENCE_MS = 8_000
"""How long a command waits for a broker's answer."""


def administered(kafka: KafkaSettings, action: Callable[[KafkaAdminClient], Result]) -> Result:
    """What `action` returns; it is called again with a new client while it may succeed and PATIENCE_MS last.

    kafka-python asks any broker it has heard of and does not turn to the next when that one is down.
    Raises KafkaUnreachable, KafkaRefused or KafkaFailed.
    """
    deadline = monotonic() + PATIENCE_MS / 1000

    def attempts() -> Result:
        while True:
            try:
                with admin_of(kafka) as admin:
                    return action(admin)
            except KafkaError as flaw:
                if not flaw.retriable or monotonic() > deadline:
                    raise
                sleep(0.2)

    with translated(kafka.bootstrap):
        return _within(kafka.bootstrap, 2 * PATIENCE_MS / 1000, attempts)


def admin_of(kafka: KafkaSettings) -> KafkaAdminClient:
    """An admin client that gives up after PATIENCE_MS; a context manager. Raises as `administered`."""
    return _connected(kafka, KafkaAdminClient)


@contextmanager
def consumer_of(kafka: KafkaSettings, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer without a group, closed afterwards; kafka-python's errors inside leave as those of `administered`."""
    with translated(kafka.bootstrap):
        consumer = _connected(kafka, KafkaConsumer, enable_auto_commit=False, **options)
        try:
            yield consumer
        finally:
            consumer.close()


@contextmanager
def producer_of(kafka: KafkaSettings) -> Iterator[KafkaProducer]:
    """An idempotent producer for a few records, closed afterwards; errors as with `consumer_of`."""
    with translated(kafka.bootstrap):
        producer = _connected(
            kafka,
            KafkaProducer,
            acks="all",
            enable_idempotence=True,
            max_request_size=kafka.max_message_bytes,
            delivery_timeout_ms=2 * PATIENCE_MS,
        )
        try:
            yield producer
        finally:
            producer.close(timeout=PATIENCE_MS / 1000)


def _connected(kafka: KafkaSettings, client: Callable[..., Client], **options: Any) -> Client:
    given = {
        **kafka.kafka_python(),
        "bootstrap_timeout_ms": PATIENCE_MS,
        "request_timeout_ms": PATIENCE_MS,
        "client_id": "mot",
        **options,
    }
    with _reasons() as reasons, translated(kafka.bootstrap):
        try:
            return _within(kafka.bootstrap, PATIENCE_MS / 1000 + 1, lambda: client(**given))
        except KafkaTimeoutError as flaw:
            raise _explained(kafka.bootstrap, reasons) or flaw from flaw


def _within(bootstrap: str, seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` returns. A broker that hangs holds up kafka-python's TLS handshake for ever, so it runs in a thread
    that is left behind when the time is up. Raises KafkaUnreachable."""
    ended: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(work())
        except BaseException as flaw:
            failed.append(flaw)

    thread = Thread(target=run, daemon=True, name="mot-kafka")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not ended:
        raise KafkaUnreachable(bootstrap, f"connected, then silent for {seconds:.0f} s")
    return ended[0]


@contextmanager
def _reasons() -> Iterator[list[BaseException]]:
    """Why connections failed: kafka-python logs it and raises a timeout that does not say so."""
    reasons: list[BaseException] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reasons.extend(part for part in record.args or () if isinstance(part, BaseException))

    logger, handler = logging.getLogger("kafka.net.manager"), Collector(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield reasons
    finally:
        logger.removeHandler(handler)


def _explained(bootstrap: str, reasons: list[BaseException]) -> KafkaRefused | KafkaUnreachable | None:
    # A broker drops who fails to log in, sometimes before kafka-python has read why.
    for sign in ("SaslAuthenticationFailedError", "[SSL:", "InvalidReceiveError", "socket disconnected"):
        for reason in reasons:
            if sign in f"{type(reason).__name__}: {reason}":
                return KafkaRefused(bootstrap, reason_of(reason))
    told = [reason for reason in reasons if not isinstance(reason, KafkaTimeoutError)]
    return KafkaUnreachable(bootstrap, reason_of(told[-1])) if told else None
