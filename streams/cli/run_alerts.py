"""`mot run sink-alerts`: alerts to consoles, files and web services until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter, ValidationError

from detectors.catalogue import CATALOGUE
from streams.cli.failures import CliError, UsageFault
from streams.cli.quiet import quiet_clients
from streams.cli.session import Session
from streams.kafka.settings import KafkaSettings, load_kafka_settings
from streams.runners.health import served
from streams.runners.process import now_ms, stopped_by_signal
from streams.runners.sink_alerts import AlertCollector, AlertProgress, AlertRunner, AlertSettings, SetAside
from streams.secrets import secret_of
from streams.settings import Duration
from streams.sinks.alert_files import ConsoleTarget, JsonlTarget
from streams.sinks.alerts import AlertTarget, Choice, Send
from streams.sinks.webhook import SECRET, AddressPolicy, Signer, WebhookTarget

_REPORT_SECONDS = 10.0
_TARGET = re.compile(r"(?:(?P<name>[a-z0-9][a-z0-9-]{0,39})=)?(?P<kind>console|jsonl|webhook)(?::(?P<where>.+))?")


@dataclass(frozen=True, slots=True)
class AlertOptions:
    """What `mot run sink-alerts` was asked for."""

    to: Sequence[str]
    kafka: Path | None
    bootstrap: str | None
    send: Send
    min_severity: int
    with_models: bool
    start_at: Literal["beginning", "now"]
    give_up: str
    undelivered: Path
    allow_http: bool
    allow_hosts: Sequence[str]
    port: int | None


class TargetWords(NamedTuple):
    """`[NAME=]KIND[:WHERE]`. Without a name it is the kind and a hash of where: the name is part of the consumer
    group, and with another one a target begins anew."""

    name: str
    kind: str
    where: str


def read_target(words: str) -> TargetWords:
    """What one `--to` names. Raises UsageFault."""
    found = _TARGET.fullmatch(words)
    if found is None or (found["kind"] == "console") == bool(found["where"]):
        raise UsageFault("live.no_target", words=words)
    kind, where = found["kind"], found["where"] or ""
    if kind == "jsonl":
        where = str(Path(where).resolve())
    named = found["name"] or (f"{kind}-{hashlib.sha256(where.encode()).hexdigest()[:8]}" if where else kind)
    return TargetWords(named, kind, where)


def run_alerts(session: Session, options: AlertOptions) -> None:
    """Send alerts until stopped, or until no target wants any more. Raises StreamsError, CliError."""
    kafka = load_kafka_settings(options.kafka, bootstrap=options.bootstrap, environment=session.environment)
    targets = [read_target(words) for words in options.to]
    names = [target.name for target in targets]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise UsageFault("live.same_target", name=doubled)
    try:
        give_up_ms = TypeAdapter(Duration).validate_python(options.give_up)
    except ValidationError:
        raise UsageFault("live.no_duration", words=options.give_up) from None
    choice = Choice(options.send, options.min_severity, options.with_models)
    settings = AlertSettings(choice=choice, start_at=options.start_at, give_up_seconds=give_up_ms / 1000)
    quiet_clients(session)
    asyncio.run(_alerts(session, kafka, targets, options, settings))


async def _alerts(
    session: Session,
    kafka: KafkaSettings,
    targets: Sequence[TargetWords],
    options: AlertOptions,
    settings: AlertSettings,
) -> None:
    set_aside = SetAside(options.undelivered)
    opened = [_opened(session, target, options) for target in targets]

    def runner_of(target: AlertTarget) -> AlertRunner:
        words = session.say("live.resumed", name=target.name)
        resumed = partial(session.err.print, words, style="yellow", markup=False, soft_wrap=True)
        return AlertRunner(kafka, target, set_aside, now_ms=now_ms, settings=settings, resumed=resumed)

    runners = [runner_of(target) for target in opened]
    progresses = [runner.progress for runner in runners]
    registry = CollectorRegistry()
    AlertCollector(progresses, registry)
    names = ", ".join(target.name for target in targets)
    reports = asyncio.create_task(_reports(session, runners, options.undelivered))
    with stopped_by_signal(lambda: _stop(runners)):
        session.err.print(
            session.say("live.alerts_begin", bootstrap=kafka.bootstrap, names=names), markup=False, soft_wrap=True
        )
        try:
            async with served(
                options.port, healthy=_lives, ready=lambda: all(one.ready() for one in runners), registry=registry
            ) as server:
                if server is not None:
                    session.err.print(session.say("live.listening", port=server.port), markup=False, soft_wrap=True)
                await _all(runners)
        finally:
            reports.cancel()
    for progress in progresses:
        _tell(session, progress, options.undelivered)
    if all(progress.gone for progress in progresses) and any(target.kind == "webhook" for target in targets):
        raise CliError("live.all_gone")
    session.err.print(session.say("live.alerts_stopped"), markup=False, soft_wrap=True)


def _lives() -> bool:
    """A process that answers at all lives: everything it does is on the event loop that answers."""
    return True


def _opened(session: Session, target: TargetWords, options: AlertOptions) -> AlertTarget:
    if target.kind == "console":
        titles = {detector.meta.id: detector.meta.title for detector in CATALOGUE}
        return ConsoleTarget(target.name, sys.stdout, session.language, titles)
    if target.kind == "jsonl":
        return JsonlTarget(target.name, Path(target.where))
    policy = AddressPolicy(options.allow_http, frozenset(host.lower() for host in options.allow_hosts))
    own = f"{SECRET}_{target.name.upper().replace('-', '_')}"
    secret = secret_of(session.environment, own) or secret_of(session.environment, SECRET)
    return WebhookTarget(target.name, policy.checked(target.where), Signer(secret), policy, now_ms)


async def _all(runners: Sequence[AlertRunner]) -> None:
    """Run all until each has ended; when one fails, the others end too and its error is raised."""
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    _, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    if running:
        _stop(runners)
        await asyncio.wait(running)
    for task in tasks:
        task.result()


def _stop(runners: Sequence[AlertRunner]) -> None:
    for runner in runners:
        runner.stop()


async def _reports(session: Session, runners: Sequence[AlertRunner], undelivered: Path) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        for runner in runners:
            await runner.measure()
            _tell(session, runner.progress, undelivered)


def _tell(session: Session, progress: AlertProgress, undelivered: Path) -> None:
    """One line about a target, and a second when something is wrong with it."""
    lag = "?" if progress.lag is None else f"{progress.lag:,}"
    words = session.say(
        "live.alerts_line",
        name=progress.target,
        sent=f"{progress.sent:,}",
        left_out=f"{progress.left_out:,}",
        lag=lag,
    )
    if progress.set_aside:
        words += session.say("live.alerts_set_aside", count=progress.set_aside, path=undelivered)
    session.err.print(words, markup=False, soft_wrap=True)
    if progress.gone:
        session.err.print(session.say("live.gone", name=progress.target), style="red", markup=False, soft_wrap=True)
    elif progress.trouble is not None:
        seconds = 1 if progress.failing_since is None else max(1, round(monotonic() - progress.failing_since))
        words = session.say("live.stalled", seconds=seconds, reason=session.pick(progress.trouble))
        session.err.print(words, style="yellow", markup=False, soft_wrap=True)
