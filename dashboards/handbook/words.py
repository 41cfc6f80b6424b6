"""Words of the handbook in its two languages.

`texts.toml` holds what the handbook itself says, `vocabulary.toml` what it calls the words of the data, `phrases.toml`
the Chinese of names that the data have in English only (a regulation, an eTOM process, a source system). A phrase
nobody translated stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from schemas.moments import Text

Language = Literal["zh", "en"]

_HAN = r"\u4e00-\u9fff“”（）"
_CODE = re.compile(r"(`+[^`]*`+)")
_FULL_WIDTH = {",": "，", ";": "；", ":": "：", "?": "？", "!": "！"}
_MARK = re.compile(rf"(?<=[{_HAN}])([,;:?!]) ?|([,;:?!]) ?(?=[{_HAN}])")
_BRACKETS = re.compile(r" ?\(([^()]*(?:[\u4e00-\u9fff]|_zh\})[^()]*)\) ?")
_QUOTES = re.compile(r'"([^"]*[\u4e00-\u9fff][^"]*)"')


def typeset(text: str) -> str:
    """Chinese text with full-width punctuation next to Chinese characters; code spans stay as they are."""
    parts = _CODE.split(text)
    return "".join(part if place % 2 else _full_width(part) for place, part in enumerate(parts))


def _full_width(text: str) -> str:
    text = _QUOTES.sub(r"“\1”", _BRACKETS.sub(r"（\1）", text))
    return _MARK.sub(lambda found: _FULL_WIDTH[found[1] or found[2]], text)


def unfolded(page: str) -> str:
    """A page (Markdown) whose lines of Chinese follow one another without the space a line break would become."""
    return re.sub(r"(?<=[\u3001-\uff5e])\n(?=[\u3001-\uff5e])", "", page)


class Words(NamedTuple):
    """What is said in one language."""

    language: Language

    def say(self, key: str, **values: object) -> str:
        """The text `key` with its values filled in. Raises KeyError for a key that does not exist."""
        text = _texts()[key].said_in(self.language)
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        """Whether there is a text `key`."""
        return key in _texts()

    def name(self, section: str, word: str) -> str:
        """The name of a word of a vocabulary (a channel, a unit); one of an operator's own stays as it is."""
        key = f"{section}.{word}"
        return self.say(key) if self.knows(key) else word

    def pick(self, text: Text) -> str:
        """The side of `text` in this language."""
        return typeset(text.zh) if self.language == "zh" else text.en

    def phrase(self, english: str) -> str:
        """What the data say in English only, in this language as far as it is known: whole, else part by part."""
        if self.language == "en":
            return english
        known = phrases()
        if english in known:
            return known[english]
        parts = re.split(r"(; |, )(?![^()]*\))", english)
        return "".join({", ": "，", "; ": "；"}.get(part) or known.get(part, part) for part in parts)

    def listed(self, words: Iterable[str]) -> str:
        """Words one after the other."""
        return ("、" if self.language == "zh" else ", ").join(words)


@cache
def _texts() -> Mapping[str, Text]:
    raw = {**tomllib.loads(_file("texts.toml")), **tomllib.loads(_file("vocabulary.toml"))}
    return {
        f"{section}.{name}": Text.model_validate(text) for section, texts in raw.items() for name, text in texts.items()
    }


@cache
def phrases() -> Mapping[str, str]:
    """The Chinese of phrases the data have in English only."""
    raw: Mapping[str, Mapping[str, str]] = tomllib.loads(_file("phrases.toml"))
    return {english: chinese for section in raw.values() for english, chinese in section.items()}


def _file(name: str) -> str:
    return resources.files("dashboards.handbook").joinpath(name).read_text(encoding="utf-8")
