"""The truth file: what happened to whom, told by the stories themselves and knowing nothing of detectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from schemas.moments import Frozen, Text

TruthKind = Literal["planted", "near_miss"]


class TruthRecord(Frozen):
    """One thing that happened to one customer, or nearly did.

    `case_id` is what the story is about (an order, a trip, a bill, a reason); `began_at` is when the customer's
    expectation arose and `broken_at` when it was broken (for a near miss: when it was met, or nearly broken).
    """

    story: str
    cause: str
    kind: TruthKind
    customer_id: str
    case_id: str
    began_at: AwareDatetime
    broken_at: AwareDatetime
    told: Text


def write_truth(path: Path, records: Iterable[TruthRecord]) -> int:
    """Write records as JSON lines and return how many; raises OSError as the file system does."""
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(record.model_dump_json())
            out.write("\n")
            count += 1
    return count


def read_truth(path: Path) -> Iterator[TruthRecord]:
    """The records of a truth file in their order; raises ValueError naming file and line of a broken one."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield TruthRecord.model_validate_json(line)
            except ValidationError as error:
                raise ValueError(f"{path}:{number}: {error}") from error
