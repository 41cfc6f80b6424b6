"""A process that runs the embedded pipeline over the story and may die at a protocol step: `folder size partitions
step nth`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from streams.runners.embedded import EmbeddedRunner, Settings, Step
from streams.runners.feeds import ListSource
from tests.streams.runners.stories import CATALOGUE, log

SETTINGS = Settings(batch_records=250, commit_records=1_000, commit_seconds=0.2, send_events=400, strict=True)


def main() -> None:
    folder, size, partitions, fatal, nth = sys.argv[1:6]
    passed, begun = 0, False

    def fault(step: Step) -> None:
        nonlocal passed, begun
        if not begun:
            begun = True
            print("begun", flush=True)
        if step == fatal:
            passed += 1
            if passed == int(nth):
                os.kill(os.getpid(), signal.SIGKILL)

    raws = log(int(size))
    runner = EmbeddedRunner(
        Path(folder), ListSource(raws), CATALOGUE, partitions=int(partitions), settings=SETTINGS, fault=fault
    )
    print("finished", runner.run().finished, flush=True)


if __name__ == "__main__":
    main()
