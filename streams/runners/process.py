"""What every long-running process of ours needs of the machine it runs on: its clock, its signals, its name."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time_ns


def now_ms() -> int:
    """Milliseconds since 1970 by the wall clock. The engine never sees it."""
    return time_ns() // 1_000_000


def instance_name(folder: Path | None = None) -> str:
    """A name of this machine, and of `folder` on it, that outlives the process.

    So the consumer group keeps the partitions of a worker that comes back within the session time-out, and figures
    about it stay one line on a board.
    """
    if folder is None:
        return socket.gethostname()
    where = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=4).hexdigest()
    return f"{socket.gethostname()}-{where}"


@contextmanager
def stopped_by_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGINT or SIGTERM, on the running event loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
