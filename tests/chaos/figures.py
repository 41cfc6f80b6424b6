"""What a fault did, as one row of the table of figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random  # noqa: TID251 seeded, the seed is printed
from statistics import median
from typing import Any

from tests.live.bed import Ledger


@dataclass
class Chaos:
    """One fault of the matrix in one run: how much of it, from which seed, and what came of it.

    `scale` 1.0 is the matrix's own size. `sizes` are those that were used, with the matrix's beside them where they
    differ.
    """

    fault: str
    scale: float
    seed: int
    title: str = ""
    injected: str = ""
    sizes: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    result: str = "not run"
    seconds: float = 0.0

    @property
    def random(self) -> Random:
        """The fault's own generator, the same at every call."""
        return Random(f"{self.seed} {self.title}")

    def size(self, name: str, full: int, least: int) -> int:
        """How many of `name` to take when the matrix says `full`: never fewer than `least`."""
        used = min(max(least, round(full * self.scale)), full)
        self.sizes[name] = f"{used:,}" if used == full else f"{used:,} of {full:,}"
        return used

    def said(self, ledger: Ledger) -> None:
        """A ledger equal to the oracle's was found."""
        self.figures |= {
            "alerts": len(ledger.alerts),
            "facts": len(ledger.facts),
            "kpi_windows": len(ledger.kpis),
            "dead_letters": len(ledger.dead_letters),
            "missing": 0,
            "spurious": 0,
            "repeats_same_id": ledger.repeats,
        }

    def times(self, name: str, seconds: Sequence[float]) -> None:
        """Median and maximum of `seconds`."""
        if seconds:
            self.figures[f"{name}_s_median"] = round(median(seconds), 2)
            self.figures[f"{name}_s_max"] = round(max(seconds), 2)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def table(rows: Iterable[Chaos]) -> str:
    """The rows as text, a block for each."""
    blocks = []
    for row in rows:
        sizes = "; ".join(f"{name} {used}" for name, used in row.sizes.items())
        blocks.append(f"{row.fault:4} {row.result.upper():7} {row.seconds:6.1f} s  {row.injected or row.title}")
        if sizes:
            blocks.append(f"       sizes: {sizes}")
        if row.figures:
            blocks.append(f"       {_words(row.figures)}")
    return "\n".join(blocks)


def _words(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_word(value)}" for name, value in figures.items())


def _word(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else json.dumps(value) if isinstance(value, dict) else str(value)
