"""Faust's Kafka transport, changed in one respect: a Faust message is a whole fetch of a partition; and quicker.

Faust keeps assignment, rebalancing, flow control, generation checks, acknowledgement and commit. Two of its habits must
go with it: it takes the offsets between two messages for gaps, which it then holds twice, and it counts acknowledged
messages one by one. Whole fetches come in order and are acknowledged in order, so there are no gaps, and the offset to
commit is the highest acknowledged plus one.

Where reading goes on is not asked of the broker: the offsets that count are those in the partition's own state. The
group's committed offsets are a hint to people and to `mot lag`; failing to write one is no reason to stop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, ClassVar, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.kafka.settings import LONGEST_POLL_MS
from streams.live.intake import without_excess

_AGAIN = 1.0
"""Seconds between two tries to read the same again."""

_LOOK_AGAIN = 0.01
"""Seconds until the next look at what is fetched while some partition has as much waiting as may wait. Nothing tells
when it has not any more: Faust would look after a second, or when another partition has news, and it be idle till then.
"""

_LOST = 3.0
"""Seconds after which a fetch that has not arrived counts as lost; it does not matter when it arrives after all."""


class Fetch(NamedTuple):
    """The aiokafka records of a fetch. The log has nothing between the offset `follows` and the first of them; None
    when that is not known."""

    follows: int | None
    records: list[Any]

    def continues(self, wanted: int) -> bool:
        """Whether nothing is missing when everything before `wanted` has been taken in.

        Faust throws fetches away at every rebalance, on several ways and not all at once, so that a later one may
        arrive though an earlier one never will. Its generation does not tell: it is that of the moment when a fetch is
        handed on, and a member that comes back in time keeps it.
        """
        return self.follows is not None and self.follows <= wanted


class _Arriving(OrderedDict[TopicPartition, Any]):
    """What arrived and is not taken out yet, by partition: takes the place of aiokafka's own.

    A record is given as aiokafka's parser has it, with all that is read here; the object that aiokafka makes of it
    costs 1 us. Of one that is too large only what is said of it is given, unless its topic `keeps` the bytes.
    """

    def __init__(self, keeps: Callable[[str], bool]) -> None:
        super().__init__()
        self._keeps = keeps

    def __setitem__(self, at: TopicPartition, arrived: Any) -> None:
        unpacking = getattr(arrived, "_partition_records", None)  # an error waiting to be raised has none
        if unpacking is not None:
            unpacking._consumer_record = _as_it_is if self._keeps(at.topic) else without_excess
        super().__setitem__(at, arrived)


def _as_it_is(_: TopicPartition, record: Any) -> Any:
    return record


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka on a thread of its own; a refused commit is not fatal.

    What a fetch follows on is found out here: nothing comes between taking a fetch out of aiokafka, which moves the
    position on, and writing that down.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._taken_out: dict[TP, int] = {}
        self._assigned: Any = None

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # what a source took back must not be judged
        consumer._fetch_max_wait_ms = LONGEST_POLL_MS
        return consumer

    async def on_start(self) -> None:
        """See Faust. Nothing is assigned yet, so nothing has arrived."""
        await super().on_start()
        consumer: Any = self._ensure_consumer()
        app: Any = self.app
        consumer._fetcher._records = _Arriving(app.kafka.rekey.__contains__)

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

    def is_on_its_way(self, tp: TP, fetched: int) -> bool:
        """Whether something was taken out of aiokafka beyond `fetched`."""
        return self._taken_out.get(tp, 0) > fetched

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        self._forget_others(consumer)
        whole = {}
        for at, records in fetched.items():
            tp = TP(at.topic, at.partition)
            whole[tp] = Fetch(self._taken_out.get(tp), records)
            self._taken_out[tp] = records[-1].offset + 1
        return whole

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self._forget_others(consumer)
        self._taken_out.update({TP(tp.topic, tp.partition): offset for tp, offset in partitions.items()})
        await super()._seek_wait(consumer, partitions)

    def _forget_others(self, consumer: Any) -> None:
        """A new assignment starts where the group has committed."""
        subscription = consumer._subscription.subscription
        assigned = subscription and subscription.assignment
        if assigned is not self._assigned:
            self._assigned = assigned
            self._taken_out.clear()

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
        self._again: dict[TP, tuple[int, float]] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def read_up_to(self, tp: TP, fetched: int) -> int:
        """See ConsumerThread."""
        thread: Any = self._thread
        return int(thread.read_up_to(tp, fetched))

    async def find_lost(self, tp: TP, wanted: int, since: float) -> None:
        """Read again what was taken out and has not arrived: thrown away, when nothing arrived `since` (monotonic)
        though it was there. No later fetch may come that would tell."""
        thread: Any = self._thread
        if monotonic() - since > _LOST and thread.is_on_its_way(tp, wanted):
            await self.read_again(tp, wanted)

    async def read_again(self, tp: TP, wanted: int) -> None:
        """Go back to `wanted`: what was taken out from there on is lost. More than once a second would not help."""
        before, at = self._again.get(tp, (-1, 0.0))
        if before == wanted and monotonic() - at < _AGAIN:
            return
        self._again[tp] = wanted, monotonic()
        self.log.info("reading %r again from %d", tp, wanted)
        with suppress(IllegalStateError, asyncio.TimeoutError):  # not ours any more, or a rebalance is under way
            await self.seek_wait({tp: wanted})

    async def _wait_next_records(self, timeout: float) -> Any:
        if self.flow_active and (self._buffered_partitions or self._paused_partitions):
            timeout = _LOOK_AGAIN
            if not self._get_active_partitions():
                await self.sleep(timeout)
                return {}, set()
        return await super()._wait_next_records(timeout)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """See Faust's Consumer. One message per partition that had records; its value is a Fetch."""
        found, _ = await self._wait_next_records(timeout)
        if found is None or self.should_stop:
            return
        fetched: Any = found  # Faust's types know single records only
        for tp, fetch in fetched.items():
            if not self.flow_active:  # a rebalance began meanwhile; reading goes on where our state says
                return
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            self._read_offset.pop(tp, None)  # Faust would drop what it thinks it knows; LivePartition does that
            yield tp, self._whole(tp, fetch)  # also of a partition paused meanwhile: aiokafka will not give it again

    def _whole(self, tp: TP, whole: Fetch) -> ConsumerMessage:
        last = whole.records[-1]
        fetch: Any = whole  # Faust's types know single records only
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            (last.timestamp or 0) / 1000.0,  # the oldest format has none
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
        assigned = self.assignment()
        if not assigned:
            return {}
        app: Any = self.app
        committed = await super().seek_to_committed()
        offsets = dict(await app.where_to_read(assigned, committed))
        await self.seek_wait(offsets)
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
