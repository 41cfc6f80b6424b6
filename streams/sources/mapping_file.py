"""Loading a mapping file: YAML in, a checked `LogMapping` out, or an error that names line, field and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from schemas.mapping import Loc, LogMapping
from streams.sources.faults import MappingError
from streams.sources.mapping_checks import flaws_of

MAX_BYTES = 256 * 1024
DESCRIBED_IN = "streams/sources/README.md"


def shipped_mappings() -> tuple[str, ...]:
    """The names of the mappings that come with the product."""
    folder = resources.files("streams").joinpath("mappings")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_mapping(path_or_name: str | Path) -> LogMapping:
    """The mapping in a file, or the shipped one of that name.

    Raises MappingError when there is none, when it is no YAML, when a key or value is wrong, or when it names an event
    type, attribute, column or time zone that does not exist.
    """
    name = str(path_or_name)
    if name in shipped_mappings():
        text = resources.files("streams").joinpath("mappings", f"{name}.yaml").read_text(encoding="utf-8")
        return parse_mapping(text, f"{name}.yaml")
    path = Path(path_or_name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MappingError(
                path.name, 0, "", "文件超过 256 KiB,不是映射文件", "is larger than 256 KiB: no mapping file"
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as flaw:
        known = ", ".join(shipped_mappings())
        raise MappingError(
            name,
            0,
            "",
            f"无法读取({flaw.strerror});内置映射:{known}",
            f"cannot be read ({flaw.strerror}); shipped: {known}",
        ) from flaw
    except UnicodeDecodeError:
        raise MappingError(path.name, 0, "", "不是 UTF-8 文本", "is not UTF-8 text") from None
    return parse_mapping(text, path.name)


def parse_mapping(text: str, file: str) -> LogMapping:
    """The mapping in `text`; `file` names it in errors. Raises MappingError."""
    data, lines = read_yaml(text, file)
    try:
        mapping = LogMapping.model_validate(data)
    except ValidationError as refused:
        raise _explained(refused, file, lines) from None
    mapping._file = file
    mapping._lines.update(lines)
    for flaw in flaws_of(mapping):
        raise MappingError(file, line_of(lines, flaw.loc), spelled(flaw.loc), flaw.zh, flaw.en)
    return mapping


def check_columns(mapping: LogMapping, header: tuple[str, ...] | None, log: str) -> None:
    """Compare the columns a mapping reads with those of the log `log`, where the format states them.

    Raises MappingError naming the first that the log has not, the nearest it has, and all it has.
    """
    if header is None:
        return
    for column, place in mapping.columns_read().items():
        if column not in header:
            loc = place
            while loc not in mapping._lines and loc:  # `case: x` is short for `case: {field: x}`
                loc = loc[:-1]
            near = difflib.get_close_matches(column, header, n=1, cutoff=0.5)
            has = ", ".join(header[:40])
            hint_zh, hint_en = (f",是否想写 {near[0]!r}?", f". Did you mean {near[0]!r}?") if near else ("。", ".")
            raise MappingError(
                mapping._file,
                line_of(mapping._lines, loc),
                spelled(loc),
                f"日志 {log} 没有列 {column!r}{hint_zh} 现有列:{has}",
                f"the log {log} has no column {column!r}{hint_en} Its columns: {has}",
            )


def line_of(lines: dict[Loc, int], loc: Loc) -> int:
    """The line of `loc`, or of the nearest thing around it that is written in the file."""
    while loc not in lines and loc:
        loc = loc[:-1]
    return lines.get(loc, 1)


def spelled(loc: Loc) -> str:
    """A place as people write it: `events[0].attributes.category`."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "(top)"


def read_yaml(text: str, file: str) -> tuple[Any, dict[Loc, int]]:
    """The plain data of a YAML text and the line of each of its places. Raises MappingError, `file` names it there."""
    lines: dict[Loc, int] = {}
    return _plain(_composed(text, file), (), lines, file), lines


def _composed(text: str, file: str) -> yaml.Node:
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise MappingError(
                    file, line, "*", "不支持 YAML 别名,请写出完整内容", "YAML aliases are not supported; write it out"
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as flaw:
        mark = flaw.problem_mark or flaw.context_mark
        line = mark.line + 1 if mark else 1
        raise MappingError(
            file, line, "(YAML)", f"不是有效的 YAML:{flaw.problem}", f"is not YAML: {flaw.problem}"
        ) from None
    except (yaml.YAMLError, RecursionError) as flaw:
        raise MappingError(file, 1, "(YAML)", f"不是有效的 YAML:{flaw}", f"is not YAML: {flaw}") from None
    if not isinstance(node, yaml.MappingNode):
        raise MappingError(
            file, 1, "(top)", f"应为键和值;写法见 {DESCRIBED_IN}", f"must be keys and values; see {DESCRIBED_IN}"
        )
    return node


def _plain(node: yaml.Node, loc: Loc, lines: dict[Loc, int], file: str) -> Any:
    """Plain data of a YAML node; every scalar as the text that is written, so that NO stays NO and 007 stays 007."""
    lines.setdefault(loc, node.start_mark.line + 1 if node.start_mark else 1)
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*loc, index), lines, file) for index, child in enumerate(node.value)]
    data: dict[str, Any] = {}
    for key, child in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        name, line = str(key.value), (key.start_mark.line + 1 if key.start_mark else 1)
        lines[(*loc, name)] = line
        if name in data:
            raise MappingError(file, line, spelled((*loc, name)), "这个键写了两次", "this key is written twice")
        data[name] = _plain(child, (*loc, name), lines, file)
    return data


def _explained(refused: ValidationError, file: str, lines: dict[Loc, int]) -> MappingError:
    """One error of pydantic in both languages, with line and field; a misspelt key before what it leaves missing."""
    errors = refused.errors()
    error = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    loc = tuple(step for step in error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    zh, en = f"不正确:{error['msg']}", error["msg"][:1].lower() + error["msg"][1:]
    if kind == "missing":
        zh, en = "缺少这个字段,请补上", "is missing; add it"
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(str(loc[-1]), set(_known_keys()), n=1)
        zh = "这里没有这个键" + (f",是否想写 {near[0]!r}?" if near else f";写法见 {DESCRIBED_IN}")
        en = "is no key here" + (f". Did you mean {near[0]!r}?" if near else f"; see {DESCRIBED_IN}")
    elif kind == "literal_error":
        zh, en = f"应为 {context['expected']} 之一", f"must be one of {context['expected']}"
    elif kind == "value_error":
        zh, en = f"不正确:{context['error']}", str(context["error"])
    return MappingError(file, line_of(lines, loc), spelled(loc), zh, en)


def _known_keys() -> Iterator[str]:
    schema = LogMapping.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        yield from part.get("properties", {})
