"""The files that a Grafana reads at start: data source, folder of dashboards, alert rules, contact points, policy.

Secrets are not in them: `$__file{PATH}` has Grafana read a file, `$NAME` a variable of its environment. Queries and
annotations of alert rules are taken as they are, everything else goes through that replacement, so nothing else may
contain a dollar sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from dashboards.grafana.alerts import GROUPS, PRODUCT, groups
from dashboards.grafana.languages import uid_in
from dashboards.grafana.lint import DATASOURCE_TYPE, DATASOURCE_UID
from dashboards.grafana.store import Language
from journeys.registry import Registry
from schemas.moments import Text

Json = dict[str, Any]
Contact = Literal["webhook", "dingtalk", "wecom", "email"]
CONTACTS: tuple[Contact, ...] = ("webhook", "dingtalk", "wecom", "email")

SHIPPED = Path(__file__).resolve().parent.parent / "provisioning"
FOLDER_UID = "mot"
FOLDER = Text(zh="MOT 监测", en="MOT monitor")
ALERT_FOLDER_UID = "mot-alerts"
ALERT_FOLDER = Text(zh="MOT 告警", en="MOT alerts")
CONTACT_POINT = "mot"
DASHBOARDS_PATH = "/var/lib/grafana/dashboards/mot"
PASSWORD_FILE = "/run/secrets/grafana_clickhouse_password"  # noqa: S105 - where it lies, not what it is

_TITLE = Text(
    zh="[{{ .Status }}] {{ .CommonLabels.alertname }}（{{ len .Alerts }}）",
    en="[{{ .Status }}] {{ .CommonLabels.alertname }} ({{ len .Alerts }})",
)
_MESSAGE = Text(
    zh="{{ range .Alerts }}【{{ .Labels.severity }}】{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "责任部门：{{ .Labels.department }}\n处置：{{ .Annotations.runbook_url }}\n{{ end }}",
    en="{{ range .Alerts }}[{{ .Labels.severity }}] {{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "Owner: {{ .Labels.department }}\nRunbook: {{ .Annotations.runbook_url }}\n{{ end }}",
)
_HEADS: Mapping[str, Text] = {
    "datasources": Text(
        zh="ClickHouse 数据源。主机、库、用户由 Grafana 的环境变量给出，口令在文件里。",
        en="The ClickHouse data source. Host, database and user come from Grafana's environment, the password from "
        "a file.",
    ),
    "dashboards": Text(zh="看板所在的文件夹。", en="The folder of the dashboards."),
    "rules": Text(
        zh="告警规则，由 dashboards/grafana/alerts.py 生成。",
        en="Alert rules, generated from dashboards/grafana/alerts.py.",
    ),
    "contact-points": Text(
        zh="告警发往何处。地址取自环境变量。另一个文件 contact-points.yaml.example 列出全部写法。",
        en="Where alerts go; addresses come from the environment. contact-points.yaml.example shows every kind.",
    ),
    "policies": Text(
        zh="通知策略。注意：文件置备会替换整棵策略树；在共用的 Grafana 上请改用 `mot dashboards push --contact`。",
        en="The notification policy. Mind: a file replaces the whole tree; on a Grafana that others use too, take "
        "`mot dashboards push --contact` instead.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """The ClickHouse that panels ask: address and user as Grafana is to see them."""

    uid: str = DATASOURCE_UID
    host: str = "$MOT_CLICKHOUSE_HOST"
    port: int = 9000
    protocol: Literal["native", "http"] = "native"
    database: str = "$MOT_CLICKHOUSE_DATABASE"
    user: str = "$MOT_CLICKHOUSE_USER"
    password: str = f"$__file{{{PASSWORD_FILE}}}"
    secure: bool = False


def datasource(source: Source) -> Json:
    """The data source, as both the files and the API write it."""
    return {
        "name": "MOT ClickHouse",
        "uid": source.uid,
        "type": DATASOURCE_TYPE,
        "access": "proxy",
        "isDefault": False,
        "jsonData": {
            "host": source.host,
            "port": source.port,
            "protocol": source.protocol,
            "secure": source.secure,
            "defaultDatabase": source.database,
            "username": source.user,
            "dialTimeout": "10",
            "queryTimeout": "60",
        },
        "secureJsonData": {"password": source.password},
    }


def receiver(kind: Contact, where: str, language: Language) -> Json:
    """One receiver of the contact point: `where` is its address (several e-mail addresses with semicolons between)."""
    title, message = _TITLE.said_in(language), _MESSAGE.said_in(language)
    settings: Mapping[str, Json] = {
        "webhook": {"url": where, "httpMethod": "POST", "maxAlerts": "50"},
        "dingtalk": {"url": where, "msgType": "actionCard", "title": title, "message": message},
        "wecom": {"url": where, "msgtype": "markdown", "title": title, "message": message},
        "email": {"addresses": where, "singleEmail": True, "subject": title, "message": message},
    }
    return {
        "uid": f"mot-{kind}",
        "type": "dingding" if kind == "dingtalk" else kind,
        "settings": settings[kind],
        "disableResolveMessage": False,
    }


def route() -> Json:
    """The route of what bears our label: grouped by rule, critical ones sent at once and repeated sooner."""
    return {
        "receiver": CONTACT_POINT,
        "object_matchers": [["product", "=", PRODUCT]],
        "group_by": ["grafana_folder", "alertname"],
        "group_wait": "1m",
        "group_interval": "10m",
        "repeat_interval": "12h",
        "routes": [
            {
                "receiver": CONTACT_POINT,
                "object_matchers": [["severity", "=", "critical"]],
                "group_wait": "10s",
                "group_interval": "5m",
                "repeat_interval": "2h",
            }
        ],
    }


def root_route() -> Json:
    """Our route as the root of a Grafana of our own: a root takes whatever comes and names no labels."""
    return {name: value for name, value in route().items() if name != "object_matchers"}


def files(
    language: Language,
    *,
    source: Source | None = None,
    contacts: Iterable[Contact] = ("webhook",),
    boards: Sequence[Language] = (),
    registry: Registry | None = None,
    runbooks: str = "",
    dashboards_path: str = DASHBOARDS_PATH,
) -> dict[str, str]:
    """Every provisioning file: its path under Grafana's provisioning folder, and its text.

    Alerts speak `language`; `boards` are the languages of the dashboards, that one when empty. `dashboards_path` is
    where Grafana finds the folders `zh` and `en` of dashboards.
    """
    source = source or Source()
    providers = [_provider(one, dashboards_path) for one in boards or (language,)]
    members = groups(language, registry, datasource_uid=source.uid, runbooks=runbooks)
    rules = [
        {
            "orgId": 1,
            "name": name,
            "folder": ALERT_FOLDER.said_in(language),
            "interval": f"{GROUPS[name]}s",
            "rules": members[name],
        }
        for name in GROUPS
    ]
    return {
        "datasources/mot.yaml": _yaml("datasources", language, {"datasources": [datasource(source)]}),
        "dashboards/mot.yaml": _yaml("dashboards", language, {"providers": providers}),
        "alerting/rules.yaml": _yaml("rules", language, {"groups": rules}),
        "alerting/contact-points.yaml": _contact_file(language, contacts),
        "alerting/contact-points.yaml.example": _contact_file(language, CONTACTS),
        "alerting/policies.yaml": _yaml("policies", language, {"policies": [{"orgId": 1, **root_route()}]}),
    }


def _provider(language: Language, path: str) -> Json:
    return {
        "name": uid_in("mot", language),
        "folder": FOLDER.said_in(language),
        "folderUid": uid_in(FOLDER_UID, language),
        "type": "file",
        "allowUiUpdates": False,
        "disableDeletion": False,
        "updateIntervalSeconds": 30,
        "options": {"path": f"{path}/{language}"},
    }


VARIABLES: Mapping[Contact, str] = {
    "webhook": "$MOT_ALERT_WEBHOOK_URL",
    "dingtalk": "$MOT_ALERT_DINGTALK_URL",
    "wecom": "$MOT_ALERT_WECOM_URL",
    "email": "$MOT_ALERT_EMAIL",
}
"""Where the files find a contact's address: it holds a key, so it is not in them."""


def _contact_file(language: Language, contacts: Iterable[Contact]) -> str:
    receivers = [receiver(kind, VARIABLES[kind], language) for kind in contacts]
    return _yaml(
        "contact-points",
        language,
        {"contactPoints": [{"orgId": 1, "name": CONTACT_POINT, "receivers": receivers}]},
    )


def write(folder: Path, made: Mapping[str, str]) -> list[Path]:
    """Write files below `folder`. Raises OSError."""
    written = []
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


class _Writer(yaml.SafeDumper):
    """Text of several lines as a block, so that SQL can be read; nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        """Grafana reads references, people do not."""
        return True


def _lines(writer: _Writer, text: str) -> yaml.ScalarNode:
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Writer.add_representer(str, _lines)


def _yaml(head: str, language: Language, data: Json) -> str:
    text = yaml.dump({"apiVersion": 1, **data}, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=1000)
    return f"# {_HEADS[head].said_in(language)}\n{text}"
