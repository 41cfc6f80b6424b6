"""A worker process that may be told to meet a fault at a step of the commit protocol.

`python -m tests.live.worker_child KAFKA FOLDER NAME STEP|- NTH DEED SETTINGS` - SETTINGS is JSON for LiveSettings. The
NTH time STEP is reached: DEED `kill` ends the process (SIGKILL), `pause` stops it (SIGSTOP), `block` never gives the
event loop back, `freeze` lets the agent wait for ever from then on, `silence` ends the consumer's thread.

FOLDER.trace gets a line `STEP MONOTONIC` for the first time of each step and for every commit: the clock is the
machine's, so other processes may compare it with theirs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from streams.kafka.settings import load_kafka_settings
from streams.live.settings import LiveSettings, Step
from streams.runners.faust_app import LiveApp
from streams.runners.worker import Worker


class Faults:
    """Called at every step."""

    def __init__(self, trace: Path, step: str, nth: int, deed: str) -> None:
        self._trace = trace.open("a", buffering=1)
        self._step, self._nth, self._deed = step, nth, deed
        self._seen: Counter[str] = Counter()
        self.app: LiveApp | None = None
        self.note("began")

    def note(self, word: str) -> None:
        self._trace.write(f"{word} {time.monotonic()}\n")

    def __call__(self, at: Step) -> None:
        self._seen[at] += 1
        if self._seen[at] == 1 or at == "acknowledged":
            self.note(at)
        if at == self._step and self._seen[at] == self._nth:
            self.note(self._deed)
            getattr(self, self._deed)()

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def pause(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def block(self) -> None:
        time.sleep(3600)

    def freeze(self) -> None:
        assert self.app is not None
        self.app._take = _for_ever  # type: ignore[method-assign]

    def silence(self) -> None:
        assert self.app is not None
        thread = self.app.consumer._thread
        thread.thread_loop.call_soon_threadsafe(thread.thread_loop.stop)


async def _for_ever(_: Any) -> None:
    await asyncio.Event().wait()


def main() -> None:
    kafka, folder, name, step, nth, deed, settings = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    live = LiveSettings(**{"commit_seconds": 0.3, "session_timeout": 6.0, **json.loads(settings)})
    faults = Faults(Path(f"{folder}.trace"), step, int(nth), deed)
    faults.app = app = LiveApp(load_kafka_settings(Path(kafka)), Path(folder), settings=live, worker=name, fault=faults)
    asyncio.run(Worker(app, port=0, told=lambda address: print(address, flush=True)).run())


main()
