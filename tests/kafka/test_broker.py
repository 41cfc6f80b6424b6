"""The test broker itself: it survives what tests do to it, and nothing survives the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaProducer

from streams.kafka import topics
from streams.kafka.settings import KafkaSettings
from tests.kafka.broker import Broker
from tests.kafka.records import read_all

StartBroker = Callable[..., Broker]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_data_survive_kill_and_restart_on_the_same_port(start_broker: StartBroker) -> None:
    broker = start_broker()
    settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=1)
    topics.create(settings)
    producer = KafkaProducer(**settings.kafka_python(), acks="all")
    producer.send(settings.events[0], b"kept").get(60)
    producer.close()
    (pid,) = broker.pids
    broker.kill()
    assert not alive(pid)
    broker.restart()
    assert broker.bootstrap == settings.bootstrap
    assert [record.value for record in read_all(settings, settings.events[0])[0]] == [b"kept"]
    assert "node1" in broker.log_tail()


def test_nothing_is_left_when_the_run_dies_by_kill_9(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tests.kafka.broker import Broker\n"
        f"broker = Broker.start(Path({str(tmp_path)!r})); print(*broker.pids, flush=True); time.sleep(100)"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    pids = [int(word) for word in run.stdout.readline().split()]
    assert pids
    assert all(map(alive, pids))
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, pids))


@pytest.mark.slow
def test_three_nodes_go_on_with_two(start_broker: StartBroker) -> None:
    broker = start_broker(nodes=3)
    settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=3, replication=3, min_insync=2)
    topics.create(settings)
    assert topics.check(settings) == []
    producer = KafkaProducer(**settings.kafka_python(), acks="all", enable_idempotence=True)
    sent = [producer.send(settings.events[0], b"%d" % number, partition=number % 3) for number in range(300)]
    broker.kill(0)
    sent += [producer.send(settings.events[0], b"%d" % number, partition=number % 3) for number in range(300, 600)]
    for one in sent:
        one.get(120)
    producer.close()
    assert topics.check(settings) == []
    broker.restart(0)
    read = read_all(settings, settings.events[0])
    assert sorted(int(record.value) for records in read.values() for record in records) == list(range(600))
