"""How a live worker works; nothing here changes what it says of a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PATIENCE_MS = 600_000
"""How long what a worker writes may wait for the broker before it gives up and is started anew; and the longest a
transaction may stay open."""

Step = Literal["fetched", "computed", "sent", "settled", "handed_over", "committed", "acknowledged"]
"""The steps of the commit protocol, in order; a test may let the process die at each."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """A partition commits after `commit_records` records or `commit_seconds` seconds. Alerts leave with every fetch.

    `max_cached` customers stay in memory between commits, shared among the partitions owned. When a partition has been
    read to its end and nothing came for `tick_after` seconds, a tick is written to its log; it says `tick_behind`
    seconds ago, because sources may be that slow. A log whose clock is more than `live_within` seconds behind is
    history: it is not ticked.
    Every `report_seconds` it says on the facts topic how it is doing.
    A worker that has something to read and gets nothing done for `stuck_after` seconds ends itself.
    """

    commit_records: int = 100_000
    commit_seconds: float = 2.0
    fetch_records: int = 5_000
    session_timeout: float = 10.0
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    max_cached: int = 400_000
    tick_after: float = 30.0
    tick_behind: float = 60.0
    live_within: float = 86_400.0
    stuck_after: float = 60.0
    unready_after: float = 10.0
    report_seconds: float = 10.0
    strict: bool = False
