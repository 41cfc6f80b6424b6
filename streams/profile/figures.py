"""The figures of a profile, each a plain count over cases. Definitions stand with each function."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from schemas.mapping import CasesWhere, Clock, Complete, Delay, Occurrences, Reopen, Repeat
from streams.profile.table import MISSING, Case, Column, Table
from streams.sources.values import passes

Figures = dict[str, Any]


def spread(days: Sequence[float]) -> Figures:
    """How many, mean and median, in days to three decimals; None without any."""
    if not days:
        return {"n": 0, "mean": None, "median": None}
    return {"n": len(days), "mean": round(sum(days) / len(days), 3), "median": round(median(days), 3)}


def ranked(counts: Counter[str]) -> dict[str, int]:
    """Counts, the highest first, equal ones in the order they were met."""
    return dict(counts.most_common())


def _named(codes: Iterable[int], column: Column) -> dict[str, int]:
    counted = Counter(code for code in codes if code != MISSING)
    return {column.texts.text(code): count for code, count in counted.most_common()}


def of_every_log(table: Table, cases: Sequence[Case], clock: Clock, top_variants: int) -> Figures:
    """Counts that need nothing but case, activity and time."""
    acts = table.activity
    variants = variants_of(table, cases)
    days = [table.days_between(case.rows[0], case.rows[-1], clock) for case in cases]
    with_activity = Counter(code for case in cases for code in set(table.values(case.rows, acts)))
    seconds = round(table.seconds_in_all(cases, clock), 3)
    return {
        "events": len(table),
        "cases": len(cases),
        "activities": len(acts.texts),
        "variants": len(variants),
        "activity_counts": _named(acts.codes, acts),
        "start_activity_counts": _named((acts.codes[case.rows[0]] for case in cases), acts),
        "end_activity_counts": _named((acts.codes[case.rows[-1]] for case in cases), acts),
        "cases_with": {acts.texts.text(code): count for code, count in with_activity.most_common() if code != MISSING},
        "top_variants": [[count, spelled(table, variant)] for variant, count in variants.most_common(top_variants)],
        "dfg": ranked(steps(table, cases)),
        "total_duration_s": int(seconds) if seconds == int(seconds) else seconds,
        "duration_days": spread(days),
    }


def variants_of(table: Table, cases: Sequence[Case]) -> Counter[tuple[int, ...]]:
    """How many cases ran through which sequence of activities."""
    return Counter(tuple(table.values(case.rows, table.activity)) for case in cases)


def spelled(table: Table, variant: Iterable[int]) -> str:
    """A sequence of activities for people: `A > B > C`."""
    return " > ".join(_text(table, code) for code in variant)


def steps(table: Table, cases: Sequence[Case]) -> Counter[str]:
    """How often one activity directly followed another in a case (directly-follows graph): `A -> B`."""
    pairs: Counter[tuple[int, int]] = Counter()
    for case in cases:
        codes = list(table.values(case.rows, table.activity))
        pairs.update(itertools.pairwise(codes))
    return Counter({f"{_text(table, a)} -> {_text(table, b)}": count for (a, b), count in pairs.items()})


def _text(table: Table, code: int) -> str:
    return "?" if code == MISSING else table.activity.texts.text(code)


def customers(cases: Sequence[Case]) -> Figures:
    """Different customers that opened cases, and those who opened more than one."""
    counted = Counter(case.customer for case in cases if case.customer != MISSING)
    return {"customers": len(counted), "customers_with_gt1": sum(count > 1 for count in counted.values())}


def handoffs(table: Table, cases: Sequence[Case], column: Column) -> Figures:
    """D1 and D2: changes of team after collapsing equal neighbours, missing ignored; ping-pong where `r[i] ==
    r[i+2]`."""
    moves: list[int] = []
    returns: list[int] = []
    revisited = 0
    for case in cases:
        path: list[int] = []
        for code in table.values(case.rows, column):
            if code != MISSING and (not path or path[-1] != code):
                path.append(code)
        moves.append(max(len(path) - 1, 0))
        returns.append(sum(a == b for a, b in zip(path, path[2:], strict=False)))
        revisited += len(set(path)) < len(path)
    return {
        "handoffs_total": sum(moves),
        "cases_with_handoff": sum(count > 0 for count in moves),
        "cases_ge3_handoffs": sum(count >= 3 for count in moves),
        "max_handoffs": max(moves, default=0),
        "pingpong_ABA_cases": sum(count > 0 for count in returns),
        "pingpong_ABA_total": sum(returns),
        "pingpong_ge2_cases": sum(count >= 2 for count in returns),
        "cases_returning_to_earlier_team": revisited,
    }


def reopened(table: Table, cases: Sequence[Case], asked: Reopen) -> Figures:
    """D3: steps from an activity in `after` to one outside `unless`, and cases with at least one."""
    texts = table.activity.texts
    after = {texts.known(word) for word in asked.after}
    unless = {texts.known(word) for word in asked.unless}
    per_case = []
    for case in cases:
        codes = list(table.values(case.rows, table.activity))
        per_case.append(sum(a in after and b not in unless for a, b in itertools.pairwise(codes)))
    return {f"{asked.name}_transitions": sum(per_case), f"{asked.name}_cases": sum(count > 0 for count in per_case)}


def repeats(table: Table, cases: Sequence[Case], asked: Repeat, clock: Clock) -> Figures:
    """D4: cases opened at most W days after the same customer's previous opening (with the same `by` columns)."""
    clock = asked.clock or clock
    columns = [table.columns[name] for name in asked.by]
    previous: dict[tuple[int, ...], int] = {}
    days: list[float] = []
    for case in sorted(cases, key=lambda case: (table.at[case.rows[0]], case.rows[0])):
        opening = case.rows[0]
        key = (case.customer, *(column.codes[opening] for column in columns))
        if case.customer == MISSING:
            continue
        if key in previous:
            days.append(table.days_between(previous[key], opening, clock))
        previous[key] = opening
    return {asked.name: {f"le_{width}d": sum(day <= width for day in days) for width in asked.within_days}}


def delays(table: Table, cases: Sequence[Case], asked: Delay, clock: Clock) -> Figures:
    """D7: days between the first `from` and the first `to` of each case that has both."""
    texts, clock = table.activity.texts, asked.clock or clock
    begin, end = texts.known(asked.from_), texts.known(asked.to)
    days = []
    for case in cases:
        codes = list(table.values(case.rows, table.activity))
        if begin in codes and end in codes:
            days.append(table.days_between(case.rows[codes.index(begin)], case.rows[codes.index(end)], clock))
    figures: Figures = {asked.name: spread(days)}
    if asked.over is not None:
        figures[asked.over.name] = sum(day > asked.over.days for day in days)
    return figures


def cases_where(table: Table, cases: Sequence[Case], asked: CasesWhere) -> Figures:
    """Cases by the values of one column; D8 correction loops are of this kind. What is not stated is ignored."""
    column = table.activity if asked.field is None else table.columns[asked.field]
    ever, never, always, repeated = (
        {column.texts.known(word) for word in words}
        for words in (asked.ever, asked.never, asked.always, asked.repeated)
    )

    def counts(case: Case) -> bool:
        codes = [code for code in table.values(case.rows, column) if code != MISSING]
        found = set(codes)
        return (
            (not ever or bool(found & ever))
            and not found & never
            and (not always or (bool(found) and found <= always))
            and (not repeated or any(codes.count(code) > 1 for code in repeated))
        )

    return {asked.name: sum(map(counts, cases))}


def occurrences(table: Table, cases: Sequence[Case], asked: Occurrences) -> Figures:
    """Rows that fit all conditions: how many, in how many cases, in how many at least three times, the most in one."""
    fits: list[tuple[Column, Callable[[int], bool]]] = []
    for condition in asked.when:
        column = table.columns[condition.field or ""]
        check = passes(condition)
        good = {code for code in range(len(column.texts)) if check(column.texts.text(code))}
        if check(None):
            good.add(MISSING)
        fits.append((column, good.__contains__))
    per_case = [sum(all(fit(column.codes[row]) for column, fit in fits) for row in case.rows) for case in cases]
    total, with_any = sum(per_case), sum(count > 0 for count in per_case)
    if asked.flat:
        return {f"{asked.name}_{asked.unit}": total, f"{asked.name}_cases": with_any}
    at_least_three = sum(count >= 3 for count in per_case)
    most = max(per_case, default=0)
    return {asked.name: {asked.unit: total, "cases": with_any, "cases_ge3": at_least_three, "max": most}}


def complete_cases(table: Table, cases: Sequence[Case], asked: Complete) -> list[Case]:
    """Cases that begin with one of `starts` (any, when none is given) and end with one of `ends`."""
    texts, codes = table.activity.texts, table.activity.codes
    starts, ends = {texts.known(word) for word in asked.starts}, {texts.known(word) for word in asked.ends}
    return [case for case in cases if codes[case.rows[-1]] in ends and (not starts or codes[case.rows[0]] in starts)]


def of_complete(table: Table, cases: Sequence[Case], asked: Complete, clock: Clock) -> Figures:
    """Count, variants, median days and commonest steps of the complete cases given."""
    days = [table.days_between(case.rows[0], case.rows[-1], clock) for case in cases]
    return {
        "complete_cases": len(cases),
        "complete_variants": len(variants_of(table, cases)),
        "complete_median_days": round(median(days), 3) if days else None,
        "dfg_complete": dict(steps(table, cases).most_common(asked.edges)),
    }


def value_counts(column: Column, rows: Iterable[int]) -> dict[str, int]:
    """How many of `rows` state which value."""
    return _named((column.codes[row] for row in rows), column)
