"""The tables of `schemas/clickhouse.sql`, and the one way they are made."""

from __future__ import annotations

from importlib import resources
from typing import Any


def statements() -> list[str]:
    """The statements of the shipped DDL in order, without comments or closing semicolons."""
    return split(resources.files("schemas").joinpath("clickhouse.sql").read_text(encoding="utf-8"))


def split(script: str) -> list[str]:
    """The statements of an SQL script; semicolons and dashes inside quotes do not count. Raises ValueError on an
    open quote."""
    found: list[str] = []
    current: list[str] = []
    quote = ""
    at = 0
    while at < len(script):
        char = script[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif script.startswith("--", at):
            at = script.find("\n", at)
            if at < 0:
                break
            char = "\n"
        elif char == ";":
            found.append("".join(current).strip())
            current.clear()
            char = ""
        current.append(char)
        at += 1
    if quote:
        raise ValueError(f"the script ends inside a {quote} quote")
    found.append("".join(current).strip())
    return [statement for statement in found if statement]


def names() -> set[str]:
    """The names of all tables and views."""
    return {statement.split()[5] for statement in statements()}


def apply(client: Any) -> None:
    """Make what is missing in the client's database; what is there stays as it is."""
    for statement in statements():
        client.command(statement)
