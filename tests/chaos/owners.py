"""Who owned which partition when, as the hand-over topic tells."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import NamedTuple

import msgspec

from tests.live.bed import Bed


class Owned(NamedTuple):
    """One committed record `m` of the hand-over topic."""

    epoch: int
    worker: str
    applied: int


def commits(bed: Bed) -> dict[int, list[Owned]]:
    """The commits of each partition in the order of the topic. Compaction may have removed some."""
    found = defaultdict(list)
    for record in bed.read(bed.kafka.state_topic):
        if record.key == b"m" and record.value is not None:
            found[record.partition].append(Owned(*msgspec.msgpack.decode(record.value)[:3]))
    return found


def one_owner_at_a_time(bed: Bed) -> int:
    """Check that each epoch is one worker's, and that neither epoch nor position ever goes back. Returns the number of
    times that a partition was taken over."""
    epochs = 0
    for number, held in commits(bed).items():
        owner: dict[int, str] = {}
        for before, after in itertools.pairwise(held):
            assert after.epoch >= before.epoch, f"partition {number}: epoch {before} then {after}"
            assert after.applied >= before.applied, f"partition {number}: position {before} then {after}"
        for one in held:
            assert owner.setdefault(one.epoch, one.worker) == one.worker, f"partition {number}: two owners in {one}"
        epochs += len(owner)
    return epochs
