"""Health of one process, asked from inside its container: `python -m streams.probe healthy 9100`.

Ends with 0 when well and 1 otherwise, saying why on standard error. `healthy PORT` and `ready PORT` ask a process that
was started with `--port`; `refreshed URL` asks ClickHouse whether the indicators were computed of late.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException

ANSWER_SECONDS = 4.0
LATE_SECONDS = 600
"""Indicators are refreshed every minute; ten without a refresh mean that it hangs or fails."""
_PATHS = {"healthy": "/healthz", "ready": "/readyz"}


def main(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """0 when what was asked about is well."""
    match words:
        case ["healthy" | "ready" as what, port] if port.isdecimal():
            trouble = _answer(int(port), _PATHS[what])
        case ["refreshed", address]:
            trouble = _refreshed(address, environment)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    if trouble:
        sys.stderr.write(f"{trouble}\n")
    return 1 if trouble else 0


def _answer(port: int, path: str) -> str:
    """What is wrong with the process at `port`, '' when nothing is."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read(200).decode(errors="replace")
    except (OSError, HTTPException) as fault:
        return f"no answer from port {port}: {fault}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"{path}: {answer.status} {said}"


def _refreshed(address: str, environment: Mapping[str, str]) -> str:
    """Since when the indicators stand still, '' when they do not."""
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415 - the other probes need no client

    from streams.errors import StreamsError  # noqa: PLC0415
    from streams.sinks.connect import server_at  # noqa: PLC0415

    sql = (
        "SELECT dateDiff('second', max(at), now64(3)) FROM pipeline_health WHERE component = 'kpis' HAVING count() > 0"
    )
    try:
        rows = server_at(address, environment).connect().query(sql).result_rows
    except (ClickHouseError, StreamsError, OSError) as fault:
        return f"ClickHouse does not tell: {fault}"
    if not rows:
        return "never refreshed"
    seconds = int(rows[0][0])
    return "" if seconds <= LATE_SECONDS else f"last refreshed {seconds} s ago"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
