"""Records of the events topics as bytes that `schemas.codec.decode` takes: our JSON as it is, CloudEvents unwrapped.

CloudEvents come binary (attributes in `ce_` headers, data as the value) or structured (one JSON document; told by the
content type, or by `specversion` where our own `event_type` is missing). The data is the event; what it leaves out is
taken from the attributes: id, type, time, source, and the subject (else the partition key) as the customer.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, from_structured
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat

from schemas.envelope import rfc3339

Headers = Sequence[tuple[str, bytes]]

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"
_SPOKEN = b'"specversion"'
_STRUCTURED = b"application/cloudevents"
_JSON = JSONFormat()
_encode = msgspec.json.encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _NoCloudEvent(ValueError):
    """Why it is none; without anything of its content."""


def event_bytes(value: bytes | None, headers: Headers, key: bytes | None) -> bytes | None:
    """The event of a record as our JSON. Never raises.

    A record that is no CloudEvent comes back untouched. One that wants to be a CloudEvent and is none comes back with
    the reason in front of it: no JSON, so `decode` makes it a dead letter that shows the reason.
    """
    if not headers and (value is None or _SPOKEN not in value):
        return value
    try:
        kind = _kind_of(value, headers)
        if kind is None:
            return value
        return _binary(value or b"", headers, key) if kind == "binary" else _structured(value or b"", key)
    except CloudEventValidationError as flaw:
        reason = f"attributes wrong: {', '.join(sorted(flaw.errors))}"
    except _NoCloudEvent as flaw:
        reason = str(flaw)
    except Exception as flaw:  # whatever the library stumbles over, the worker must go on
        reason = f"{type(flaw).__name__} while reading it"
    return b"no valid CloudEvent (" + reason.encode() + b"): " + (value or b"")


def _kind_of(value: bytes | None, headers: Headers) -> str | None:
    for name, content in headers:
        if not _concerns(name):
            continue
        if name.lower() != _CONTENT_TYPE:
            return "binary"
        if (content or b"").strip().lower().startswith(_STRUCTURED):
            return "structured"
    if value is None or _SPOKEN not in value:
        return None
    try:
        members = _members(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None  # the codec says what is wrong with it
    return "structured" if "specversion" in members and "event_type" not in members else None


def _binary(value: bytes, headers: Headers, key: bytes | None) -> bytes:
    named = {name.lower(): content for name, content in headers if _concerns(name)}
    said = {name.removeprefix(_PREFIX) for name in named}
    _must_say_all(said)
    return _filled(value, from_binary(KafkaMessage(named, _text(key), b""), _JSON), said)


def _concerns(name: str) -> bool:
    return name.lower().startswith(_PREFIX) or name.lower() == _CONTENT_TYPE


def _structured(value: bytes, key: bytes | None) -> bytes:
    try:
        members = _members(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _NoCloudEvent("not one JSON object") from None
    _must_say_all(members)
    event = from_structured(KafkaMessage({}, _text(key), value), _JSON)
    if "data_base64" in members:
        return _filled(b64decode(msgspec.json.decode(members["data_base64"]), validate=True), event, members)
    return _filled(bytes(members.get("data", b"")), event, members)


def _must_say_all(said: Collection[str]) -> None:
    """The library makes up an id and a time where there are none; then no two readings would be alike."""
    missing = [name for name in ("specversion", "id", "type", "source") if name not in said]
    if missing:
        raise _NoCloudEvent(f"attributes missing: {', '.join(missing)}")


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode("utf-8", "replace")


def _filled(data: bytes, event: Any, said: Collection[str]) -> bytes:
    """`data` with what it lacks written in front, so that all it says reaches the codec exactly as it was written."""
    data = data.strip() or b"{}"
    try:
        members = _members(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _NoCloudEvent("its data are not one JSON object") from None
    time = event.get_time() if "time" in said else None
    if time is not None and time.tzinfo is None:
        raise _NoCloudEvent("its time has no zone")
    offered = {
        "event_id": event.get_id(),
        "event_type": event.get_type(),
        "occurred_at": None if time is None else rfc3339(time),
        "source": event.get_source(),
        "customer_id": event.get_subject() or event.get_extension("partitionkey"),
    }
    lacking = {name: _encode(value) for name, value in offered.items() if value is not None and name not in members}
    if "recorded_at" not in members:
        # CloudEvents say when it happened only; a lag of zero is the honest reading.
        happened = members.get("occurred_at", lacking.get("occurred_at"))
        if happened is not None:
            lacking["recorded_at"] = bytes(happened)
    if not lacking:
        return data
    front = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in lacking.items())
    rest = data[1:].lstrip()
    return b"{" + front + (b"" if rest.startswith(b"}") else b",") + rest
