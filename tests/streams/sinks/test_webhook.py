"""Webhooks: signed so that a receiver can verify it, and no way into a private network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from streams.sinks.alerts import Undelivered
from streams.sinks.webhook import AddressPolicy, GuardedResolver, Signer, WebhookFault, WebhookTarget, is_public
from tests.streams.sinks.test_alerts import alert

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW_MS = 1_614_265_330_500
OPEN = AddressPolicy(allow_http=True)


def verified(secret: str, headers: Any, body: bytes) -> bool:
    """What a receiver does, written from the specification and not with our code."""
    key = base64.b64decode(secret.split("_")[1])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, one) for one in headers["webhook-signature"].split())


def test_the_example_of_the_reference_libraries_gets_their_signature() -> None:
    headers = Signer(SECRET).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_secrets_change_both_old_and_new_verify() -> None:
    other = "whsec_" + base64.b64encode(b"k" * 32).decode()
    headers = Signer(f"{SECRET} {other}").headers("m1-1", 7, b"{}")

    assert verified(SECRET, headers, b"{}")
    assert verified(other, headers, b"{}")
    assert not verified(other, headers, b"{ }")


@pytest.mark.parametrize(
    "secret", ["", "  ", "whsec_", "whsec_c2hvcnQ=", "whsec_no base64", "plain text of some length!!"]
)
def test_without_a_proper_secret_nothing_is_signed(secret: str) -> None:
    with pytest.raises(WebhookFault):
        Signer(secret)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/hook",
        "https://user:password@example.com/",
        "https://example.com:22/",
        "https://example.com/#part",
        "https:///path",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://１２７.0.0.1/",
        "https://0.0.0.0/",
        "not an address",
    ],
)
def test_addresses_that_may_not_be_called(address: str) -> None:
    with pytest.raises(WebhookFault):
        AddressPolicy().checked(address)


def test_the_operator_may_open_what_is_closed_one_by_one() -> None:
    listed = AddressPolicy(hosts=frozenset({"crm.intern", "10.1.2.3"}))

    assert listed.checked("https://crm.intern:9443/hook").port == 9443
    assert listed.checked("https://10.1.2.3/").host == "10.1.2.3"
    assert OPEN.checked("http://127.0.0.1:8080/").port == 8080
    assert OPEN.checked("http://localhost:8080/").port == 8080
    assert AddressPolicy(True, frozenset({"crm.intern"})).checked("http://crm.intern/").scheme == "http"
    for policy, address in (
        (listed, "http://crm.intern/"),
        (OPEN, "http://example.com/"),
        (listed, "https://10.1.2.4/"),
    ):
        with pytest.raises(WebhookFault):
            policy.checked(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


class Told(AbstractResolver):
    """A name server that answers as it was told."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._addresses
        ]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "169.254.169.254"]
)
def test_a_name_that_leads_inward_is_not_connected_to_even_if_it_leads_outward_too(address: str) -> None:
    guarded = GuardedResolver(AddressPolicy(), Told("93.184.216.34", address))

    with pytest.raises(OSError, match="private network"):
        asyncio.run(guarded.resolve("rebinding.example", 443))
    trusted = GuardedResolver(AddressPolicy(hosts=frozenset({"crm.intern"})), Told(address))
    assert asyncio.run(trusted.resolve("crm.intern", 443))[0]["host"] == address


def test_spellings_of_this_machine_as_a_number_are_seen_through() -> None:
    async def resolve() -> None:
        await GuardedResolver(AddressPolicy()).resolve("0x7f000001", 443)

    with pytest.raises(OSError, match="private network"):
        asyncio.run(resolve())


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def posted(handler: Handler, *, seconds: float = 10.0) -> Undelivered | None:
    """Send one alert to a server that answers by `handler`; what was raised, None when it was delivered."""

    async def post() -> Undelivered | None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = URL(f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
        target = WebhookTarget("hook", url, Signer(SECRET), OPEN, lambda: NOW_MS, seconds)
        try:
            await target.send([alert(3)])
        except Undelivered as fault:
            return fault
        finally:
            await target.close()
            await runner.cleanup()
        return None

    return asyncio.run(post())


def test_the_receiver_gets_the_alert_as_it_is_with_a_signature_that_verifies() -> None:
    seen: list[tuple[Any, bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        seen.append((request.headers.copy(), await request.read()))
        return web.Response(status=204)

    assert posted(receive) is None
    [(headers, body)] = seen
    assert body == alert(3).raw
    assert headers["webhook-id"] == "m1-3"
    assert headers["webhook-timestamp"] == str(NOW_MS // 1000)
    assert headers["content-type"] == "application/json"
    assert verified(SECRET, headers, body)


@pytest.mark.parametrize(
    ("status", "at_fault", "gone"),
    [
        (500, False, False),
        (429, False, False),
        (401, False, False),
        (400, True, False),
        (422, True, False),
        (410, False, True),
    ],
)
def test_any_other_status_is_no_delivery_and_says_what_kind(status: int, at_fault: bool, gone: bool) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, text="secret words of the receiver", headers={"Retry-After": "17"})

    fault = posted(refuse)

    assert fault is not None
    assert (fault.at_fault, fault.gone, fault.wait_seconds) == (at_fault, gone, 17)
    assert str(status) in fault.text.zh
    assert "secret words" not in fault.text.en + fault.text.zh


@pytest.mark.parametrize(
    ("header", "seconds"), [("Thu, 25 Feb 2021 15:03:10 GMT", 59.5), ("soon", 0), ("-5", 0), ("99999999", 300)]
)
def test_a_wish_to_be_left_alone_is_heeded_within_reason(header: str, seconds: float) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": header})

    fault = posted(refuse)

    assert fault is not None
    assert fault.wait_seconds == pytest.approx(seconds)


def test_a_redirect_is_not_followed() -> None:
    paths: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert posted(redirect) is not None
    assert paths == ["/hook"]


def test_a_receiver_that_does_not_answer_is_given_up_in_time() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    fault = posted(hang, seconds=0.3)

    assert fault is not None
    assert not fault.at_fault
