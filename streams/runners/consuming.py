"""A consumer of Kafka's topics for those who keep their own position: what is fetched is never of two owners' times.

aiokafka changes ownership of partitions in the background. A fetch under way meanwhile could hand over records of the
old ownership, whose positions count no longer, or of the new one, which must not be thrown away. So no fetch is made
from the moment ownership ends until it begins again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    AuthenticationFailedError,
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from schemas.moments import Text
from streams.errors import StreamsError
from streams.kafka.faults import KafkaFailed, KafkaRefused, KafkaUnreachable
from streams.kafka.settings import LONGEST_POLL_MS, KafkaSettings
from streams.sinks.pacing import Backoff

Positions = Mapping[tuple[str, int], int]
"""By topic and partition the offset to go on from."""
Fetched = Mapping[Any, Sequence[Any]]
"""aiokafka's records by its TopicPartition."""

_REFUSED = (AuthenticationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)
_FOR_EVER_MS = 2**31 - 1
"""Between two fetches any time may pass: ClickHouse may be away for hours, and that is no reason to leave the group."""
_FETCH_BYTES = 8 << 20
_ANSWER_SECONDS = 3.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0


class TopicsMissing(StreamsError):
    """Topics that should be read do not exist yet."""

    def __init__(self, topics: Iterable[str]) -> None:
        names = ", ".join(sorted(topics))
        super().__init__(
            Text(
                zh=f"Kafka 中还没有主题 {names}。请先建立主题(见 --kafka 文件);建立后会自动继续。",
                en=f"Kafka has no topics {names} yet. Make them first (see the --kafka file); then this goes on by "
                "itself.",
            )
        )


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads `topics` in consumer group `group`, read_committed, from where the group stands.

    `on_revoked` is awaited before partitions are given away, when no fetch is under way any more; what was fetched then
    counts no longer, unless its position is committed before it returns. `on_assigned` gets the new partitions before
    anything is fetched from them. `start_at` is where a group that never committed begins.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        topics: Sequence[str],
        *,
        on_revoked: Callable[[], Awaitable[None]],
        start_at: Literal["beginning", "now"] = "beginning",
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._topics = topics
        self._on_revoked = on_revoked
        self._start_at = start_at
        self._consumer: Any = None
        self._fetching = asyncio.Lock()
        self._owned = asyncio.Event()
        self.trouble: StreamsError | None = None

    @property
    def owning(self) -> bool:
        """Whether records may come: the group has said which partitions are ours."""
        return self._owned.is_set()

    @property
    def partitions(self) -> frozenset[Any]:
        """What is ours at present, as aiokafka's TopicPartitions."""
        return frozenset(self._consumer.assignment()) if self._consumer is not None else frozenset()

    async def start(self, stop: asyncio.Event) -> bool:
        """Connect, however long it takes; False when `stop` came first. `trouble` says meanwhile what is missing.

        Raises KafkaRefused, SettingsError.
        """
        backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
        while not stop.is_set():
            consumer = self._made()
            try:
                await consumer.start()
                missing = set(self._topics) - set(await consumer.topics())
                if not missing:
                    consumer.subscribe(topics=list(self._topics), listener=self)
                    self._consumer, self.trouble = consumer, None
                    return True
                self.trouble = TopicsMissing(missing)
            except _REFUSED as fault:
                await _quietly_stopped(consumer)
                raise KafkaRefused(self._kafka.bootstrap, str(fault)) from fault
            except (KafkaError, OSError) as fault:
                self.trouble = KafkaUnreachable(self._kafka.bootstrap, str(fault) or type(fault).__name__)
            await _quietly_stopped(consumer)
            await pause(stop, backoff.failed())
        return False

    def _made(self) -> Any:
        return AIOKafkaConsumer(
            **self._kafka.aiokafka(),
            group_id=self._group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_poll_interval_ms=_FOR_EVER_MS,
            rebalance_timeout_ms=30_000,
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=LONGEST_POLL_MS,
            max_partition_fetch_bytes=1 << 20,
        )

    async def fetch(
        self, take: Callable[[Fetched], None], max_records: int, timeout_ms: int, of: Collection[Any] = ()
    ) -> None:
        """Give `take` the records that are there, waiting for up to `timeout_ms` when there are none; `of` names the
        partitions to fetch from, if not from all.

        Raises KafkaRefused or KafkaFailed when the group cannot be read any more.
        """
        if not self._owned.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._owned.wait(), timeout_ms / 1000)
        async with self._fetching:
            if not self._owned.is_set():
                # A dead coordination shows itself only here; partitions would never come again.
                self._raising(self._consumer._coordinator.check_errors)
                return
            try:
                found = await self._consumer.getmany(*of, timeout_ms=timeout_ms, max_records=max_records)
            except _REFUSED as fault:
                raise KafkaRefused(self._kafka.bootstrap, str(fault)) from fault
            except KafkaError as fault:
                raise KafkaFailed(self._kafka.bootstrap, str(fault)) from fault
            if found:
                take(found)

    def _raising(self, check: Callable[[], None]) -> None:
        try:
            check()
        except _REFUSED as fault:
            raise KafkaRefused(self._kafka.bootstrap, str(fault)) from fault
        except KafkaError as fault:
            raise KafkaFailed(self._kafka.bootstrap, str(fault)) from fault

    async def commit(self, positions: Positions) -> bool:
        """Store the positions of partitions that are still ours; False when Kafka did not take them."""
        ours = self.partitions
        offsets = {
            TopicPartition(*place): offset for place, offset in positions.items() if TopicPartition(*place) in ours
        }
        try:
            if offsets:
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            return True  # another owns them by now and repeats what we did, which is harmless
        except KafkaError:
            return False
        return True

    def unreachable(self) -> KafkaUnreachable:
        """What to say when `lag` gave None."""
        return KafkaUnreachable(self._kafka.bootstrap, f"{_ANSWER_SECONDS:.0f} s")

    async def lag(self, positions: Positions) -> int | None:
        """Records in our partitions beyond `positions`, or beyond the group's where none is given; None when Kafka does
        not answer."""
        try:
            return await asyncio.wait_for(self._lag(positions), _ANSWER_SECONDS)
        except (KafkaError, TimeoutError):
            return None

    async def _lag(self, positions: Positions) -> int:
        ours = list(self.partitions)
        if not ours:
            return 0
        ends = await self._consumer.end_offsets(ours)
        begins = await self._consumer.beginning_offsets(ours)
        lag = 0
        for place in ours:
            at = positions.get((place.topic, place.partition))
            if at is None:
                at = await self._consumer.committed(place)
            lag += max(0, ends[place] - max(begins[place], at or 0))
        return lag

    async def stop(self) -> None:
        """Leave the group; gives up after three seconds without an answer."""
        if self._consumer is not None:
            self._owned.clear()
            await _quietly_stopped(self._consumer)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """See ConsumerRebalanceListener."""
        self._owned.clear()
        async with self._fetching:
            pass  # the last fetch has been taken
        await self._on_revoked()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """See ConsumerRebalanceListener."""
        if self._start_at == "now":
            await self._stay_at_the_end(list(assigned))
        self._owned.set()

    async def _stay_at_the_end(self, assigned: list[Any]) -> None:
        """Let a new group begin with what comes from now on, and store that, so that a restart does not skip more.

        Tried until Kafka answers: to begin anywhere else would tell everything once more.
        """
        while True:
            try:
                standing = {place: await self._consumer.committed(place) for place in assigned}
                if any(offset is not None for offset in standing.values()):
                    return
                ends = await self._consumer.end_offsets(assigned)
                await self._consumer.commit(ends)
            except (KafkaError, OSError):
                await asyncio.sleep(_FIRST_WAIT)
            else:
                for place, offset in ends.items():
                    self._consumer.seek(place, offset)
                return


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until `stop`."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _quietly_stopped(consumer: Any) -> None:
    with contextlib.suppress(KafkaError, OSError):
        await asyncio.wait_for(consumer.stop(), _ANSWER_SECONDS)
