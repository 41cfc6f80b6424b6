"""Several events topics as one log: their records in the order of event time, and the order itself on record.

A partition's engine has one clock. Would it read orders for an hour before the first acknowledgement of that hour,
every order would seem lost. So records wait until every topic that still has something to read has reached their time;
a topic that was read to its end is not waited for.

The order in which topics happen to arrive is not in any log. Therefore records are released in rounds, a round being a
range of offsets of each topic, and the rounds are written down before anything said because of them leaves. A worker
that does the work again is given these rounds first and says the same again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.moments import Text
from streams.errors import StreamsError
from streams.live.intake import Ack, Intake

Round = dict[str, tuple[int, int]]
"""For each topic the first offset and the one after the last."""


@dataclass(slots=True)
class _Lane:
    """A topic: the first offset not released, the first not fetched, what waits, the latest event time waiting (ms),
    and which offset completes which fetch."""

    next: int
    fetched: int
    waiting: deque[Intake] = field(default_factory=deque)
    reached: int = -1
    acks: deque[tuple[int, Ack]] = field(default_factory=deque)


class RoundsLost(StreamsError):
    """Records of which something was said already are no longer in the log: it cannot be told again."""

    def __init__(self, topic: str, bound: int) -> None:
        super().__init__(
            Text(
                zh=f"主题 {topic} 中偏移 {bound} 之前的记录已被处理并有结论发出,但尚未提交;现在日志里已没有它们"
                "(保留期过短或主题被重建),无法重新得出同样的结论。请换一个消费组与前缀,从现有日志重新开始。",
                en=f"Records of topic {topic} before offset {bound} were worked on and told of, but not committed, and "
                "are no longer in the log (short retention, or the topic was made anew): the same cannot be said "
                "again. Take another group and prefix, and begin with the log as it is.",
            )
        )


class Released(NamedTuple):
    """A round with its records in the order in which the engine is to see them, and the fetches it completes."""

    round: Round
    records: list[Intake]
    acks: list[Ack]


class Alignment:
    """Aligns `topics` of one partition. `next` maps topics to the first offset not released; `planned` are rounds that
    were released before and must be again, in order. `is_at_end` says whether a topic has been read to its end when the
    given offset is the first not fetched.
    """

    def __init__(
        self,
        topics: Sequence[str],
        next_offsets: Mapping[str, int],
        planned: Iterable[Round],
        is_at_end: Callable[[str, int], bool],
    ) -> None:
        self._lanes = {topic: _Lane(next_offsets.get(topic, 0), next_offsets.get(topic, 0)) for topic in topics}
        self._planned = deque(planned)
        self._is_at_end = is_at_end

    def held(self, topic: str) -> int:
        """How many records of a topic wait."""
        return len(self._lanes[topic].waiting)

    def add(self, topic: str, records: Sequence[Intake], ack: Ack) -> None:
        """Records of a fetch, in the order of the log; `ack` is to be called when the last is committed."""
        lane = self._lanes[topic]
        lane.waiting.extend(records)
        lane.acks.append((records[-1].offset, ack))
        lane.fetched = records[-1].offset + 1
        lane.reached = max([lane.reached, *(one.at for one in records)])

    def release(self) -> Released | None:
        """The next round, None when every record has to wait."""
        bounds = self._planned_bounds() if self._planned else self._free_bounds()
        made: Round = {}
        records: list[Intake] = []
        acks: list[Ack] = []
        for topic, bound in (bounds or {}).items():
            lane = self._lanes[topic]
            if bound <= lane.next:
                continue
            made[topic] = (lane.next, bound)
            lane.next = bound
            while lane.waiting and lane.waiting[0].offset < bound:
                records.append(lane.waiting.popleft())
            while lane.acks and lane.acks[0][0] < bound:
                acks.append(lane.acks.popleft()[1])
        records.sort(key=lambda one: one.at)  # stable: within a time as the topics are listed, then as the logs say
        return Released(made, records, acks) if made else None

    def _planned_bounds(self) -> dict[str, int] | None:
        planned = self._planned[0]
        for topic, (_, bound) in planned.items():
            fetched = self._lanes[topic].fetched
            if fetched < bound:
                if self._is_at_end(topic, fetched):
                    raise RoundsLost(topic, bound)
                return None
        self._planned.popleft()
        return {topic: bound for topic, (_, bound) in planned.items()}

    def _free_bounds(self) -> dict[str, int] | None:
        """Up to which offset each topic may go: while its records are not later than what the slowest has reached."""
        limit: int | None = None
        for topic, lane in self._lanes.items():
            if self._is_at_end(topic, lane.fetched):
                continue
            reached = lane.reached if lane.waiting else -1
            limit = reached if limit is None else min(limit, reached)
        bounds = {}
        for topic, lane in self._lanes.items():
            bound = lane.next
            for one in lane.waiting:
                if limit is not None and one.at > limit:
                    break
                bound = one.offset + 1
            bounds[topic] = bound
        return bounds
