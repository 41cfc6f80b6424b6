"""Refreshing the indicators on a thread of its own, in the process that holds the ClickHouse folder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from journeys.registry import Registry
from journeys.touchpoints import Touchpoints
from streams.warehouse.refresh import Refreshed
from streams.warehouse.upkeep import Upkeep


class RefreshBeside:
    """Refreshes every `seconds` from construction to `close`.

    `made` opens a client and gives what keeps its database up to date and what closes it. `told` hears of each
    refresh, `failed` of each that ClickHouse refused; the next one is tried at its time. Both are called on the thread.
    """

    def __init__(
        self,
        made: Callable[[], tuple[Upkeep, Callable[[], None]]],
        seconds: float,
        told: Callable[[Refreshed], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._made = made
        self._seconds = seconds
        self._told = told
        self._failed = failed
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="kpi-refresh", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let a refresh that runs come to its end, then end the thread."""
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        opened: tuple[Upkeep, Callable[[], None]] | None = None
        while not self._end.wait(self._seconds):
            try:
                if opened is None:
                    opened = self._made()
                self._told(opened[0].run(patient=True))
            except (ClickHouseError, OSError) as fault:
                self._failed(fault)
        if opened is not None:
            opened[1]()


def upkeep_on(
    connect: Callable[[], Any], registry: Registry, steps: Sequence[dict[str, Any]], touchpoints: Touchpoints
) -> Callable[[], tuple[Upkeep, Callable[[], None]]]:
    """What `RefreshBeside` takes, for clients that `connect` opens."""

    def made() -> tuple[Upkeep, Callable[[], None]]:
        client = connect()
        return Upkeep(client, registry, steps, touchpoints), client.close

    return made
