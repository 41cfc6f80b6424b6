"""How a command fails: one clear message that says where and what to do, and an exit code a script can rely on.

0 done · 1 the run failed or found bad input · 2 the command was used wrongly · 70 a worker ended itself (start it
again) · 75 another process holds the folder (try again later) · 130 stopped with Ctrl-C, after everything so far was
committed.
"""

from __future__ import annotations

from streams.exit_codes import DONE, FAILED, HELD, INTERRUPTED, RESTART, USAGE

__all__ = ["DONE", "FAILED", "HELD", "INTERRUPTED", "RESTART", "USAGE", "CliError", "UsageFault"]


class CliError(Exception):
    """A failure with a message of the catalogue. `key` and `values` name the message, `code` the exit code."""

    def __init__(self, key: str, *, code: int = FAILED, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.code = code
        self.values = values


class UsageFault(CliError):
    """The command was used wrongly: exit code 2."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, code=USAGE, **values)
