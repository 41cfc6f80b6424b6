"""What people read instead of the keys of a profile, in both languages."""

from __future__ import annotations

from schemas.moments import Text

TITLES: dict[str, Text] = {
    "events": Text(zh="事件数", en="events"),
    "cases": Text(zh="案例数", en="cases"),
    "customers": Text(zh="客户数", en="customers"),
    "customers_with_gt1": Text(zh="有多个案例的客户", en="customers with more than one case"),
    "activities": Text(zh="活动种类", en="activities"),
    "variants": Text(zh="路径种类", en="variants"),
    "activity_counts": Text(zh="各活动的事件数", en="events by activity"),
    "start_activity_counts": Text(zh="起始活动", en="cases by first activity"),
    "end_activity_counts": Text(zh="结束活动", en="cases by last activity"),
    "cases_with": Text(zh="含该活动的案例", en="cases that have the activity"),
    "top_variants": Text(zh="最常见路径", en="commonest variants"),
    "first_ts": Text(zh="最早时间", en="first time"),
    "last_ts": Text(zh="最晚时间", en="last time"),
    "range": Text(zh="日期范围", en="dates"),
    "dfg": Text(zh="直接后继次数", en="steps from one activity to the next"),
    "total_duration_s": Text(zh="总时长(秒)", en="total duration (seconds)"),
    "duration_days": Text(zh="案例时长(天)", en="duration of a case (days)"),
    "complete_cases": Text(zh="完整案例数", en="complete cases"),
    "complete_variants": Text(zh="完整案例的路径种类", en="variants of complete cases"),
    "complete_median_days": Text(zh="完整案例的中位时长(天)", en="median duration of complete cases (days)"),
    "dfg_complete": Text(zh="完整案例的直接后继次数", en="steps in complete cases"),
    "dead_letters": Text(zh="无法使用的行", en="rows that could not be used"),
    "log": Text(zh="日志", en="log"),
    "mapping": Text(zh="映射", en="mapping"),
    "desk": Text(zh="处理部门", en="desk"),
    "team": Text(zh="团队", en="team"),
    "org_line": Text(zh="组织线", en="line of the organisation"),
    "resource": Text(zh="处理人", en="agent"),
}
"""Titles of the figures counted for every log, and of the usual names of teams."""

PART_TITLES: dict[str, Text] = {
    "handoffs_total": Text(zh="转手次数", en="handoffs"),
    "cases_with_handoff": Text(zh="有转手的案例", en="cases with a handoff"),
    "cases_ge3_handoffs": Text(zh="至少转手 3 次的案例", en="cases with 3 handoffs or more"),
    "max_handoffs": Text(zh="单个案例最多转手", en="most handoffs in a case"),
    "pingpong_ABA_cases": Text(zh="有来回转手 (A-B-A) 的案例", en="cases with ping-pong (A-B-A)"),
    "pingpong_ABA_total": Text(zh="来回转手 (A-B-A) 次数", en="ping-pongs (A-B-A)"),
    "pingpong_ge2_cases": Text(zh="至少 2 次来回的案例", en="cases with 2 ping-pongs or more"),
    "cases_returning_to_earlier_team": Text(zh="回到先前处理方的案例", en="cases that returned to an earlier one"),
    "transitions": Text(zh="次数", en="times"),
    "cases": Text(zh="案例数", en="cases"),
    "events": Text(zh="事件数", en="events"),
    "calls": Text(zh="电话数", en="calls"),
    "cases_ge3": Text(zh="至少 3 次的案例", en="cases with 3 or more"),
    "max": Text(zh="单个案例最多", en="most in a case"),
    "n": Text(zh="数量", en="count"),
    "mean": Text(zh="平均", en="mean"),
    "median": Text(zh="中位数", en="median"),
}
"""Titles of the parts of a figure."""
