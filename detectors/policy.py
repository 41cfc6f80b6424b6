"""Policy packs: loaded from data, composed for a moment in time. The strictest rule wins and is named.

`roaming_terms` and `spike_terms` answer "what was owed at `at`?" for a choice of packs. Strictest means: the shortest
time to notify or act, the lowest limit of the asked currency, all steps of all packs, the lowest ratio. Where two are
equally strict the pack named first is quoted, so list the law before the operator's own promise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated, NamedTuple

import yaml
from pydantic import AfterValidator
from yaml import CSafeLoader

from schemas.policy import Metric, PolicyPack, PolicyRule
from schemas.times import SECOND


class Duty(NamedTuple):
    """Something owed within `within_ms` of its trigger, by `clause`."""

    within_ms: int
    clause: str


class Step(NamedTuple):
    """A notice owed when spend reaches `amount_minor`, which is `percent` of the limit."""

    percent: int
    amount_minor: int
    duty: Duty


class RoamingTerms(NamedTuple):
    """What a traveller is owed: a tariff notice on entry, notices at steps in rising order, a stop beyond the limit."""

    entry: Duty | None = None
    limit_minor: int | None = None
    steps: tuple[Step, ...] = ()
    stop: Duty | None = None


class SpikeTerm(NamedTuple):
    """A bill is a statutory spike when strictly above `ratio` times the mean of the `bills` before."""

    ratio: float
    bills: int
    clause: str


def read_packs(texts: Mapping[str, str]) -> Mapping[str, PolicyPack]:
    """Packs by id from YAML texts by file name.

    Raises ValueError naming the file when a text is no valid pack, when its id differs from the file's stem, or when a
    pack supersedes one that is not among them.
    """
    packs: dict[str, PolicyPack] = {}
    for name, text in sorted(texts.items()):
        try:
            pack = PolicyPack.model_validate(yaml.load(text, Loader=CSafeLoader))
        except (yaml.YAMLError, ValueError) as error:
            raise ValueError(f"policy pack {name}: {error}") from error
        if name.removesuffix(".yaml") != pack.id:
            raise ValueError(f"policy pack {name}: its id is {pack.id!r}; file name and id must agree")
        packs[pack.id] = pack
    for pack in packs.values():
        if pack.supersedes is not None and pack.supersedes not in packs:
            raise ValueError(f"policy pack {pack.id}: supersedes {pack.supersedes!r}, which does not exist")
    return MappingProxyType(packs)


@cache
def shipped_packs() -> Mapping[str, PolicyPack]:
    """The packs that come with the product, by id."""
    folder = resources.files("detectors").joinpath("packs")
    return read_packs({file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")})


def chosen(ids: Iterable[str], own: Iterable[PolicyPack] = ()) -> tuple[PolicyPack, ...]:
    """Shipped packs by id, then an operator's own ones. Raises ValueError naming the packs that do not exist."""
    shipped = shipped_packs()
    missing = [pack_id for pack_id in ids if pack_id not in shipped]
    if missing:
        raise ValueError(f"no policy pack {', '.join(missing)}; there are {', '.join(shipped)}")
    return (*(shipped[pack_id] for pack_id in ids), *own)


def _known(ids: tuple[str, ...]) -> tuple[str, ...]:
    chosen(ids)
    return ids


PackIds = Annotated[tuple[str, ...], AfterValidator(_known)]
"""Ids of shipped packs, checked when a detector's parameters are read."""


def roaming_terms(packs: tuple[PolicyPack, ...], currency: str, at: int) -> RoamingTerms:
    """What `packs` in force at `at` (ms) owe a traveller charged in `currency`."""
    return _roaming_terms(tuple(pack for pack in packs if pack.in_force(at)), currency)


def spike_term(packs: tuple[PolicyPack, ...], at: int) -> SpikeTerm | None:
    """The strictest statutory bill ratio of the `packs` in force at `at` (ms); None when there is none."""
    return _spike_term(tuple(pack for pack in packs if pack.in_force(at)))


@lru_cache(maxsize=256)
def _roaming_terms(packs: tuple[PolicyPack, ...], currency: str) -> RoamingTerms:
    spend = [(pack, rule) for pack, rule in _rules(packs, "roaming_spend") if rule.currency in (currency, None)]
    limits = [rule.limit_minor for _, rule in spend if rule.limit_minor is not None]
    limit = min(limits, default=None)
    return RoamingTerms(
        entry=_shortest((rule.notify_within_s, pack.clause(rule)) for pack, rule in _rules(packs, "roaming_entry")),
        limit_minor=limit,
        steps=() if limit is None else _steps(spend, limit),
        stop=_shortest((rule.act_within_s, pack.clause(rule)) for pack, rule in spend if rule.limit_minor == limit),
    )


@lru_cache(maxsize=256)
def _spike_term(packs: tuple[PolicyPack, ...]) -> SpikeTerm | None:
    terms = [
        SpikeTerm(rule.ratio, rule.bills, pack.clause(rule))
        for pack, rule in _rules(packs, "bill_ratio")
        if rule.ratio is not None and rule.bills is not None
    ]
    return min(terms, key=lambda term: term.ratio, default=None)


def _rules(packs: Iterable[PolicyPack], metric: Metric) -> list[tuple[PolicyPack, PolicyRule]]:
    return [(pack, rule) for pack in packs for rule in pack.rules if rule.metric == metric]


def _steps(spend: list[tuple[PolicyPack, PolicyRule]], limit: int) -> tuple[Step, ...]:
    owed: dict[int, list[tuple[int | None, str]]] = {}
    for pack, rule in spend:
        percents = {*rule.steps_percent, *(-(-100 * extra // limit) for extra in rule.extra_notices_minor if limit)}
        for percent in percents:
            owed.setdefault(percent, []).append((rule.notify_within_s, pack.clause(rule)))
    duties = {percent: _shortest(duties) for percent, duties in owed.items()}
    return tuple(
        Step(percent, -(-limit * percent // 100), duty) for percent, duty in sorted(duties.items()) if duty is not None
    )


def _shortest(duties: Iterable[tuple[int | None, str]]) -> Duty | None:
    known = [Duty(seconds * SECOND, clause) for seconds, clause in duties if seconds is not None]
    return min(known, key=lambda duty: duty.within_ms, default=None)
