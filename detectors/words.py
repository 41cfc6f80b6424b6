"""The codes detectors decide by, in words for the explanation. Codes stay in `measures`; people read these."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.moments import Scalar, Text

WORDS = {
    "tariff_notice": Text(zh="未送达资费提醒", en="no tariff notice delivered"),
    "over_limit": Text(zh="超过上限且既无同意也未停用", en="beyond the limit without consent or a stop"),
    "not_acknowledged": Text(zh="运营商未确认", en="never acknowledged"),
    "not_supplied": Text(zh="未备货或发货", en="no stock or shipment"),
    "not_found": Text(zh="客户来询时查无此单", en="not found when the customer asked"),
    "missed": Text(zh="到期未兑现", en="the date was missed"),
    "customer_clock": Text(zh="仅按运营商时钟按时", en="kept by our clock only"),
    "survey": Text(zh="兑现后客户评价差", en="the customer is not content"),
    "high": Text(zh="偏高", en="high"),
    "very_high": Text(zh="很高", en="very high"),
    "statutory": Text(zh="达到法定告知标准", en="at the level where the law wants the user told"),
    "mobile": Text(zh="移动", en="mobile"),
    "fixed": Text(zh="固定", en="fixed-line"),
}


def word(code: str) -> Text:
    """The words for a code; a spend step (`step_80`) names its percentage. Raises KeyError for an unknown code."""
    if code.startswith("step_"):
        percent = code.removeprefix("step_")
        return Text(zh=f"达到上限 {percent}% 未送达提醒", en=f"no notice delivered at {percent} % of the limit")
    return WORDS[code]


def in_words(name: str, codes: Iterable[str]) -> dict[str, Scalar]:
    """Measures `<name>_zh` and `<name>_en` that say `codes` in words."""
    words = [word(code) for code in codes]
    return {f"{name}_zh": "、".join(one.zh for one in words), f"{name}_en": ", ".join(one.en for one in words)}
