"""An operator's settings, one YAML file: what counts as late, where touchpoints stand, what detectors are told.

Nothing in it is needed: what a file does not say stays as shipped. `mot schema settings` prints its JSON Schema,
`streams/cli/example_settings.yaml` is one with every part.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, WithJsonSchema

from detectors.base import AnyDetector
from detectors.catalogue import CATALOGUE, ParameterError, with_params
from journeys.lateness import Lateness
from journeys.placement import PlacementRule, Placements, shipped_rules
from journeys.registry import Indicator, IndicatorOverride, Registry, shipped_registry
from journeys.touchpoints import Touchpoint, TouchpointOverride, Touchpoints, shipped_touchpoints
from schemas.envelope import Channel
from schemas.events import EVENT_TYPES, FAMILY_OF
from schemas.mapping import Loc
from schemas.moments import Frozen, Stage, Text
from schemas.times import DAY, HOUR, MINUTE
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.sources.faults import MappingError
from streams.sources.mapping_checks import Flaw, attributes_of
from streams.sources.mapping_file import MAX_BYTES, line_of, read_yaml, spelled

OTHER = "other"
"""Under `lateness`: the allowance of all families that are not named."""
EXAMPLE = "streams/cli/example_settings.yaml"
LONGEST_MS = 366 * DAY
_UNITS = {"d": DAY, "h": HOUR, "min": MINUTE, "s": 1_000, "ms": 1}
_DURATION = re.compile(r"(\d{1,15}) ?(ms|s|min|h|d)")


class SettingsError(StreamsError):
    """The settings file is wrong. `file`, `line` (1-based, 0 when it has none) and `field` say where."""

    exit_code = USAGE

    def __init__(self, file: str, line: int, field: str, zh: str, en: str) -> None:
        super().__init__(
            Text(
                zh=f"设置文件 {file} 第 {line} 行,字段 {field}:{zh}" if line else f"设置文件 {file}:{zh}",
                en=f"settings {file}, line {line}, field {field}: {en}" if line else f"settings {file}: {en}",
            )
        )
        self._given = (file, line, field, zh, en)
        self.file = file
        self.line = line
        self.field = field

    def __reduce__(self) -> tuple[type[SettingsError], tuple[Any, ...]]:
        """Rebuilt from what it was made of, so that one process can hand it to another."""
        return SettingsError, self._given


def _read_duration(given: object) -> object:
    if isinstance(given, str):
        found = _DURATION.fullmatch(given.strip())
        if found is None:
            raise ValueError(f"{given!r} is no duration; write a whole number and d, h, min, s or ms, like 15 min")
        given = int(found[1]) * _UNITS[found[2]]
    if isinstance(given, int) and given > LONGEST_MS:
        raise ValueError("is longer than 366 d; state and duplicates would have to be kept that long")
    return given


def _write_duration(ms: int) -> str:
    unit = next(unit for unit, length in _UNITS.items() if ms % length == 0 and (ms or unit == "ms"))
    return f"{ms // _UNITS[unit]} {unit}"


Duration = Annotated[
    int,
    Field(ge=0),
    BeforeValidator(_read_duration),
    PlainSerializer(_write_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
"""Milliseconds, written as `15 min` or `48 h`."""


class AddedTouchpoint(Frozen):
    """A touchpoint of the operator's own. Only id, stage and name are needed."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    stage: Stage
    name: Text
    typical_event_type: str = ""
    channels: tuple[Channel, ...] = ()
    valence_prior: Literal["positive", "negative", "both"] = "both"

    def touchpoint(self) -> Touchpoint:
        """As the catalogue holds it."""
        return Touchpoint.model_validate(self.model_dump())


class OwnPlacement(Frozen):
    """Events of `event_type` go to `touchpoint_id`: those whose `attribute` is `equals`, or all when neither is
    given."""

    event_type: str
    touchpoint_id: str
    attribute: str = ""
    equals: str = ""

    def rule(self) -> PlacementRule:
        """As placement reads it."""
        return PlacementRule(self.event_type, self.attribute, self.equals, self.touchpoint_id)


class OperatorSettings(Frozen):
    """What one operator does otherwise than shipped. Made by `load_settings`, which checks all names; picklable.

    In the file the fields are called `lateness` (family, or `other` -> duration), `touchpoints` (id -> stage, name),
    `added_touchpoints`, `placement` (before the shipped rules), `detectors` (id or name -> parameter -> value),
    `indicators` (id -> target, warning, owner …) and `added_indicators` (as in `journeys/data/indicators`).
    """

    allowances: Mapping[str, Duration] = Field(default={}, alias="lateness")
    overrides: Mapping[str, TouchpointOverride] = Field(default={}, alias="touchpoints")
    added: tuple[AddedTouchpoint, ...] = Field(default=(), alias="added_touchpoints")
    own_placement: tuple[OwnPlacement, ...] = Field(default=(), alias="placement")
    parameters: Mapping[str, Mapping[str, Any]] = Field(default={}, alias="detectors")
    indicators: Mapping[str, IndicatorOverride] = {}
    added_indicators: tuple[Indicator, ...] = ()

    def lateness(self) -> Lateness:
        """Allowed lateness: shipped, except for what was said."""
        shipped = Lateness()
        said = {family: ms for family, ms in self.allowances.items() if family != OTHER}
        return Lateness(by_family={**shipped.by_family, **said}, other_ms=self.allowances.get(OTHER, shipped.other_ms))

    def touchpoints(self) -> Touchpoints:
        """The shipped touchpoints as overridden, then the operator's own. Raises KeyError for one that is unknown."""
        return shipped_touchpoints().overridden(self.overrides, [one.touchpoint() for one in self.added])

    def placements(self) -> Placements:
        """Where events stand. Raises KeyError or ValueError as Placements does."""
        # The later of two rules for the same type and value holds there, so the operator's own come last.
        return Placements(self.touchpoints(), [*shipped_rules(), *(own.rule() for own in self.own_placement)])

    def catalogue(self, base: Sequence[AnyDetector] = CATALOGUE) -> tuple[AnyDetector, ...]:
        """`base` with the operator's parameters. Raises ParameterError."""
        return with_params(self.parameters, base)

    def registry(self) -> Registry:
        """The shipped indicators as overridden, then the operator's own. Raises KeyError, ValueError."""
        return shipped_registry().overridden(self.indicators, self.added_indicators)

    def with_parameters(self, overrides: Mapping[str, Mapping[str, Any]]) -> OperatorSettings:
        """These settings with more parameters (detector id or name -> parameter -> value); the given ones win."""
        merged = {_id_of(name): dict(values) for name, values in self.parameters.items()}
        for name, values in overrides.items():
            merged[_id_of(name)] = {**merged.get(_id_of(name), {}), **values}
        return self.model_copy(update={"parameters": merged})

    def written(self) -> str:
        """As a file that `load_settings` reads back (JSON, which is YAML)."""
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return json.dumps(said, ensure_ascii=False, indent=2) + "\n"


def load_settings(path: Path) -> OperatorSettings:
    """The settings in a file. Raises SettingsError naming file, line and field, and what to do."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(
                path.name, 0, "", "超过 256 KiB,不是设置文件", "is larger than 256 KiB: no settings file"
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as flaw:
        raise SettingsError(
            str(path),
            0,
            "",
            f"无法读取({flaw.strerror});写法见 {EXAMPLE}",
            f"cannot be read ({flaw.strerror}); {EXAMPLE} shows one",
        ) from flaw
    except UnicodeDecodeError:
        raise SettingsError(path.name, 0, "", "不是 UTF-8 文本", "is not UTF-8 text") from None
    return parse_settings(text, path.name)


def parse_settings(text: str, file: str) -> OperatorSettings:
    """The settings in `text`; `file` names it in errors. Raises SettingsError."""
    try:
        data, lines = read_yaml(text, file)
    except MappingError as flaw:
        zh, en = flaw.zh, flaw.en
        if flaw.field == "(top)":
            zh, en = f"应为键和值;写法见 {EXAMPLE}", f"must be keys and values; {EXAMPLE} shows one"
        raise SettingsError(flaw.file, flaw.line, flaw.field, zh, en) from None
    for part in ("detectors", "indicators"):
        data[part] = _with_nulls(data.get(part, {}))
    try:
        settings = OperatorSettings.model_validate(data)
    except ValidationError as refused:
        raise _explained(refused, file, lines) from None
    for loc, zh, en in _flaws_of(settings):
        raise SettingsError(file, line_of(lines, loc), spelled(loc), zh, en)
    return settings


def _with_nulls(data: Any) -> Any:
    """Every value is read as the text that is written; only `null` has no text: it switches off."""
    if isinstance(data, dict):
        return {name: _with_nulls(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_with_nulls(value) for value in data]
    return None if data in ("null", "~", "") else data


def _explained(refused: ValidationError, file: str, lines: Mapping[Loc, int]) -> SettingsError:
    """One error of pydantic in both languages; a misspelt key before what it leaves missing."""
    errors = refused.errors()
    error = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    loc: Loc = tuple(step for step in error["loc"] if step != "[key]")
    zh, en = _said(error["type"], error["msg"], error.get("ctx", {}), loc)
    return SettingsError(file, line_of(dict(lines), loc), spelled(loc), zh, en)


def _said(kind: str, message: str, context: Mapping[str, Any], loc: Loc) -> tuple[str, str]:
    if kind == "missing":
        return "缺少这个字段,请补上", "is missing; add it"
    if kind == "extra_forbidden":
        return _near(f"没有键 {loc[-1]!r}", f"there is no key {loc[-1]!r} here", str(loc[-1]), _known_keys())
    if kind in _SHAPES:
        return _SHAPES[kind]
    if kind == "literal_error":
        return f"应为 {context['expected']} 之一", f"must be one of {context['expected']}"
    if kind == "value_error" and loc[:1] == ("lateness",):
        return "应为不超过 366 d 的时长:写整数与单位 d、h、min、s 或 ms,例如 15 min", str(context["error"])
    return f"不正确:{message}", message[:1].lower() + message[1:]


_SHAPES = {
    "model_type": ("应为键和值", "must be keys and values"),
    "dict_type": ("应为键和值", "must be keys and values"),
    "mapping_type": ("应为键和值", "must be keys and values"),
    "tuple_type": ("应为列表", "must be a list"),
    "string_pattern_mismatch": (
        "只能用小写字母、数字与 _,以字母开头",
        "small letters, digits and _ only, a letter first",
    ),
}
"""What is said for a kind of error of pydantic, in both languages."""


def _known_keys() -> set[str]:
    schema = OperatorSettings.model_json_schema()
    return {name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", {})}


def _near(zh: str, en: str, word: str, known: set[str]) -> tuple[str, str]:
    """Both texts with the nearest known word, or where to see how it is written."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    if near:
        return f"{zh},是否想写 {near[0]!r}?", f"{en}. Did you mean {near[0]!r}?"
    if len(known) <= 20:
        return f"{zh};现有:{', '.join(sorted(known))}", f"{en}; there are {', '.join(sorted(known))}"
    return f"{zh};写法见 {EXAMPLE}", f"{en}; {EXAMPLE} shows how it is written"


def _flaws_of(settings: OperatorSettings) -> Iterator[Flaw]:
    """Everything that is well written and names something that does not exist, in the order of the file's parts."""
    families = set(FAMILY_OF.values()) | {OTHER}
    for family in settings.allowances:
        if family not in families:
            said = _near(f"没有事件族 {family!r}", f"there is no event family {family!r}", family, families)
            yield Flaw(("lateness", family), *said)
    shipped = set(shipped_touchpoints())
    for name in settings.overrides:
        if name not in shipped:
            said = _near(f"没有触点 {name!r}", f"there is no touchpoint {name!r} to change", name, shipped)
            yield Flaw(("touchpoints", name), *said)
    known = set(shipped)
    for index, one in enumerate(settings.added):
        yield from _added_flaws(("added_touchpoints", index), one, known)
        known.add(one.id)
    yield from _placement_flaws(settings.own_placement, known)
    yield from _parameter_flaws(settings.parameters)
    yield from _indicator_flaws(settings)


def _added_flaws(loc: Loc, one: AddedTouchpoint, known: set[str]) -> Iterator[Flaw]:
    if one.id in known:
        yield Flaw(
            (*loc, "id"),
            f"触点 {one.id!r} 已经存在;要改它请写在 touchpoints 下",
            f"there is a touchpoint {one.id!r} already; to change it, write it under `touchpoints`",
        )
    kind = one.typical_event_type
    if kind and kind not in EVENT_TYPES:
        said = _near(f"没有事件类型 {kind!r}", f"there is no event type {kind!r}", kind, set(EVENT_TYPES))
        yield Flaw((*loc, "typical_event_type"), *said)


def _placement_flaws(own: Sequence[OwnPlacement], known: set[str]) -> Iterator[Flaw]:
    looked_at = {rule.event_type: rule.attribute for rule in shipped_rules() if rule.attribute}
    placed: set[tuple[str, str, str]] = set()
    for index, one in enumerate(own):
        loc: Loc = ("placement", index)
        kind, attribute = one.event_type, one.attribute
        if kind not in EVENT_TYPES:
            said = _near(f"没有事件类型 {kind!r}", f"there is no event type {kind!r}", kind, set(EVENT_TYPES))
            yield Flaw((*loc, "event_type"), *said)
            return
        if one.touchpoint_id not in known:
            there = f"there is no touchpoint {one.touchpoint_id!r}"
            yield Flaw(
                (*loc, "touchpoint_id"), *_near(f"没有触点 {one.touchpoint_id!r}", there, one.touchpoint_id, known)
            )
        if bool(attribute) != bool(one.equals):
            yield Flaw(
                loc, "attribute 与 equals 须同时写或都不写", "write both `attribute` and `equals`, or neither of them"
            )
        if attribute:
            yield from _attribute_flaws((*loc, "attribute"), one, looked_at.setdefault(kind, attribute))
        if (key := (kind, attribute, one.equals)) in placed:
            yield Flaw(
                loc, "前面已有同样的规则;请删去一条", "a rule above is for the same events; remove one of the two"
            )
        placed.add(key)


def _attribute_flaws(loc: Loc, one: OwnPlacement, looked_at: str) -> Iterator[Flaw]:
    fields = set(attributes_of(EVENT_TYPES[one.event_type]).model_fields)
    if one.attribute not in fields:
        there = f"{one.event_type} has no attribute {one.attribute!r}"
        yield Flaw(loc, *_near(f"{one.event_type} 没有属性 {one.attribute!r}", there, one.attribute, fields))
    elif one.attribute != looked_at:
        yield Flaw(
            loc,
            f"{one.event_type} 已按属性 {looked_at!r} 归位,一个类型只能看一个属性;请改用 {looked_at!r}",
            f"{one.event_type} is placed by its attribute {looked_at!r} already; a type has one only, use it here too",
        )


def _indicator_flaws(settings: OperatorSettings) -> Iterator[Flaw]:
    shipped = shipped_registry()
    for name, override in settings.indicators.items():
        if name not in shipped:
            said = _near(f"没有指标 {name!r}", f"there is no indicator {name!r} to change", name, set(shipped))
            yield Flaw(("indicators", name), *said)
        else:
            try:
                shipped.overridden({name: override})
            except ValueError as flaw:
                yield Flaw(("indicators", name), f"不正确：{flaw}", str(flaw))
    known = set(shipped)
    for index, one in enumerate(settings.added_indicators):
        if one.id in known:
            yield Flaw(
                ("added_indicators", index, "id"),
                f"指标 {one.id!r} 已经存在；要改它请写在 indicators 下",
                f"there is an indicator {one.id!r} already; to change it, write it under `indicators`",
            )
        known.add(one.id)


def _parameter_flaws(parameters: Mapping[str, Mapping[str, Any]]) -> Iterator[Flaw]:
    known = {word for detector in CATALOGUE for word in (detector.meta.id, detector.meta.name)}
    for name, values in parameters.items():
        loc: Loc = ("detectors", name)
        if name not in known:
            ids = ", ".join(detector.meta.id for detector in CATALOGUE)
            yield Flaw(loc, f"没有探测器 {name!r};现有:{ids}", f"there is no detector {name!r}; there are {ids}")
            continue
        try:
            with_params({name: values})
        except ParameterError as refused:
            yield _parameter_flaw(loc, refused)


def _parameter_flaw(loc: Loc, refused: ParameterError) -> Flaw:
    cause = refused.__cause__
    if not isinstance(cause, ValidationError):
        return Flaw(loc, f"不正确:{refused}", str(refused))
    error = cause.errors()[0]
    where = (*loc, *error["loc"])
    if error["type"] == "extra_forbidden":
        command = f"mot detectors show {loc[1]}"
        return Flaw(where, f"没有这个参数;`{command}` 列出全部", f"is no parameter; `{command}` lists them")
    return Flaw(where, f"不正确:{error['msg']}", error["msg"][:1].lower() + error["msg"][1:])


def _id_of(name: str) -> str:
    return next((detector.meta.id for detector in CATALOGUE if detector.meta.name == name), name)
