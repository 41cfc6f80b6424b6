"""Options that several commands share, and the session of a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.session import Session

DEMO_FOLDER = Path("mot-demo")
STATE_FOLDER = Path("mot-state")
UNDELIVERED = Path("mot-undelivered.jsonl")

Folder = Annotated[Path, typer.Option("--in", metavar="DIR")]
Log = Annotated[Path, typer.Argument(metavar="LOG")]
Mapping = Annotated[str | None, typer.Option("--mapping", "-m", metavar="M")]
AsJson = Annotated[bool, typer.Option("--json")]
Customers = Annotated[int, typer.Option("--customers", "-n", metavar="N", min=1)]
Days = Annotated[int, typer.Option("--days", metavar="N", min=1)]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0)]
SettingsFile = Annotated[Path | None, typer.Option("--settings", metavar="FILE")]
KafkaFile = Annotated[Path | None, typer.Option("--kafka", metavar="FILE")]
Bootstrap = Annotated[str | None, typer.Option("--bootstrap", metavar="HOST:PORT")]
DeadReason = Annotated[str | None, typer.Option("--reason", metavar="REASON")]
Port = Annotated[int | None, typer.Option("--port", metavar="N", min=0, max=65_535)]


def session_of(ctx: typer.Context) -> Session:
    """What `streams.cli.run` put into the context: language and where to print."""
    session = ctx.find_object(Session)
    return session if session is not None else Session()
