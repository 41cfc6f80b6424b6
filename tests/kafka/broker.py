"""A real Apache Kafka for tests and for people: KRaft, one node or several, on loopback, without Docker.

The jars come from Maven Central once, into ${MOT_KAFKA_CACHE:-~/.cache/mot-monitor/kafka-<version>}.
`python -m tests.kafka.broker --port 9092 --data DIR` runs one in the foreground.
"""

from __future__ import annotations

import argparse
import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.kafka.authority import Authority

POM = Path(__file__).with_name("pom.xml")
CLUSTER_ID = "bW90LW1vbml0b3ItdGVzdA"
START_SECONDS = 240.0
_PORTS = range(18_000, 32_000)
"""Below the ports the system gives to clients: a client that calls a dead broker must not come to own its port."""
_LOGGING = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1}: %m%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
"""


class BrokerFailed(RuntimeError):
    """A broker did not start or does not answer; the message ends with its log."""


@dataclass(frozen=True)
class BrokerSecurity:
    """The client listener is SASL_SSL with a certificate of `authority`; users (name -> password, letters and digits:
    the formatting tool takes no commas) get in by SCRAM or PLAIN."""

    authority: Authority
    users: Mapping[str, str]


@dataclass
class Node:
    """One process. `ports` are those of the clients, of the brokers among themselves, and of the controllers."""

    number: int
    folder: Path
    ports: tuple[int, int, int]
    process: subprocess.Popen[bytes] | None = None
    watchdog: subprocess.Popen[bytes] | None = None
    stopped_by_us: bool = field(default=False)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def launch(self, libraries: Path, heap: str) -> None:
        """Start it in a process group of its own, with a watchdog that ends it when this process dies in any way."""
        java = [
            "java",
            f"-Xmx{heap}",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={self.folder}/log4j2.properties",
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*java, "-cp", f"{libraries}/*", "kafka.Kafka", str(self.folder / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # Its standard input ends when the last holder of our end of the pipe is gone: this process.
        self.watchdog = subprocess.Popen(
            ["sh", "-c", 'cat >/dev/null; kill -9 "-$0"', str(self.process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            assert self.process is not None
            os.killpg(self.process.pid, number)

    def end(self, *, gently: bool) -> None:
        """Gone for sure when this returns."""
        if self.watchdog is not None:
            self.watchdog.kill()
            self.watchdog.communicate()
            self.watchdog = None
        if self.process is None:
            return
        if gently:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.signal(signal.SIGKILL)
        self.process.wait(10)
        self.process = None


class Broker:
    """A cluster of `nodes` processes on ports of its own. Made by `start`, or `existing` for one that runs already."""

    def __init__(self, bootstrap: str, nodes: Sequence[Node], security: BrokerSecurity | None, heap: str) -> None:
        self.bootstrap = bootstrap
        self.nodes = list(nodes)
        self.security = security
        self._heap = heap
        self._libraries = libraries() if nodes else Path()

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        nodes: int = 1,
        security: BrokerSecurity | None = None,
        port: int | None = None,
        heap: str = "512m",
        properties: Mapping[str, str] | None = None,
    ) -> Broker:
        """A cluster with its data under `folder`; it answers when this returns. Raises BrokerFailed.

        `port` is the first client port (free ones when None); `properties` are added to those of every node.
        """
        ports = _given_ports(port, nodes) if port is not None else _free_ports(nodes)
        made = [Node(number + 1, folder / f"node{number + 1}", ports[number]) for number in range(nodes)]
        bootstrap = ",".join(f"127.0.0.1:{node.ports[0]}" for node in made)
        broker = cls(bootstrap, made, security, heap)
        atexit.register(broker.stop)
        for node in made:
            _format(node, made, security, broker._libraries, properties or {})
        broker.restart()
        return broker

    @classmethod
    def existing(cls, bootstrap: str) -> Broker:
        """One that somebody else started: it can be used, not paused or killed."""
        return cls(bootstrap, (), None, "")

    @property
    def ours(self) -> bool:
        """Whether its processes are ours to stop."""
        return bool(self.nodes)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [node.process.pid for node in self.nodes if node.alive and node.process is not None]

    def stop(self, *, gently: bool = False) -> None:
        """End all processes: at once, or after a clean shutdown. May be called again."""
        for node in self.nodes:
            node.end(gently=gently)

    def kill(self, node: int | None = None) -> None:
        """`kill -9` of one node (counted from 0) or of all."""
        for one in self._chosen(node):
            one.end(gently=False)

    def pause(self, node: int | None = None) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        for one in self._chosen(node):
            one.signal(signal.SIGSTOP)

    def resume(self, node: int | None = None) -> None:
        """SIGCONT."""
        for one in self._chosen(node):
            one.signal(signal.SIGCONT)

    def restart(self, node: int | None = None) -> None:
        """Same data, same ports; a node that runs is shut down cleanly first. Returns when the cluster answers."""
        for one in self._chosen(node):
            one.end(gently=True)
            one.launch(self._libraries, self._heap)
        self.wait()

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Until every node that runs is a live broker of the cluster. Raises BrokerFailed."""
        deadline = time.monotonic() + seconds
        while True:
            dead = [node for node in self.nodes if node.process is not None and not node.alive]
            if dead:
                raise BrokerFailed(f"node {dead[0].number} ended while starting\n{self.log_tail(node=dead[0])}")
            running = [node for node in self.nodes if node.alive]
            if running and all(map(self._answers, running)):
                return
            if time.monotonic() > deadline:
                raise BrokerFailed(f"no answer from {self.bootstrap} within {seconds:.0f} s\n{self.log_tail()}")
            time.sleep(0.1)

    def log_tail(self, lines: int = 40, node: Node | None = None) -> str:
        """The last lines of the nodes' logs."""
        parts = []
        for one in [node] if node is not None else self.nodes:
            text = one.log.read_text(errors="replace").splitlines() if one.log.exists() else ["(no log)"]
            parts.append("\n".join([f"--- {one.log}", *text[-lines:]]))
        return "\n".join(parts)

    def _chosen(self, node: int | None) -> list[Node]:
        if not self.ours:
            raise BrokerFailed(f"{self.bootstrap} was not started here")
        return self.nodes if node is None else [self.nodes[node]]

    def _answers(self, node: Node) -> bool:
        """Whether `node` itself answers and knows as many brokers as run."""
        if not _listening(node.ports[1]):
            return False
        inner = [f"127.0.0.1:{node.ports[1]}"]
        try:
            with KafkaAdminClient(
                bootstrap_servers=inner, bootstrap_timeout_ms=5_000, request_timeout_ms=5_000
            ) as admin:
                return len(admin.describe_cluster()["brokers"]) >= len(self.pids)
        except (KafkaError, OSError):
            return False


def libraries() -> Path:
    """The folder of jars, filled from Maven Central the first time. Raises BrokerFailed."""
    found = re.search(r"<kafka.version>(.+?)</kafka.version>", POM.read_text(encoding="utf-8"))
    assert found is not None
    given = os.environ.get("MOT_KAFKA_CACHE")
    folder = Path(given) if given else Path.home() / ".cache" / "mot-monitor" / f"kafka-{found[1]}"
    if (folder / f"kafka_2.13-{found[1]}.jar").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    copied = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if copied.returncode:
        shutil.rmtree(fresh)
        raise BrokerFailed(f"Maven could not fetch Kafka:\n{copied.stdout[-2000:]}{copied.stderr[-2000:]}")
    try:
        fresh.rename(folder)
    except OSError:  # another run was faster
        shutil.rmtree(fresh)
    return folder


def _format(
    node: Node, nodes: Sequence[Node], security: BrokerSecurity | None, jars: Path, more: Mapping[str, str]
) -> None:
    node.folder.mkdir(parents=True, exist_ok=True)
    (node.folder / "log4j2.properties").write_text(_LOGGING)
    written = {**_properties(node, nodes), **(_security(node, security) if security else {}), **more}
    properties = node.folder / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in written.items()))
    tool = [
        "java",
        "-Xmx128m",
        "-XX:TieredStopAtLevel=1",
        f"-Dlog4j2.configurationFile={node.folder}/log4j2.properties",
    ]
    words = ["format", "-t", CLUSTER_ID, "-c", str(properties), "--ignore-formatted"]
    for name, password in (security.users if security else {}).items():
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            words += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
    done = subprocess.run(
        [*tool, "-cp", f"{jars}/*", "kafka.tools.StorageTool", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BrokerFailed(f"formatting failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _properties(node: Node, nodes: Sequence[Node]) -> dict[str, str]:
    client, inner, controller = node.ports
    copies = str(min(3, len(nodes)))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(f"{one.number}@127.0.0.1:{one.ports[2]}" for one in nodes),
        "listeners": f"CLIENT://127.0.0.1:{client},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{client},INNER://127.0.0.1:{inner}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INNER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(node.folder / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": str(min(2, len(nodes))),
        "transaction.state.log.num.partitions": "8",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.segment.delete.delay.ms": "1000",
    }


def _security(node: Node, security: BrokerSecurity) -> dict[str, str]:
    store = security.authority.issue(node.folder, "127.0.0.1")
    module = "org.apache.kafka.common.security"
    return {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
        **{
            f"listener.name.client.scram-sha-{bits}.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;"
            for bits in (256, 512)
        },
        "listener.name.client.plain.sasl.jaas.config": f"{module}.plain.PlainLoginModule required "
        + " ".join(f'user_{name}="{password}"' for name, password in security.users.items())
        + ";",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(security.authority.certificate),
        "ssl.client.auth": "none",
    }


def _given_ports(port: int, nodes: int) -> list[tuple[int, int, int]]:
    return [(port + 3 * number, port + 3 * number + 1, port + 3 * number + 2) for number in range(nodes)]


def _free_ports(nodes: int) -> list[tuple[int, int, int]]:
    # Runs beside each other begin to look at different places.
    start = os.getpid() * 37 % len(_PORTS)
    candidates: Iterator[int] = iter([*_PORTS[start:], *_PORTS[:start]])
    free = [next(port for port in candidates if not _listening(port) and _bindable(port)) for _ in range(3 * nodes)]
    return [(free[at], free[at + 1], free[at + 2]) for at in range(0, 3 * nodes, 3)]


def _bindable(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(words: Sequence[str]) -> int:
    """Run a broker in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.kafka.broker", description=main.__doc__)
    parser.add_argument("--port", type=int, default=9092, help="the first client port; two more follow per node")
    parser.add_argument("--data", type=Path, help="kept and used again; a temporary folder when not given")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--heap", default="512m")
    given = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="mot-kafka-") as temporary:
        folder = given.data or Path(temporary)
        print(f"starting Kafka, data in {folder} ...", flush=True)
        try:
            broker = Broker.start(folder.absolute(), nodes=given.nodes, port=given.port, heap=given.heap)
        except BrokerFailed as flaw:
            print(flaw, file=sys.stderr)
            return 1
        print(f"Kafka answers at {broker.bootstrap}; Ctrl-C stops it", flush=True)
        try:
            while len(broker.pids) == given.nodes:
                time.sleep(0.5)
            print(f"a node ended by itself\n{broker.log_tail()}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0
        finally:
            broker.stop(gently=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
