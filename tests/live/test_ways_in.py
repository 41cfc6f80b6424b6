"""Every client through a secured wire, and the app under Faust's own command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from streams.kafka.lag import lags
from streams.kafka.settings import KafkaSettings, Security
from streams.runners.query_server import query_folder
from streams.simulator.config import SimulationConfig
from streams.simulator.simulation import Simulation
from tests.chaos.traffic import until
from tests.kafka.authority import Authority
from tests.kafka.broker import Broker, BrokerSecurity
from tests.live.bed import bed

PASSWORD = "correct-horse"


def short_log(folder: Path) -> Path:
    path = folder / "log.jsonl"
    with path.open("wb") as file:
        for part in Simulation(SimulationConfig(customers=60, days=130, seed=5, usage_per_day=0.05)).slices():
            file.writelines(line + b"\n" for line in part.lines)
    return path


def mot(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streams", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_every_client_gets_through_sasl_and_tls(tmp_path: Path, start_broker: Callable[..., Broker]) -> None:
    authority = Authority(tmp_path / "authority")
    broker = start_broker(security=BrokerSecurity(authority, {"mot": PASSWORD}))
    (tmp_path / "password").write_text(PASSWORD + "\n")
    security = Security(
        protocol="SASL_SSL", username="mot", password_file=tmp_path / "password", ca_file=authority.certificate
    )
    kafka = KafkaSettings(bootstrap=broker.bootstrap, partitions=2, security=security)
    with bed(kafka, tmp_path / "bed") as live:
        given = ("--kafka", live.settings)
        assert mot("topics", "create", *given).returncode == 0
        loaded = mot("load", short_log(tmp_path), *given)
        assert loaded.returncode == 0, loaded.stderr
        sinks = [
            ("sink-clickhouse", "--clickhouse", tmp_path / "warehouse"),
            ("sink-alerts", "--to", f"jsonl:{tmp_path / 'alerts.jsonl'}", "--from", "beginning"),
        ]
        started = [
            subprocess.Popen([sys.executable, "-m", "streams", "run", *map(str, sink), "--kafka", str(live.settings)])
            for sink in sinks
        ]
        try:
            live.start()
            live.wait()
            alerts = tmp_path / "alerts.jsonl"  # before it has begun, nothing is known of that sink's lag
            until("the sinks", lambda: alerts.exists() and not any(one.lag for one in lags(kafka)), 120, 0.5)
            said = live.check()
            assert live.stop() == 0, live.log_of()
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(60) for process in started]
        assert codes == [0, 0]
        stored = query_folder(tmp_path / "warehouse", "SELECT count() AS n FROM moments_now")
        assert stored.rows == [[len({name for name, _ in said.alerts})]]
        assert (tmp_path / "alerts.jsonl").read_text().strip()
        assert mot("dlq", "ls", *given).returncode == 0
        (tmp_path / "password").write_text("wrong\n")
        refused = mot("run", "worker", *given, "--state", tmp_path / "other")
        assert refused.returncode == 1
        assert "refuses access" in refused.stderr or "does not answer" in refused.stderr


def test_the_app_runs_under_fausts_own_command(kafka: Callable[..., KafkaSettings], tmp_path: Path) -> None:
    with bed(kafka(partitions=2), tmp_path / "bed") as live:
        live.produce(short_log(tmp_path).read_bytes().splitlines())
        environment = os.environ | {"MOT_KAFKA": str(live.settings), "MOT_STATE": str(tmp_path / "state")}
        command = [
            str(Path(sys.executable).with_name("faust")),
            "-A",
            "streams.runners.faust_app",
            "worker",
            "-l",
            "warn",
        ]
        with (tmp_path / "faust.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            live.workers["faust"] = process
            try:
                live.wait(alive=[])
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0, (tmp_path / "faust.log").read_text()[-3000:]
            finally:
                process.kill()
        live.check()
