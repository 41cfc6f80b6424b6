"""Faust's Kafka transport, changed in one respect: a Faust message is a whole fetch of a partition.

Faust keeps assignment, rebalancing, flow control, generation checks, acknowledgement and commit. Two of its habits must
go with it: it takes the offsets between two messages for gaps, which it then holds twice, and it counts acknowledged
messages one by one. Whole fetches come in order and are acknowledged in order, so there are no gaps, and the offset to
commit is the highest acknowledged plus one.

Where reading goes on is not asked of the broker: the offsets that count are those in the partition's own state. The
group's committed offsets are a hint to people and to `mot lag`; failing to write one is no reason to stop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, NamedTuple

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage


class Fetch(NamedTuple):
    """The aiokafka records of a fetch, and how many seeks came before it."""

    seeks: int
    records: list[Any]


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka on a thread of its own; a refused commit is not fatal.

    Seeks are counted where they happen: on this thread, nothing comes between a seek and its number, nor between taking
    a fetch out of aiokafka, which moves the position on, and the number it gets.
    """

    seeks = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._taken_out: dict[TP, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # what a source took back must not be judged
        return consumer

    def read_up_to(self, tp: TP, fetched: int) -> int:
        """The first offset that may still bring a record, when `fetched` is the first that has not been taken in.

        That is the consumer's position, which also passes what is no record (marks of transactions, what expired),
        unless something taken out is still on its way. The order of reading matters: the thread goes on meanwhile.
        """
        consumer: Any = self._ensure_consumer()
        at = driver.ensure_aiokafka_TP(tp)
        assigned = consumer._subscription.is_assigned(at)
        position = consumer._subscription.subscription.assignment.state_value(at)._position if assigned else None
        if position is None or fetched < self._taken_out.get(tp, 0):
            return fetched
        return max(fetched, int(position))

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        self._taken_out.update({TP(tp.topic, tp.partition): one[-1].offset + 1 for tp, one in fetched.items()})
        return {tp: Fetch(self.seeks, records) for tp, records in fetched.items()}

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self.seeks += 1
        self._taken_out.clear()
        await super()._seek_wait(consumer, partitions)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        held = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        try:
            await consumer.commit({driver.ensure_aiokafka_TP(tp): offset for tp, offset in held.items()})
        except (CommitFailedError, IllegalStateError, KafkaError) as fault:
            self.log.warning("group commit not written, our own offsets stand: %r", fault)
            return False
        return True


class Consumer(driver.Consumer):
    """Yields one message per partition and fetch; its value is a Fetch.

    The app's `where_to_read` says at which offset to read on in each assigned topic-partition.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._current: int | None = None

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def read_up_to(self, tp: TP, fetched: int) -> int:
        """See ConsumerThread."""
        thread: Any = self._thread
        return int(thread.read_up_to(tp, fetched))

    def is_current(self, fetch: Fetch) -> bool:
        """Whether `fetch` follows on what was read since the last seek.

        One from before it must be left alone, wherever it waited meanwhile: those between it and the offset that was
        sought may be gone. Its records come again. Faust's generation does not tell: it is that of the moment when a
        fetch is handed on, and a member that comes back in time keeps it.
        """
        return self._current is not None and fetch.seeks >= self._current

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """See Faust's Consumer. One message per partition that had records; its value is a Fetch."""
        found, _ = await self._wait_next_records(timeout)
        if found is None or self.should_stop:
            return
        fetched: Any = found  # Faust's types know single records only
        for tp, fetch in fetched.items():
            if not self.flow_active:  # a rebalance began meanwhile; reading goes on where our state says
                return
            if self.is_current(fetch):  # also of a partition paused meanwhile: aiokafka will not give it again
                self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
                yield tp, self._whole(tp, fetch)

    def _whole(self, tp: TP, whole: Fetch) -> ConsumerMessage:
        last = whole.records[-1]
        fetch: Any = whole  # Faust's types know single records only
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            fetch,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the offsets in our own state, whatever the group has committed.

        A predecessor may have applied more than it could still tell the group; when nothing new comes, nobody else
        would.
        """
        self._current = None  # what was read until here is left alone from now on
        assigned = self.assignment()
        if not assigned:
            return {}
        app: Any = self.app
        committed = await super().seek_to_committed()
        offsets = dict(await app.where_to_read(assigned, committed))
        await self.seek_wait(offsets)
        thread: Any = self._thread
        self._current = thread.seeks
        untold = {tp: offset for tp, offset in offsets.items() if offset > (committed.get(tp) or 0)}
        if untold:
            await self._commit(untold)
        return offsets

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        highest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return int(highest) + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """There are no gaps between whole fetches."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Our own watchdog looks after progress (streams/live/watchdog.py)."""


class Transport(driver.Transport):
    """The aiokafka transport with our consumer."""

    Consumer: ClassVar[type[Consumer]] = Consumer
