"""Puts what is shipped into a running Grafana through its API. Files are the first way (`mot dashboards build`); this
one serves a Grafana that others run.

`GrafanaPublisher` changes only what is ours: our folder, data source, dashboards, rule groups, contact points, and one
route of the notification policy; whatever else stands there stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from dashboards.faults import Refused
from dashboards.transport import Transport
from schemas.moments import Text

Json = Mapping[str, Any]

PLUGIN = "grafana-clickhouse-datasource"
LEAST_GRAFANA = (11, 6)
LEAST_PLUGIN = (4, 15)
CHANGEABLE = {"X-Disable-Provenance": "true"}
"""Without this header people could not change or delete in Grafana what came through the alerting API."""
_ALERTING = "/v1/provisioning"


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a Grafana is. Versions are None where it does not say; `source` is what the data source itself says."""

    grafana: str | None
    plugin: str | None
    source_ok: bool | None
    source: str

    @property
    def grafana_fits(self) -> bool | None:
        """Whether Grafana is new enough; None when it hides its version."""
        return None if self.grafana is None else version(self.grafana) >= LEAST_GRAFANA

    @property
    def plugin_fits(self) -> bool:
        """Whether the ClickHouse plugin is there and new enough."""
        return self.plugin is not None and version(self.plugin) >= LEAST_PLUGIN


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A mark on a dashboard, or on all that show its tags. Times in milliseconds since 1970."""

    at_ms: int
    text: str
    tags: Sequence[str]
    until_ms: int | None = None
    dashboard_uid: str | None = None
    panel_id: int | None = None


class Publisher(Protocol):
    """What the command line asks of whoever puts things into a Grafana. Everything raises GrafanaFault."""

    def health(self, datasource_uid: str) -> Health:
        """How Grafana, the plugin and the data source are."""

    def ensure_folder(self, uid: str, title: str) -> None:
        """The folder is there and bears the title."""

    def upsert_datasource(self, datasource: Json) -> None:
        """The data source of that uid is as given."""

    def publish_dashboard(self, dashboard: Json, folder_uid: str, message: str) -> str:
        """The dashboard of that uid is as given, in the folder; returns its address."""

    def upsert_rule_group(self, folder_uid: str, group: Json) -> None:
        """The group of alert rules is as given."""

    def upsert_contact_point(self, point: Json) -> None:
        """The contact point of that uid is as given."""

    def upsert_route(self, route: Json) -> None:
        """The notification policy has this route, and the others as before."""

    def annotate(self, annotation: Annotation) -> int:
        """Put a mark; returns its id."""


class GrafanaPublisher:
    """A `Publisher` over grafana-api, for Grafana 11.6 to 13."""

    def __init__(self, transport: Transport) -> None:
        self._grafana = transport

    def health(self, datasource_uid: str) -> Health:
        """How Grafana, the plugin and the data source are. Raises GrafanaFault when Grafana itself does not answer."""
        answer = self._grafana.call("GET", "/health", Text(zh="查询 Grafana 状态", en="Asking how Grafana is"))
        doing = Text(zh="查询插件版本", en="Asking for the plugin's version")
        plugin = self._found(f"/plugins/{PLUGIN}/settings", doing)
        source_ok, source = self._source(datasource_uid)
        return Health(
            grafana=answer.get("version") or None,
            plugin=None if plugin is None else plugin.get("info", {}).get("version"),
            source_ok=source_ok,
            source=source,
        )

    def ensure_folder(self, uid: str, title: str) -> None:
        """Create the folder, or give it the title. Raises GrafanaFault."""
        doing = Text(zh=f"建立文件夹 {uid}", en=f"Making the folder {uid}")
        there = self._found(f"/folders/{quote(uid)}", doing)
        if there is None:
            try:
                self._grafana.call("POST", "/folders", doing, body={"uid": uid, "title": title})
            except Refused as refused:
                # 409 (12 and later) or 412: another was faster, or an answer was lost and the request repeated.
                if refused.status not in (409, 412) or self._found(f"/folders/{quote(uid)}", doing) is None:
                    raise
        elif there.get("title") != title:
            body = {"title": title, "version": there.get("version"), "overwrite": True}
            self._grafana.call("PUT", f"/folders/{quote(uid)}", doing, body=body)

    def upsert_datasource(self, datasource: Json) -> None:
        """By uid: by number, as grafana-api does it, is switched off in Grafana 13. Raises GrafanaFault."""
        uid = str(datasource["uid"])
        doing = Text(zh=f"写入数据源 {uid}", en=f"Writing the data source {uid}")
        there = self._found(f"/datasources/uid/{quote(uid)}", doing)
        if there is None:
            self._grafana.call("POST", "/datasources", doing, body=dict(datasource))
        else:
            body = {**datasource, "version": there.get("version")}
            self._grafana.call("PUT", f"/datasources/uid/{quote(uid)}", doing, body=body)

    def publish_dashboard(self, dashboard: Json, folder_uid: str, message: str) -> str:
        """Overwrite the dashboard of that uid. Raises GrafanaFault."""
        doing = Text(zh=f"发布看板 {dashboard['uid']}", en=f"Publishing the dashboard {dashboard['uid']}")
        body = {
            "dashboard": {**dashboard, "id": None},
            "folderUid": folder_uid,
            "overwrite": True,
            "message": message,
        }
        answer = self._grafana.call("POST", "/dashboards/db", doing, body=body)
        return str(answer.get("url", ""))

    def upsert_rule_group(self, folder_uid: str, group: Json) -> None:
        """The whole group: a rule that is not in it any more is gone. Raises GrafanaFault."""
        name = str(group["title"])
        doing = Text(zh=f"写入告警规则组 {name}", en=f"Writing the alert rule group {name}")
        path = f"{_ALERTING}/folder/{quote(folder_uid)}/rule-groups/{quote(name, safe='')}"
        self._grafana.call("PUT", path, doing, body=dict(group), headers=CHANGEABLE)

    def upsert_contact_point(self, point: Json) -> None:
        """By uid. Raises GrafanaFault."""
        uid, name = str(point["uid"]), str(point["name"])
        doing = Text(zh=f"写入联络点 {name}", en=f"Writing the contact point {name}")
        listed = self._grafana.call("GET", f"{_ALERTING}/contact-points?name={quote(name, safe='')}", doing)
        there = any(one.get("uid") == uid for one in listed or ())
        path = f"{_ALERTING}/contact-points"
        if there:
            self._grafana.call("PUT", f"{path}/{quote(uid)}", doing, body=dict(point), headers=CHANGEABLE)
        else:
            self._grafana.call("POST", path, doing, body=dict(point), headers=CHANGEABLE)

    def upsert_route(self, route: Json) -> None:
        """Our route first among the children of the root, in place of the one before. Raises GrafanaFault.

        The API knows the whole policy only, so what others wrote is read and written back.
        """
        doing = Text(zh="写入通知策略", en="Writing the notification policy")
        policy = self._grafana.call("GET", f"{_ALERTING}/policies", doing)
        ours = route.get("object_matchers")
        others = [one for one in policy.get("routes") or () if one.get("object_matchers") != ours]
        body = {**policy, "routes": [dict(route), *others]}
        body.pop("provenance", None)
        self._grafana.call("PUT", f"{_ALERTING}/policies", doing, body=body, headers=CHANGEABLE)

    def annotate(self, annotation: Annotation) -> int:
        """Bound to a dashboard by uid, which grafana-api cannot say. Never sent twice. Raises GrafanaFault."""
        body: dict[str, Any] = {"time": annotation.at_ms, "text": annotation.text, "tags": list(annotation.tags)}
        if annotation.until_ms is not None:
            body["timeEnd"] = annotation.until_ms
        if annotation.dashboard_uid is not None:
            body["dashboardUID"] = annotation.dashboard_uid
            if annotation.panel_id is not None:
                body["panelId"] = annotation.panel_id
        doing = Text(zh="写入标注", en="Writing an annotation")
        answer = self._grafana.call("POST", "/annotations", doing, body=body, once=True)
        return int(answer.get("id", 0))

    def _found(self, path: str, doing: Text) -> dict[str, Any] | None:
        try:
            return dict(self._grafana.call("GET", path, doing))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def _source(self, uid: str) -> tuple[bool | None, str]:
        """Whether the data source answers, and its words; None when there is none of that uid."""
        doing = Text(zh=f"检查数据源 {uid}", en=f"Checking the data source {uid}")
        try:
            answer = self._grafana.call("GET", f"/datasources/uid/{quote(uid)}/health", doing)
        except Refused as refused:
            if refused.status == 404:
                return None, refused.message
            if refused.status in (400, 500, 502, 503, 504):
                return False, refused.message
            raise
        return answer.get("status") == "OK", str(answer.get("message", ""))


def version(words: str) -> tuple[int, ...]:
    """The numbers of a version; what follows them (-pre, +security) does not count."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", words)
    return tuple(int(number) for number in found[1].split(".")) if found else ()
