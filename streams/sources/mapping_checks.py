"""What a mapping says that is well written and still wrong: names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from schemas.envelope import Attributes, Channel, Event, Tier
from schemas.events import EVENT_TYPES
from schemas.mapping import Loc, LogMapping, Rule, Value

WORDS_OF = {"tier": get_args(Tier), "channel": get_args(Channel)}
"""Envelope fields that take only these words."""


class Flaw(NamedTuple):
    """What is wrong at `loc`, in both languages."""

    loc: Loc
    zh: str
    en: str


def flaws_of(mapping: LogMapping) -> Iterator[Flaw]:
    """Everything in `mapping` that names something that does not exist, in the order of the file's parts."""
    yield from _zones(mapping)
    for name, value in mapping.columns.items():
        if value.before is not None:
            yield Flaw(
                ("columns", name, "before"),
                "派生列不能引用上一行;请在规则里使用 before",
                "a column cannot look at the row before; use `before` in a rule",
            )
    yield from _words(mapping.envelope, ("envelope",))
    for loc, rule in mapping.rules():
        yield from _words(rule.envelope, (*loc, "envelope"))
        if rule.emit is not None:
            yield from _emitted(loc, rule, rule.emit)
    unconditional = [index for index, rule in enumerate(mapping.events[:-1]) if not rule.when]
    for index in unconditional:
        yield Flaw(
            ("events", index),
            "这条规则没有 when,后面的规则永远轮不到;请移到最后",
            "this rule has no `when`, so those after it are never reached; move it to the end",
        )


def attributes_of(event_type: type[Event]) -> type[BaseModel]:
    """The model of an event type's attributes."""
    annotation: Any = event_type.model_fields["attributes"].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else Attributes


def _zones(mapping: LogMapping) -> Iterator[Flaw]:
    for key, instant in (("timestamp", mapping.process.timestamp), ("recorded", mapping.process.recorded)):
        if instant is not None and instant.zone is not None:
            try:
                ZoneInfo(instant.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                yield Flaw(
                    ("process", key, "zone"),
                    f"{instant.zone!r} 不是 IANA 时区名;例如 Asia/Shanghai",
                    f"{instant.zone!r} is no IANA time zone; write for instance Europe/Rome",
                )


def _words(envelope: BaseModel, loc: Loc) -> Iterator[Flaw]:
    """Constants and map targets of tier and channel that are not words of the product."""
    for name, words in WORDS_OF.items():
        value: Value | None = getattr(envelope, name)
        if value is None:
            continue
        given = [text for text in (value.const, value.otherwise) if text is not None] + list(value.map.values())
        for text in given:
            if text not in words:
                yield Flaw(
                    (*loc, name),
                    f"{text!r} 不是可用的值;可用:{', '.join(words)}",
                    f"{text!r} is not a word for it; use {', '.join(words)}",
                )


def _emitted(loc: Loc, rule: Rule, emit: str) -> Iterator[Flaw]:
    model = EVENT_TYPES.get(emit)
    if model is None:
        zh, en = _near(emit, EVENT_TYPES)
        yield Flaw((*loc, "emit"), f"没有事件类型 {emit!r}{zh}", f"there is no event type {emit!r}{en}")
        return
    fields = attributes_of(model).model_fields
    for name in rule.attributes:
        if name not in fields:
            zh, en = _near(name, fields)
            yield Flaw(
                (*loc, "attributes", name),
                f"事件 {emit} 没有属性 {name!r}{zh} 其他字段请写在 extra 下",
                f"{emit} has no attribute {name!r}{en} What it does not know goes under `extra`.",
            )
    for name, field in fields.items():
        if field.is_required() and name not in rule.attributes:
            yield Flaw(
                (*loc, "attributes"),
                f"事件 {emit} 必须有属性 {name!r},请补上",
                f"{emit} needs the attribute {name!r}; add it",
            )


def _near(word: str, words: Iterable[str]) -> tuple[str, str]:
    near = difflib.get_close_matches(word, list(words), n=1)
    return (f",是否想写 {near[0]!r}?", f". Did you mean {near[0]!r}?") if near else ("。", ".")
