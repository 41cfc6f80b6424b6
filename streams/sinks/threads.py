"""Calls that may block, away from the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


async def on_thread(function: Callable[[], Result]) -> Result:
    """The result of `function`, called on a thread of its own that does not keep the process from ending.

    When the caller is cancelled, the call goes on to its end and what it gives is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def work() -> None:
        try:
            result = function()
        except BaseException as fault:
            raised = fault
            _hand_over(loop, done, lambda: done.set_exception(raised))
        else:
            _hand_over(loop, done, lambda: done.set_result(result))

    threading.Thread(target=work, name="sink", daemon=True).start()
    return await done


def _hand_over(loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(lambda: None if done.done() else settle())
