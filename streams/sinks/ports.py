"""What a runner hands to a sink, and what it may expect of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from journeys.kpis import KpiChanges
from journeys.placement import Placement
from schemas.codec import dead_letter, encode
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event, Tick
from schemas.facts import DetectorFailure, Handoff
from streams.engine.effects import Effects, SetAside, VersionedMoment, VersionedTransition


@dataclass(slots=True)
class Delivery:
    """Everything one commit says. Three aligned lists hold the accepted events: the JSON object as it came (or
    encoded anew), the suffix that closes it with stage and touchpoint, and its position in the source."""

    lines: list[bytes] = field(default_factory=list)
    suffixes: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    moments: list[VersionedMoment] = field(default_factory=list)
    transitions: list[VersionedTransition] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    failures: list[DetectorFailure] = field(default_factory=list)
    kpis: list[KpiChanges] = field(default_factory=list)

    def add_events(
        self,
        raws: Sequence[bytes],
        records: Sequence[Event | Tick],
        placements: Sequence[Placement | None],
        positions: Sequence[int],
    ) -> None:
        """Take in the accepted ones (those with a placement) of a batch's records.

        An event's own bytes are used when they hold exactly the fields we know, else they are written anew: an unknown
        field could carry the name of a column of ours.
        """
        lines, suffixes, places = self.lines, self.suffixes, self.positions
        for raw, record, placement, position in zip(raws, records, placements, positions, strict=True):
            if placement is not None and type(record) is not Tick:
                lines.append(raw if not record.model_extra and _as_we_write(raw) else _written_anew(record))
                suffixes.append(placement[2])
                places.append(position)

    def add_late(self, raws: Sequence[bytes], positions: Sequence[int], too_late: Sequence[SetAside]) -> None:
        """Take in the events of a batch that came later than allowed, as dead letters with their place."""
        self.dead_letters += [too_late_letter(raws[place], "", positions[place], detail) for place, detail in too_late]

    def add_effects(self, effects: Effects) -> None:
        """Take in all effects but those that need the records themselves."""
        self.moments += effects.moments
        self.transitions += effects.transitions
        self.handoffs += effects.handoffs
        self.failures += effects.failures

    def __len__(self) -> int:
        return len(self.lines)


def too_late_letter(raw: bytes, origin: str, position: int, detail: str) -> DeadLetter:
    """An event that came later than allowed, with its place and what the engine says of it."""
    return dead_letter(raw, origin, position, Reason.TOO_LATE, detail, field="occurred_at")


def _written_anew(event: Event) -> bytes:
    """`event` as JSON with its unknown fields, if any, inside one of ours."""
    unknown = event.model_extra
    if not unknown:
        return encode(event)
    document = msgspec.json.decode(encode(event))
    apart = {name: document.pop(name) for name in unknown if name in document}
    return msgspec.json.encode({**document, "unknown_fields": apart})


def _as_we_write(raw: bytes) -> bool:
    """Whether `raw` is a bare object in the present version; an older one has other field names."""
    whole = raw[0] == _BEGIN and raw[-1] == _END
    return whole and (b'"schema_version"' not in raw or b'"schema_version":1,' in raw)


_BEGIN, _END = b"{}"


class Sink(Protocol):
    """Takes deliveries. Rows are keyed and versioned, so that writing a delivery twice, or overlapping ones, is
    harmless."""

    def write(self, delivery: Delivery) -> list[DeadLetter]:
        """Store a delivery; when this returns it is safe. Returns rows the sink refused, which it has kept as dead
        letters.

        Raises DiskFull, FolderNotWritable, SinkFailed; then none, some or all of the delivery may be stored.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
