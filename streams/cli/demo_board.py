"""What the demo shows while it runs: the board on a terminal, a line now and then where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.live import Live

from dashboards.terminal import Board, Phase, Tally, draw, progress_line
from detectors.catalogue import CATALOGUE
from streams.cli.demo_feed import SimulatedFeed
from streams.cli.results import moment_of
from streams.cli.session import Session
from streams.errors import StreamsError
from streams.runners.embedded import Progress
from streams.runners.query_server import query_folder

LISTEN_EVERY_S = 0.5
LINE_EVERY_S = 2.0
FRAMES_PER_S = 5
_PAGE = 2_000


class Wall:
    """Everything the board needs, gathered while a run goes on. `hear` may be called from any thread."""

    def __init__(self, session: Session, feed: SimulatedFeed) -> None:
        self.tally = Tally()
        self.phase: Phase = "starting"
        self._session = session
        self._feed = feed
        self._progress = Progress()
        self._began = time.monotonic()
        self._marks: list[tuple[float, int]] = [(self._began, 0)]
        self._news = self._began

    def commit(self, progress: Progress) -> None:
        """Take in what the runner says at a commit."""
        self._progress = progress

    def board(self) -> Board:
        """One look, now."""
        now = time.monotonic()
        handed = self._feed.handed
        if handed != self._marks[-1][1]:
            self._news = now
        self._marks = [*[mark for mark in self._marks if now - mark[0] < 3.0][-60:], (now, handed)]
        first = self._marks[0]
        rate = (handed - first[1]) / (now - first[0]) if now > first[0] else 0.0
        if self.phase == "starting" and handed:
            self.phase = "running"
        progress, tally = self._progress, self.tally
        return Board(
            title=self._session.say("demo.title"),
            phase="settling" if self.phase == "running" and self._feed.ended else self.phase,
            events=handed,
            progress=self._feed.progress(),
            rate=rate,
            elapsed_s=now - self._began,
            idle_s=now - self._news,
            watermark_ms=progress.front_ms if progress.front_ms >= 0 else None,
            by_status=dict(tally.by_status),
            by_stage=dict(tally.by["stage"]),
            by_touchpoint=dict(tally.by["touchpoint"]),
            by_tier=dict(tally.by["tier"]),
            by_detector=dict(tally.by["detector"]),
            detectors={detector.meta.id: detector.meta.title for detector in CATALOGUE},
            latest=list(tally.latest),
            duplicates=progress.totals.get("duplicates", 0),
            late=progress.totals.get("late", 0),
            dead_letters=progress.dead_letters,
            failures=progress.totals.get("detector_failures", 0),
        )


@contextmanager
def showing(session: Session, wall: Wall, folder: Path) -> Iterator[None]:
    """Show `wall` while the body runs; moments are asked of the running process, as `mot sql` would."""
    over = threading.Event()
    listener = threading.Thread(target=_listen, args=(wall, folder, over), name="board-listener", daemon=True)
    listener.start()
    out = session.out
    try:
        if out.is_terminal and not out.is_dumb_terminal:
            with Live(
                console=out,
                screen=True,
                refresh_per_second=FRAMES_PER_S,
                get_renderable=lambda: _frame(session, wall),
                redirect_stdout=False,
                redirect_stderr=False,
            ):
                yield
        else:
            with _lines(session, wall, over):
                yield
    finally:
        over.set()
        listener.join()


def _frame(session: Session, wall: Wall) -> RenderableType:
    width, height = session.out.size
    return draw(wall.board(), session.language, width, height)


@contextmanager
def _lines(session: Session, wall: Wall, over: threading.Event) -> Iterator[None]:
    def say() -> None:
        while not over.wait(LINE_EVERY_S):
            session.err.print(progress_line(wall.board(), session.language), markup=False, soft_wrap=True)

    speaker = threading.Thread(target=say, name="board-lines", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()


def _listen(wall: Wall, folder: Path, over: threading.Event) -> None:
    """Ask every half second which moments were said since the last time."""
    last = (0, "")
    while not over.wait(LISTEN_EVERY_S):
        try:
            last = _hear_since(lambda sql: _ask(folder, sql), last, wall.tally)
        except (StreamsError, OSError):
            continue  # the run has not opened its folder yet, or has just closed it


def _ask(folder: Path, sql: str) -> list[dict[str, Any]]:
    if not (folder / "clickhouse").is_dir():
        return []
    answer = query_folder(folder, sql)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _hear_since(ask: Callable[[str], list[dict[str, Any]]], last: tuple[int, str], tally: Tally) -> tuple[int, str]:
    while True:
        rows = ask(
            f"SELECT * FROM moments WHERE (version, moment_id) > ({last[0]}, '{last[1]}') "  # noqa: S608 - our own values
            f"ORDER BY version, moment_id LIMIT {_PAGE}"
        )
        for row in rows:
            tally.hear(moment_of(row))
        if rows:
            last = (int(rows[-1]["version"]), str(rows[-1]["moment_id"]))
        if len(rows) < _PAGE:
            return last
