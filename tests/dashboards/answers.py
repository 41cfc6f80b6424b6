"""What each kind of panel needs of the answers to its queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass
class Answer:
    """What a query gave: columns with their types without Nullable and LowCardinality, rows."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def of(self, kind: str) -> list[str]:
        """The columns that are `time`, `number` or `word`."""
        return [name for name, one in zip(self.columns, self.types, strict=True) if kind_of(one) == kind]

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        return [row[self.columns.index(name)] for row in self.rows]


def kind_of(kind: str) -> str:
    """What a column of that ClickHouse type is to Grafana: `time`, `number` or `word`."""
    plain = kind.replace("LowCardinality(", "").replace("Nullable(", "").rstrip(")")
    if plain.startswith("Date"):
        return "time"
    return "number" if plain.startswith(("Int", "UInt", "Float", "Decimal", "Bool")) else "word"


def faults(panel: Json, answers: Mapping[str, Answer]) -> list[str]:
    """What is wrong with the answers, by refId, to the queries of a panel."""
    empty = [ref for ref, answer in answers.items() if not answer.rows]
    if empty:
        return [f"no rows: {empty}"]
    return [*_KINDS[panel["type"]](panel, answers)]


def _time_series(panel: Json, answers: Mapping[str, Answer]) -> Iterator[str]:
    for answer in answers.values():
        if answer.columns[0] != "time" or answer.of("time") != ["time"]:
            yield f"time comes first and alone, not {answer.of('time')} of {answer.columns}"
            return
        numbers, labels = answer.of("number"), answer.of("word")
        shown = set(named(panel))
        if not numbers or set(numbers) != (shown if shown else {"value"}) or not (labels or shown):
            yield f"numbers {numbers}, labels {labels}, named {shown}"
        if labels and "name" not in labels:
            yield f"lines have no label `name`: {labels}"
        if all(value is None for name in numbers for value in answer.column(name)):
            yield "nothing but NULL"
        yield from _in_order(answer, labels)


def _in_order(answer: Answer, labels: Sequence[str]) -> Iterator[str]:
    """The plugin turns lines into columns: it needs times that rise, and one row for a time and its labels."""
    times = answer.column("time")
    if times != sorted(times):
        yield "times do not rise"
    keys = [*zip(times, *(answer.column(name) for name in labels), strict=True)]
    if len(set(keys)) < len(keys):
        yield "two rows of one time and line"


def _states(panel: Json, answers: Mapping[str, Answer]) -> Iterator[str]:
    for answer in answers.values():
        if answer.columns[0] != "time" or not answer.of("word"):
            yield f"a time and states are needed, not {answer.columns}"
        if answer.column("time") != sorted(answer.column("time")):
            yield "times do not rise"


def _one_row(panel: Json, answers: Mapping[str, Answer]) -> Iterator[str]:
    """Grafana shows every number of the row."""
    (answer,) = answers.values()
    if len(answer.rows) != 1:
        yield f"{len(answer.rows)} rows, not one"
    if sorted(answer.columns) != sorted(answer.of("number")) or sorted(answer.columns) != sorted(named(panel)):
        yield f"{named(panel)} are to be shown, numbers are {answer.of('number')} of {answer.columns}"
    elif any(value is None for value in answer.rows[0]):
        yield "NULL"


def _table(panel: Json, answers: Mapping[str, Answer]) -> Iterator[str]:
    (answer,) = answers.values()
    if set(answer.columns) != set(named(panel)):
        yield f"columns {sorted(set(answer.columns) ^ set(named(panel)))} have no heading or do not exist"
    if "standing" in answer.columns and set(answer.column("standing")) == {"unmeasured"}:
        yield "nothing was measured"
    for one in panel["fieldConfig"]["overrides"]:
        properties = {each["id"]: each.get("value") for each in one["properties"]}
        name = one["matcher"]["options"]
        if "unit" in properties and name in answer.columns and name not in answer.of("number"):
            yield f"{name} has a unit and is no number"


def _bars(panel: Json, answers: Mapping[str, Answer]) -> Iterator[str]:
    (answer,) = answers.values()
    label = panel["options"]["xField"]
    if label not in {*answer.of("word"), *answer.of("time")}:
        yield f"no label {label} in {answer.columns}"
    if set(named(panel)) != set(answer.of("number")):
        yield f"{named(panel)} are to be the numbers, not {answer.of('number')}"


def _graph(panel: Json, answers: Mapping[str, Answer]) -> Iterator[str]:
    nodes, edges = answers["A"], answers["B"]
    if not {"id", "title", "mainstat"} <= set(nodes.columns) or "source" in nodes.columns:
        yield f"nodes: {nodes.columns}"
    if not {"id", "source", "target", "mainstat"} <= set(edges.columns):
        yield f"edges: {edges.columns}"
    ids = nodes.column("id")
    if len(set(ids)) < len(ids) or len(set(edges.column("id"))) < len(edges.rows):
        yield "an id is used twice"
    if not {*edges.column("source"), *edges.column("target")} <= set(ids):
        yield "an edge leads to no node"


_KINDS = {
    "timeseries": _time_series,
    "state-timeline": _states,
    "stat": _one_row,
    "table": _table,
    "barchart": _bars,
    "nodeGraph": _graph,
}


def named(panel: Json) -> list[str]:
    """The columns that a panel says how to show."""
    return [one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"] if one["matcher"]["id"] == "byName"]
