"""Everything the command line says, in Chinese and English.

The texts stand in `streams/cli/messages.toml`, one entry per key with `zh` and `en`. Nothing heavy is imported here:
`mot --help` has to answer at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


class Message(NamedTuple):
    """One text in both languages; `{name}` stands for a value."""

    zh: str
    en: str

    def said_in(self, language: Language) -> str:
        """The text in `language`."""
        return self.zh if language == "zh" else self.en


@cache
def messages() -> Mapping[str, Message]:
    """All messages by key. Raises ValueError naming the key when an entry does not hold exactly `zh` and `en`."""
    raw = tomllib.loads(resources.files("streams.cli").joinpath("messages.toml").read_text(encoding="utf-8"))
    catalogue: dict[str, Message] = {}
    for section, entries in raw.items():
        for name, texts in entries.items():
            key = f"{section}.{name}"
            if set(texts) != {"zh", "en"}:
                raise ValueError(f"messages.toml: {key} needs exactly the texts zh and en")
            catalogue[key] = Message(texts["zh"], texts["en"])
    return catalogue


def say(language: Language, key: str, **values: object) -> str:
    """The message `key` in `language` with its values filled in. Raises KeyError for a key that does not exist."""
    text = messages()[key].said_in(language)
    return text.format(**values) if values else text


def language_of(asked: str | None, environment: Mapping[str, str]) -> Language:
    """The language to speak: what was asked for, else MOT_LANG, else the locale, else English.

    Raises ValueError with the word that is no language of the product.
    """
    word = asked or environment.get("MOT_LANG") or ""
    if word:
        return _named(word)
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        locale = environment.get(variable, "")
        if locale:
            return "zh" if locale.lower().startswith("zh") else "en"
    return "en"


def _named(word: str) -> Language:
    root = word.lower().replace("-", "_").split("_")[0].split(".")[0]
    for language in LANGUAGES:
        if root == language:
            return language
    raise ValueError(word)
