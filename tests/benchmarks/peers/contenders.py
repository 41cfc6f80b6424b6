"""Who takes part: how each is started, and what each would still know after its process died."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.peers.tally import Task

HERE = Path(__file__).resolve().parent
PEERS_PYTHON = HERE / ".venv" / "bin" / "python"


class Contender(NamedTuple):
    """`run` is a module of `.runs`, started by `python`; it writes `report.json` (tally.py) into its folder.

    `durable` is what outlives the process, in the words of the table. `excuse`: why other alerts than the reference's
    are expected; they are printed all the same.
    """

    name: str
    run: str
    variant: str
    durable: str
    python: Path = PEERS_PYTHON
    excuse: str = ""

    def command(self, task: Task) -> list[str]:
        """The words that start it."""
        module = f"tests.benchmarks.peers.runs.{self.run}"
        return [str(self.python), "-m", module, *task._replace(variant=self.variant).arguments()]


def product(name: str, variant: str) -> Contender:
    """This product, in its own environment."""
    return Contender(
        name,
        "product",
        variant,
        "offsets, all state (SQLite, state topic), alerts, facts",
        python=Path(sys.executable),
        excuse="N07 takes the median of three bills, the job their mean",
    )


LOOP = "plain loop (aiokafka)"
TABLE = "Faust agent, bills in a Table"
CONTENDERS = (
    Contender("Faust agent, one at a time", "faust_agent", "each", "offsets"),
    Contender("Faust agent, take", "faust_agent", "take", "offsets"),
    Contender(TABLE, "faust_agent", "table", "offsets, bills (changelog topic)"),
    Contender("Quix Streams, Python state", "quix", "plain", "offsets"),
    Contender("Quix Streams, bills in RocksDB", "quix", "rocksdb", "offsets, bills (RocksDB, changelog topic)"),
    Contender("Quix Streams, state at every event", "quix", "every", "offsets, bills (RocksDB, changelog topic)"),
    Contender("Bytewax, Python state", "bytewax_flow", "plain", "nothing"),
    Contender("Bytewax, bills keyed", "bytewax_flow", "keyed", "nothing"),
    Contender("Bytewax, every event keyed", "bytewax_flow", "every", "nothing"),
    Contender("Bytewax, bills keyed + recovery", "bytewax_flow", "recovery", "offsets, bills (SQLite)"),
    Contender(LOOP, "loop", "", "offsets"),
    product("mot run worker, N03 and N07", "two"),
    product("mot run worker, eight detectors", "all"),
)
