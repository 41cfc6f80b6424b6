"""A checksum around every stored blob, so that a flipped bit is found before it becomes a wrong moment."""

from __future__ import annotations

import xxhash

_SIZE = 8


class BrokenSeal(Exception):
    """The checksum does not fit the bytes or the name they were stored under."""


def seal(name: bytes, body: bytes) -> bytes:
    """`body` behind the XXH3-64 of name and body; the name guards against two blobs that changed places."""
    return bytes(xxhash.xxh3_64_digest(name + body)) + body


def unseal(name: bytes, sealed: bytes) -> bytes:
    """The body of `sealed`. Raises BrokenSeal."""
    body = sealed[_SIZE:]
    if len(sealed) < _SIZE or xxhash.xxh3_64_digest(name + body) != sealed[:_SIZE]:
        raise BrokenSeal(name.decode("utf-8", "replace"))
    return body
