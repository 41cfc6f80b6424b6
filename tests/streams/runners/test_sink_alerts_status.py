"""What the alert sink says about itself and about alerts: how long it is held up, what it left out, where it stands."""

from __future__ import annotations

import asyncio
import io
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from detectors.catalogue import CATALOGUE
from schemas.moments import Text
from streams.engine.effects import VersionedMoment
from streams.kafka.settings import KafkaSettings
from streams.runners.sink_alerts import AlertRunner, SetAside
from streams.runners.sink_clickhouse import ClickHouseSinkRunner
from streams.settings import OperatorSettings
from streams.sinks.alert_files import ConsoleTarget, console_line
from streams.sinks.alerts import Alert, alert_of
from streams.sinks.ports import Delivery
from streams.sinks.topics import TopicSink
from streams.sinks.wire import records_of
from tests.conftest import KafkaFactory
from tests.streams.runners.sink_feed import alerts, effects, send
from tests.streams.sinks.test_clickhouse import moment

NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def one_alert() -> Alert:
    [record] = records_of(Delivery(moments=[VersionedMoment(1, moment(moment_id="0123456789abcdef"))]), 0)
    made = alert_of(record.value, 0)
    assert made is not None
    return made


def no_clickhouse() -> TopicSink:
    raise OSError("nobody is to ask for it in this test")


def test_being_held_up_counts_from_when_the_trouble_began(tmp_path: Path) -> None:
    async def live() -> tuple[float, float]:
        target = ConsoleTarget("console", io.StringIO(), "en")
        sender = AlertRunner(NOWHERE, target, SetAside(tmp_path / "u.jsonl"), now_ms=now_ms)
        storer = ClickHouseSinkRunner(NOWHERE, no_clickhouse, OperatorSettings().placements(), now_ms=now_ms)
        tasks = [asyncio.create_task(runner.run()) for runner in (sender, storer)]
        for _ in range(2):  # as the status lines do, one after the other
            await asyncio.sleep(1.5)
            await sender.measure()
            await storer.measure()
        assert sender.progress.trouble is not None
        assert storer.progress.trouble is not None
        assert sender.progress.failing_since is not None
        assert storer.progress.stalled_since is not None
        held = time.monotonic() - sender.progress.failing_since, time.monotonic() - storer.progress.stalled_since
        sender.stop()
        storer.stop()
        await asyncio.gather(*tasks)
        return held

    sending, storing = asyncio.run(live())
    assert sending >= 2.9
    assert storing >= 2.9


def test_a_line_on_the_console_has_the_moments_id_the_zone_and_the_detectors_title() -> None:
    titles = {detector.meta.id: detector.meta.title for detector in CATALOGUE}
    for language, title in (("zh", "N28 重复来电"), ("en", "N28 Repeat contact")):
        line = console_line(one_alert(), language, titles)  # type: ignore[arg-type]
        assert title in line
        assert "repeat_contact" not in line
        assert re.match(r"2025-10-09 \d\d:\d\dZ 0123456789ab ", line)
    assert "N28 Neu" in console_line(one_alert(), "en", {"N28": Text(zh="新", en="Neu")})


def test_the_command_says_what_it_left_out_and_that_a_known_target_goes_on_where_it_stood(
    kafka: KafkaFactory, tmp_path: Path
) -> None:
    settings = kafka(partitions=1)
    mild = [VersionedMoment(1, moment(moment_id=f"mild{n}", severity=1)) for n in range(2)]
    config = tmp_path / "kafka.yaml"
    config.write_text(settings.model_dump_json(include={"bootstrap", "prefix", "events", "partitions", "group"}))
    words = ["run", "sink-alerts", "--kafka", str(config), "--to", "console=console", "--from", "beginning"]
    words += ["--min-severity", "2", "--lang", "en", "--undelivered", str(tmp_path / "u.jsonl")]

    def errors_of(first: int) -> str:
        send(settings, [*effects(settings, Delivery(moments=mild)), *alerts(settings, 1, first=first)])
        command = [sys.executable, "-m", "streams", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=25)
        finally:
            process.kill()
        return errors.decode()

    first = errors_of(1)
    assert "console: 1 sent, 2 left out as chosen, 0 to go" in first
    assert "stored position" not in first
    assert "console: it has a stored position and goes on there" in errors_of(2)
