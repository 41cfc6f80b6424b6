"""Chapter 5: the policy packs with their duties."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.handbook.anchors import anchor
from dashboards.handbook.detectors import to_detector
from dashboards.handbook.figures import duration, number
from dashboards.handbook.markdown import code, facts, heading, link, table, text
from dashboards.handbook.material import Material
from dashboards.handbook.words import Words
from detectors.amounts import money
from schemas.policy import PolicyPack, PolicyRule


def packs(material: Material, words: Words) -> list[str]:
    """The chapter."""
    blocks = [
        heading(2, words.say("chapter.packs"), anchor("chapter", "packs")),
        words.say("packs.lead"),
        _overview(material, words),
    ]
    for pack in material.packs.values():
        blocks += _pack(material, words, pack)
    return blocks


def _overview(material: Material, words: Words) -> str:
    columns = ("pack", "jurisdiction", "duties", "in_force", "used")
    rows = (
        [
            link(code(pack.id), anchor("pack", pack.id)),
            text(words.phrase(pack.jurisdiction)),
            words.listed(words.say(f"metric.{rule.metric}") for rule in pack.rules),
            text(_span(words, pack)),
            _users(material, words, pack) or words.say("packs.unused"),
        ]
        for pack in material.packs.values()
    )
    return table([words.say(f"packs.{column}") for column in columns], rows)


def _pack(material: Material, words: Words, pack: PolicyPack) -> list[str]:
    said = {
        "instrument": text(words.phrase(pack.instrument)),
        "authority": text(words.phrase(pack.authority)),
        "jurisdiction": text(words.phrase(pack.jurisdiction)),
        "in_force": text(_in_force(words, pack)),
        "scope": text(_scope(words, pack)),
        "supersedes": "" if pack.supersedes is None else link(code(pack.supersedes), anchor("pack", pack.supersedes)),
        "source": text(words.phrase(pack.source)),
        "used": _users(material, words, pack) or words.say("packs.unused"),
    }
    duties = (
        [
            words.say(f"metric.{rule.metric}"),
            text("; ".join(_owed(words, rule)) if words.language == "en" else "；".join(_owed(words, rule))),
            text(words.phrase(rule.article)),
            words.say(f"confidence.{rule.confidence}"),
        ]
        for rule in pack.rules
    )
    head = (words.say("indicators.field"), words.say("indicators.content"))
    return [
        heading(3, f"{code(pack.id)} {text(words.phrase(pack.instrument))}", anchor("pack", pack.id)),
        facts(head, ((words.say(f"packs.{field}"), content) for field, content in said.items())),
        table([words.say(f"packs.{column}") for column in ("duty", "owed", "clause", "confidence")], duties),
    ]


def _users(material: Material, words: Words, pack: PolicyPack) -> str:
    return words.listed(to_detector(words, one) for one in material.binding(pack.id))


def _span(words: Words, pack: PolicyPack) -> str:
    if pack.effective_to is None:
        return words.say("packs.from_on", begins=pack.effective_from)
    return words.say("packs.span", begins=pack.effective_from, ends=pack.effective_to)


def _in_force(words: Words, pack: PolicyPack) -> str:
    hours, minutes = divmod(abs(pack.utc_offset_minutes), 60)
    offset = f"{'-' if pack.utc_offset_minutes < 0 else '+'}{hours:02}:{minutes:02}"
    parts = [words.say("packs.offset", offset=offset), words.say(f"confidence.{pack.dates}")]
    return f"{_span(words, pack)}{'（' if words.language == 'zh' else ' ('}{words.listed(parts)}" + (
        "）" if words.language == "zh" else ")"
    )


def _scope(words: Words, pack: PolicyPack) -> str:
    parts = [words.say(f"line.{line}") for line in pack.line_types]
    if pack.prepaid is not None:
        parts.append(words.say("line.prepaid" if pack.prepaid else "line.postpaid"))
    if pack.zone != "any":
        parts.append(words.say("packs.zone", zone=words.phrase(pack.zone)))
    return words.listed(parts)


def _owed(words: Words, rule: PolicyRule) -> Iterator[str]:
    """What a duty asks, part by part."""
    yield from _limits(words, rule)
    yield from _notice(words, rule)
    if rule.act_within_s is not None:
        yield words.say("duty.act", time=duration(words, rule.act_within_s))
    if rule.ratio is not None:
        yield words.say("duty.ratio", ratio=number(rule.ratio), bills=rule.bills)
    if rule.within_s is not None:
        yield words.say("duty.within", time=duration(words, rule.within_s))
    if rule.working_days is not None:
        yield words.say("duty.working_day" if rule.working_days == 1 else "duty.working_days", days=rule.working_days)
    if rule.days_before is not None:
        late, early = sorted(rule.days_before)
        yield words.say("duty.days_before", early=early, late=late)
    if rule.exemptions:
        yield words.say("duty.exemptions", exemptions=words.listed(words.name("word", one) for one in rule.exemptions))


def _limits(words: Words, rule: PolicyRule) -> Iterator[str]:
    currency = rule.currency or ""
    if rule.limit_minor is not None:
        key = "duty.limit_net" if rule.excluding_vat else "duty.limit"
        yield words.say(key, sum=money(rule.limit_minor, currency))
    if rule.steps_percent:
        yield words.say("duty.steps", steps=words.listed(f"{percent}%" for percent in rule.steps_percent))
    if rule.extra_notices_minor:
        yield words.say("duty.extra", sums=words.listed(money(sum_, currency) for sum_ in rule.extra_notices_minor))


def _notice(words: Words, rule: PolicyRule) -> Iterator[str]:
    purpose = None if rule.notice_purpose is None else words.name("purpose", rule.notice_purpose)
    if rule.notify_within_s is not None:
        time = duration(words, rule.notify_within_s)
        key = "duty.notify_plain" if purpose is None else "duty.notify"
        yield words.say(key, time=time, purpose=purpose)
    elif purpose is not None:
        yield words.say("duty.purpose", purpose=purpose)
    if rule.content:
        yield words.say("duty.content", content=words.listed(words.name("word", one) for one in rule.content))
