"""Runs `mot` in this process and hands back what a user would see."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from streams.cli.run import run


class Seen(NamedTuple):
    """Exit code, standard output and standard error of one command line."""

    code: int
    out: str
    err: str


Mot = Callable[..., Seen]


@pytest.fixture
def mot(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mot:
    """Call it with the words of a command line; `env` is the whole environment the command looks at."""

    def call(*words: object, columns: int = 100, env: dict[str, str] | None = None) -> Seen:
        monkeypatch.setenv("COLUMNS", str(columns))
        capsys.readouterr()
        code = run([str(word) for word in words], env or {})
        seen = capsys.readouterr()
        return Seen(code, seen.out, seen.err)

    return call
