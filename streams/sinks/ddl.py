"""The tables and views of `schemas/clickhouse*.sql`, and the one way they are made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

_SCRIPTS = ("clickhouse.sql", "clickhouse_views.sql")


def statements() -> list[str]:
    """The statements of the shipped DDL in order, without comments or closing semicolons."""
    folder = resources.files("schemas")
    return [one for name in _SCRIPTS for one in split(folder.joinpath(name).read_text(encoding="utf-8"))]


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


_ENGINE = re.compile(r"ENGINE = (Replacing|Aggregating)MergeTree(?:\(([^)]*)\))?")
_ON_EVERY_SHARD = frozenset(
    ("touchpoints", "indicator_registry", "indicator_marks", "policy_steps", "population", "mot_power",
     "external_values", "runs")
)  # fmt: skip
"""Small tables that are joined with: each shard has all of their rows."""
_SHARDED_BY = {
    "kpis": "cityHash64(indicator, window_start)",
    "indicator_rows": "cityHash64(indicator, window_start)",
    "dead_letters": "cityHash64(dead_letter_id)",
    "pipeline_health": "cityHash64(instance)",
}
"""The others are spread by customer, so that his facts lie together. Rows of one key must meet on one shard."""


def clustered(cluster: str, also: Sequence[str] = ()) -> list[str]:
    """The DDL for a cluster of shards and replicas, with the views `also`.

    Each large table is a replicated `<name>_local` on every shard and a Distributed `<name>` over them; the macros
    {shard} and {replica} must be set in the servers' configuration. Raises ValueError for a name that is none.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", cluster):
        raise ValueError(f"{cluster!r} is no name of a cluster")
    found: list[str] = []
    for statement in statements():
        if statement.startswith("CREATE TABLE"):
            found += _on_cluster(statement, cluster)
        else:
            found.append(statement.replace(" AS", f" ON CLUSTER '{cluster}' AS", 1))
    return [*found, *(view.replace(" AS", f" ON CLUSTER '{cluster}' AS", 1) for view in also)]


def _on_cluster(statement: str, cluster: str) -> list[str]:
    name = statement.split()[5]
    whole = name in _ON_EVERY_SHARD
    path, replica = ("all", "{shard}-{replica}") if whole else ("{shard}", "{replica}")
    local = name if whole else f"{name}_local"

    def replicated(found: re.Match[str]) -> str:
        place = f"'/clickhouse/tables/{path}/{{database}}/{name}', '{replica}'"
        return f"ENGINE = Replicated{found[1]}MergeTree({place}{f', {found[2]}' if found[2] else ''})"

    made = statement.replace(f"EXISTS {name}", f"EXISTS {local} ON CLUSTER '{cluster}'", 1)
    made = _ENGINE.sub(replicated, made, count=1)
    if whole:
        return [made]
    key = _SHARDED_BY.get(name, "cityHash64(customer_id)")
    over = (
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{cluster}' AS {local} "
        f"ENGINE = Distributed('{cluster}', currentDatabase(), '{local}', {key})"
    )
    return [made, over]
