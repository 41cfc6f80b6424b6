"""The counters the core keeps; every other indicator is computed from them and from the facts."""

from __future__ import annotations

from typing import Literal, NamedTuple

from schemas.moments import Text

IndicatorId = Literal["events", "late_events", "moments_negative", "moments_positive", "moments_retracted", "handoffs"]


class Counter(NamedTuple):
    """A counter: what one unit of it is, and whose event time puts it in a window."""

    id: IndicatorId
    name: Text
    counts: Text


COUNTERS: tuple[Counter, ...] = (
    Counter(
        "events",
        Text(zh="事件数", en="Events"),
        Text(zh="被接受的事件,按发生时间", en="accepted events, by occurrence"),
    ),
    Counter(
        "late_events",
        Text(zh="超时迟到事件数", en="Events too late"),
        Text(zh="超过允许迟到时间而搁置的事件", en="events set aside as later than allowed"),
    ),
    Counter(
        "moments_negative",
        Text(zh="负面关键时刻数", en="Negative moments"),
        Text(zh="判定的负面关键时刻,按判定时间", en="negative moments, by the time of decision"),
    ),
    Counter(
        "moments_positive",
        Text(zh="正面关键时刻数", en="Positive moments"),
        Text(zh="判定的正面关键时刻,按判定时间", en="positive moments, by the time of decision"),
    ),
    Counter(
        "moments_retracted",
        Text(zh="撤回的关键时刻数", en="Moments retracted"),
        Text(
            zh="被后续事实推翻的关键时刻,按推翻时间", en="moments withdrawn by later facts, by the time of withdrawal"
        ),
    ),
    Counter(
        "handoffs",
        Text(zh="转派次数", en="Handoffs"),
        Text(zh="诉求在部门间的转派", en="matters passed from desk to desk"),
    ),
)
