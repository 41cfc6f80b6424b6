"""Pieces of Markdown (GitHub's, with tables). Data reach a page through `text` or `code` only, so that nothing in them
becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*\[\]<>~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_LEADING = re.compile(r"^(\d*)([#+=-]+|[.)])(?=\s|$)")
"""What would begin a list or a heading at the start of a line."""
_TICKS = re.compile(r"`+")
_PIPE = "|"


def text(plain: str) -> str:
    """`plain` as it is, in one line: its special characters are no markup."""
    flat = " ".join(plain.split())
    escaped = _SPECIAL.sub(r"\\\1", flat.replace("&", "&amp;"))
    return _LEADING.sub(r"\1\\\2", escaped)


def code(plain: str) -> str:
    """`plain` as a code span."""
    flat = " ".join(plain.split())
    ticks = "`" * (max((len(run) for run in _TICKS.findall(flat)), default=0) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def codes(names: Iterable[str]) -> str:
    """Code spans, separated by spaces."""
    return " ".join(code(name) for name in names)


def link(label: str, anchor: str) -> str:
    """A link to a place in the same page; `label` is Markdown."""
    return f"[{label}](#{anchor})"


def place(anchor: str, label: str) -> str:
    """`label` (Markdown) as a place that links lead to."""
    return f'<a id="{anchor}"></a>{label}'


def heading(level: int, label: str, anchor: str) -> str:
    """A heading (Markdown) that links lead to."""
    return f"{'#' * level} {place(anchor, label)}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown cells."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(_PIPE, chr(92) + _PIPE) for cell in line)} |" for line in lines)


def facts(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns, name and value, without the rows that have no value."""
    return table(head, [row for row in rows if row[1]])


def fenced(language: str, source: str) -> str:
    """A block of code."""
    ticks = "`" * max(3, *(len(run) + 1 for run in _TICKS.findall(source)), 3)
    return f"{ticks}{language}\n{source.rstrip()}\n{ticks}"


def folded(summary: str, body: str) -> str:
    """`body` (Markdown) behind a line (plain text) that opens it."""
    plain = summary.replace("&", "&amp;").replace("<", "&lt;")
    return f"<details>\n<summary>{plain}</summary>\n\n{body}\n\n</details>"


def deeper(page: str, by: int) -> str:
    """A page with its headings `by` levels further down."""
    return re.sub(r"^(#{1,4}) ", lambda found: f"{'#' * (len(found[1]) + by)} ", page, flags=re.MULTILINE)
