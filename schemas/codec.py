"""Bytes to events and back: the only module that sees JSON.

`decode` takes any bytes and gives an event, a tick or a dead letter; it never raises. `read_event` does the same for
those who only read attributes. Most records are plain and read in one pass (`schemas.plain`). Others take the quick
way: msgspec finds type and times, pydantic checks everything against the type's own model, and three cheap tests show
that nothing is left which only a slow look can judge. Whatever fails there takes the slow way, which knows the exact
reason. All ways give the same answer; `tests/schemas` compares them.

Choices: a byte-order mark is refused with advice, because one inside a log means that files were glued together; a time
must be RFC 3339 (a count of seconds or milliseconds is refused, not guessed); text in free fields is data, whatever it
looks like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any

import msgspec
from pydantic import ValidationError

from schemas.codes import CURRENCIES
from schemas.deadletters import DeadLetter, Reason, masked
from schemas.envelope import Event, Tick
from schemas.events import EVENT_TYPES
from schemas.inspection import LIMITS, NOT_FINITE, DoubledKeys, check_names, inspect
from schemas.plain import PlainEvent, no_more_keys, plain_event
from schemas.refusals import Refusal, Refused, refusal_of, refused_at
from schemas.times import DAY, EPOCH, SECOND, to_ms
from schemas.upcasters import CURRENT_VERSION, UPCASTERS, UpcastError, upcast

FUTURE_TOLERANCE_MS = 5 * 60_000
"""How far, in ms, an event may have happened after it was recorded: clocks differ, but not by more."""
EARLIEST_YEAR, LATEST_YEAR = 1990, 2200
PAYLOAD_BYTES = 4_096
"""How much of a refused record its dead letter keeps."""
MAY_BE_NEGATIVE = frozenset({"refund.promised", "refund.issued", "bill.adjusted"})
"""Event types whose amount may be below zero; so may the amount of a `charge.rated` of kind `refund`."""

SMALL = 4_096
"""A record of up to this many bytes cannot break the limits on keys, values and texts, only the one on depth."""
EARLIEST_MS = to_ms(datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC))
_LATEST_MS = to_ms(datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC)) - 1
_FUTURE_TOLERANCE = timedelta(milliseconds=FUTURE_TOLERANCE_MS)
_NO_LAG, USUAL_LAG = timedelta(0), timedelta(days=90)
"""A record of between these lags needs no second look,"""
NEAR_THE_END_MS = _LATEST_MS - USUAL_LAG.days * DAY
"""unless it happened so late that it may have been recorded in a year that cannot be."""
_YEAR_OUT_OF_CALENDAR = re.compile(r"([+-]\d{4,7}|\d{5,7}|0000)-\d\d-\d\d", re.ASCII)
_COUNT_SINCE_EPOCH = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_DIGITS_OF_64_BITS = 20
_TO_BYTES = msgspec.json.Encoder().encode


class _Stamps(msgspec.Struct, gc=False):
    """What the quick way needs before it can choose a model."""

    event_type: str
    occurred_at: datetime
    recorded_at: datetime | None = None
    schema_version: int = CURRENT_VERSION
    """Here because pydantic takes `true` for the literal 1."""


_read_stamps = msgspec.json.Decoder(_Stamps).decode

_Reader = Callable[[bytes], Any]


class _Readers(dict[str, _Reader]):
    """Event type to the validator of its model, built when the first event of the type arrives."""

    def __missing__(self, event_type: str) -> _Reader:
        model = Tick if event_type == "clock.tick" else EVENT_TYPES[event_type]
        model.model_rebuild()
        reader: _Reader = model.__pydantic_validator__.validate_json
        self[event_type] = reader
        return reader


_READERS = _Readers()
_KIN = {
    entity: "of its kind are " + ", ".join(name for name in EVENT_TYPES if name.split(".")[0] == entity)
    for entity in {name.split(".")[0] for name in EVENT_TYPES}
}
"""Entity of an event type (`order`) to the types it has, as advice."""


def decode(raw: bytes | None, origin: str = "", position: int = 0) -> Event | Tick | DeadLetter:
    """The event or tick that `raw` states, or the dead letter that says why it cannot be used. Never raises.

    `raw` is one JSON object in UTF-8, None for a tombstone; `origin` and `position` (file and line, topic-partition
    and offset) go into a dead letter and its id.
    """
    found = read_event(raw, origin, position)
    return found.whole() if isinstance(found, PlainEvent) else found


def read_event(raw: bytes | None, origin: str = "", position: int = 0) -> Event | Tick | DeadLetter:
    """As `decode`, in three quarters of the time, for engines and detectors: an event from a plain record only reads
    like one. It has the attributes of an `Event`, but is no pydantic model until `whole` is called.
    """
    complaint: Refusal | None = None
    if raw is not None and len(raw) <= SMALL:
        try:
            plain = plain_event(raw)
            if plain is not None:
                return _judged(plain, raw, origin, position)
            stamps = _read_stamps(raw)
            event = _READERS[stamps.event_type](raw)
            if _nothing_hidden(raw, event):
                return _settled(event, stamps.occurred_at, stamps.recorded_at)
        except ValidationError as error:
            complaint = refusal_of(error)
        except (msgspec.MsgspecError, ValueError, LookupError, Refused, RecursionError):
            pass  # the slow way finds out what it was
    return _decoded_slowly(raw or b"", origin, position, complaint)


def _judged(plain: Any, raw: bytes, origin: str, position: int) -> Event | DeadLetter:
    """What is to be said of a plain record; raises Refused when the slow way might give another reason first."""
    occurred, recorded = plain.occurred_at, plain.recorded_at
    try:
        if not raw.isascii() or 32 in raw or 127 in raw:  # blank and DEL
            check_names(plain)
        plain.occurred_at, plain.occurred_ms, plain.recorded_at = _believed(plain, occurred, recorded)
    except Refused as refused:
        if occurred.tzinfo is not UTC or recorded.tzinfo is not UTC:
            raise
        return _set_aside(raw, origin, position, refused.refusal, occurred)
    return plain  # type: ignore[no-any-return]


def _nothing_hidden(raw: bytes, event: Any) -> bool:
    """Whether `raw` holds no key but those pydantic put into `event`, hence none twice, and only clean text."""
    if event.__class__ is Tick:
        return False  # too rare to be quick about
    attributes = event.attributes
    keys = len(event.__pydantic_fields_set__) + len(attributes.__pydantic_fields_set__)
    if event.__pydantic_extra__ or attributes.__pydantic_extra__:
        keys += _keys_below(event.__pydantic_extra__) + _keys_below(attributes.__pydantic_extra__)
    if 92 not in raw and raw.isascii():  # 92 is the backslash: without one, all text is as it looks
        if 32 in raw or 127 in raw:  # blank and DEL
            check_names(event)
        return no_more_keys(raw, keys)
    check_names(event)
    return b"\\u0000" not in raw and no_more_keys(raw, keys)


def _keys_below(unknown: dict[str, Any] | None) -> int:
    """Keys inside the values of unknown fields; raises Refused when such a value is unfit."""
    return inspect(unknown) - len(unknown) if unknown else 0


def _settled(event: Any, occurred: datetime, recorded: datetime | None) -> Event | Tick:
    """`event` with its times in UTC and `occurred_ms` at hand; raises Refused when a value cannot be believed."""
    state = event.__dict__
    state["occurred_at"], state["occurred_ms"], recorded = _believed(event, occurred, recorded)
    if recorded is not None:
        state["recorded_at"] = recorded
    return event  # type: ignore[no-any-return]


def _believed(event: Any, occurred: datetime, recorded: datetime | None) -> tuple[datetime, int, datetime | None]:
    """When `event` happened, also in ms, and when it was recorded, in UTC; a tick is not recorded. Raises Refused when
    that, or its amount, cannot be believed."""
    if occurred.tzinfo is not UTC:
        occurred = _in_utc(occurred, "occurred_at")
    since = occurred - EPOCH
    occurred_ms = since.days * DAY + since.seconds * SECOND + since.microseconds // 1000
    if not EARLIEST_MS <= occurred_ms <= _LATEST_MS:
        raise _implausible("occurred_at")
    if recorded is not None:
        if recorded.tzinfo is not UTC:
            recorded = _in_utc(recorded, "recorded_at")
        if not _NO_LAG <= recorded - occurred <= USUAL_LAG or occurred_ms > NEAR_THE_END_MS:
            _check_lag(occurred, recorded)
        if event.amount_minor is not None or event.currency is not None:
            _check_amount(event)
    return occurred, occurred_ms, recorded


def _in_utc(moment: datetime, field: str) -> datetime:
    if moment.tzinfo is None:
        raise refused_at((field,), Reason.NO_TIME_ZONE, "has no time zone; end it with Z or an offset such as +08:00")
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:  # years at the edge of the calendar have no equal in UTC
        raise _implausible(field)
    return moment.astimezone(UTC)


def _check_lag(occurred: datetime, recorded: datetime) -> None:
    """Refuse an event recorded at an impossible time, or so long before it happened that clocks cannot explain it."""
    if not EARLIEST_YEAR <= recorded.year <= LATEST_YEAR:
        raise _implausible("recorded_at")
    if occurred - recorded > _FUTURE_TOLERANCE:
        flaw = "is more than 5 minutes after recorded_at; set the clock of the source right"
        raise refused_at(("occurred_at",), Reason.FUTURE_TIME, flaw)


def _check_amount(event: Event) -> None:
    if event.currency is not None and event.currency not in CURRENCIES:
        flaw = "is not an ISO 4217 code; write for example CNY or EUR"
        raise refused_at(("currency",), Reason.UNKNOWN_CURRENCY, flaw)
    if event.amount_minor is not None and event.amount_minor < 0 and not _may_be_negative(event):
        flaw = "is negative; only refunds, credits and adjustments may be"
        raise refused_at(("amount_minor",), Reason.NEGATIVE_AMOUNT, flaw)


def _implausible(field: str) -> Refused:
    flaw = f"lies outside the years {EARLIEST_YEAR} to {LATEST_YEAR}; check whether seconds were taken for milliseconds"
    return refused_at((field,), Reason.IMPLAUSIBLE_TIME, flaw)


def _may_be_negative(event: Event) -> bool:
    if event.event_type == "charge.rated":
        return bool(event.attributes.kind == "refund")
    return event.event_type in MAY_BE_NEGATIVE


def _decoded_slowly(
    raw: bytes, origin: str, position: int, complaint: Refusal | None = None
) -> Event | Tick | DeadLetter:
    """What `decode` promises, by looking at everything; `complaint` is what the model already said against `raw`."""
    occurred: datetime | None = None
    try:
        document = _parsed(raw)
        inspect(document)
        present = raw
        if _version_of(document) < CURRENT_VERSION:
            document, present, complaint = *_current(document), None
        reader = _READERS[_known_type_of(document)]
        stamps = [_stamp(document, "occurred_at")]
        if document["event_type"] != "clock.tick":
            stamps.append(_stamp(document, "recorded_at"))
        occurred = stamps[0]
        if complaint is None:
            event = reader(present)
            if not isinstance(event, Tick):
                check_names(event)
            return _settled(event, stamps[0], stamps[1] if len(stamps) > 1 else None)
    except ValidationError as error:
        complaint = refusal_of(error)
    except Refused as refused:
        complaint = refused.refusal
    return _set_aside(raw, origin, position, complaint, occurred)


def _set_aside(raw: bytes, origin: str, position: int, refusal: Refusal, occurred: datetime | None) -> DeadLetter:
    reason, detail, field = refusal
    believed = None if reason in {Reason.FUTURE_TIME, Reason.IMPLAUSIBLE_TIME} else occurred
    return dead_letter(raw, origin, position, reason, detail, field=field, occurred_at=believed)


def _parsed(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; keys that stand twice and numbers without end are left marked for the inspection."""
    if len(raw) > LIMITS.record_bytes:
        flaw = f"The record has more than {LIMITS.record_bytes} bytes; send the event without its attachments."
        raise Refused(Reason.TOO_LARGE, flaw)
    if not raw.strip():
        raise Refused(Reason.EMPTY, "The record is empty (a tombstone or a blank line); nothing needs to be mended.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Refused(Reason.NOT_UTF8, "The record is not UTF-8 text; write it as UTF-8.") from None
    if text.startswith("\ufeff"):
        flaw = "The record begins with a byte-order mark; save the file as UTF-8 without BOM."
        raise Refused(Reason.NOT_JSON, flaw)
    try:
        document = _document(text)
    except RecursionError:
        flaw = f"The record is nested deeper than {LIMITS.depth} levels; flatten it."
        raise Refused(Reason.TOO_DEEP, flaw) from None
    except ValueError:
        flaw = "The record is not JSON, perhaps cut off; write one whole JSON object per record."
        raise Refused(Reason.NOT_JSON, flaw) from None
    if not isinstance(document, dict):
        raise Refused(Reason.NOT_AN_OBJECT, "The record is JSON but not an object; write it in braces.")
    return document


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else DoubledKeys(plain)


def _whole_number(digits: str) -> Any:
    return int(digits) if len(digits) <= _DIGITS_OF_64_BITS else NOT_FINITE


_CONSTANTS: dict[str, Any] = {"object_pairs_hook": _object, "parse_constant": lambda _: NOT_FINITE}
_parse = json.JSONDecoder(**_CONSTANTS).decode
_parse_bounded = json.JSONDecoder(**_CONSTANTS, parse_int=_whole_number).decode


def _document(text: str) -> Any:
    """What `text` says; numbers beyond 64 bits are left to the inspection. Raises ValueError, RecursionError."""
    try:
        return _parse(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python reads no number of thousands of digits
        return _parse_bounded(text)


def _version_of(document: dict[str, Any]) -> int:
    version = document.get("schema_version", CURRENT_VERSION)
    if type(version) is not int:
        flaw = "must be a whole number, without quotes and without a fraction"
        raise refused_at(("schema_version",), Reason.WRONG_VALUE, flaw)
    if version != CURRENT_VERSION and version not in UPCASTERS:
        flaw = f"is not known here, {CURRENT_VERSION} is the newest; upgrade this reader before its sources"
        raise refused_at(("schema_version",), Reason.UNKNOWN_VERSION, flaw)
    return version


def _current(document: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        document = upcast(document)
    except UpcastError as error:
        raise refused_at((error.field,), Reason.WRONG_VALUE, error.flaw) from None
    return document, _TO_BYTES(document)


def _known_type_of(document: dict[str, Any]) -> str:
    event_type = document.get("event_type")
    if event_type is None:
        flaw = "is missing; state what happened, see schemas/README.md for the vocabulary"
        raise refused_at(("event_type",), Reason.MISSING_FIELD, flaw)
    if not isinstance(event_type, str):
        raise refused_at(("event_type",), Reason.WRONG_VALUE, "must be text in quotes")
    if event_type not in EVENT_TYPES and event_type != "clock.tick":
        akin = _KIN.get(event_type.split(".")[0], "map it at the source, or add it as schemas/README.md tells")
        flaw = f"is not in the vocabulary; {akin}"
        raise refused_at(("event_type",), Reason.UNKNOWN_TYPE, flaw)
    return event_type


def _stamp(document: dict[str, Any], field: str) -> datetime:
    """The envelope time `field` of `document`, believed; raises Refused."""
    text = document.get(field)
    if text is None or text == "":
        raise refused_at((field,), Reason.MISSING_FIELD, "is missing; state it, this event cannot be used without it")
    if not isinstance(text, str) or _COUNT_SINCE_EPOCH.fullmatch(text):
        flaw = "must be a time in RFC 3339 in quotes, not a count since 1970; write for example 2026-03-01T08:30:00Z"
        raise refused_at((field,), Reason.WRONG_VALUE, flaw)
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        if _YEAR_OUT_OF_CALENDAR.match(text):
            raise _implausible(field) from None
        flaw = "is not a time in RFC 3339; write for example 2026-03-01T08:30:00Z"
        raise refused_at((field,), Reason.WRONG_VALUE, flaw) from None
    return moment if moment.tzinfo is UTC else _in_utc(moment, field)


def dead_letter(
    raw: bytes,
    origin: str,
    position: int,
    reason: Reason,
    detail: str,
    *,
    field: str | None = None,
    occurred_at: datetime | None = None,
) -> DeadLetter:
    """The record `raw` set aside.

    Its id is derived from where it stood and what it holds, so that a second reading names the same dead letter. The
    payload is at most 4 kB of text in which telephone, identity and card numbers and mail addresses are masked; the
    hash is over all of `raw`.
    """
    digest = sha256(raw).hexdigest()
    named = blake2b(f"{origin}\0{position}\0{digest}".encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return DeadLetter(
        dead_letter_id=named,
        origin=origin,
        position=position,
        reason=reason,
        detail=detail,
        field=field,
        payload=_shown(raw),
        payload_sha256=digest,
        occurred_at=occurred_at,
    )


def _shown(raw: bytes) -> str:
    text = masked(raw[:PAYLOAD_BYTES].decode(errors="backslashreplace"))
    fits = len(text) <= PAYLOAD_BYTES and text.isascii()
    return text if fits else text.encode()[:PAYLOAD_BYTES].decode(errors="ignore")


def encode(event: Event | Tick) -> bytes:
    """The one spelling of `event`: JSON in UTF-8 without blanks and without nulls, known fields in the order of the
    model, unknown ones by name, times in UTC. `decode(encode(event)) == event` for every event that `decode` gave.
    """
    if isinstance(event, PlainEvent):
        event = event.whole()
    if event.__pydantic_extra__ or (isinstance(event, Event) and event.attributes.__pydantic_extra__):
        return _TO_BYTES(_with_unknown_fields(event))
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def _with_unknown_fields(event: Event | Tick) -> dict[str, Any]:
    """`event` as JSON values; unknown fields keep even their nulls, for we do not know what a null means there."""
    document = event.model_dump(mode="json", exclude_none=True)
    holders: list[tuple[dict[str, Any], Any]] = [(document, event)]
    if isinstance(event, Event):
        holders.append((document["attributes"], event.attributes))
    for spelled, holder in holders:
        unknown: dict[str, Any] = holder.__pydantic_extra__ or {}
        for name in unknown:
            spelled.pop(name, None)
        spelled.update(sorted(unknown.items()))
    return document
