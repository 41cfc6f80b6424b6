"""The embedded runner: one process, no broker. Records in, moments and KPIs in the folder's ClickHouse.

The commit protocol, in this order whatever happens: fetch records, decode, drop those already applied, compute,
write the effects and wait until they are safe, write state and position in one transaction, go on. A crash before
the transaction repeats the work, and the repeated effects carry the same ids and versions; a crash after it repeats
nothing.

Effects begin to leave while a commit's records are still being computed, and ClickHouse goes on with them while the
engine computes those of the next; only the transaction waits for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any, Literal, NamedTuple

import msgspec

from detectors.base import AnyDetector
from journeys.lateness import Lateness
from journeys.placement import Placements
from journeys.touchpoints import Touchpoints, shipped_touchpoints
from schemas.codec import read_event
from schemas.deadletters import DeadLetter
from schemas.envelope import Tick
from streams.engine.engine import Engine
from streams.engine.partition import partition_of
from streams.lock import FolderLock
from streams.runners.collecting import long_lived_state
from streams.runners.feeds import Records, RecordSource
from streams.runners.folder import RunHeader, claim, clickhouse_path, state_path
from streams.runners.partition import Decoded, Partition
from streams.runners.query_server import QueryServer
from streams.runners.writer import EffectsWriter
from streams.sinks.clickhouse import ClickHouseSink, open_client
from streams.sinks.ports import Delivery
from streams.sinks.rows import touchpoint_rows
from streams.stores.sqlite import PartitionStore

Step = Literal["fetched", "decoded", "computed", "sending", "safe", "committed", "finished"]
"""The steps of the protocol at which a test may let the process die."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run works; nothing here changes what it says.

    A commit is due after `commit_records` records or `commit_seconds` seconds; effects leave every `send_events`
    events. `synchronous` FULL survives power loss at each commit; with NORMAL the last commits are then computed again.
    """

    batch_records: int = 2_000
    commit_records: int = 100_000
    commit_seconds: float = 2.0
    send_events: int = 25_000
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    strict: bool = False
    answers_queries: bool = True
    max_cached: int = 200_000


@dataclass(frozen=True, slots=True)
class Reading:
    """How an operator reads his events, beyond the detectors: what counts as late, where touchpoints stand.

    Without `placements` events are placed by the shipped rules.
    """

    lateness: Lateness = field(default_factory=Lateness)
    touchpoints: Touchpoints = field(default_factory=shipped_touchpoints)
    placements: Placements | None = None


@dataclass(slots=True)
class Progress:
    """How far this start has come. `records` were fetched and not yet applied before, `position` is committed,
    `front_ms` the latest event time; `totals` are the engines' counts since the first event of the folder."""

    position: int = 0
    records: int = 0
    events: int = 0
    dead_letters: int = 0
    commits: int = 0
    front_ms: int = -1
    finished: bool = False
    same_settings: bool = True
    totals: dict[str, int] = field(default_factory=dict)


def _survive(step: Step) -> None:
    """Let every step pass."""


class EmbeddedRunner:
    """Runs a source through the engines of a folder. One `run` per object.

    `told` hears of every commit, from the thread that runs; `fault` is called at each protocol step (tests end the
    process there). Construction opens nothing. Whatever ends a run, the folder goes on from its last commit at the
    next start.
    """

    def __init__(
        self,
        folder: Path,
        source: RecordSource,
        catalogue: Sequence[AnyDetector],
        *,
        partitions: int = 1,
        settings: Settings | None = None,
        reading: Reading | None = None,
        told: Callable[[Progress], None] | None = None,
        fault: Callable[[Step], None] = _survive,
    ) -> None:
        self._folder = folder
        self._source = source
        self._catalogue = catalogue
        self._count = partitions
        self._settings = settings or Settings()
        self._reading = reading or Reading()
        self._told = told
        self._fault = fault
        self._stopping = False
        self.progress = Progress()

    def stop(self) -> None:
        """Ask a running `run` to commit what it has and return; safe to call from a signal handler or another
        thread."""
        self._stopping = True

    def run(self) -> Progress:
        """Run to the source's end, or until `stop`, and commit. At the end of the source what is pending is confirmed.

        Raises FolderBusy, FolderMismatch, FolderNotWritable, DiskFull, StateCorrupted, StateTooNew, SinkFailed or
        SourceNotResumable.
        """
        with FolderLock(self._folder), ExitStack() as opened:
            claim(self._folder, RunHeader(self._count, self._source.identity))
            partitions = [self._open_partition(number, opened) for number in range(self._count)]
            sink = ClickHouseSink(open_client(clickhouse_path(self._folder)), self._folder)
            opened.callback(sink.close)
            if self._settings.answers_queries:
                opened.callback(QueryServer(self._folder, clickhouse_path(self._folder)).close)
            writer = EffectsWriter(sink)
            opened.callback(writer.close)
            committed = opened.enter_context(long_lived_state())
            sink.write_rows("touchpoints", touchpoint_rows(self._reading.touchpoints))
            self._follow(_Run(partitions, writer, self._settings, self._fault), committed)
            sink.write_rows("runs", [self._run_row(partitions)])
        return self.progress

    def _open_partition(self, number: int, opened: ExitStack) -> Partition:
        path = state_path(self._folder, number)
        store = PartitionStore(path, synchronous=self._settings.synchronous)
        opened.callback(store.close)
        engine = Engine(
            self._catalogue,
            partition=number,
            records=store,
            strict=self._settings.strict,
            lateness=self._reading.lateness,
            placements=self._reading.placements or Placements(self._reading.touchpoints),
            max_cached=self._settings.max_cached,
        )
        return Partition(engine, store, path)

    def _run_row(self, partitions: Sequence[Partition]) -> dict[str, Any]:
        """What this start was and did, for table `runs`; a later start with the same meaning replaces it."""
        fingerprint = partitions[0].engine.fingerprint
        header = {
            "detectors": [f"{one.meta.id}@{one.meta.version}" for one in self._catalogue],
            "fingerprint": fingerprint,
            "partitions": self._count,
            "product": version("mot-monitor"),
            "source": self._source.identity,
        }
        return {
            "run_id": fingerprint,
            "header": msgspec.json.encode(header).decode(),
            "summary": msgspec.json.encode(self.progress.totals).decode(),
            "records": self.progress.position,
            "finished": int(self.progress.finished),
        }

    def _follow(self, run: _Run, committed: Callable[[], None]) -> None:
        for records in self._source.batches(run.start, self._settings.batch_records):
            self._fault("fetched")
            run.take(records)
            commits, stopping = run.commits, self._stopping
            if run.is_due() or stopping:
                run.commit()
            if run.is_safe() or stopping:
                run.complete()
            if run.commits > commits:
                committed()
                self._report(run, finished=False)
            if stopping:
                return
        run.finish()
        self._fault("finished")
        self._report(run, finished=True)

    def _report(self, run: _Run, finished: bool) -> None:
        self.progress = run.progress(finished)
        if self._told is not None:
            self._told(self.progress)


class _OpenCommit(NamedTuple):
    """A commit whose effects are on their way: what commits each partition, the writer's ticket, the position."""

    partitions: list[Callable[[Callable[[], object]], None]]
    ticket: int
    position: int


class _Run:
    """The state of one run between two commits."""

    def __init__(
        self, partitions: list[Partition], writer: EffectsWriter, settings: Settings, fault: Callable[[Step], None]
    ) -> None:
        self._partitions = partitions
        self._writer = writer
        self._settings = settings
        self._fault = fault
        self.start = min(partition.applied for partition in partitions)
        self._position = self.position = self.start
        self._open: _OpenCommit | None = None
        self._delivery = Delivery()
        self._uncommitted = 0
        self._committed_at = monotonic()
        self._records = self._events = self._dead_letters = self.commits = 0

    def take(self, records: Records) -> None:
        """Decode and compute; the effects may begin to leave."""
        shares = [Decoded() for _ in self._partitions]
        self._decode(records, shares)
        self._fault("decoded")
        for partition, share in zip(self._partitions, shares, strict=True):
            partition.apply(share, self._delivery)
        self._position = records.first + len(records.raws)
        self._uncommitted += len(records.raws)
        self._records += len(records.raws)
        self._fault("computed")
        if len(self._delivery) >= self._settings.send_events:
            self._send()

    def _decode(self, records: Records, shares: list[Decoded]) -> None:
        count = len(shares)
        first = shares[0]
        for position, raw in enumerate(records.raws, records.first):
            record = read_event(raw, "", position)
            if type(record) is DeadLetter:  # isinstance asks pydantic's metaclass, which is slow
                self._dead_letters += 1
                self._delivery.dead_letters.append(record)
            elif type(record) is Tick:
                for share in shares:
                    share.add(position, raw, record)
            else:
                share = first if count == 1 else shares[partition_of(record.customer_id, count)]
                share.add(position, raw, record)

    def _send(self) -> int:
        self._events += len(self._delivery)
        ticket = self._writer.submit(self._delivery)
        self._delivery = Delivery()
        self._fault("sending")
        return ticket

    def is_due(self) -> bool:
        """Whether there is something to commit and it is time."""
        if not self._uncommitted:
            return False
        waited = monotonic() - self._committed_at
        return self._uncommitted >= self._settings.commit_records or waited >= self._settings.commit_seconds

    def commit(self) -> None:
        """Complete the commit before, then send the rest of the effects; the commit completes when they are safe.

        So ClickHouse works on one commit while the engine computes the next.
        """
        self.complete()
        commits = [partition.prepare(self._position, self._delivery) for partition in self._partitions]
        self._open = _OpenCommit(commits, self._send(), self._position)
        self._uncommitted = 0
        self._committed_at = monotonic()

    def is_safe(self) -> bool:
        """Whether there is an open commit that completes without waiting."""
        return self._open is not None and self._writer.is_safe(self._open.ticket)

    def complete(self) -> None:
        """Wait until the effects of the open commit are safe, then commit every partition."""
        if self._open is None:
            return
        for commit in self._open.partitions:
            commit(self._safe)
            self._fault("committed")
        self.position = self._open.position
        self._open = None
        self.commits += 1

    def _safe(self) -> None:
        if self._open is not None:
            self._writer.settle(self._open.ticket)
        self._fault("safe")

    def finish(self) -> None:
        """End of the log: time reaches the highest event time of all partitions in each of them."""
        highest = max(partition.engine.front for partition in self._partitions)
        if highest >= 0:
            for partition in self._partitions:
                partition.finish(highest, self._delivery)
        self.commit()
        self.complete()

    def progress(self, finished: bool) -> Progress:
        """How far the run has come."""
        totals: Counter[str] = Counter()
        for partition in self._partitions:
            totals.update(partition.engine.summary())
        return Progress(
            position=self.position,
            records=self._records,
            events=self._events,
            dead_letters=self._dead_letters + self._writer.refused,
            commits=self.commits,
            front_ms=max(partition.engine.front for partition in self._partitions),
            finished=finished,
            same_settings=all(partition.same_settings for partition in self._partitions),
            totals=dict(totals),
        )
