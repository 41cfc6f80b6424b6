"""Alerts to a web service, signed as Standard Webhooks asks (github.com/standard-webhooks/standard-webhooks, v1.0.0).

The address is the operator's, yet what it leads to is checked: TLS only, no way into private networks, whatever a name
resolves to at the moment of connecting, no redirects. What the service answers is not read beyond its status.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from schemas.moments import Text
from streams.errors import StreamsError
from streams.exit_codes import USAGE
from streams.sinks.alerts import Alert, Undelivered

SECRET = "MOT_WEBHOOK_SECRET"  # noqa: S105 - the variable's name
CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 10.0
LONGEST_WAIT_SECONDS = 300.0
_PORTS = frozenset({443, 8443})
_ABOUT_THIS_ALERT = frozenset({400, 413, 415, 422})
_TUNNELS = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""Networks of IPv6 in which an address of IPv4 travels: NAT64, 6to4, Teredo, IPv4-compatible."""
_SHORTEST_SECRET = 24


class WebhookFault(StreamsError):
    """A webhook's address or secret cannot be used."""

    exit_code = USAGE

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(Text(zh=f"webhook 无法使用:{zh}", en=f"The webhook cannot be used: {en}"))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where webhooks may go. `hosts` may lie in private networks and use any port; plain HTTP needs `allow_http` and a
    host that is listed or this machine itself."""

    allow_http: bool = False
    hosts: frozenset[str] = frozenset()

    def checked(self, address: str) -> URL:
        """The address, if it may be called. Raises WebhookFault."""
        try:
            url = URL(address)
            host, port = url.raw_host or "", url.port
        except ValueError as flaw:
            raise WebhookFault(f"地址不正确({flaw})", f"its address is none ({flaw})") from None
        if url.scheme not in {"http", "https"} or not host or url.user or url.password or url.raw_fragment:
            raise WebhookFault(
                "地址须为 https://主机/路径,不含用户名、密码与 #",
                "its address must be https://host/path, without user, password and #",
            )
        listed = host in self.hosts
        if url.scheme == "http" and not (self.allow_http and (listed or is_this_machine(host))):
            raise WebhookFault(
                "只允许 https;本机或 --allow-host 列出的主机可用 --allow-http 放行",
                "only https is allowed; --allow-http lets this machine and hosts named by --allow-host be called",
            )
        if port not in _PORTS and not self.trusts(host):
            raise WebhookFault(
                f"不允许端口 {port}(只允许 443、8443);可用 --allow-host {host} 放行",
                f"port {port} is not allowed (443 and 8443 are); --allow-host {host} allows it",
            )
        if (literal := _literal(host)) is not None and not self.trusts(host) and not is_public(literal):
            raise _inward(host)
        return url

    def trusts(self, host: str) -> bool:
        """Whether addresses of `host` need not be public."""
        return host in self.hosts or (self.allow_http and is_this_machine(host))


def is_this_machine(host: str) -> bool:
    """Whether `host` is spelled as this machine."""
    literal = _literal(host)
    return host == "localhost" if literal is None else literal.is_loopback


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address belongs to the public internet, with no other address hidden in it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _inward(host: str) -> WebhookFault:
    return WebhookFault(
        f"主机 {host} 指向内部网络;确需如此请用 --allow-host {host}",
        f"host {host} leads into a private network; if that is meant, --allow-host {host}",
    )


class GuardedResolver(AbstractResolver):
    """Resolves names for one connection and refuses those of which any address is not public."""

    def __init__(self, policy: AddressPolicy, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver. Raises OSError for a name that leads into a private network."""
        found = await self._resolver.resolve(host, port, family)
        if not self._policy.trusts(host):
            for one in found:
                literal = _literal(one["host"])
                if literal is None or not is_public(literal):
                    raise OSError(f"{host} leads into a private network")
        return found

    async def close(self) -> None:
        """See AbstractResolver."""
        await self._resolver.close()


class Signer:
    """Signs messages with one secret, or with several while they are being changed."""

    def __init__(self, secrets: str) -> None:
        """`secrets`: `whsec_` and base64, several separated by blanks. Raises WebhookFault."""
        self._keys = [_key(word) for word in secrets.split()]
        if not self._keys:
            raise WebhookFault(
                f"缺少签名密钥:请设环境变量 {SECRET}(whsec_ 加 base64,至少 24 字节)",
                f"there is no secret to sign with; set the variable {SECRET} (whsec_ and base64, 24 bytes at least)",
            )

    def headers(self, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
        """The three headers of a message sent at `seconds` since 1970."""
        signed = b".".join((message_id.encode(), str(seconds).encode(), body))
        signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in self._keys)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _SHORTEST_SECRET:
        raise WebhookFault(
            f"{SECRET} 不是 whsec_ 加 base64,或少于 24 字节", f"{SECRET} is not whsec_ and base64 of at least 24 bytes"
        )
    return key


class WebhookTarget:
    """Posts alerts, each as it came. Made on the event loop; `now_ms` is the wall clock."""

    at_once = 1

    def __init__(
        self,
        name: str,
        url: URL,
        signer: Signer,
        policy: AddressPolicy,
        now_ms: Callable[[], int],
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.name = name
        self._url = url
        self._signer = signer
        self._now_ms = now_ms
        # No cache of names: each connection asks anew, and what it was told is what it connects to.
        connector = aiohttp.TCPConnector(resolver=GuardedResolver(policy), use_dns_cache=False)
        self._session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=CONNECT_SECONDS),
            headers={"Content-Type": "application/json", "User-Agent": "mot-monitor"},
        )

    async def send(self, alerts: Sequence[Alert]) -> None:
        """See AlertTarget."""
        for alert in alerts:
            await self._post(alert)

    async def _post(self, alert: Alert) -> None:
        headers = self._signer.headers(alert.message_id, self._now_ms() // 1000, alert.raw)
        try:
            async with self._session.post(self._url, data=alert.raw, headers=headers, allow_redirects=False) as answer:
                status, wait = answer.status, answer.headers.get("Retry-After", "")
        except (TimeoutError, aiohttp.ClientError, OSError) as fault:
            reason = str(fault) or type(fault).__name__
            raise Undelivered(
                Text(zh=f"{self.name} 没有应答:{reason}", en=f"{self.name} does not answer: {reason}")
            ) from fault
        if not 200 <= status < 300:
            raise Undelivered(
                Text(zh=f"{self.name} 返回 HTTP {status}", en=f"{self.name} answers HTTP {status}"),
                at_fault=status in _ABOUT_THIS_ALERT,
                gone=status == 410,
                wait_seconds=min(self._waiting(wait), LONGEST_WAIT_SECONDS),
            )

    def _waiting(self, header: str) -> float:
        """Seconds that a Retry-After asks for, 0 when it asks for nothing that can be read."""
        if header.isascii() and header.isdigit():
            return float(header[:9])
        try:
            return max(0.0, parsedate_to_datetime(header).timestamp() - self._now_ms() / 1000)
        except (TypeError, ValueError):
            return 0.0

    async def close(self) -> None:
        """See AlertTarget."""
        await self._session.close()
