"""The live board in a terminal: what goes through the monitor and which moments it finds.

`Tally` counts moments as they are said and corrected; `Board` is one look at everything, a plain view model; `draw`
turns it into something rich can print at any width from 60 columns, `progress_line` into a line where no terminal is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text as Line

from journeys.lifecycle import STAGES
from journeys.touchpoints import shipped_touchpoints
from schemas.moments import Moment, Text
from schemas.times import from_ms

Phase = Literal["starting", "running", "settling", "done", "stopped"]
Language = Literal["zh", "en"]

TIERS = {
    "diamond": Text(zh="钻石", en="diamond"),
    "gold": Text(zh="金卡", en="gold"),
    "silver": Text(zh="银卡", en="silver"),
    "normal": Text(zh="普通", en="normal"),
}
WORDS = {
    "starting": Text(zh="启动中", en="starting"),
    "running": Text(zh="运行中", en="running"),
    "settling": Text(zh="收尾确认", en="settling"),
    "done": Text(zh="已完成", en="done"),
    "stopped": Text(zh="已停止", en="stopped"),
    "stage": Text(zh="生命周期阶段", en="Lifecycle stage"),
    "detector": Text(zh="探测器", en="Detector"),
    "tier": Text(zh="客户等级", en="Tier"),
    "touchpoint": Text(zh="触点", en="Touchpoint"),
    "latest": Text(zh="最新关键时刻", en="Latest moments"),
    "none": Text(zh="尚无", en="none yet"),
    "watermark": Text(zh="水位线", en="watermark"),
    "events": Text(zh="事件", en="events"),
    "per_second": Text(zh="事件/秒", en="events/s"),
    "moments": Text(zh="关键时刻", en="moments"),
    "pending": Text(zh="待确认", en="pending"),
    "confirmed": Text(zh="已确认", en="confirmed"),
    "retracted": Text(zh="已撤回", en="retracted"),
    "duplicates": Text(zh="重复", en="duplicates"),
    "late": Text(zh="过迟", en="too late"),
    "dead_letters": Text(zh="死信", en="dead letters"),
    "failures": Text(zh="探测器故障", en="detector failures"),
    "quiet": Text(zh="{seconds} 秒没有新事件", en="no new event for {seconds} s"),
}
STALE_AFTER_S = 2.0
"""A board that has heard nothing for this long says so: a stale screen must not look live."""

WIDE = 110
"""From this many columns on, three columns of counts stand side by side and a moment takes one line."""
STANDING = ("confirmed", "pending", "retracted")

_SEVERITY_STYLE = {1: "dim", 2: "cyan", 3: "yellow", 4: "red", 5: "bold red"}
_PHASE_STYLE = {
    "starting": "yellow",
    "running": "green",
    "settling": "yellow",
    "done": "bold green",
    "stopped": "bold red",
}


class Tally:
    """Counts moments by what they are about, each once however often it is said; a retracted one is taken back.

    Remembers the status of every moment heard (about 150 bytes each) and the last `remember` moments.
    """

    def __init__(self, remember: int = 40) -> None:
        self.status: dict[str, str] = {}
        self.by: dict[str, Counter[str]] = {name: Counter() for name in ("stage", "touchpoint", "tier", "detector")}
        self.by_status: Counter[str] = Counter()
        self.latest: deque[Moment] = deque(maxlen=remember)

    def hear(self, moment: Moment) -> None:
        """Take in a moment as it stands now."""
        before = self.status.get(moment.moment_id)
        self.status[moment.moment_id] = moment.status
        if before is not None:
            self.by_status[before] -= 1
        self.by_status[moment.status] += 1
        counted_before = before is not None and before != "retracted"
        counts_now = moment.status != "retracted"
        if counted_before != counts_now:
            self._count(moment, 1 if counts_now else -1)
        if before is None:
            self.latest.appendleft(moment)
        elif before != moment.status:
            self._renew(moment)

    def _count(self, moment: Moment, step: int) -> None:
        self.by["stage"][moment.stage] += step
        self.by["touchpoint"][moment.touchpoint] += step
        self.by["tier"][moment.tier] += step
        self.by["detector"][moment.detector_id] += step

    def _renew(self, moment: Moment) -> None:
        for place, shown in enumerate(self.latest):
            if shown.moment_id == moment.moment_id:
                self.latest[place] = moment
                return


@dataclass(frozen=True, kw_only=True)
class Board:
    """One look at a running monitor. Counts are since the start; `rate` is events per second now; times in seconds.

    `progress` is between 0 and 1, None when the end is not known; `watermark_ms` is event time in ms since the epoch;
    `by_*` count moments that stand (pending or confirmed); `detectors` gives all detectors' titles in their order.
    """

    title: str
    phase: Phase
    events: int = 0
    progress: float | None = None
    rate: float = 0.0
    elapsed_s: float = 0.0
    idle_s: float = 0.0
    watermark_ms: int | None = None
    by_status: Mapping[str, int] = field(default_factory=dict)
    by_stage: Mapping[str, int] = field(default_factory=dict)
    by_touchpoint: Mapping[str, int] = field(default_factory=dict)
    by_tier: Mapping[str, int] = field(default_factory=dict)
    by_detector: Mapping[str, int] = field(default_factory=dict)
    detectors: Mapping[str, Text] = field(default_factory=dict)
    latest: Sequence[Moment] = ()
    duplicates: int = 0
    late: int = 0
    dead_letters: int = 0
    failures: int = 0


def draw(board: Board, language: Language, width: int, height: int) -> RenderableType:
    """The whole board, `width` by `height` cells; rows that do not fit are left out, never wrapped."""
    counted = max(len(STAGES), len(board.detectors)) + 2
    third = max(24, width // 4)
    stages = [(stage.name.said_in(language), board.by_stage.get(stage.id, 0)) for stage in STAGES]
    tiers = [(text.said_in(language), board.by_tier.get(tier, 0)) for tier, text in TIERS.items()]
    stage_box = Layout(_counts("stage", stages, language, third), size=third)
    tier_box = Layout(_counts("tier", tiers, language, third), size=third)
    arrange = _wide if width >= WIDE else _narrow
    layout = Layout()
    layout.split_column(
        Layout(_head(board, language, width), size=3),
        *arrange(board, language, (width, height - 3, counted), (stage_box, tier_box, third)),
    )
    return layout


_Size = tuple[int, int, int]
_Left = tuple[Layout, Layout, int]


def _wide(board: Board, language: Language, size: _Size, left: _Left) -> tuple[Layout, Layout]:
    """Stage, detector and touchpoint side by side; beneath them tier and the latest moments."""
    width, height, counted = size
    stage_box, tier_box, third = left
    points = Layout(_touchpoints(board, language, counted - 2, width // 3), size=width // 3)
    detectors = Layout(_detectors(board, language, width - third - width // 3))
    upper, lower = Layout(size=counted), Layout()
    upper.split_row(stage_box, detectors, points)
    lower.split_row(tier_box, Layout(_latest(board, language, height - counted - 2, width - third - 4, 1)))
    return upper, lower


def _narrow(board: Board, language: Language, size: _Size, left: _Left) -> tuple[Layout, Layout, Layout]:
    """Two columns of counts in two rows; beneath them the latest moments over the whole width."""
    width, height, counted = size
    stage_box, tier_box, third = left
    low = len(TIERS) + 2
    upper, middle = Layout(size=counted), Layout(size=low)
    upper.split_row(stage_box, Layout(_detectors(board, language, width - third)))
    middle.split_row(tier_box, Layout(_touchpoints(board, language, low - 2, width - third)))
    return upper, middle, Layout(_latest(board, language, height - counted - low - 2, width - 4, 2))


def progress_line(board: Board, language: Language) -> str:
    """One line of plain text for a log or a pipe."""
    done = "" if board.progress is None else f" {board.progress:4.0%}"
    parts = (
        f"{_clock(board.elapsed_s)}{done} {board.events:,} {_word('events', language)}",
        f"{board.rate:,.0f} {_word('per_second', language)}",
        f"{_word('moments', language)}: {_moments(board, language)}",
        _troubles(board, language),
        f"{_word('watermark', language)} {_time(board.watermark_ms)}",
    )
    return " · ".join(parts)


def _word(name: str, language: Language) -> str:
    return WORDS[name].said_in(language)


def _head(board: Board, language: Language, width: int) -> RenderableType:
    first = Table.grid(expand=True)
    first.add_column(no_wrap=True, ratio=1)
    first.add_column(no_wrap=True, justify="right")
    state = Line(f"● {_word(board.phase, language)}", style=_PHASE_STYLE[board.phase])
    if board.phase == "running" and board.idle_s > STALE_AFTER_S:
        state = Line("● " + _word("quiet", language).format(seconds=int(board.idle_s)), style="bold yellow")
    clock = f"  {_clock(board.elapsed_s)}  {_word('watermark', language)} {_time(board.watermark_ms)}"
    label = "" if width < WIDE else f"{_word('moments', language)}: "
    first.add_row(Line(board.title, style="bold"), Line.assemble(state, clock))
    second = Table.grid(expand=True, padding=(0, 1))
    second.add_column(ratio=1)
    second.add_column(no_wrap=True)
    second.add_column(no_wrap=True, justify="right")
    percent = "" if board.progress is None else f"{board.progress:.0%}"
    speed = f"{board.events:,} {_word('events', language)} · {board.rate:,.0f} {_word('per_second', language)}"
    pulse = board.progress is None and board.phase != "done"
    done = 1.0 if board.progress is None else board.progress
    second.add_row(ProgressBar(total=1.0, completed=done, pulse=pulse, width=max(10, width // 3)), percent, speed)
    troubled = "yellow" if board.dead_letters or board.failures else "dim"
    third = Line.assemble(label + _moments(board, language), ("  ·  " + _troubles(board, language), troubled))
    third.truncate(width, overflow="ellipsis")
    return Group(first, second, third)


def _moments(board: Board, language: Language) -> str:
    return " ".join(f"{_word(name, language)} {board.by_status.get(name, 0):,}" for name in STANDING)


def _troubles(board: Board, language: Language) -> str:
    parts = (("duplicates", board.duplicates), ("late", board.late), ("dead_letters", board.dead_letters))
    text = " ".join(f"{_word(name, language)} {count:,}" for name, count in parts)
    return text if not board.failures else f"{text} {_word('failures', language)} {board.failures:,}"


def _detectors(board: Board, language: Language, width: int) -> RenderableType:
    rows = [
        (f"{name} {text.said_in(language)}", board.by_detector.get(name, 0)) for name, text in board.detectors.items()
    ]
    return _counts("detector", rows, language, width)


def _touchpoints(board: Board, language: Language, rows: int, width: int) -> RenderableType:
    catalogue = shipped_touchpoints()
    most = sorted(board.by_touchpoint.items(), key=lambda item: (-item[1], item[0]))[:rows]
    named = [
        (catalogue[name].name.said_in(language) if name in catalogue else name, count) for name, count in most if count
    ]
    return _counts("touchpoint", named, language, width)


def _counts(title: str, rows: Sequence[tuple[str, int]], language: Language, width: int) -> RenderableType:
    """A panel of names, counts and bars; the bar takes at most a quarter of the panel."""
    top = max((count for _, count in rows), default=0)
    longest = max((cell_len(name) for name, _ in rows), default=4)
    numbers = max((len(f"{count:,}") for _, count in rows), default=1)
    bar = max(0, min(width // 4, width - longest - numbers - 8))
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True, justify="right", min_width=numbers)
    if bar > 2:
        table.add_column(no_wrap=True, width=bar)
    for name, count in rows:
        cells: list[RenderableType] = [
            Line(name, style="" if count else "dim"),
            Line(f"{count:,}", style="bold" if count else "dim"),
        ]
        if bar > 2:
            cells.append(Line("█" * round(bar * count / top) if top else "", style="red"))
        table.add_row(*cells)
    inside: RenderableType = table if rows else Line(_word("none", language), style="dim")
    return Panel(inside, title=_word(title, language), title_align="left", box=box.ROUNDED, border_style="dim")


def _latest(board: Board, language: Language, rows: int, room: int, lines_each: int) -> RenderableType:
    lines: list[RenderableType] = []
    for moment in list(board.latest)[: max(rows // lines_each, 0)]:
        lines.extend(_moment_lines(moment, language, room, lines_each))
    inside = Group(*lines) if lines else Line(_word("none", language), style="dim")
    return Panel(inside, title=_word("latest", language), title_align="left", box=box.ROUNDED, border_style="dim")


def _moment_lines(moment: Moment, language: Language, room: int, lines_each: int) -> list[Line]:
    """What happened to whom and why: on one line where there is room, else on two."""
    tier = TIERS[moment.tier].said_in(language)
    head = Line(no_wrap=True, overflow="ellipsis")
    head.append(moment.decided_at.strftime("%m-%d %H:%M "), style="dim")
    head.append(f"{moment.detector_id:<4} ", style="bold")
    head.append(f"{set_cell_size(tier, 7 if language == 'en' else 4)} ", style=_SEVERITY_STYLE[moment.severity])
    head.append(f"{moment.customer_id} ", style="cyan")
    withdrawn = moment.status == "retracted"
    if withdrawn:
        head.append(f"[{_word('retracted', language)}] ", style="yellow")
    why = Line(moment.explanation.said_in(language), style="dim strike" if withdrawn else "", no_wrap=True)
    lines = [head.append_text(why)] if lines_each == 1 else [head, Line("  ").append_text(why)]
    for line in lines:
        line.truncate(room, overflow="ellipsis")
    return lines


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def _time(ms: int | None) -> str:
    return "-" if ms is None else from_ms(ms).strftime("%Y-%m-%d %H:%MZ")
