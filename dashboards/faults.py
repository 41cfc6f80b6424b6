"""What can go wrong between us and a Grafana, said in both languages with what to do about it."""

from __future__ import annotations

from schemas.moments import Text


class GrafanaFault(Exception):
    """Base. `text` says what happened and what to do; `exit_code` is what a command ends with."""

    exit_code = 1

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class AddressRefused(GrafanaFault):
    """What was given is no address of a Grafana."""

    exit_code = 2

    def __init__(self, address: str) -> None:
        super().__init__(
            Text(
                zh=f"{address!r} 不是 Grafana 地址。写法：https://grafana.example.com 或 http://host:3000/grafana。",
                en=f"{address!r} is no address of a Grafana. Write https://grafana.example.com or "
                "http://host:3000/grafana.",
            )
        )


class Unreachable(GrafanaFault):
    """No connection, or no answer in time."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            Text(
                zh=f"连不上 Grafana（{address}）：{reason}。请检查地址、端口、网络与证书。",
                en=f"Grafana cannot be reached at {address}: {reason}. Check address, port, network and certificate.",
            )
        )


class NotGrafana(GrafanaFault):
    """Something answered, but not as Grafana does."""

    def __init__(self, address: str, what: str) -> None:
        super().__init__(
            Text(
                zh=f"{address} 的回答不是 Grafana 的（{what}）。请检查地址，尤其是路径前缀；也可能被登录页拦住。",
                en=f"The answer from {address} is not Grafana's ({what}). Check the address, its path prefix above "
                "all; a login page in between may be the cause too.",
            )
        )


class Redirected(GrafanaFault):
    """A write was answered with a redirect: following it would turn it into a read."""

    def __init__(self, address: str, to: str) -> None:
        super().__init__(
            Text(
                zh=f"{address} 把写入转到了 {to}。请直接把 --url 写成那个地址（通常是 https）。",
                en=f"{address} redirects writes to {to}. Give that address to --url (usually the https one).",
            )
        )


class Refused(GrafanaFault):
    """Grafana answered with an error. `status` is the HTTP status."""

    def __init__(self, status: int, doing: Text, message: str) -> None:
        self.status = status
        self.message = message
        advice = _ADVICE.get(status, _ADVICE[0 if status < 500 else 500])
        super().__init__(
            Text(
                zh=f"{doing.zh}：Grafana 回答 {status}（{message}）。{advice.zh}",
                en=f"{doing.en}: Grafana answered {status} ({message}). {advice.en}",
            )
        )


_ADVICE = {
    0: Text(zh="请按它的说明改正后重试。", en="Mend what it says and try again."),
    400: Text(
        zh="请求内容不被接受；若对象由文件置备，请改文件而不是经 API 推送。",
        en="It does not take what was sent; what files provision is changed in the files, not through the API.",
    ),
    401: Text(
        zh="令牌无效或已过期：请在 Grafana 新建服务账号令牌，放入 MOT_GRAFANA_TOKEN 或 MOT_GRAFANA_TOKEN_FILE。",
        en="The token is wrong or has expired: make a service account token in Grafana and put it into "
        "MOT_GRAFANA_TOKEN or name its file in MOT_GRAFANA_TOKEN_FILE.",
    ),
    403: Text(
        zh="令牌权限不足：推送看板需要 Editor，数据源与告警需要 Admin；由文件置备的数据源只能改文件。",
        en="The token may not do this: dashboards need the role Editor, data source and alerting Admin; a data source "
        "that files provision is changed in the files.",
    ),
    404: Text(
        zh="Grafana 中没有这个对象或接口：请检查 --url 的路径前缀与 Grafana 版本（11.6 至 13）。",
        en="Grafana has no such object or interface: check the path prefix of --url and its version (11.6 to 13).",
    ),
    409: Text(
        zh="已有同名但 uid 不同的对象：请改名或删除它。",
        en="Another object has the name under another uid: rename or delete it.",
    ),
    412: Text(
        zh="看板被他人改动，或属于插件：请先在 Grafana 中处理。",
        en="The dashboard was changed by another, or belongs to a plugin: settle that in Grafana first.",
    ),
    429: Text(
        zh="Grafana 限流，多次重试仍未通过：请稍后再试。",
        en="Grafana limits the rate, and did so on every try: try later.",
    ),
    500: Text(
        zh="Grafana 内部出错：请查看它的日志，稍后重试。", en="Grafana failed inside: see its log, and try again later."
    ),
}
