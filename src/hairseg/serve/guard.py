"""Who may ask what: headers that isolate the page, and no requests on behalf of other sites."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hairseg.serve.assets import ISOLATION
from hairseg.serve.problem import problem

HEADERS = {
    **ISOLATION,
    # A worker that was started under require-corp is checked for this one too.
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; media-src 'self' blob:; worker-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        hosts: names under which the service may be addressed; None for any. A page elsewhere can point a name
            of its own at 127.0.0.1 (DNS rebinding), and would then count as the same site.
        origins: other sites whose pages may ask.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str] | None, origins: Sequence[str] = ()) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = set(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        app = self._app if refusal is None else problem(403, refusal)
        await app(scope, receive, _with_headers(send))

    def _refusal(self, headers: Headers) -> str | None:
        """Why a request is not for us."""
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            return f"this service does not answer to the name {host!r}: use {self._hosts[0]}"
        origin = headers.get("origin")
        if origin is None or origin in self._origins or origin.partition("://")[2] == host:
            return None
        return f"pages of {origin} may not ask this service: start it with --allow-origin {origin}"


def own_names(host: str) -> list[str] | None:
    """The names under which a service that listens at ``host`` may be addressed; None for any."""
    local = ["127.0.0.1", "localhost", "::1"]
    if host == "localhost":
        return local
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return local if address.is_loopback else None


def _name(host: str) -> str:
    """A Host header without its port; empty where it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
