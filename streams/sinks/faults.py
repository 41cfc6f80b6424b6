"""What an error of ClickHouse means for the one who writes: the only place that decides whether to try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.moments import Text
from streams.errors import DiskFull, FolderNotWritable, SinkFailed, StreamsError
from streams.lock import os_fault


class Verdict(Enum):
    """ROW: the rows themselves cannot be taken, without the bad one they can. SETUP: the operator has to mend
    something (password, rights, database). PASSING: all the rest, which may be gone at the next try."""

    ROW = "row"
    SETUP = "setup"
    PASSING = "passing"


_ROW_CODES = {6, 25, 26, 27, 33, 38, 41, 53, 69, 72, 117, 130, 131, 321, 349, 407, 467, 691}
"""Codes of errors that lie in a row: parse errors, out of range, wrong type."""
_SETUP_CODES = {16, 60, 81, 192, 193, 194, 497, 516}
"""No such column, table or database; unknown user, wrong password, no right."""
_NO_RIGHT = 497
_FULL = {243}
_READ_ONLY = {164}


def verdict(fault: Exception) -> Verdict:
    """What to do about an error of the driver: an unknown one counts as passing, so that nothing is lost over it."""
    code = code_of(fault)
    if code in _ROW_CODES:
        return Verdict.ROW
    return Verdict.SETUP if code in _SETUP_CODES else Verdict.PASSING


def is_missing_right(fault: Exception) -> bool:
    """Whether the user may not do this, while others may."""
    return code_of(fault) == _NO_RIGHT


def code_of(fault: Exception) -> int | None:
    """ClickHouse's number of the error, None when it did not come that far."""
    code: int | None = getattr(fault, "code", None)
    return code


@contextmanager
def translated(where: Path | str) -> Iterator[None]:
    """Run a block on the ClickHouse in a folder or at an address; its driver's errors leave as StreamsError."""
    try:
        yield
    except ClickHouseError as fault:
        raise meaning(where, fault) from fault
    except OSError as fault:
        known = os_fault(Path(where), fault)
        if known is None:
            raise
        raise known from fault


def meaning(where: Path | str, fault: Exception) -> StreamsError:
    """An error of the driver in words for people. `where` is a folder or a server's address without password."""
    code = code_of(fault)
    message = str(fault)
    first_line = (message.splitlines() or [type(fault).__name__])[0][:300]
    if code in _FULL or "No space left on device" in message:
        return DiskFull(Path(where), f"ClickHouse {code}")
    if code in _READ_ONLY or "Read-only file system" in message or "Permission denied" in message:
        return FolderNotWritable(Path(where), f"ClickHouse {code}")
    return SinkFailed("ClickHouse" if isinstance(where, Path) else where, first_line)


def held_up(where: Path | str, fault: Exception) -> Text:
    """An error of the driver in words for those who see it tried again."""
    cause = fault.__cause__
    reason = str(getattr(cause, "reason", None) or cause or fault)
    reason = (reason.splitlines() or [type(fault).__name__])[0][:200]
    return Text(
        zh=f"ClickHouse {where} 暂时写不进去({reason})。会自动重试,积压留在 Kafka。",
        en=f"ClickHouse at {where} takes nothing at present ({reason}). It is tried again by itself; what waits stays "
        "in Kafka.",
    )
