"""The commands about Grafana, with their options; see `streams.cli.app`."""

# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them, so that `mot --help` answers at once
# ruff: noqa: PLR0913, PLR0917 - to typer, every parameter of a function is an option

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.cli.options import AsJson, SettingsFile, session_of

Boards = Annotated[Literal["zh", "en", "both"] | None, typer.Option("--boards")]
DatasourceUid = Annotated[str, typer.Option("--datasource-uid", metavar="UID")]
Runbooks = Annotated[str, typer.Option("--runbooks", metavar="URL")]


def _build(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR")],
    boards: Boards = None,
    datasource_uid: DatasourceUid = "mot-ch",
    contact: Annotated[list[str] | None, typer.Option("--contact", metavar="KIND")] = None,
    runbooks: Runbooks = "",
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.dashboards import BuildOptions, build

    options = BuildOptions(out, boards, datasource_uid, contact or ["webhook"], runbooks, settings, json_)
    build(session_of(ctx), options)


def _push(
    ctx: typer.Context,
    url: Annotated[str, typer.Option("--url", metavar="URL")],
    boards: Boards = None,
    datasource_uid: DatasourceUid = "mot-ch",
    clickhouse: Annotated[str | None, typer.Option("--clickhouse", metavar="URL")] = None,
    contact: Annotated[list[str] | None, typer.Option("--contact", metavar="KIND=ADDRESS")] = None,
    alerts: Annotated[bool, typer.Option("--alerts/--no-alerts")] = True,
    runbooks: Runbooks = "",
    settings: SettingsFile = None,
    json_: AsJson = False,
) -> None:
    from streams.cli.dashboards import PushOptions, push

    options = PushOptions(url, boards, datasource_uid, clickhouse, contact or (), alerts, runbooks, settings, json_)
    push(session_of(ctx), options)


def _check(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Option("--url", metavar="URL")] = None,
    folder: Annotated[Path | None, typer.Option("--in", metavar="DIR")] = None,
    datasource_uid: DatasourceUid = "mot-ch",
    json_: AsJson = False,
) -> None:
    from streams.cli.dashboards import check

    check(session_of(ctx), url, folder, datasource_uid, as_json=json_)


def add_commands(app: typer.Typer) -> None:
    """Put these commands into `app`."""
    dashboards = typer.Typer(no_args_is_help=True)
    dashboards.command("build")(_build)
    dashboards.command("push")(_push)
    dashboards.command("check")(_check)
    app.add_typer(dashboards, name="dashboards")
