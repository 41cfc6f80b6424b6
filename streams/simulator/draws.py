"""Counter-based randomness: every draw is a function of (key, customer), so any customer can be told again alone.

The finaliser is splitmix64 (Steele, Lea and Flood, 2014). Scalar and vector form give the same value.
"""

from __future__ import annotations

import zlib
from random import Random  # noqa: TID251 - the simulator owns the only generator, and seeds it per customer and act

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]
"""Sixty-four random bits for each customer."""

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def mix(value: int) -> int:
    """The splitmix64 finaliser of one 64-bit word."""
    value &= _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def mixed(values: Bits) -> Bits:
    """The splitmix64 finaliser of many words."""
    out = (values ^ (values >> np.uint64(30))) * np.uint64(_FIRST)
    out = (out ^ (out >> np.uint64(27))) * np.uint64(_SECOND)
    return out ^ (out >> np.uint64(31))


def stream_key(seed: int, name: str, *numbers: int) -> int:
    """The key of one stream of draws: a named use of randomness, told apart further by numbers (a chapter, an hour)."""
    key = mix(seed * _GOLDEN + zlib.crc32(name.encode()))
    for number in numbers:
        key = mix(key + _GOLDEN * (number + 1))
    return key


def draw(key: int, customer: int) -> int:
    """64 random bits of `customer` in the stream `key`."""
    return mix(customer * _GOLDEN + key)


def draws(key: int, customers: Bits) -> Bits:
    """64 random bits of each of `customers` in the stream `key`; equal to `draw` one by one."""
    return mixed(customers * np.uint64(_GOLDEN) + np.uint64(key))


def draws_of(keys: Bits, customer: int) -> Bits:
    """64 random bits of one customer in each of many streams."""
    return mixed(keys + np.uint64((customer * _GOLDEN) & _MASK))


def generator(key: int, customer: int) -> Random:
    """A generator of its own for one customer in the stream `key`, for the scalar telling of one act."""
    return Random(draw(key, customer))  # noqa: S311 - simulated lives, no secrets
