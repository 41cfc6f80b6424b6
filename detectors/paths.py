"""The path of a matter from desk to desk: the reading behind ping_pong.

Facts are transfers whose `note` is the desk that passed it on and the one that got it, with `SEPARATOR` between; what
stands before a slash in a desk's name is its department.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from detectors.base import Fact

SEPARATOR = "\x1f"


def moves(transfers: Sequence[Fact]) -> list[Fact]:
    """The transfers after which another desk had the matter (two systems may tell of one)."""
    found: list[Fact] = []
    holder = _desks(transfers[0])[0]
    for transfer in transfers:
        if _desks(transfer)[1] != holder:
            found.append(transfer)
            holder = _desks(transfer)[1]
    return found


def path(moved: Sequence[Fact]) -> list[str]:
    """The desks that had the matter, in order; one more than moves."""
    return [_desks(moved[0])[0], *(_desks(move)[1] for move in moved)]


def returns(moved: Sequence[Fact], within_ms: float | None) -> list[Fact]:
    """The moves A→B→A that come back to A at most `within_ms` after it was left; None: however late."""
    desks = path(moved)
    return [
        back
        for place, (left, back) in enumerate(pairwise(moved))
        if desks[place + 2] == desks[place] and (within_ms is None or back.at - left.at <= within_ms)
    ]


def departments(moved: Sequence[Fact]) -> list[Fact]:
    """The move that brought each department in, in order; the first one's is the first move."""
    entered = {_department(path(moved)[0]): moved[0]}
    for move in moved:
        entered.setdefault(_department(_desks(move)[1]), move)
    return list(entered.values())


def nth(moved: Sequence[Fact], count: int | None) -> Fact | None:
    """The move that makes them `count` (>= 1); None while there are fewer, or without a limit."""
    return None if count is None or len(moved) < count else moved[count - 1]


def earliest(reached: Iterable[Fact | None]) -> Fact | None:
    """The first of the moves that are known."""
    return min((move for move in reached if move is not None), default=None)


def _desks(transfer: Fact) -> tuple[str, str]:
    left, _, got = transfer.note.partition(SEPARATOR)
    return left, got


def _department(desk: str) -> str:
    return desk.partition("/")[0]
