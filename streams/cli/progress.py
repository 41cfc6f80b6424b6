"""How far a command has come: a bar on a terminal, a line now and then where there is none. Always on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from streams.cli.session import Session

if TYPE_CHECKING:
    from streams.runners.embedded import Progress as RunProgress

LINE_EVERY_S = 5.0
Advance = Callable[[int, float | None], None]
"""Called with how many events are done so far, and the share of the whole (0 to 1, None when nobody knows)."""


class _Count(ProgressColumn):
    """How many, and how many a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """The figures of `task`."""
        done = task.fields["done"]
        rate = done / task.elapsed if task.elapsed else 0
        return Text(f"{done:,} {self._unit} · {rate:,.0f}/s")


@contextmanager
def advancing(session: Session, label: str) -> Iterator[Advance]:
    """Show `label` while the body runs and calls what it is given."""
    unit = session.say("progress.events")
    if not session.err.is_terminal:
        yield _lines(session, label, unit)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Count(unit), TimeElapsedColumn())
    with Progress(*columns, console=session.err, transient=True) as bar:
        task = bar.add_task(label, total=None, done=0)

        def advance(done: int, share: float | None) -> None:
            bar.update(task, total=None if share is None else 1.0, completed=share or 0.0, done=done)

        yield advance


def _lines(session: Session, label: str, unit: str) -> Advance:
    """Says how far it is every few seconds: silent for a short run, alive for a long one."""
    started = said = time.monotonic()

    def advance(done: int, share: float | None) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= LINE_EVERY_S:
            said = now
            part = "" if share is None else f" {share:.0%}"
            rate = done / (now - started)
            session.err.print(f"{label}{part} {done:,} {unit} · {rate:,.0f}/s", markup=False, soft_wrap=True)

    return advance


def telling_of_other_settings(
    session: Session, folder: Path, told: Callable[[RunProgress], None] | None = None
) -> Callable[[RunProgress], None]:
    """What a runner on `folder` is to tell its progress to: says once on stderr when the folder was begun with other
    settings, and passes everything on to `told`."""
    said = False

    def hear(progress: RunProgress) -> None:
        nonlocal said
        if not progress.same_settings and not said:
            said = True
            words = session.say("progress.other_settings", path=folder)
            session.err.print(words, style="yellow", markup=False, soft_wrap=True)
        if told is not None:
            told(progress)

    return hear
