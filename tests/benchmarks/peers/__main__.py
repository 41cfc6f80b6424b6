"""`python -m tests.benchmarks.peers [--rounds N] [--events N] [--json FILE] [--bootstrap HOST:PORT]`: README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path

from tests.benchmarks.brokers import niced_broker
from tests.benchmarks.peers.contenders import CONTENDERS, HERE, PEERS_PYTHON
from tests.benchmarks.peers.job import reference
from tests.benchmarks.peers.rounds import figures, print_differences, print_table, run_all
from tests.benchmarks.peers.tally import Task
from tests.benchmarks.peers.traffic import delete, lines, load, split

_SHOWN = ("faust-streaming", "aiokafka", "quixstreams", "bytewax", "confluent-kafka", "rocksdict", "msgspec")


def main() -> int:
    """Measure and print; 1 when a contender failed or found other alerts without an excuse."""
    options = _options()
    if not PEERS_PYTHON.exists():
        sys.exit("the peers' environment is not there: make bench-peers sets it up")
    chosen = tuple(one for one in CONTENDERS if any(word in one.name for word in options.only))
    log = lines(options.events, options.usage)
    parts = split(log, options.partitions)
    expected = reference([line for _, line in part] for part in parts)
    topic = f"peers-{os.getpid()}"
    with niced_broker(options.bootstrap) as bootstrap:
        asyncio.run(load(bootstrap, topic, parts))
        task = Task(bootstrap, topic, options.partitions, len(log), topic, Path(), "")
        before = os.getloadavg()
        results = run_all(chosen, task, options.rounds)
        asyncio.run(delete(bootstrap, [topic]))
    size = sum(map(len, log)) / len(log)
    print(f"{len(log):,} events of {size:.0f} bytes in {options.partitions} partitions; {options.rounds} rounds")
    loads = [one.load for rounds in results.values() for one in rounds]
    busy = f"load {before[0]:.1f} before, {min(loads, default=0):.1f} to {max(loads, default=0):.1f} after the runs"
    print(f"{os.cpu_count()} cores, {busy}; first event processed to last, start-up left out\n")
    table = figures(results)
    print_table(table, chosen)
    apart = print_differences(results, expected, chosen)
    print("\n" + ", ".join(f"{name} {version}" for name, version in _versions().items()))
    if options.json:
        said = {
            "machine": platform.platform(), "cores": os.cpu_count(), "load_before": before, "events": len(log),
            "bytes_per_event": size, "partitions": options.partitions, "usage_per_day": options.usage,
            "versions": _versions(),
            "load_after_each": {name: [one.load for one in rounds] for name, rounds in results.items()},
            "figures": table, "alerts": len(expected), "different": apart,
        }  # fmt: skip
        options.json.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    failed = any(len(results[one.name]) < options.rounds for one in chosen)
    return int(failed or any(one.name in apart and not one.excuse for one in chosen))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each running every contender once in turn")
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--usage", type=float, default=2.0, help="usage records per customer and day in the traffic")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--bootstrap", default="", help="use this broker; otherwise one is started, niced")
    parser.add_argument("--only", nargs="+", default=[""], help="contenders whose name contains one of these words")
    return parser.parse_args()


def _versions() -> dict[str, str]:
    """Of the peers' environment."""
    folders = [str(folder) for folder in (HERE / ".venv" / "lib").glob("python3*/site-packages")]
    found = {one.metadata["Name"]: one.version for one in distributions(path=folders)}
    return {name: found[name] for name in _SHOWN}


if __name__ == "__main__":
    sys.exit(main())
