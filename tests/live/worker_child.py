"""A worker process that may be told to kill itself at a step of the commit protocol.

`python -m tests.live.worker_child KAFKA FOLDER NAME STEP|- NTH SETTINGS` - SETTINGS is JSON for LiveSettings.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from streams.kafka.settings import load_kafka_settings
from streams.live.settings import LiveSettings, Step
from streams.runners.faust_app import LiveApp
from streams.runners.worker import Worker


def main() -> None:
    kafka, folder, name, step, nth, settings = sys.argv[1:]
    seen: Counter[Step] = Counter()

    def fault(at: Step) -> None:
        seen[at] += 1
        if at == step and seen[at] == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    live = LiveSettings(**{"commit_seconds": 0.3, "session_timeout": 6.0, **json.loads(settings)})
    app = LiveApp(load_kafka_settings(Path(kafka)), Path(folder), settings=live, worker=name, fault=fault)
    asyncio.run(Worker(app, port=0, told=lambda address: print(address, flush=True)).run())


main()
