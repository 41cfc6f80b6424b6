"""The Chinese and the English dashboards are one: the same panels in the same places asking the same questions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboards.grafana.lint import Finding, Json, queries, strings
from schemas.moments import Text

SUFFIX = "-zh"
_OURS = re.compile(rf"\b(mot(?:-[a-z0-9]+)*?){SUFFIX}\b")
_SPOKEN_KEYS = """
    title description label text content name displayName legendFormat options value tooltip mainStat secondaryStat
    axisLabel placeholder noValue byName renameByName indexByName excludeByName current query
"""
_SPOKEN = frozenset(_SPOKEN_KEYS.split())
"""Keys under which a string may be another one in the other language."""
_NAMING = frozenset({"renameByName", "indexByName", "excludeByName"})
"""Objects whose keys are column names, and so words."""
_VARIABLES = frozenset({"query", "custom", "textbox", "constant", "interval", "datasource", "adhoc"})
_HAN = re.compile(r"[\u4e00-\u9fff]")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|`[^`]*`")
_TITLES = frozenset({"title", "description", "label"})


def compare(zh: Sequence[Json], en: Sequence[Json]) -> list[Finding]:
    """Where the two sets differ in more than words, and where a text is in the wrong language."""
    found = []
    left, right = ({base_uid(str(one.get("uid"))): one for one in side} for side in (zh, en))
    for uid in sorted(left.keys() ^ right.keys()):
        found.append(Finding(uid, Text(zh="只有一种语言的版本", en="there is a version in one language only")))
    for uid in sorted(left.keys() & right.keys()):
        found += [Finding(f"{uid} › {path}", _differs()) for path in _different(left[uid], right[uid], "", "")]
        found += _language(left[uid], right[uid], uid)
    return found


def base_uid(uid: str) -> str:
    """What the versions of a dashboard have in common: the Chinese one bears `-zh` behind it."""
    return uid.removesuffix(SUFFIX)


def uid_in(uid: str, language: str) -> str:
    """The uid of the version in `language`."""
    return f"{uid}{SUFFIX}" if language == "zh" else uid


def _differs() -> Text:
    return Text(zh="中英文版本不一致", en="the Chinese and the English version differ")


def _different(left: Any, right: Any, key: str, path: str) -> Iterator[str]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if key in _NAMING:
            if len(left) != len(right):
                yield path
            return
        if left.keys() != right.keys():
            yield f"{path} {sorted(left.keys() ^ right.keys())}"
        for name in left.keys() & right.keys():
            inner = _inner_key(left, str(name))
            yield from _different(left[name], right[name], inner, f"{path}.{name}" if path else str(name))
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            yield path
        for at, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from _different(one, other, key, f"{path}[{at}]")
    elif key == "rawSql" and isinstance(left, str) and isinstance(right, str):
        if without_words(left) != without_words(right):
            yield path
    elif _bare(left) != _bare(right) and not (key in _SPOKEN and isinstance(left, str) and isinstance(right, str)):
        yield path


def _bare(value: Any) -> Any:
    """A string with the Chinese versions of our uids and tags as the English ones."""
    return _OURS.sub(r"\1", value) if isinstance(value, str) else value


def _inner_key(holder: Mapping[str, Any], name: str) -> str:
    """The key a value counts as: the value of a property is a word only where the property is one."""
    if name == "value" and holder.get("id") not in (None, "displayName", "links", "description", "noValue", "mappings"):
        return "fixed"
    if name == "name" and holder.get("type") in _VARIABLES:
        return "fixed"
    if name == "query" and isinstance(holder.get("query"), str) and holder.get("type") == "query":
        return "rawSql"
    return name


def without_words(sql: str) -> str:
    """`sql` with every string and quoted name emptied, and white space evened out."""
    return " ".join(_OURS.sub(r"\1", _QUOTED.sub("''", sql)).split())


def _language(zh: Json, en: Json, uid: str) -> Iterator[Finding]:
    for key, text in strings({name: value for name, value in zh.items() if name != "annotations"}):
        if key in _TITLES and text and not _HAN.search(text):
            words = Text(zh=f"中文版中的文字不是中文：{text}", en=f"not Chinese in the Chinese version: {text}")
            yield Finding(uid, words)
    for key, text in strings(en):
        if key != "rawSql" and _HAN.search(text):
            words = Text(zh=f"英文版中的文字是中文：{text}", en=f"Chinese in the English version: {text}")
            yield Finding(uid, words)
    for where, sql in queries(en):
        if _HAN.search(sql):
            yield Finding(
                f"{uid} › {where}", Text(zh="英文版的查询含中文", en="Chinese in a query of the English version")
            )
