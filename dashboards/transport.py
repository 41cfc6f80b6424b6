"""grafana-api 1.0.3 as current Grafana needs it: one call that mends what the library does not know.

It knows nothing of empty answers (204), of a path prefix without a slash, of retries, of a proxy's error page, and of
redirects, which would turn a write into a read. Here each of these is handled once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from dashboards.faults import AddressRefused, NotGrafana, Redirected, Refused, Unreachable
from schemas.moments import Text

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same request may well succeed (500: Grafana's own database was locked)."""
SENT_ONCE = frozenset({429, 503})
"""Of these, the ones that say that nothing was done."""
LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a request is tried, how long before the next try (doubled each time) and for an answer, in seconds."""

    tries: int = 4
    first_wait: float = 0.5
    answer: float = 30.0


class Transport:
    """Calls of one Grafana's API. `address` is what people write: http(s)://host[:port][/prefix]."""

    def __init__(
        self,
        address: str,
        auth: str | tuple[str, str],
        *,
        patience: Patience | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address.rstrip("/")
        self._patience = patience or Patience()
        self._wait = wait
        self._last: requests.Response | None = None
        self.face = _face(self.address, auth, self._patience.answer)
        self.face.api.s.hooks["response"].append(self._seen)

    def call(
        self,
        method: Method,
        path: str,
        doing: Text,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Any:
        """What Grafana answers to `method` on /api`path`, {} for an empty answer; `doing` is what an error says we did.

        Tried again while Grafana is away or overloaded; `once` is for what must not happen twice. Raises GrafanaFault.
        """
        wait = self._patience.first_wait
        for left in reversed(range(self._patience.tries)):
            try:
                return self._once(method, path, doing, body, headers)
            except Unreachable:
                if once or not left:
                    raise
            except Refused as refused:
                if refused.status not in (SENT_ONCE if once else AGAIN) or not left:
                    raise
            self._wait(self._asked_to_wait() or wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _once(self, method: Method, path: str, doing: Text, body: Any, headers: Mapping[str, str] | None) -> Any:
        self._last = None
        try:
            return getattr(self.face.api, method)(path, json=body, headers=headers)
        except GrafanaException as fault:
            raise Refused(fault.status_code, doing, _message(fault.response)) from fault
        except requests.exceptions.JSONDecodeError as fault:
            if not fault.doc.strip():
                return {}
            raise NotGrafana(self.address, _kind(self._last)) from fault
        except TypeError as fault:
            # A page of a proxy that has the word "message" in it: the library looks it up as if it were JSON.
            if self._last is None or self._last.status_code < 400:
                raise
            raise Refused(self._last.status_code, doing, _kind(self._last)) from fault
        except requests.exceptions.Timeout as fault:
            raise Unreachable(self.address, f"> {self._patience.answer:g} s") from fault
        except requests.exceptions.RequestException as fault:
            raise Unreachable(self.address, _reason(fault)) from fault

    def _seen(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._last = response
        if response.is_redirect and response.request.method != "GET":
            raise Redirected(self.address, response.headers["location"])

    def _asked_to_wait(self) -> float | None:
        """What Retry-After says, in seconds, within reason."""
        asked = "" if self._last is None else self._last.headers.get("Retry-After", "")
        return min(float(asked), LONGEST_WAIT_S) if asked.isdigit() else None


def _face(address: str, auth: str | tuple[str, str], timeout: float) -> Any:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise AddressRefused(address) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise AddressRefused(address)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    prefix = parts.path.strip("/")
    return GrafanaFace(
        auth=auth,
        host=host,
        port=port,
        protocol=parts.scheme,
        url_path_prefix=f"{prefix}/" if prefix else "",
        timeout=timeout,
    )


def _message(answer: Any) -> str:
    """What an error answer says: its message, its list of messages, or its first words."""
    if isinstance(answer, Mapping):
        return str(answer.get("message") or answer.get("error") or dict(answer))[:300]
    if isinstance(answer, list) and answer and isinstance(answer[0], Mapping):
        return "; ".join(str(one.get("message", one)) for one in answer)[:300]
    return " ".join(str(answer).split())[:120] or "-"


def _kind(response: requests.Response | None) -> str:
    return "?" if response is None else response.headers.get("Content-Type", "?").split(";")[0]


def _reason(fault: requests.exceptions.RequestException) -> str:
    """The innermost words of a chain of errors: the outer ones repeat the address."""
    inner: BaseException = fault
    while isinstance(deeper := inner.__cause__ or inner.__context__, BaseException):
        inner = deeper
    return str(getattr(inner, "strerror", None) or inner)[:200]
