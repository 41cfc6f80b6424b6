"""Sums of money in the texts people read."""

from __future__ import annotations

_EXPONENT = {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3} | dict.fromkeys(
    ("CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0
)
"""ISO 4217 minor-unit exponents other than 2."""


def money(minor: int, currency: str) -> str:
    """`minor` units as people write them: 31250 fen -> "312.50 CNY". Exact, no rounding."""
    exponent = _EXPONENT.get(currency, 2)
    whole, part = divmod(abs(minor), 10**exponent)
    digits = f"{whole}.{part:0{exponent}d}" if exponent else str(whole)
    return f"{'-' if minor < 0 else ''}{digits} {currency}".rstrip()
