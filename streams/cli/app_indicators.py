"""The commands about indicators and boards, with their options; see `streams.cli.app`."""

# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them, so that `mot --help` answers at once
# ruff: noqa: PLR0913, PLR0917 - to typer, every parameter of a function is an option

from __future__ import annotations

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


def add_commands(app: typer.Typer) -> None:
    """Put these commands into `app`."""
    kpi = typer.Typer(no_args_is_help=True)
    kpi.command("ls")(_kpi_ls)
    kpi.command("show")(_kpi_show)
    kpi.command("refresh")(_kpi_refresh)
    app.add_typer(kpi, name="kpi")
    app.command("ddl")(_ddl)
