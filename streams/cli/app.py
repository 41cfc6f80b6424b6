"""The commands of `mot` and their options. What they do stands in one module per command, loaded when it is called.

Nobody writes help here: each text is the message `help.<command>[.<parameter>]` of `messages.toml`, put in by
`streams.cli.localise` when the app is built for a language.
"""

# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them, so that `mot --help` answers at once
# ruff: noqa: PLR0913, PLR0917 - to typer, every parameter of a function is an option

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.cli.app_dashboards import add_commands as add_dashboards
from streams.cli.app_indicators import add_commands
from streams.cli.options import (
    DEMO_FOLDER,
    STATE_FOLDER,
    UNDELIVERED,
    AsJson,
    Bootstrap,
    Customers,
    Days,
    DeadReason,
    Folder,
    KafkaFile,
    Log,
    Mapping,
    Port,
    Seed,
    SettingsFile,
    session_of,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"mot {version('mot-monitor')}")
        raise typer.Exit


def _root(
    lang: Annotated[str | None, typer.Option("--lang", metavar="zh|en", envvar="MOT_LANG")] = None,
    debug: Annotated[bool, typer.Option("--debug")] = False,
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version)] = False,
) -> None:
    """Language and debugging are taken out of the words before they come here: they stand in the help only."""


def _demo(
    ctx: typer.Context,
    customers: Customers = 2_000,
    days: Days = 130,
    seed: Seed = 1,
    speed: Annotated[float, typer.Option("--speed", min=0, metavar="X")] = 0,
    duration: Annotated[float | None, typer.Option("--duration", min=0, metavar="SECONDS")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR")] = DEMO_FOLDER,
    settings: SettingsFile = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
) -> None:
    from streams.cli.demo import DemoOptions, run

    options = DemoOptions(
        customers=customers,
        days=days,
        seed=seed,
        speed=speed,
        duration=duration,
        out=out,
        settings=settings,
        json_file=json_file,
    )
    raise typer.Exit(run(session_of(ctx), options))


def _simulate(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE")],
    customers: Customers = 1_000,
    days: Days = 130,
    seed: Seed = 1,
    truth: Annotated[Path | None, typer.Option("--truth", metavar="FILE")] = None,
    late: Annotated[float, typer.Option("--late", metavar="X", min=0, max=1)] = 0.05,
    duplicates: Annotated[float, typer.Option("--duplicates", metavar="X", min=0, max=1)] = 0.02,
) -> None:
    from streams.cli.simulate import SimulateOptions, run

    options = SimulateOptions(
        customers=customers, days=days, seed=seed, out=out, truth=truth, late=late, duplicates=duplicates
    )
    run(session_of(ctx), options)


def _replay(
    ctx: typer.Context,
    log: Log,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR")],
    mapping: Mapping = None,
    batch_size: Annotated[int, typer.Option("--batch-size", metavar="N", min=1)] = 500,
    processes: Annotated[int, typer.Option("--processes", metavar="N", min=1)] = 1,
    settings: SettingsFile = None,
    params: Annotated[Path | None, typer.Option("--params", metavar="FILE")] = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.replay import ReplayOptions, run

    options = ReplayOptions(
        log=log,
        mapping=mapping,
        out=out,
        batch_size=batch_size,
        processes=processes,
        settings=settings,
        params=params,
        as_json=json_,
    )
    run(session_of(ctx), options)


def _profile(ctx: typer.Context, log: Log, mapping: Mapping = None, json_: AsJson = False) -> None:
    from streams.cli.profile import run

    run(session_of(ctx), log, mapping, as_json=json_)


def _explain(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="MOMENT|CUSTOMER")],
    folder: Folder = DEMO_FOLDER,
    detector: Annotated[str | None, typer.Option("--detector", metavar="ID")] = None,
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.explain import run

    run(session_of(ctx), target, folder, detector, settings, as_json=json_)


def _sql(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(metavar="SELECT")],
    folder: Folder = DEMO_FOLDER,
    json_: AsJson = False,
) -> None:
    from streams.cli.sql import run

    run(session_of(ctx), query, folder, as_json=json_)


def _schema(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    write: Annotated[bool, typer.Option("--write")] = False,
) -> None:
    from streams.cli.schema import run

    run(session_of(ctx), name, write_all=write)


def _detectors_list(ctx: typer.Context, json_: AsJson = False) -> None:
    from streams.cli.detectors import list_all

    list_all(session_of(ctx), as_json=json_)


def _detectors_show(
    ctx: typer.Context, detector: Annotated[str, typer.Argument(metavar="ID")], json_: AsJson = False
) -> None:
    from streams.cli.detectors import show

    show(session_of(ctx), detector, as_json=json_)


def _run_sink_clickhouse(
    ctx: typer.Context,
    clickhouse: Annotated[str, typer.Option("--clickhouse", metavar="DIR|URL")],
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    settings: SettingsFile = None,
    port: Port = None,
    refresh: Annotated[str | None, typer.Option("--refresh", metavar="TIME|off")] = None,
) -> None:
    from streams.cli.run_sinks import ClickHouseOptions, run_clickhouse

    options = ClickHouseOptions(kafka, bootstrap, clickhouse, settings, port, refresh)
    run_clickhouse(session_of(ctx), options)


def _run_sink_alerts(
    ctx: typer.Context,
    to: Annotated[list[str], typer.Option("--to", metavar="TARGET")],
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    send: Annotated[Literal["updates", "first", "confirmed", "all"], typer.Option("--send")] = "updates",
    min_severity: Annotated[int, typer.Option("--min-severity", metavar="N", min=1, max=5)] = 1,
    with_models: Annotated[bool, typer.Option("--with-models")] = False,
    start_at: Annotated[Literal["now", "beginning"], typer.Option("--from")] = "now",
    give_up: Annotated[str, typer.Option("--give-up", metavar="TIME")] = "24 h",
    undelivered: Annotated[Path, typer.Option("--undelivered", metavar="FILE")] = UNDELIVERED,
    allow_http: Annotated[bool, typer.Option("--allow-http")] = False,
    allow_host: Annotated[list[str] | None, typer.Option("--allow-host", metavar="HOST")] = None,
    port: Port = None,
) -> None:
    from streams.cli.run_alerts import AlertOptions, run_alerts

    options = AlertOptions(
        to=to,
        kafka=kafka,
        bootstrap=bootstrap,
        send=send,
        min_severity=min_severity,
        with_models=with_models,
        start_at=start_at,
        give_up=give_up,
        undelivered=undelivered,
        allow_http=allow_http,
        allow_hosts=allow_host or (),
        port=port,
    )
    run_alerts(session_of(ctx), options)


def _run_worker(
    ctx: typer.Context,
    state: Annotated[Path, typer.Option("--state", metavar="DIR")] = STATE_FOLDER,
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    settings: SettingsFile = None,
    detectors: Annotated[str | None, typer.Option("--detectors", metavar="ID,ID")] = None,
    customers: Annotated[int | None, typer.Option("--customers-in-memory", metavar="N", min=1_000)] = None,
    port: Port = None,
) -> None:
    from streams.cli.run_worker import WorkerOptions, run_worker

    options = WorkerOptions(
        kafka=kafka,
        bootstrap=bootstrap,
        state=state,
        settings=settings,
        detectors=detectors,
        customers=customers,
        port=port,
    )
    run_worker(session_of(ctx), options)


def _topics_create(
    ctx: typer.Context, kafka: KafkaFile = None, bootstrap: Bootstrap = None, json_: AsJson = False
) -> None:
    from streams.cli.topics import create

    create(session_of(ctx), kafka, bootstrap, as_json=json_)


def _topics_check(
    ctx: typer.Context, kafka: KafkaFile = None, bootstrap: Bootstrap = None, json_: AsJson = False
) -> None:
    from streams.cli.topics import check

    check(session_of(ctx), kafka, bootstrap, as_json=json_)


def _lag(
    ctx: typer.Context,
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    partitions: Annotated[bool, typer.Option("--partitions")] = False,
    json_: AsJson = False,
) -> None:
    from streams.cli.lag import run

    run(session_of(ctx), kafka, bootstrap, partitions=partitions, as_json=json_)


def _dlq_ls(
    ctx: typer.Context,
    reason: DeadReason = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1)] = None,
    retried: Annotated[bool, typer.Option("--retried")] = False,
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.dlq import Cluster, ls

    ls(session_of(ctx), Cluster(kafka, bootstrap), reason, limit, retried=retried, as_json=json_)


def _dlq_show(
    ctx: typer.Context,
    letter: Annotated[str, typer.Argument(metavar="ID")],
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.dlq import Cluster, show

    show(session_of(ctx), Cluster(kafka, bootstrap), letter, as_json=json_)


def _dlq_retry(
    ctx: typer.Context,
    letters: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None,
    reason: DeadReason = None,
    every: Annotated[bool, typer.Option("--all")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.dlq import Choice, Cluster, again

    choice = Choice(letters or (), reason, every)
    again(session_of(ctx), Cluster(kafka, bootstrap), choice, dry=dry_run, as_json=json_)


def _load(
    ctx: typer.Context,
    log: Log,
    mapping: Mapping = None,
    topic: Annotated[str | None, typer.Option("--topic", metavar="NAME")] = None,
    end_tick: Annotated[str | None, typer.Option("--end-tick", metavar="DURATION")] = None,
    force: Annotated[bool, typer.Option("--force")] = False,
    kafka: KafkaFile = None,
    bootstrap: Bootstrap = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.load import LoadOptions, run

    options = LoadOptions(
        log=log,
        mapping=mapping,
        topic=topic,
        end_tick=end_tick,
        kafka=kafka,
        bootstrap=bootstrap,
        force=force,
        as_json=json_,
    )
    run(session_of(ctx), options)


def app_without_words() -> typer.Typer:
    """The commands and options with no help yet."""
    app = typer.Typer(name="mot", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name, function in (
        ("demo", _demo),
        ("simulate", _simulate),
        ("replay", _replay),
        ("profile", _profile),
        ("explain", _explain),
        ("sql", _sql),
        ("schema", _schema),
        ("load", _load),
        ("lag", _lag),
    ):
        app.command(name)(function)
    detectors = typer.Typer(no_args_is_help=True)
    detectors.command("list")(_detectors_list)
    detectors.command("show")(_detectors_show)
    app.add_typer(detectors, name="detectors")
    topics = typer.Typer(no_args_is_help=True)
    topics.command("create")(_topics_create)
    topics.command("check")(_topics_check)
    app.add_typer(topics, name="topics")
    dlq = typer.Typer(no_args_is_help=True)
    dlq.command("ls")(_dlq_ls)
    dlq.command("show")(_dlq_show)
    dlq.command("retry")(_dlq_retry)
    app.add_typer(dlq, name="dlq")
    running = typer.Typer(no_args_is_help=True)
    running.command("worker")(_run_worker)
    running.command("sink-clickhouse")(_run_sink_clickhouse)
    running.command("sink-alerts")(_run_sink_alerts)
    app.add_typer(running, name="run")
    add_commands(app)
    add_dashboards(app)
    return app
