"""The usual record, read in one pass: known fields only, no escapes.

What such a record may hold is derived from the same pydantic models that judge every other one, as types that msgspec
reads in a third of the time. Whatever is not taken here is not refused: `schemas.codec` looks at it with the models.
What is made of it is no model yet: engine and detectors only read attributes, and a model costs as much as the reading.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    NoReturn,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from annotated_types import Ge, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import SchemaValidator, core_schema

from schemas.codes import COUNTRIES
from schemas.envelope import Attributes, Country, Event, Stamp, Strict, Time
from schemas.events import EVENT_TYPES
from schemas.times import to_ms

Values = dict[str, Any]
_COLONS_IN_TIMES = 4
_FINER_THAN_MICROSECONDS = re.compile(rb"\.\d{7}")
_MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]


class NotPlain(Exception):
    """A model asks for more than the one pass can see."""


UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, NotPlain)
"""What reading something plainly raises when it is not plain."""


class Mould(NamedTuple):
    """What makes an instance of a model from its state, unknown fields and the names of stated ones; the values of its
    fields where nothing is stated, and the names of all, which count as stated."""

    make: Callable[[tuple[Values, Values, set[str]]], Any]
    defaults: Values
    fields: set[str]

    def cast(self, stated: Values) -> Any:
        """The instance that says what is `stated`. Nothing is checked."""
        return self.make((self.defaults | stated, {}, self.fields))


class PlainAttributes(msgspec.Struct, gc=False):
    """What a plain record states beyond its envelope; where it says nothing, the default of the model stands.

    Each model of attributes has a class of its own, derived from this one.
    """

    model_extra: ClassVar[None] = None
    """As of a model without unknown fields."""
    mould: ClassVar[Mould]

    def whole(self) -> Any:
        """The same as an instance of its model."""
        return self.mould.cast(msgspec.structs.asdict(self))


class PlainEvent(msgspec.Struct, gc=False):
    """Reads like an `Event`; `whole` makes one of it.

    All are of one class, whatever their type, with the fields of the envelope: code that reads attributes is quickest
    where it always meets the same class.
    """

    model_extra: ClassVar[None] = None
    """As of a model without unknown fields."""
    schema_version: ClassVar[int] = Event.model_fields["schema_version"].default

    def whole(self) -> Event:
        """The event, as pydantic would have made it from the record."""
        stated = {name: getattr(self, name) for name in (*Event.model_fields, "occurred_ms")}
        plan = PLANS[stated["event_type"]]
        assert plan is not None  # only what has one is read plainly
        event: Event = plan.mould.cast(stated | {"attributes": stated["attributes"].whole()})
        return event

    @property
    def recorded_ms(self) -> int:
        """`recorded_at` in milliseconds since the epoch."""
        record: Any = self
        return to_ms(record.recorded_at)


class Plan(NamedTuple):
    """How plain records of one event type are read.

    `read` makes the attributes of their JSON and raises msgspec.MsgspecError for others; `fields` is how many they can
    have, `filled` the defaults that are not None, `times` which of them are times; `blank` are the attributes of a
    record that states none, None when it must.
    """

    event_type: str
    read: Callable[[bytes], PlainAttributes]
    fields: int
    filled: Sequence[tuple[str, Any]]
    times: Sequence[str]
    blank: PlainAttributes | None
    mould: Mould


class _Plans(dict[str, Plan | None]):
    """Event type to its plan, made when the first event of the type arrives; None where there can be none."""

    def __missing__(self, event_type: str) -> Plan | None:
        model = EVENT_TYPES.get(event_type)
        if model is None:
            return None  # not kept: there is no end of unknown types
        try:
            plan = _plan(model)
        except NotPlain:
            plan = None
        self[event_type] = plan
        return plan


def plain_event(raw: bytes) -> PlainEvent | None:
    """What `raw` states, None when it is not plain.

    Its times are as they stand in `raw`, and `occurred_ms` is not set; they, amounts and the characters of names need
    another look.
    """
    if _BACKSLASH in raw:
        return None
    try:
        record = _read(raw)
        plan = PLANS[record.event_type]
        if plan is None:
            return None
        keys = _ENVELOPE_KEYS - _as_tuple(record).count(None)
        stated = record.attributes
        if stated is None:
            record.attributes = plan.blank
        else:
            record.attributes, more = read_attributes(plan, bytes(stated) if plan.times else stated)
            keys += more
    except UNREADABLE:
        return None
    if record.attributes is None or not no_more_keys(raw, keys):
        return None
    record.event_type = plan.event_type  # the one text that all share
    if record.tier is None:
        record.tier = _TIER
    if record.channel is None:
        record.channel = _CHANNEL
    return record  # type: ignore[no-any-return]


def read_attributes(plan: Plan, stated: bytes) -> tuple[PlainAttributes, int]:
    """The attributes that the JSON `stated` holds, and how many of them it names.

    Raises msgspec.MsgspecError, or NotPlain for a time that pydantic reads otherwise.
    """
    said = plan.read(stated)
    keys = plan.fields - _as_tuple(said).count(None)
    if plan.times:
        _check_times(said, plan.times, stated)
    for name, default in plan.filled:
        if getattr(said, name) is None:
            setattr(said, name, default)
    return said, keys


def _check_times(said: PlainAttributes, names: Sequence[str], stated: bytes) -> None:
    """Raise NotPlain for times that are not in UTC, at the edges of the calendar, or finer than microseconds, which
    msgspec rounds and pydantic cuts."""
    for name in names:
        moment = getattr(said, name)
        if moment is not None and (moment.tzinfo is not UTC or not MINYEAR < moment.year < MAXYEAR):
            raise NotPlain(name)
    if _FINER_THAN_MICROSECONDS.search(stated):
        raise NotPlain("fraction")


def no_more_keys(raw: bytes, keys: int, in_times: int = _COLONS_IN_TIMES) -> bool:
    """Whether an event's record `raw`, of which `keys` keys are known, holds no other key and none twice.

    Each key of JSON has one colon, and each of the envelope's times has two more (`in_times` in all). So when a record
    has no more colons than that, every key stands once. More colons prove nothing, they may stand in texts: then `":`
    are counted, which only an escaped quote can bring into a text, and which stands after every key unless a blank
    comes between.
    """
    if raw.count(b":") == keys + in_times:
        return True
    blank_before_colon = (
        (32 in raw and b" :" in raw)
        or (10 in raw and b"\n:" in raw)
        or (9 in raw and b"\t:" in raw)
        or (13 in raw and b"\r:" in raw)
    )
    return not blank_before_colon and raw.count(b'":') == keys


def _plan(model: type[Event]) -> Plan:
    _check_imitable(model, Event, PlainEvent)
    if not _declared(model) <= {"event_type", "attributes"}:
        _not_plain(model)
    declared: Any = model.model_fields["attributes"].annotation
    attributes: type[Attributes] = Attributes if declared is Any else declared
    said = _attributes_type(attributes)
    optional = {name for name in said.__struct_fields__ if not attributes.model_fields[name].is_required()}
    defaults = {name: value for name, value in said.mould.defaults.items() if name in optional}
    filled = [(name, default) for name, default in defaults.items() if default is not None]
    blank = None if model.model_fields["attributes"].is_required() else said(**defaults)
    read = msgspec.json.Decoder(said).decode
    mould = _mould(model)
    times = [name for name, kind, *_ in msgspec_fields(attributes) if kind == _MOMENT]
    event_type: str = model.model_fields["event_type"].default
    return Plan(event_type, read, len(said.__struct_fields__), filled, times, blank, mould)


@cache
def _attributes_type(model: type[Attributes]) -> type[PlainAttributes]:
    _check_imitable(model, Attributes, PlainAttributes)
    own = {"mould": _mould(model)}
    made = msgspec.defstruct(
        model.__name__, msgspec_fields(model), bases=(PlainAttributes,), namespace=own, **STRICTLY, kw_only=True
    )
    return cast(type[PlainAttributes], made)


def _declared(model: type[Event]) -> set[str]:
    """The fields that a type of event declares anew, itself or by what lies between it and the envelope."""
    kinds = model.__mro__[: model.__mro__.index(Event)]
    return {name for kind in kinds for name in inspect.get_annotations(kind)}


def _check_imitable(model: type[Strict], base: type[Strict], plain: type[msgspec.Struct]) -> None:
    """Raise NotPlain for a model that does more than state fields: what reads like it would not do it."""
    decorators = model.__pydantic_decorators__
    decorated = [getattr(decorators, kind.name) for kind in dataclasses.fields(decorators)]
    made = [name for name, field in model.model_fields.items() if field.default_factory and name != "attributes"]
    named_otherwise = [name for name, field in model.model_fields.items() if field.alias]
    own = {name for name in dir(model) if not name.startswith("_")} - set(dir(base)) - set(model.model_fields)
    hidden = set(dir(plain)) & (set(model.model_fields) - set(base.model_fields))
    if any(decorated) or made or named_otherwise or own or hidden or model.__private_attributes__:
        _not_plain(model)


def _mould(model: type[Strict]) -> Mould:
    defaults = {name: field.get_default() for name, field in model.model_fields.items()}
    unchecked = core_schema.model_schema(model, core_schema.any_schema())
    make = SchemaValidator(unchecked, _use_prebuilt=False).validate_python  # the prebuilt one would check
    return Mould(make, defaults, set(model.model_fields))


def msgspec_fields(model: type[Strict], known: Mapping[str, Any] = MappingProxyType({})) -> list[tuple[Any, ...]]:
    """Fields for msgspec that take what those of `model` take, or less; None is what is not stated.

    `known` gives the types of some. Raises NotPlain when there is none for a field.
    """
    hints = get_type_hints(model, include_extras=True)
    taken = {name: known.get(name) or _taken(hints[name]) for name in model.model_fields}
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    return [(name, kind) if name in needed else (name, kind, None) for name, kind in taken.items()]


def _taken(hint: Any) -> Any:
    """The msgspec type for a field of ours; null is left to the models."""
    if hint in (Stamp, Time):
        return _MOMENT
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


PLANS = _Plans()
STRICTLY: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
_BACKSLASH = 92
_TIER, _CHANNEL = (Event.model_fields[name].default for name in ("tier", "channel"))
_VERSION = "stated_version"
_NEVER = Annotated[int, msgspec.Meta(gt=0, lt=0)]
"""For what no record may state."""


def _record_type() -> type[PlainEvent]:
    """The class of all plain events: the envelope, `occurred_ms` (ms since the epoch, for others to fill in), and the
    stated version, which is always the current one."""
    envelope = msgspec_fields(Event, {"event_type": str, "attributes": msgspec.Raw})
    fields = [(_VERSION, *rest) if name == "schema_version" else (name, *rest) for name, *rest in envelope]
    fields.append(("occurred_ms", _NEVER, 0))
    fields.sort(key=len)  # what must be stated comes first
    made = msgspec.defstruct("PlainEvent", fields, bases=(PlainEvent,), rename={_VERSION: "schema_version"}, **STRICTLY)
    return cast(type[PlainEvent], made)


RECORD = _record_type()
_ENVELOPE_KEYS = len(RECORD.__struct_fields__) - 1
"""How many keys can be stated: all fields but `occurred_ms`."""
_read: Callable[[bytes], Any] = msgspec.json.Decoder(RECORD).decode
_as_tuple = msgspec.structs.astuple
