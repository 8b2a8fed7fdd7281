"""Checks before every request: the host name, the token, and what browsers must refuse."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "posterity_token"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'"
)
"""The page's Content Security Policy: nothing from other sites, no inline scripts, no inline styles."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


class Guard:
    """ASGI middleware that lets allowed requests through.

    Another site's page whose name resolves to 127.0.0.1 (DNS rebinding) sends its own name as the host, and is refused;
    so is one that posts here from its own address, or makes its visitors request expensive work.

    Args:
        app: The application to guard.
        hosts: Host names that the server answers to; empty allows any, which needs a token.
        token: Token that every request except /healthz must carry: as ``Authorization: Bearer``, as a cookie, or as
            ``?token=``, which sets the cookie. None requires none.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None) -> None:
        self.app = app
        self.hosts = hosts
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        embedded = "ui=0" in scope["query_string"].decode("latin-1").split("&")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                ancestors = "*" if embedded else "'self'"
                own: dict[str, str] = HEADERS | {"content-security-policy": f"{POLICY}; frame-ancestors {ancestors}"}
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in own.items() if k.encode() not in present),
                ]
            await send(message)

        refusal = self._refusal(scope, headers)
        await (refusal or self.app)(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> ASGIApp | None:
        if self.hosts and _name(headers.get("host", "")) not in self.hosts:
            return _problem(421, "this server does not go by that name", "Ask for it by the address that it printed.")
        if _foreign(headers) and (scope["path"].startswith("/api/") or scope["method"] not in ("GET", "HEAD")):
            return _problem(403, "another site's page may not ask for that", "Use this server's own page.")
        if self.token is None or scope["path"] == "/healthz":
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if self._right(query.get("token", [""])[0]):
            rest = {name: values for name, values in query.items() if name != "token"}
            # A single slash: "//host/" would be another site's address.
            path = "/" + scope["path"].lstrip("/\\")
            response = RedirectResponse(path + (f"?{urlencode(rest, doseq=True)}" if rest else ""), 303)
            response.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
            return response if scope["method"] == "GET" else None
        brought = headers.get("authorization", "").removeprefix("Bearer ")
        if self._right(brought) or self._right(_cookie(headers.get("cookie", ""))):
            return None
        return _problem(401, "this server asks for its token", "Open the address that it printed, token and all.")

    def _right(self, brought: str) -> bool:
        return hmac.compare_digest(brought.encode(), (self.token or "").encode()) and bool(brought)


def _foreign(headers: Mapping[str, str]) -> bool:
    """Return whether another site's page caused the request; programs and older browsers do not send this."""
    origin = headers.get("origin")
    if origin and origin.split("//")[-1] != headers.get("host"):
        return True
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _name(host: str) -> str:
    """Remove the port from a Host header."""
    if host.startswith("["):
        return host.split("]")[0] + "]"
    return host.rsplit(":", 1)[0].lower()


def _cookie(text: str) -> str:
    try:
        cookie = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _problem(status: int, detail: str, remedy: str) -> ASGIApp:
    return JSONResponse({"detail": detail, "remedy": remedy}, status)
