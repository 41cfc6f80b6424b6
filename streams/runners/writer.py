"""Effects leave on a thread of their own, so that ClickHouse works while the engine thinks on."""

from __future__ import annotations

import threading
from queue import Queue

from streams.sinks.ports import Delivery, Sink

_WAITING = 2
"""Deliveries that may wait; one more and the engine waits for ClickHouse."""


class EffectsWriter:
    """Writes deliveries to a sink in the order they were handed over. Once one failed, nothing more is written."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: Queue[Delivery | None] = Queue(_WAITING)
        self._fault: BaseException | None = None
        self._submitted = self._done = 0
        self._progress = threading.Condition()
        self.refused = 0
        self._thread = threading.Thread(target=self._work, name="effects-writer", daemon=True)
        self._thread.start()

    def submit(self, delivery: Delivery) -> int:
        """Hand over a delivery and get its ticket; waits while the sink is behind.

        Raises what the sink raised on an earlier one.
        """
        self._raise()
        self._queue.put(delivery)
        self._submitted += 1
        return self._submitted

    def is_safe(self, ticket: int) -> bool:
        """Whether `settle` would return at once."""
        return self._done >= ticket or self._fault is not None

    def settle(self, ticket: int) -> None:
        """Return when the delivery of `ticket` and all before it are safe. Raises what the sink raised."""
        with self._progress:
            self._progress.wait_for(lambda: self.is_safe(ticket))
        self._raise()

    def close(self) -> None:
        """Finish what was handed over and end the thread. Never raises: an unsettled delivery was not promised."""
        self._queue.put(None)
        self._thread.join()

    def _raise(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        while (delivery := self._queue.get()) is not None:
            fault = None
            try:
                if self._fault is None:
                    self.refused += len(self._sink.write(delivery))
            except BaseException as raised:
                fault = raised
            with self._progress:
                self._fault = self._fault or fault
                self._done += 1
                self._progress.notify_all()
