"""The usual record, read in one pass: known fields only, no escapes, no times among the attributes.

What such a record may hold is derived from the same pydantic models that judge every other one, as a type that msgspec
reads in a third of the time. Whatever is not taken here is not refused: `schemas.codec` looks at it with the models.
What is made of it is no model yet: engine and detectors only read attributes, and a model costs as much as the reading.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from datetime import datetime
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    NoReturn,
    NotRequired,
    Required,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from annotated_types import Ge, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import SchemaValidator, core_schema

from schemas.codes import COUNTRIES
from schemas.envelope import Attributes, Country, Event, Stamp, Strict
from schemas.events import EVENT_TYPES
from schemas.times import to_ms

Values = dict[str, Any]


class NotPlain(Exception):
    """A model asks for more than the one pass can see."""


class Mould(NamedTuple):
    """What makes an instance of a model from its state, unknown fields and the names of stated ones; the values of its
    fields where nothing is stated, and the names of all, which count as stated."""

    make: Callable[[tuple[Values, Values, set[str]]], Any]
    defaults: Values
    fields: set[str]

    def cast(self, stated: Values) -> Any:
        """The instance that says what is `stated`. Nothing is checked."""
        return self.make((self.defaults | stated, {}, self.fields))


class Plain:
    """What a plain record states, by attribute; where it says nothing, the class has the default of the model."""

    model_extra: ClassVar[None] = None
    """As of a model without unknown fields."""
    _mould: ClassVar[Mould]

    def whole(self) -> Any:
        """The same as an instance of its model."""
        return self._mould.cast(vars(self))

    def __repr__(self) -> str:
        return f"plain {self.whole()!r}"


class PlainEvent(Plain):
    """Reads like an `Event`; `whole` makes one of it."""

    attributes: Plain
    occurred_at: datetime
    recorded_at: datetime

    def whole(self) -> Event:
        """The event, as pydantic would have made it from the record."""
        event: Event = self._mould.cast(vars(self) | {"attributes": self.attributes.whole()})
        return event

    @property
    def recorded_ms(self) -> int:
        """`recorded_at` in milliseconds since the epoch."""
        return to_ms(self.recorded_at)


class Plan(NamedTuple):
    """How plain records of one event type are read: `read` raises msgspec.MsgspecError for others."""

    read: Callable[[bytes], Values]
    event: type[PlainEvent]
    attributes: type[Plain]


class _Plans(dict[bytes, Plan | None]):
    """Event type to its plan, made when the first event of the type arrives; None where there can be none."""

    def __missing__(self, event_type: bytes) -> Plan | None:
        model = EVENT_TYPES.get(event_type.decode("ascii", "replace"))
        if model is None:
            return None  # not kept: there is no end of unknown types
        try:
            plan = _plan(model)
        except NotPlain:
            plan = None
        self[event_type] = plan
        return plan


_PLANS = _Plans()
_TYPE = b'"event_type":"'
_COLONS_IN_TIMES = 4
_LONGEST_TYPE = 64
_BACKSLASH = 92


def plain_event(raw: bytes) -> PlainEvent | None:
    """What `raw` states, None when it is not plain.

    Its times are as they stand in `raw`, and `occurred_ms` is not set; they, amounts and the characters of names need
    another look.
    """
    start = raw.find(_TYPE) + len(_TYPE)
    if start < len(_TYPE) or _BACKSLASH in raw:
        return None
    plan = _PLANS[raw[start : raw.find(b'"', start, start + _LONGEST_TYPE)]]
    if plan is None:
        return None
    read, event, attributes = plan
    try:
        values = read(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    stated = values.get("attributes")
    if not no_more_keys(raw, len(values) + len(stated or ())):
        return None
    if stated is not None:
        values["attributes"] = said = attributes()
        said.__dict__ = stated
    made = event()
    made.__dict__ = values
    return made


def no_more_keys(raw: bytes, keys: int) -> bool:
    """Whether an event's record `raw`, of which `keys` keys are known, holds no other key and none twice.

    Each key of JSON has one colon, and each of the two times has two more. So when a record has no more colons than
    that, every key stands once. More colons prove nothing, they may stand in texts: then `":` are counted, which only
    an escaped quote can bring into a text, and which stands after every key unless a blank comes between.
    """
    if raw.count(b":") == keys + _COLONS_IN_TIMES:
        return True
    blank_before_colon = (
        (32 in raw and b" :" in raw)
        or (10 in raw and b"\n:" in raw)
        or (9 in raw and b"\t:" in raw)
        or (13 in raw and b"\r:" in raw)
    )
    return not blank_before_colon and raw.count(b'":') == keys


def _plan(model: type[Event]) -> Plan:
    declared = get_type_hints(model)["attributes"]
    attributes: type[Attributes] = Attributes if declared is Any else declared
    _check_imitable(attributes, Attributes, Plain)
    _check_imitable(model, Event, PlainEvent)
    inner = _mould(attributes)
    outer = _mould(model, attributes=inner.cast({}), occurred_ms=0)
    record = _record_type(model, attributes=_record_type(attributes))
    said = type(attributes.__name__, (Plain,), {**inner.defaults, "_mould": inner})
    event = type(model.__name__, (PlainEvent,), {**outer.defaults, "attributes": said(), "_mould": outer})
    return Plan(msgspec.json.Decoder(record).decode, event, said)


def _check_imitable(model: type[Strict], base: type[Strict], plain: type[Plain]) -> None:
    """Raise NotPlain for a model that does more than state fields: what reads like it would not do it."""
    decorators = model.__pydantic_decorators__
    decorated = [getattr(decorators, kind.name) for kind in dataclasses.fields(decorators)]
    made = [name for name, field in model.model_fields.items() if field.default_factory and name != "attributes"]
    named_otherwise = [name for name, field in model.model_fields.items() if field.alias]
    own = {name for name in dir(model) if not name.startswith("_")} - set(dir(base)) - set(model.model_fields)
    hidden = set(dir(plain)) & set(model.model_fields)
    if any(decorated) or made or named_otherwise or own or hidden or model.__private_attributes__:
        _not_plain(model)


def _mould(model: type[Strict], **known: Any) -> Mould:
    defaults = {name: field.get_default() for name, field in model.model_fields.items()} | known
    unchecked = core_schema.model_schema(model, core_schema.any_schema())
    make = SchemaValidator(unchecked, _use_prebuilt=False).validate_python  # the prebuilt one would check
    return Mould(make, defaults, set(model.model_fields))


def _record_type(model: type[Strict], **known: Any) -> Any:
    """A TypedDict that takes what `model` takes, or less. Raises NotPlain when there can be none."""
    hints = get_type_hints(model, include_extras=True)
    members = {
        name: (Required if field.is_required() else NotRequired)[known.get(name) or _taken(hints[name])]
        for name, field in model.model_fields.items()
    }
    return TypedDict(model.__name__, members)  # type: ignore[operator]  # made at run time


def _taken(hint: Any) -> Any:
    """The msgspec type for a field of ours; null is left to the models."""
    if hint == Stamp:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    if hint == Country:
        return Literal[tuple(COUNTRIES)]
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        stated = [member for member in members if member is not NoneType]
        open_word = [member for member in stated if get_origin(member) is not Literal]  # a known word is a word too
        return _taken(*(open_word or stated)) if len(open_word or stated) == 1 else _not_plain(hint)
    if origin is Annotated and members[0] in (str, int):
        return Annotated[members[0], msgspec.Meta(**_limits(members[1:]))]
    return hint if origin is Literal or hint in (str, int, bool) else _not_plain(hint)


def _limits(annotations: Iterable[Any]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for annotation in annotations:
        for limit in annotation.metadata if isinstance(annotation, FieldInfo) else [annotation]:
            match limit:
                case MinLen():
                    limits["min_length"] = limit.min_length
                case MaxLen():
                    limits["max_length"] = limit.max_length
                case Ge(ge=int(least)):
                    limits["ge"] = least
                case Le(le=int(most)):
                    limits["le"] = most
                case Lt(lt=int(beyond)):
                    limits["le"] = beyond - 1  # the same for whole numbers, and it fits into 64 bits
                case _:
                    _not_plain(limit)
    return limits


def _not_plain(asked: Any) -> NoReturn:
    raise NotPlain(f"{asked}")
