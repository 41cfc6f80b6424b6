"""What a dead letter says, in Chinese: `refusals_zh.toml` beside this module has each sentence.

Dead letters keep the English sentence, so that one record is the same bytes for everybody; whoever shows it translates.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple

_RECORD = "The record"


class _Sentence(NamedTuple):
    matches: re.Pattern[str]
    chinese: str


@cache
def _sentences() -> dict[str, tuple[_Sentence, ...]]:
    """By kind: those that stand as they are, and those about a field."""
    text = resources.files("schemas").joinpath("refusals_zh.toml").read_text(encoding="utf-8")
    return {
        kind: tuple(_Sentence(_pattern(english), chinese) for english, chinese in said.items())
        for kind, said in tomllib.loads(text).items()
    }


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(map(re.escape, english.split("{}"))), re.DOTALL)


def in_chinese(detail: str) -> str:
    """The `detail` of a dead letter in Chinese; as it is when it is none of our sentences."""
    whole = _said("whole", detail)
    if whole is not None:
        return whole
    for field in (_RECORD, detail.partition(" ")[0]):
        flaw = detail.removeprefix(field)
        said = _said("field", flaw[1:].removesuffix(".")) if flaw[:1] == " " else None
        if said is not None:
            return f"{'记录' if field == _RECORD else field} {said}。"
    event_type, colon, rest = detail.partition(": ")  # what a mapping made of a row, and what is wrong with that
    return f"{event_type}：{in_chinese(rest)}" if colon and " " not in event_type else detail


def _said(kind: str, english: str) -> str | None:
    for sentence in _sentences()[kind]:
        found = sentence.matches.fullmatch(english)
        if found is not None:
            return sentence.chinese.format(*found.groups())
    return None
