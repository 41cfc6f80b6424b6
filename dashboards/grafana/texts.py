"""The words of the dashboards, in both languages, and how SQL and panels say them.

A dashboard is written once; a `Speech` turns it Chinese or English. Codes stay codes in queries and links, people read
words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dashboards.terminal import TIERS
from journeys.lifecycle import STAGES
from schemas.moments import Text

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

STAGE_WORDS: Mapping[str, Text] = {one.id: one.name for one in STAGES}
TIER_WORDS: Mapping[str, Text] = TIERS
CHANNEL_WORDS: Mapping[str, Text] = {
    "web": Text(zh="网站", en="web"),
    "app": Text(zh="手机应用", en="app"),
    "store": Text(zh="营业厅", en="store"),
    "dealer": Text(zh="代理商", en="dealer"),
    "partner": Text(zh="合作伙伴", en="partner"),
    "call_centre": Text(zh="呼叫中心", en="call centre"),
    "account_manager": Text(zh="客户经理", en="account manager"),
    "retention": Text(zh="客户维系", en="retention"),
    "enterprise_service": Text(zh="集团客户服务", en="enterprise service"),
    "chatbot": Text(zh="聊天机器人", en="chatbot"),
    "ai_agent": Text(zh="智能客服", en="AI agent"),
    "logistics": Text(zh="物流", en="logistics"),
    "field": Text(zh="上门服务", en="field service"),
    "network": Text(zh="网络", en="network"),
    "it_system": Text(zh="IT 系统", en="IT system"),
    "device": Text(zh="终端", en="device"),
    "bank": Text(zh="银行", en="bank"),
    "sms": Text(zh="短信", en="SMS"),
    "email": Text(zh="电子邮件", en="e-mail"),
    "post": Text(zh="邮寄", en="post"),
    "media": Text(zh="媒体", en="media"),
    "social": Text(zh="社交媒体", en="social media"),
    "word_of_mouth": Text(zh="口碑", en="word of mouth"),
    "regulator": Text(zh="监管机构", en="regulator"),
    "unknown": Text(zh="未知", en="unknown"),
}
DEPARTMENT_WORDS: Mapping[str, Text] = {
    "service_supervision": Text(zh="服务监督", en="service supervision"),
    "billing": Text(zh="计费账务", en="billing"),
    "retention": Text(zh="客户维系", en="retention"),
    "channel": Text(zh="渠道", en="channel"),
    "network": Text(zh="网络", en="network"),
    "network_it": Text(zh="网络与 IT", en="network and IT"),
    "logistics": Text(zh="物流", en="logistics"),
    "account_manager": Text(zh="客户经理", en="account manager"),
    "call_centre": Text(zh="呼叫中心", en="call centre"),
    "field": Text(zh="现场", en="field"),
    "partner": Text(zh="合作伙伴", en="partner"),
    "unknown": Text(zh="未知", en="unknown"),
}
VALENCE_WORDS: Mapping[str, Text] = {
    "negative": Text(zh="负面", en="negative"),
    "positive": Text(zh="正面", en="positive"),
}
STATUS_WORDS: Mapping[str, Text] = {
    "pending": Text(zh="待确认", en="pending"),
    "confirmed": Text(zh="已确认", en="confirmed"),
    "retracted": Text(zh="已撤回", en="retracted"),
    "acknowledged": Text(zh="已受理", en="acknowledged"),
    "acting": Text(zh="处理中", en="acting"),
    "repaired": Text(zh="已修复", en="repaired"),
    "expired": Text(zh="已过期", en="expired"),
}
STANDING_WORDS: Mapping[str, Text] = {
    "met": Text(zh="达标", en="met"),
    "warning": Text(zh="预警", en="warning"),
    "breach": Text(zh="未达标", en="breach"),
    "none": Text(zh="无目标", en="no target"),
    "unmeasured": Text(zh="无数据", en="no data"),
}
AVAILABILITY_WORDS: Mapping[str, Text] = {
    "available": Text(zh="数据已有", en="available"),
    "derivable": Text(zh="可由现有数据推导", en="derivable"),
    "missing": Text(zh="缺数据：尚无系统提供", en="Missing: no system delivers these data yet"),
    "external": Text(zh="外部发布：需导入", en="External: published by others, to be imported"),
}
EXTERNAL_WORDS: Mapping[str, Text] = {
    "own": Text(zh="本企业", en="own"),
    "competitor": Text(zh="竞争对手", en="competitor"),
    "regulator": Text(zh="监管机构", en="regulator"),
    "international_mean": Text(zh="国际均值", en="international mean"),
    "best_practice": Text(zh="最佳实践", en="best practice"),
}
DIM_WORDS: Mapping[str, Text] = {
    "stage": Text(zh="生命周期阶段", en="Lifecycle stage"),
    "touchpoint": Text(zh="触点", en="Touchpoint"),
    "channel": Text(zh="渠道", en="Channel"),
    "tier": Text(zh="客户等级", en="Tier"),
    "department": Text(zh="责任部门", en="Department"),
    "region": Text(zh="地区", en="Region"),
    "detail": Text(zh="细分", en="Detail"),
}
DIM_VALUES: Mapping[str, Mapping[str, Text]] = {
    "stage": STAGE_WORDS,
    "channel": CHANNEL_WORDS,
    "tier": TIER_WORDS,
    "department": DEPARTMENT_WORDS,
}
"""Words for the values of a dimension; touchpoints have theirs in a table, regions and details are the operator's."""


@dataclass(frozen=True)
class Speech:
    """Says a text in one language. `said(text)` for people, the other methods for SQL and links."""

    language: Language

    def __call__(self, text: Text) -> str:
        """The text in this language."""
        return text.said_in(self.language)

    def uid(self, board: str) -> str:
        """The uid of a dashboard in this language: the plain one is English."""
        return f"{board}-zh" if self.language == "zh" else board

    def column(self, stem: str) -> str:
        """The column that holds this language's text, e.g. name_zh. Quoted: only its name differs by language."""
        return f"`{stem}_{self.language}`"

    def words(self, column: str, words: Mapping[str, Text]) -> str:
        """SQL that says the codes of `column`; a code without words stays as it is."""
        codes = ", ".join(f"'{code}'" for code in words)
        said = ", ".join("'" + self(text).replace("'", "\\'") + "'" for text in words.values())
        return f"transform(toString({column}), [{codes}], [{said}], toString({column}))"

    def dim(self, dim: str, column: str | None = None) -> str:
        """SQL that says the values of a dimension, touchpoints from their table."""
        code = f"toString({column or dim})"
        if dim == "touchpoint":
            named = f"mapFromArrays(groupArray(toString(touchpoint)), groupArray({self.column('name')}))"
            return f"ifNull(nullIf((SELECT {named} FROM touchpoints FINAL)[{code}], ''), {code})"  # noqa: S608
        return self.words(column or dim, DIM_VALUES[dim]) if dim in DIM_VALUES else code
