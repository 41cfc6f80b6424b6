"""Keeps the libraries' own English warnings off the screen; we say what matters, in the chosen language."""

from __future__ import annotations

import logging

from streams.cli.session import Session

_TALKATIVE = ("aiokafka", "kafka", "clickhouse_connect", "urllib3", "faust", "mode")


def quiet_clients(session: Session) -> None:
    """For the rest of this process, unless details were asked for with --debug."""
    if not session.debug:
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL)
