"""The result folder of a replay: `moments.jsonl`, `retractions.jsonl`, `kpis.parquet`, `dead_letters.jsonl`,
`summary.json`.

The same log gives the same bytes, whatever the batch size, the number of processes and the order of arrival within the
allowed lateness.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from schemas.moments import Moment
from streams.engine.effects import VersionedMoment

MOMENTS = "moments.jsonl"
RETRACTIONS = "retractions.jsonl"
KPIS = "kpis.parquet"
DEAD_LETTERS = "dead_letters.jsonl"
SUMMARY = "summary.json"


class MomentLedger:
    """The last thing said of every moment."""

    def __init__(self) -> None:
        self._last: dict[str, Moment] = {}

    def take(self, said: Iterable[VersionedMoment]) -> None:
        """Take in what an engine said, in the order it said it."""
        for _, moment in said:
            self._last[moment.moment_id] = moment

    def final(self) -> list[Moment]:
        """The moments that hold, and those that later facts withdrew, in canonical order."""
        return sorted((m for m in self._last.values() if not _never_was(m)), key=canonical_order)

    def withdrawn(self) -> list[Moment]:
        """Moments said provisionally that a late event showed never to have been. Depends on the order of arrival."""
        return sorted((m for m in self._last.values() if _never_was(m)), key=canonical_order)


def canonical_order(moment: Moment) -> tuple[object, ...]:
    """By time of decision, then detector, customer and id."""
    return (moment.decided_at, moment.detector_id, moment.customer_id, moment.moment_id)


def _never_was(moment: Moment) -> bool:
    return moment.status == "retracted" and moment.retracted_at is None


def write_moments(path: Path, moments: Iterable[Moment]) -> None:
    """One moment per line as JSON."""
    with path.open("w", encoding="utf-8") as file:
        for moment in moments:
            file.write(moment.model_dump_json())
            file.write("\n")


def read_moments(path: Path) -> list[Moment]:
    """The moments of a result folder's `moments.jsonl`."""
    with path.open(encoding="utf-8") as file:
        return [Moment.model_validate_json(line) for line in file]
