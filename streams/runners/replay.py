"""Replay: a finite log through the engine, customers spread over processes, one canonical result.

Every process reads the log and takes the customers of its partition; what cannot be read belongs to the first. When all
have come to the end, the log's highest event time is made known to every partition, so that silence is noticed alike.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter
from typing import Any

from detectors.base import AnyDetector
from schemas.codec import encode
from schemas.deadletters import DeadLetter
from schemas.envelope import Event, Tick
from schemas.moments import Text
from schemas.times import iso
from streams.engine.effects import Effects
from streams.engine.engine import Engine
from streams.errors import StreamsError
from streams.runners import results
from streams.runners.collecting import long_lived_state
from streams.runners.kpi_parts import KpiPart, merge_kpis
from streams.runners.results import MomentLedger
from streams.settings import OperatorSettings
from streams.sinks.ports import too_late_letter
from streams.sources.logs import LogSource, open_log
from streams.sources.rows import Records
from streams.sources.sharing import Share

DEFAULT_BATCH = 500
_KPIS_EVERY = 100_000
_PARTS = ".parts"
Progress = Callable[[int, float], None]
"""Called now and then with the records read so far and the part of the log that is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What to replay, and how.

    `parameters` are overrides per detector id, on top of those in `settings`; `only` names the detectors to run.
    """

    log: Path
    mapping: str | None
    out: Path
    batch_size: int = DEFAULT_BATCH
    processes: int = 1
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    settings: OperatorSettings = field(default_factory=OperatorSettings)

    def catalogue(self) -> tuple[AnyDetector, ...]:
        """The detectors with their parameters. Raises ValueError naming a detector or parameter that does not exist."""
        detectors = self.settings.with_parameters(self.parameters).catalogue()
        return tuple(d for d in detectors if not self.only or d.meta.id in self.only)

    def engine(self, partition: int) -> Engine:
        """The engine of one partition of this replay."""
        settings = self.settings
        return Engine(
            self.catalogue(), partition=partition, lateness=settings.lateness(), placements=settings.placements()
        )


@dataclass(slots=True)
class Summary:
    """Totals of a replay. `seconds` is wall time and the only figure that differs between two runs on one log."""

    records: int = 0
    events: int = 0
    duplicates: int = 0
    late: int = 0
    dead_letters: int = 0
    detector_failures: int = 0
    moments: dict[str, int] = field(default_factory=dict)
    withdrawn: int = 0
    last_event_at: str | None = None
    fingerprint: str = ""
    log: str = ""
    mapping: str | None = None
    processes: int = 1
    seconds: float = 0.0


class _Share:
    """One partition of a replay, in whatever process it runs. Writes its part of the result under `out/.parts`."""

    def __init__(self, plan: ReplayPlan, partition: int, settle: Callable[[], None]) -> None:
        self._settle = settle
        self.engine = plan.engine(partition)
        self.failures = 0
        self.dead_letters = 0
        self._plan = plan
        self._partition = partition
        self._share = Share(partition, plan.processes)
        self._ledger = MomentLedger()
        self._kpis = KpiPart(_part(plan, "kpis", partition))
        self._letters = _part(plan, "dead_letters", partition).open("w", encoding="utf-8")

    def run(self, log: LogSource) -> Iterator[None]:
        """Work through the log, batch by batch."""
        counted = 0
        for records in log.batches(self._plan.batch_size, self._share):
            self._process(records)
            counted += len(records)
            if counted >= _KPIS_EVERY:
                counted = 0
                self._kpis.write(*self.engine.kpi_increments())
                self._settle()
            yield

    def finish(self, front: int) -> dict[str, int]:
        """Come to the end of the log at its highest time `front` and write this part.

        Returns the partition's totals.
        """
        self._take(self.engine.finish(front))
        self._kpis.write(*self.engine.kpi_increments())
        self._kpis.close(self.engine.kpi_dims)
        self._letters.close()
        results.write_moments(_part(self._plan, "moments", self._partition), self._ledger.final())
        results.write_moments(_part(self._plan, "retractions", self._partition), self._ledger.withdrawn())
        return self.engine.summary() | {"dead_letters": self.dead_letters, "detector_failures": self.failures}

    def _process(self, records: Records) -> None:
        origin = records.origin
        decoded = records.decoded()
        events = [one for one in decoded if type(one) is not DeadLetter]  # isinstance asks pydantic's metaclass: slow
        places: Sequence[int] = range(len(decoded))
        if len(events) < len(decoded):
            places = [place for place in places if not self._is_letter(decoded[place])]
        effects = self.engine.process(events)
        for place, detail in effects.too_late:
            raw, position = records.raws[places[place]], records.positions[places[place]]
            payload = raw if isinstance(raw, bytes) else encode(events[place])
            self._set_aside(too_late_letter(payload, origin, position, detail))
        self._take(effects)

    def _is_letter(self, one: Event | Tick | DeadLetter) -> bool:
        """Whether it is a dead letter; then it is set aside."""
        if type(one) is not DeadLetter:
            return False
        self._set_aside(one)
        return True

    def _take(self, effects: Effects) -> None:
        self._ledger.take(effects.moments)
        self.failures += len(effects.failures)

    def _set_aside(self, letter: DeadLetter) -> None:
        self.dead_letters += 1
        self._letters.write(letter.model_dump_json() + "\n")


def replay(plan: ReplayPlan, progress: Progress | None = None) -> Summary:
    """Replay a log and write its result folder; an interrupted replay leaves none of its parts behind.

    Raises LogError or MappingError for a log that cannot be read, ValueError for parameters that no detector has.
    """
    began = perf_counter()
    fingerprint = plan.engine(0).fingerprint
    parts = plan.out / _PARTS
    parts.mkdir(parents=True, exist_ok=True)
    try:
        totals = _in_this_process(plan, progress) if plan.processes == 1 else _in_processes(plan, progress)
        summary = _summary(plan, totals)
        summary.fingerprint = fingerprint
        _merge(plan, summary)
    finally:
        shutil.rmtree(parts, ignore_errors=True)
    summary.seconds = round(perf_counter() - began, 3)
    described = json.dumps(asdict(summary), ensure_ascii=False, indent=2)
    (plan.out / results.SUMMARY).write_text(described + "\n", encoding="utf-8")
    return summary


def _in_this_process(plan: ReplayPlan, progress: Progress | None) -> list[dict[str, int]]:
    log = open_log(plan.log, plan.mapping)
    with long_lived_state() as settle:
        share = _Share(plan, 0, settle)
        for _ in share.run(log):
            if progress is not None:
                progress(log.read, log.fraction())
        return [share.finish(share.engine.front) | {"records": log.read, "front": share.engine.front}]


def _in_processes(plan: ReplayPlan, progress: Progress | None) -> list[dict[str, int]]:
    open_log(plan.log, plan.mapping)  # a log or mapping that is wrong is told here, once
    context = get_context("spawn")
    ends: list[Connection] = []
    processes = []
    with ExitStack() as stack:
        for partition in range(plan.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(plan, partition, theirs), daemon=True)
            process.start()
            theirs.close()
            stack.callback(process.join)
            processes.append(process)
            ends.append(ours)
        try:
            fronts = _collect(ends, "front", progress)
            for end in ends:
                end.send(max(fronts))
            return _collect(ends, "totals", None)
        except BaseException:
            for process in processes:  # the others wait for a word that will not come
                process.terminate()
            raise


def _work(plan: ReplayPlan, partition: int, parent: Connection) -> None:
    """One process of a replay: work, tell the highest time, hear the log's, finish."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its children
    try:
        with long_lived_state() as settle:
            log = open_log(plan.log, plan.mapping)
            share = _Share(plan, partition, settle)
            told = perf_counter()
            for _ in share.run(log):
                if partition == 0 and perf_counter() - told > 0.2:
                    parent.send(("progress", (log.read, log.fraction())))
                    told = perf_counter()
            parent.send(("front", share.engine.front))
            totals = share.finish(parent.recv())
            parent.send(
                ("totals", totals | {"records": log.read if partition == 0 else 0, "front": share.engine.front})
            )
    except Exception as error:
        parent.send(("error", error))


def _collect(ends: list[Connection], kind: str, progress: Progress | None) -> list[Any]:
    """One message of `kind` from every process. Raises what a process raised, ReplayDied when one is gone."""
    found: dict[int, Any] = {}
    waiting = {id(end): (number, end) for number, end in enumerate(ends)}
    while waiting:
        for end in wait([end for _, end in waiting.values()]):
            assert isinstance(end, Connection)
            try:
                said, content = end.recv()
            except EOFError:
                raise ReplayDied from None
            if said == "error":
                raise content
            if said == "progress" and progress is not None:
                progress(*content)
            if said == kind:
                number, _ = waiting.pop(id(end))
                found[number] = content
    return [found[number] for number in range(len(ends))]


class ReplayDied(StreamsError):
    """A process of the replay ended without a word (killed, out of memory)."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                zh="回放的一个进程意外终止(可能内存不足)。请减少 --processes 后重试。",
                en="A process of the replay ended unexpectedly (out of memory?). Try again with fewer --processes.",
            )
        )


def _summary(plan: ReplayPlan, totals: list[dict[str, int]]) -> Summary:
    def total(name: str) -> int:
        return sum(part.get(name, 0) for part in totals)

    front = max(part["front"] for part in totals)
    return Summary(
        records=total("records"),
        events=total("events"),
        duplicates=total("duplicates"),
        late=total("late"),
        dead_letters=total("dead_letters"),
        detector_failures=total("detector_failures"),
        last_event_at=iso(front) if front >= 0 else None,
        log=str(plan.log.resolve()),
        mapping=plan.mapping,
        processes=plan.processes,
    )


def _merge(plan: ReplayPlan, summary: Summary) -> None:
    """The parts of all partitions into the canonical files."""
    shares = range(plan.processes)
    for name, file in (("moments", results.MOMENTS), ("retractions", results.RETRACTIONS)):
        moments = [moment for share in shares for moment in results.read_moments(_part(plan, name, share))]
        moments.sort(key=results.canonical_order)
        results.write_moments(plan.out / file, moments)
        if name == "moments":
            summary.moments = dict(sorted(Counter(m.detector_id for m in moments).items()))
        else:
            summary.withdrawn = len(moments)
    merge_kpis([_part(plan, "kpis", share) for share in shares], plan.out / results.KPIS)
    letters = [
        line for share in shares for line in _part(plan, "dead_letters", share).read_text(encoding="utf-8").splitlines()
    ]
    letters.sort(key=lambda line: (place := json.loads(line), (place["origin"], place["position"]))[1])
    (plan.out / results.DEAD_LETTERS).write_text("".join(line + "\n" for line in letters), encoding="utf-8")


def _part(plan: ReplayPlan, name: str, partition: int) -> Path:
    return plan.out / _PARTS / f"{name}-{partition}"
