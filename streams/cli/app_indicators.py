"""The commands about indicators and boards, with their options; see `streams.cli.app`."""

# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them, so that `mot --help` answers at once
# ruff: noqa: PLR0913, PLR0917 - to typer, every parameter of a function is an option

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.cli.options import DEMO_FOLDER, AsJson, Folder, SettingsFile, session_of

ClickHouse = Annotated[str | None, typer.Option("--clickhouse", metavar="DIR|URL")]
Since = Annotated[str, typer.Option("--since", metavar="7d|DATE")]


def _kpi_ls(ctx: typer.Context, settings: SettingsFile = None, json_: AsJson = False) -> None:
    from streams.cli.kpi import Where, ls

    ls(session_of(ctx), Where(DEMO_FOLDER, None, settings), as_json=json_)


def _kpi_show(
    ctx: typer.Context,
    indicator: Annotated[str, typer.Argument(metavar="ID")],
    by: Annotated[list[str] | None, typer.Option("--by", metavar="DIM")] = None,
    only: Annotated[list[str] | None, typer.Option("--where", metavar="DIM=VALUE")] = None,
    since: Since = "7d",
    until: Annotated[str | None, typer.Option("--until", metavar="TIME")] = None,
    window: Annotated[
        Literal["total", "minute", "hour", "day", "week", "month", "quarter", "cycle"], typer.Option("--per")
    ] = "total",
    folder: Folder = DEMO_FOLDER,
    clickhouse: ClickHouse = None,
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.kpi import ShowOptions, Where, show

    options = ShowOptions(indicator, by or (), only or (), since, until, window, json_)
    show(session_of(ctx), Where(folder, clickhouse, settings), options)


def _kpi_refresh(
    ctx: typer.Context,
    every: Annotated[str | None, typer.Option("--every", metavar="TIME")] = None,
    full: Annotated[bool, typer.Option("--full")] = False,
    folder: Folder = DEMO_FOLDER,
    clickhouse: ClickHouse = None,
    settings: SettingsFile = None,
) -> None:
    from streams.cli.kpi import Where, refresh

    refresh(session_of(ctx), Where(folder, clickhouse, settings), every=every, full=full)


def _ddl(
    ctx: typer.Context,
    cluster: Annotated[str | None, typer.Option("--cluster", metavar="NAME")] = None,
    settings: SettingsFile = None,
) -> None:
    from streams.cli.ddl import run

    run(session_of(ctx), cluster, settings)


def _map(
    ctx: typer.Context,
    since: Since = "90d",
    every: Annotated[bool, typer.Option("--all")] = False,
    folder: Folder = DEMO_FOLDER,
    clickhouse: ClickHouse = None,
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.kpi import Where
    from streams.cli.map import run

    run(session_of(ctx), Where(folder, clickhouse, settings), since, every=every, as_json=json_)


def _effect(
    ctx: typer.Context,
    indicator: Annotated[str, typer.Argument(metavar="ID")],
    at: Annotated[str, typer.Option("--at", metavar="DATE")],
    before: Annotated[str, typer.Option("--before", metavar="TIME")] = "28d",
    after: Annotated[str, typer.Option("--after", metavar="TIME")] = "28d",
    treated: Annotated[list[str] | None, typer.Option("--treated", metavar="DIM=VALUE")] = None,
    control: Annotated[list[str] | None, typer.Option("--control", metavar="DIM=VALUE")] = None,
    treated_file: Annotated[Path | None, typer.Option("--treated-file", metavar="FILE")] = None,
    control_file: Annotated[Path | None, typer.Option("--control-file", metavar="FILE")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**32)] = 1,
    folder: Folder = DEMO_FOLDER,
    clickhouse: ClickHouse = None,
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.effect import EffectOptions, run
    from streams.cli.kpi import Where

    options = EffectOptions(
        indicator, at, before, after, treated or (), control or (), treated_file, control_file, seed, json_
    )
    run(session_of(ctx), Where(folder, clickhouse, settings), options)


def _scorecard(
    ctx: typer.Context,
    since: Since = "30d",
    stage: Annotated[str | None, typer.Option("--stage", metavar="STAGE")] = None,
    imported: Annotated[Path | None, typer.Option("--import", metavar="FILE.csv")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv")] = None,
    every: Annotated[bool, typer.Option("--all")] = False,
    folder: Folder = DEMO_FOLDER,
    clickhouse: ClickHouse = None,
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.kpi import Where
    from streams.cli.scorecard import ScorecardOptions, run

    options = ScorecardOptions(since, stage, imported, csv, every, json_)
    run(session_of(ctx), Where(folder, clickhouse, settings), options)


def _handbook(
    ctx: typer.Context,
    form: Annotated[Literal["md", "html"] | None, typer.Option("--format")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
    settings: SettingsFile = None,
) -> None:
    from streams.cli.handbook import run

    run(session_of(ctx), form, out, settings)


def add_commands(app: typer.Typer) -> None:
    """Put these commands into `app`."""
    kpi = typer.Typer(no_args_is_help=True)
    kpi.command("ls")(_kpi_ls)
    kpi.command("show")(_kpi_show)
    kpi.command("refresh")(_kpi_refresh)
    app.add_typer(kpi, name="kpi")
    app.command("ddl")(_ddl)
    app.command("map")(_map)
    app.command("effect")(_effect)
    app.command("scorecard")(_scorecard)
    app.command("handbook")(_handbook)
