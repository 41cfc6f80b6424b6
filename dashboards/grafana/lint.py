"""What must hold of every dashboard, on its JSON: used by the tests, and by `mot dashboards check` on what is shipped
or was changed by hand. Pure: it reads dictionaries and says what it found.

The rules: ids and uids are unique, panels lie inside 24 columns and on no other panel, every variable is defined and
used, every panel says what it shows in which unit from which data source, every dashboard shows how old its data are,
every link leads somewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from schemas.moments import Text

Json = Mapping[str, Any]

DATASOURCE_UID = "mot-ch"
DATASOURCE_TYPE = "grafana-clickhouse-datasource"
COLUMNS = 24
UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
"""What Grafana takes as the uid of a dashboard."""

WITHOUT_DATA = frozenset({"row", "text", "dashlist", "alertlist", "annolist"})
"""Kinds of panel that ask no data source and show no number of their own."""
_MACRO_NAMES = """
    timeFilter timeFilter_ms dateFilter dateTimeFilter dt timeFrom timeTo fromTime toTime fromTime_ms toTime_ms
    timeInterval timeInterval_ms timeGroup interval_s conditionalAll adHocFilters
"""
MACROS = frozenset(_MACRO_NAMES.split())
"""Macros of the ClickHouse plugin that we use; it lets an unknown one through to the server."""
_GLOBAL_NAMES = """
    from to interval interval_ms range range_s range_ms rate_interval timezone dashboard user org name data value field
    series url_time_range all_variables
"""
GLOBALS = frozenset(_GLOBAL_NAMES.split())
"""What Grafana itself knows behind `$__`."""
LATENCY = re.compile(r"\bpipeline_health\b|\bstored_at\b", re.IGNORECASE)
"""A panel that says how old the data are reads one of these."""

_VARIABLE = re.compile(r"\$\{(?P<braced>\w+)(?:[.:][^}]*)?\}|\$(?P<bare>\w+)")
_CHOICE = re.compile(r"\bvar-(\w+)=")
_VIEWED = re.compile(r"\bviewPanel=(?:panel-)?(\d+)")
_DASHBOARD_LINK = re.compile(r"(?:^|[^\w])/?d/(?P<uid>[\w-]+)")


@dataclass(frozen=True)
class Finding:
    """Something wrong: where (dashboard, panel) and what, in both languages."""

    where: str
    text: Text

    def said_in(self, language: str) -> str:
        """One line."""
        return f"{self.where}: {self.text.said_in(language)}"


def lint(dashboards: Sequence[Json], known_uids: Iterable[str] = ()) -> list[Finding]:
    """Everything wrong with a set of dashboards; `known_uids` are dashboards outside it that links may lead to."""
    uids = [str(one.get("uid", "")) for one in dashboards]
    found = [
        Finding(uid, Text(zh="uid 重复", en="the uid is used twice"))
        for uid, count in Counter(uids).items()
        if count > 1
    ]
    targets = {*uids, *known_uids}
    tags = {str(tag) for one in dashboards for tag in one.get("tags", ())}
    for dashboard in dashboards:
        found += lint_dashboard(dashboard, targets, tags)
    return [*found, *lint_drills(dashboards)]


def lint_drills(dashboards: Sequence[Json]) -> Iterator[Finding]:
    """Links between these dashboards that name a variable or a panel the other one has not."""
    variables = {str(one.get("uid")): {str(each.get("name")) for each in _templating(one)} for one in dashboards}
    numbers = {str(one.get("uid")): {str(panel.get("id")) for _, panel in _panels(one)} for one in dashboards}
    for dashboard in dashboards:
        found = set()
        for url, match in _ways(dashboard):
            target = match["uid"]
            missing = {f"var-{name}" for name in _CHOICE.findall(url)} - {f"var-{x}" for x in variables.get(target, ())}
            missing |= {f"panel-{x}" for x in set(_VIEWED.findall(url)) - numbers.get(target, set())}
            found |= {(target, one) for one in missing if target in variables}
        for target, name in sorted(found):
            zh, en = f"链接用到 {target} 没有的 {name}", f"a link names {name}, which {target} has not"
            yield Finding(str(dashboard.get("uid")), Text(zh=zh, en=en))


def _ways(dashboard: Json) -> Iterator[tuple[str, re.Match[str]]]:
    """Every link to a dashboard: its address and the part that names it."""
    for key, text in strings(dashboard):
        if key == "url":
            yield from ((text, match) for match in _DASHBOARD_LINK.finditer(text))


def lint_dashboard(dashboard: Json, known_uids: Iterable[str], known_tags: Iterable[str] = ()) -> list[Finding]:
    """Everything wrong with one dashboard."""
    uid = str(dashboard.get("uid", ""))
    found = list(_head(dashboard, uid))
    for where, panel in _panels(dashboard):
        found += _panel(panel, f"{uid} › {where}")
    for annotation in dashboard.get("annotations", {}).get("list", ()):
        if not annotation.get("builtIn"):
            found += _source(annotation, f"{uid} › @{annotation.get('name')}")
    found += _ids(dashboard, uid)
    found += _places(dashboard, uid)
    found += _variables(dashboard, uid)
    found += _links(dashboard, uid, frozenset(known_uids), frozenset(known_tags))
    if not any(LATENCY.search(sql) for _, sql in queries(dashboard)):
        zh, en = (
            "没有数据时延面板（读取 pipeline_health 或 stored_at）",
            "no panel says how old the data are (reads pipeline_health or stored_at)",
        )
        found.append(Finding(uid, Text(zh=zh, en=en)))
    return found


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel, those inside collapsed rows too, rows themselves left out."""
    for _, panel in _panels(dashboard):
        if panel.get("type") != "row":
            yield panel


def queries(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Where (panel, variable, annotation) and text of every SQL query."""
    for where, panel in _panels(dashboard):
        for target in panel.get("targets", ()):
            yield f"{where} {target.get('refId', '?')}", str(target.get("rawSql", ""))
    for variable in _templating(dashboard):
        if variable.get("type") == "query":
            query = variable.get("query", "")
            yield f"${variable.get('name')}", str(query if isinstance(query, str) else query.get("rawSql", ""))
    for annotation in dashboard.get("annotations", {}).get("list", ()):
        if "rawSql" in (target := annotation.get("target") or {}):
            yield f"@{annotation.get('name')}", str(target["rawSql"])


def lint_alerts(rules: Iterable[Json], known_uids: Iterable[str] | None = None) -> list[Finding]:
    """Alert rules run with no dashboard: neither its variables nor Grafana's own mean anything in their queries. Links
    of their annotations lead to dashboards in `known_uids`, unless that is None."""
    found = []
    known = None if known_uids is None else frozenset(known_uids)
    for rule in rules:
        for _, text in strings(rule.get("annotations", {})):
            for link in _DASHBOARD_LINK.finditer(text):
                if known is not None and link["uid"] not in known:
                    zh, en = f"链接指向不存在的看板：{text}", f"a link leads to no dashboard: {text}"
                    found.append(Finding(str(rule.get("uid")), Text(zh=zh, en=en)))
        for query in rule.get("data", ()):
            sql = str(query.get("model", {}).get("rawSql", ""))
            for match in _VARIABLE.finditer(sql):
                zh, en = f"告警查询不能使用 {match[0]}", f"an alert's query cannot use {match[0]}"
                found.append(Finding(str(rule.get("uid")), Text(zh=zh, en=en)))
    return found


def _head(dashboard: Json, uid: str) -> Iterator[Finding]:
    if not UID.fullmatch(uid):
        yield Finding(uid or "?", Text(zh=f"uid 不合规：{uid!r}", en=f"no proper uid: {uid!r}"))
    for name in ("title", "description", "timezone", "time", "tags", "schemaVersion"):
        if not dashboard.get(name):
            yield Finding(uid, Text(zh=f"缺少 {name}", en=f"{name} is missing"))
    if dashboard.get("id") is not None:
        yield Finding(uid, Text(zh="id 应为空：它属于某一个 Grafana", en="`id` belongs to one Grafana: leave it out"))


def _panel(panel: Json, where: str) -> Iterator[Finding]:
    kind = str(panel.get("type", ""))
    if not panel.get("title"):
        yield Finding(where, Text(zh="面板没有标题", en="the panel has no title"))
    if kind == "row":
        return
    if not panel.get("description"):
        yield Finding(where, Text(zh="面板没有说明", en="the panel has no description"))
    if kind in WITHOUT_DATA:
        return
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield Finding(where, Text(zh="面板没有单位", en="the panel has no unit"))
    yield from _source(panel, where)
    targets = panel.get("targets", ())
    if not targets:
        yield Finding(where, Text(zh="面板没有查询", en="the panel has no query"))
    if len({target.get("refId") for target in targets}) < len(targets):
        yield Finding(where, Text(zh="refId 重复", en="a refId is used twice"))
    for target in targets:
        yield from _query(target, f"{where} {target.get('refId', '?')}")


def _query(target: Json, where: str) -> Iterator[Finding]:
    yield from _source(target, where)
    if not str(target.get("rawSql", "")).strip():
        yield Finding(where, Text(zh="查询为空", en="the query is empty"))
    if target.get("editorType") != "sql":
        yield Finding(where, Text(zh="editorType 应为 sql", en="editorType must be sql"))
    if target.get("format") not in (0, 1, 2, 3, 4):
        yield Finding(where, Text(zh="format 应为 0 到 4", en="format must be 0 to 4"))


def _source(holder: Json, where: str) -> Iterator[Finding]:
    source = holder.get("datasource")
    uid = source.get("uid") if isinstance(source, Mapping) else source
    kind = source.get("type") if isinstance(source, Mapping) else None
    if uid != DATASOURCE_UID or kind != DATASOURCE_TYPE:
        zh, en = f"数据源应为 {DATASOURCE_UID}，实为 {uid}", f"the data source must be {DATASOURCE_UID}, not {uid}"
        yield Finding(where, Text(zh=zh, en=en))


def _panels(dashboard: Json) -> Iterator[tuple[str, Json]]:
    for panel in dashboard.get("panels", ()):
        yield _name(panel), panel
        for inner in panel.get("panels", ()):
            yield _name(inner), inner


def _name(panel: Json) -> str:
    return f"{panel.get('id', '?')} {panel.get('title', '')}".strip()


def _ids(dashboard: Json, uid: str) -> Iterator[Finding]:
    counted = Counter(panel.get("id") for _, panel in _panels(dashboard))
    for number, count in counted.items():
        if not isinstance(number, int) or number < 1:
            yield Finding(uid, Text(zh=f"面板编号无效：{number}", en=f"no proper panel id: {number}"))
        elif count > 1:
            yield Finding(uid, Text(zh=f"面板编号重复：{number}", en=f"the panel id {number} is used twice"))


def _places(dashboard: Json, uid: str) -> Iterator[Finding]:
    """Panels of the dashboard on each other, and those of each collapsed row on each other."""
    together = [list(dashboard.get("panels", ()))]
    together += [list(panel["panels"]) for panel in dashboard.get("panels", ()) if panel.get("panels")]
    for group in together:
        placed = []
        for panel in group:
            place = panel.get("gridPos", {})
            box = tuple(place.get(name) for name in "xywh")
            if not _inside(box):
                zh, en = f"位置不在 {COLUMNS} 列之内：{box}", f"does not lie within {COLUMNS} columns: {box}"
                yield Finding(f"{uid} › {_name(panel)}", Text(zh=zh, en=en))
            else:
                placed.append((panel, box))
        for (one, left), (other, right) in combinations(placed, 2):
            if _touch(left, right):
                zh, en = f"与面板 {_name(other)} 重叠", f"lies on panel {_name(other)}"
                yield Finding(f"{uid} › {_name(one)}", Text(zh=zh, en=en))


def _inside(box: tuple[Any, ...]) -> bool:
    if not all(isinstance(number, int) for number in box):
        return False
    x, y, width, height = box
    return bool(x >= 0 and y >= 0 and width > 0 and height > 0 and x + width <= COLUMNS)


def _touch(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    across = left[0] < right[0] + right[2] and right[0] < left[0] + left[2]
    return bool(across and left[1] < right[1] + right[3] and right[1] < left[1] + left[3])


def _templating(dashboard: Json) -> Sequence[Json]:
    listed = dashboard.get("templating", {}).get("list", ())
    return [one for one in listed if isinstance(one, Mapping)]


def _variables(dashboard: Json, uid: str) -> Iterator[Finding]:
    variables = _templating(dashboard)
    names = [str(one.get("name")) for one in variables]
    for name, count in Counter(names).items():
        if count > 1:
            yield Finding(uid, Text(zh=f"变量 {name} 重复", en=f"the variable {name} is defined twice"))
    for variable in variables:
        yield from _variable(variable, f"{uid} › ${variable.get('name')}")
    used = set()
    for where, name, written in _mentions(dashboard):
        used.add(name)
        if name.startswith("__"):
            if name[2:] not in MACROS | GLOBALS:
                yield Finding(f"{uid} › {where}", Text(zh=f"没有宏 {written}", en=f"there is no macro {written}"))
        elif name not in names:
            zh, en = f"变量 {written} 未定义", f"the variable {written} is not defined"
            yield Finding(f"{uid} › {where}", Text(zh=zh, en=en))
    for variable in variables:
        if variable.get("type") != "adhoc" and variable.get("name") not in used:
            zh, en = "变量没有被任何查询使用", "no query uses the variable"
            yield Finding(f"{uid} › ${variable.get('name')}", Text(zh=zh, en=en))
    for earlier, later in combinations(variables, 2):  # Grafana resolves them in the order they stand in
        if f"${later.get('name')}" in str(earlier.get("query", "")):
            zh, en = f"用到排在它之后的变量 {later.get('name')}", f"uses {later.get('name')}, which stands after it"
            yield Finding(f"{uid} › ${earlier.get('name')}", Text(zh=zh, en=en))


def _variable(variable: Json, where: str) -> Iterator[Finding]:
    if not variable.get("label") and variable.get("hide") != 2:
        yield Finding(where, Text(zh="变量没有标签", en="the variable has no label"))
    if variable.get("type") == "query":
        yield from _source(variable, where)
    if variable.get("type") in ("query", "custom") and variable.get("multi") and not variable.get("includeAll"):
        yield Finding(where, Text(zh="多选变量没有“全部”", en="a variable of several values has no «All»"))


def _mentions(dashboard: Json) -> Iterator[tuple[str, str, str]]:
    """Where, the name and the writing of every variable mentioned, in queries, titles and links."""
    for where, panel in _panels(dashboard):
        plain = {key: value for key, value in panel.items() if key != "panels"}
        yield from _mentioned(where, plain)
    for variable in _templating(dashboard):
        yield from _mentioned(f"${variable.get('name')}", {"query": variable.get("query"), "regex": ""})
    yield from _mentioned("@", dashboard.get("annotations", {}))
    yield from _mentioned("links", {"links": dashboard.get("links", ())})


def _mentioned(where: str, value: Any) -> Iterator[tuple[str, str, str]]:
    for _, text in strings(value):
        for found in _VARIABLE.finditer(text):
            yield where, found["braced"] or found["bare"], found[0]


def strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string inside JSON with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from strings(inner, str(name))
    elif isinstance(value, Sequence):
        for inner in value:
            yield from strings(inner, key)


def _links(dashboard: Json, uid: str, known: frozenset[str], tags: frozenset[str]) -> Iterator[Finding]:
    for found in sorted({match[0] for _, match in _ways(dashboard) if match["uid"] not in known}):
        zh, en = f"链接指向不存在的看板：{found}", f"a link leads to no dashboard: {found}"
        yield Finding(uid, Text(zh=zh, en=en))
    for link in dashboard.get("links", ()):
        if link.get("type") == "dashboards" and not set(link.get("tags", ())) <= tags:
            zh, en = f"没有带标签 {link.get('tags')} 的看板", f"no dashboard bears the tags {link.get('tags')}"
            yield Finding(uid, Text(zh=zh, en=en))
