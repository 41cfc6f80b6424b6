"""One real Kafka broker for the whole run, started by the first test that asks for it."""

# ruff: noqa: PLC0415 - most runs of single tests need no Kafka, nor its libraries

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings
    from tests.kafka.broker import Broker

KafkaFactory = Callable[..., "KafkaSettings"]
_numbers = count(1)
_LIVE = {"broker", "start_broker", "kafka"}
_TOGETHER = {"chaos": "live", "kafka": "live", "live": "live", "warehouse": "warehouse"}
"""Folders whose tests stay in one process of a parallel run: those that time a broker, those that share facts."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup` one process has all that needs Kafka, the other takes file by file what there is."""
    tests = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(tests)
        group = "live" if _LIVE & {*getattr(item, "fixturenames", ())} else _TOGETHER.get(path.parts[0], str(path))
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker MOT_TEST_BOOTSTRAP names, or one that lives as long as this run. Leave it running and unpaused."""
    from tests.kafka.broker import Broker

    if given := os.environ.get("MOT_TEST_BOOTSTRAP"):
        yield Broker.existing(given)
        return
    started = Broker.start(tmp_path_factory.mktemp("kafka"))
    yield started
    started.stop()


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """`start_broker(nodes=3, security=...)`: a cluster for this test alone, to be killed and paused at will."""
    from tests.kafka.broker import Broker

    started: list[Broker] = []

    def start(**options: Any) -> Broker:
        started.append(Broker.start(tmp_path / f"kafka{len(started)}", **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def kafka(broker: Broker) -> Iterator[KafkaFactory]:
    """`kafka(partitions=4, events=("orders", "bills"))`: settings with names of this test alone, its topics created.

    Event and rekey topics get the prefix too. `create=False` leaves the topics to the test. All are deleted afterwards.
    """
    from streams.kafka import topics
    from streams.kafka.clients import admin_of
    from streams.kafka.settings import KafkaSettings

    made: list[KafkaSettings] = []

    def settings(*, create: bool = True, **fields: Any) -> KafkaSettings:
        prefix = f"t{os.getpid()}-{time.monotonic_ns() % 10**9}-{next(_numbers)}."
        for name, names in (("events", fields.pop("events", ("events",))), ("rekey", fields.pop("rekey", ()))):
            fields[name] = tuple(prefix + word for word in names)
        one = KafkaSettings(**{"bootstrap": broker.bootstrap, "prefix": prefix, "group": f"{prefix}group", **fields})
        made.append(one)
        if create:
            topics.create(one)
        return one

    yield settings
    if made:
        with admin_of(made[0]) as admin:
            prefixes = tuple(one.prefix for one in made)
            left = [name for name in admin.list_topics() if name.startswith(prefixes)]
            if left:
                admin.delete_topics(left)
