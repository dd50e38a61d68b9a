"""The gate in front of every route: known host, same origin, live session, bounded body, strict headers."""

import hmac
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.auth import Session, Sessions

BODY_MAX = 64 * 1024
BODY_MAX_OF = {
    "/settings/import": 2 * 1024 * 1024 + BODY_MAX
}  #: 1 MiB of text; browsers send each line feed as two bytes
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS = UNSAFE | {"GET", "HEAD"}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # same-origin and not no-referrer: with the latter browsers send `Origin: null` with every form.
    "Referrer-Policy": "same-origin",
}


class Guard:
    """ASGI middleware. Puts the session into `scope["session"]`; refuses everything that it does not know."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, allowed_hosts: frozenset[str], cookie_name: str) -> None:
        self._app = app
        self._sessions = sessions
        self._allowed_hosts = allowed_hosts
        self._cookie_name = cookie_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        is_static = path.startswith("/static/")

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers["Cache-Control"] = "no-cache" if is_static else "no-store"
            await send(message)

        headers = Headers(scope=scope)
        session = self._session(headers)
        scope["session"] = session
        refusal = self._refusal(scope["method"], path, headers, session, is_static)
        if refusal is not None:
            await refusal(scope, receive, send_hardened)
            return
        await self._app(scope, _Bounded(receive, _body_max(path)), send_hardened)

    def _session(self, headers: Headers) -> Session | None:
        session_id = cookie_parser(headers.get("cookie", "")).get(self._cookie_name, "")
        return self._sessions.find(session_id) if session_id else None

    def _refusal(
        self, method: str, path: str, headers: Headers, session: Session | None, is_static: bool
    ) -> Response | None:
        host = headers.get("host", "")
        if host_name(host) not in self._allowed_hosts:
            return PlainTextResponse(f"unknown host {host[:100]!r}; open the dashboard by its own address", 421)
        if method not in METHODS:
            return PlainTextResponse("method not allowed", 405)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _body_max(path):
            return PlainTextResponse(f"body larger than {_body_max(path)} bytes", 413)
        if method in UNSAFE and not _is_same_origin(headers, host):
            return PlainTextResponse("refused: the request comes from another site", 403)
        if is_static or path == "/login" or session is not None:
            return None
        if method == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login?next=" + quote(path), 303)
        return PlainTextResponse("log in first", 401)


class _Bounded:
    """A `receive` that ends a body which grows beyond the limit without having announced it."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > self._limit:
                return {"type": "http.disconnect"}
        return message


def _body_max(path: str) -> int:
    return BODY_MAX_OF.get(path, BODY_MAX)


def host_name(host: str) -> str:
    """A Host header without its port, in lower case; brackets of IPv6 stay."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def is_csrf_ok(session: Session, given: str) -> bool:
    """Whether the token that came back is this session's."""
    return hmac.compare_digest(session.csrf.encode(), given.encode())


def _is_same_origin(headers: Headers, host: str) -> bool:
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()
