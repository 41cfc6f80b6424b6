"""Roaming shock, not notified.

## What it detects
Roaming money runs up on a trip and the customer was not told in time: no delivered tariff notice after arrival, a spend
step passed without a delivered notice, or spend beyond the limit with neither consent nor a stop.

## Why it matters
84 % of people with bill shock were not warned before (FCC 2010). The duty is statutory, and while the trip lasts the
money is still small: a call now repairs what an adjustment after the bill does not.

## How it decides
DEADLINE and THRESHOLD. A trip begins with its first attach (without trip id: after 24 h without roaming). The packs in
force then say what is owed, strictest first. Tariff notice: none delivered by attach + 5 min, and a charge; decided at
the later of the two. Step (80, 100 % of the limit): none delivered by 5 min after the charge that reaches it. Beyond
the limit: no consent, no block by 15 min after that charge. Exactly at due is in time. One moment per trip.

## Known gaps
Notices, consents and charges must carry the trip id (or line) of the attach; a trip without an attach is not judged,
nor what follows 31 silent days. Spend counts per trip, in law per bill month. Other currencies count for the tariff
notice only. A trip keeps 512 facts, first and last halves, so a longer one's spend is too low. Amounts must exclude VAT
where the pack says so. The bill-time fallback (roaming at least 30 % of a bill) is left out: it names no trip.

## Runbook
1. Read spend against limit and the notice log: did notices fail, or were they never sent?
2. Stop the meter: offer a day pass, or block data with the customer's consent.
3. Call within the trip, in the customer's hours, and say the sum.
4. Adjust the charge to the limit named by the clause. Several customers at once: open a fault on the notices.

## References
`domain/5-detectors.md` N01; `domain/4-policy-packs.md`; Regulation (EU) 2022/612; MIIT notice of 21 January 2012.

## 中文
境外漫游已产生费用,但到达后 5 分钟内没有送达资费提醒,或达到上限的 80%/100% 未送达提醒,或超限后既无同意也未停用。
每次行程只报一次,按当时有效的政策包从严判定。
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.amounts import money
from detectors.base import BySeverity, Detector, Example, Fact, Finding, Meta, Params, Taken, Verdict
from detectors.examples import about, confirmed
from detectors.policy import PackIds, chosen, roaming_terms
from detectors.primitives import soonest
from detectors.roaming import shown, spent, trips, unmet
from detectors.words import in_words
from schemas.envelope import Event
from schemas.moments import Scalar, Text
from schemas.policy import PolicyPack
from schemas.times import DAY, HOUR, MINUTE

META = Meta(
    id="N01", name="roaming_shock_unnotified", version=1,
    title=Text(zh="漫游费用未提醒", en="Roaming cost without a warning"),
    stage="use", touchpoint="roaming_trip_made", valence="negative", primitives=("deadline", "threshold"),
    consumes=(
        "roaming.attached", "roaming.detached", "charge.rated", "notification.delivered", "consent.given",
        "data.blocked",
    ),
    severity=BySeverity(5, 5, 4, 4), owner="billing", scope="big_service", statutory=True,
    keep_ms=31 * DAY, max_facts=512,
    explanation=Text(
        zh="漫游费用已达 {spend},应在 {within_minutes} 分钟内完成的提醒或停用没有发生({why_zh})。",
        en="Roaming spend reached {spend}; what was owed within {within_minutes} minutes did not happen ({why_en}).",
    ),
    recovery=Text(zh="停止计费或提供日包;行程中致电;费用调整至上限。",
                  en="Stop the meter or offer a day pass; call within the trip; adjust the charge to the limit."),
)  # fmt: skip


class RoamingParams(Params):
    """Packs that bind (shipped ones by id, then an operator's own); charges in `currency` are held against the
    limit."""

    packs: PackIds = ("cn-reminder-2012", "cn-national", "operator-cn")
    own_packs: tuple[PolicyPack, ...] = ()
    currency: str = "CNY"
    home_hours: int = 24

    @property
    def horizon_ms(self) -> int:
        """How long roaming may pause within a trip, in ms."""
        return self.home_hours * HOUR


EUROPE = RoamingParams(packs=("eu-roaming-2022",), currency="EUR")
_SIMPLE = {"roaming.attached": "attached", "roaming.detached": "detached", "data.blocked": "blocked"}
_NOTICES = {"roaming_tariff": "tariff_notice", "roaming_limit": "limit_notice"}


def take(params: RoamingParams, event: Event) -> Taken | None:
    """A fact of the trip; `detectors.roaming` says which. A limit notice that names no percentage counts for every
    step."""
    kind, value, note = _SIMPLE.get(event.event_type), 0, event.trip_id or ""
    if event.event_type == "charge.rated":
        if not event.attributes.roaming or event.attributes.kind == "refund" or (event.amount_minor or 0) <= 0:
            return None
        kind, value, note = "charge", event.amount_minor or 0, event.currency or ""
    elif event.event_type == "notification.delivered":
        kind = _NOTICES.get(event.attributes.purpose)
        value = 1000 if event.attributes.percent is None else event.attributes.percent
    elif event.event_type == "consent.given" and event.attributes.purpose == "roaming_over_limit":
        kind = "consent"
    if kind is None:
        return None
    return Taken(event.trip_id or f"line:{event.line_id or event.customer_id}", kind, value, note)


def judge(params: RoamingParams, facts: Sequence[Fact], now: int) -> Verdict:
    """One finding per trip on which something owed was not done; looks again when something owed falls due."""
    findings, looks = [], []
    packs = chosen(params.packs, params.own_packs)
    for trip in trips(facts, params.home_hours * HOUR):
        causes, due = unmet(trip, roaming_terms(packs, params.currency, trip[0].at), params.currency, now)
        looks += due
        if causes:
            decided_at, _, missing, duty, _ = causes[0]
            spend = spent(trip, params.currency, decided_at)
            measures: dict[str, Scalar] = {
                "causes": ",".join(cause.name for cause in causes),
                "spend": money(spend, params.currency), "spend_minor": spend,
                "within_minutes": duty.within_ms // MINUTE, **in_words("why", (cause.name for cause in causes)),
            }  # fmt: skip
            findings.append(Finding(trip[0], decided_at, shown(trip, causes), missing, duty.clause, measures))
    return Verdict(tuple(findings), soonest(looks))


_trip = about(trip_id="t-1", line_id="l-1", tier="gold", currency="CNY")
_ATTACH = _trip("roaming.attached", "0 09:00", country="TH")
_CHARGE = _trip("charge.rated", "0 09:03", kind="data", roaming=True, amount_minor=1200)
_BIG = _trip("charge.rated", "0 12:00", kind="data", roaming=True, amount_minor=25000)
_TOLD = _trip("notification.delivered", "0 09:05", purpose="roaming_tariff")
_LATE = _trip("notification.delivered", "0 09:05:00.001", purpose="roaming_tariff")
_AT_80 = _trip("notification.delivered", "0 12:04", purpose="roaming_limit", percent=80)
EXAMPLES = (
    Example(title="lands, pays, hears nothing", kind="fires", given=(_ATTACH, _CHARGE), until=HOUR,
            expect=(confirmed(causes="tariff_notice", spend="12.00 CNY"),)),
    Example(title="80 % of the limit in silence", kind="fires", given=(_ATTACH, _CHARGE, _TOLD, _BIG), until=HOUR,
            expect=(confirmed(causes="step_80", spend_minor=26200),)),
    Example(title="told of tariff and step", kind="silent", given=(_ATTACH, _CHARGE, _TOLD, _BIG, _AT_80), until=HOUR),
    Example(title="told exactly at five minutes", kind="boundary", given=(_ATTACH, _TOLD, _CHARGE), until=HOUR),
    Example(title="told a millisecond late", kind="boundary", given=(_ATTACH, _LATE, _CHARGE), until=HOUR,
            expect=(confirmed(causes="tariff_notice"),)),
    Example(title="charge before attach in the log", kind="out_of_order", given=(_CHARGE, _ATTACH), until=HOUR,
            expect=(confirmed(causes="tariff_notice"),)),
    Example(title="the notice arrives late in the log but was in time", kind="retracted",
            given=(_ATTACH, _CHARGE, _trip("data.blocked", "0 09:10"), _TOLD), until=HOUR),
)  # fmt: skip
DETECTOR = Detector(meta=META, params=RoamingParams(), take=take, judge=judge, examples=EXAMPLES)
