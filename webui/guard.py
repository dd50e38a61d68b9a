"""The gate in front of every route: known host, same origin, live session, bounded body and rate, strict headers.

What passes has `scope["session"]` (None only on the few open paths), a body that was read whole, and for unsafe
requests of a browser the session's CSRF token. The order of the checks is the order of the functions below.
"""

import hmac
import math
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.access import Access
from webui.body import BODY_MAX, Body, bytes_max, read_body, too_large
from webui.origin import client_address, host_name, is_for_programs, is_foreign_read, is_same_origin
from webui.refusal import Refusal, refusal_response
from webui.roles import Role
from webui.session import Session

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ALLOW = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"
HEAD_BYTES_MAX = 32 * 1024  #: of path, query and headers; browsers stay below 16 kB
LENGTH_DIGITS_MAX = 9  #: of Content-Length
#: for probes, which ask by address: without a session and under any host name; /metrics looks for its token by itself
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
OPEN = frozenset({"/login", *PROBES})  #: without a session; nothing else but /static/
UNCOUNTED = frozenset({"/stream", "/data/session"})  #: kept open, or asked by every page that lost its stream
VIEWER_MAY = frozenset({"/logout", "/reauth"})
STOP_WORDS = frozenset(
    {"kill", "stop", "pause"}
)  #: last part of a path, or what a `…/command` says: never rate limited
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
    """ASGI middleware. Refuses everything that it does not know."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

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
        scope["session"] = None
        answer: Response | None
        try:
            self._check_request(scope, headers)
            scope["client"] = (client_address(scope, headers, self._access.is_behind_proxy), 0)
            session = scope["session"] = self._session(path, headers)
            answer = self._door(scope["method"], path, headers, session)
            if answer is None and scope["method"] in UNSAFE:
                body = await read_body(path, receive)
                if body is None:
                    return
                receive = body
                self._check_unsafe(path, headers, session, body)
            elif answer is None:
                self._check_read(path, session)
        except Refusal as refusal:
            answer = refusal_response(path, refusal)
        await (answer or self._app)(scope, receive, send_hardened)

    def _check_request(self, scope: Scope, headers: Headers) -> None:
        """What is wrong whoever asks."""
        method, path = scope["method"], scope["path"]
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES_MAX:
            raise Refusal(431, f"headers larger than {HEAD_BYTES_MAX} bytes", code="too_large")
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        is_probe = path in PROBES and method in ("GET", "HEAD")
        if host_name(host) not in self._access.allowed_hosts and not is_probe:
            raise Refusal(
                421, f"unknown host {host[:100]!r}; open the dashboard by its own address", code="unknown_host"
            )
        # HEAD of a stream would hold a client's place for ever and send nothing.
        if method not in UNSAFE | SAFE or (method == "HEAD" and path.endswith("/stream")):
            allow = "GET" if path.endswith("/stream") else ALLOW
            raise Refusal(405, "method not allowed", code="method", headers={"Allow": allow})
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > LENGTH_DIGITS_MAX or int(length) > bytes_max(path):
            raise too_large(bytes_max(path))
        if method in UNSAFE and not is_same_origin(headers, host, self._access.is_tls):
            raise Refusal(403, "refused: the request comes from another site", code="other_site")
        if method in SAFE and is_foreign_read(headers, path):
            raise Refusal(403, "refused: another site asked for this", code="other_site")

    def _session(self, path: str, headers: Headers) -> Session | None:
        """Of the API token if one is given; the cookie counts only without."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            session = self._access.sessions.bearer(token.strip())
            if session is None and path in PROBES:
                return None
            if session is None:
                raise _unknown_token("no such API token; it may have been revoked")
            if not is_for_programs(path):
                raise _unknown_token("API tokens are for /api/ and /metrics only")
            return session
        session_id = cookie_parser(headers.get("cookie", "")).get(self._access.cookie_name, "")
        return self._access.sessions.find(session_id) if session_id else None

    def _door(self, method: str, path: str, headers: Headers, session: Session | None) -> Response | None:
        """Who may come in at all. An answer here is the end; None = go on."""
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ALLOW})  # no CORS header: other sites stay out
        if path.startswith("/static/") or path in OPEN:
            return None
        if session is None:
            is_page = "text/html" in headers.get("accept", "") and not is_for_programs(path)
            if method == "GET" and is_page:
                return RedirectResponse("/login?next=" + quote(path), 303)
            raise Refusal(401, "log in first", code="login_required")
        if method in UNSAFE and session.role < Role.OPERATOR and path not in VIEWER_MAY:
            raise Refusal(403, "this needs the role operator; you are logged in as viewer", code="role")
        return None

    def _check_unsafe(self, path: str, headers: Headers, session: Session | None, body: Body) -> None:
        """The CSRF token of a browser, then the rate of actions. A stop is never made to wait."""
        if session is None or path in OPEN:
            return  # a login from another tab carries no token of this session; the origin was checked
        if not session.is_bearer:
            given = headers.get("x-csrf-token") or body.field("csrf", headers)
            if not is_csrf_ok(session, given):
                raise Refusal(403, "refused: the page is out of date; reload it", code="csrf")
        last = path.rpartition("/")[2]
        is_stop = last in STOP_WORDS or (last == "command" and body.field("command", headers) in STOP_WORDS)
        if not is_stop and path not in VIEWER_MAY:
            _limit(self._access.actions.take(session.session_id), "actions")

    def _check_read(self, path: str, session: Session | None) -> None:
        if session is not None and path not in UNCOUNTED and not path.startswith("/static/"):
            _limit(self._access.reads.take(session.session_id), "requests")


def is_csrf_ok(session: Session, given: str) -> bool:
    """Whether the token that came back is this session's."""
    return hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "surrogatepass"))


def _limit(wait_s: float, what: str) -> None:
    if wait_s > 0:
        wait = math.ceil(wait_s)
        raise Refusal(429, f"too many {what}; try again in {wait} s", code="rate", headers={"Retry-After": str(wait)})


def _unknown_token(message: str) -> Refusal:
    return Refusal(401, message, code="token", headers={"WWW-Authenticate": "Bearer"})


__all__ = ["BODY_MAX", "CSP", "Guard", "host_name", "is_csrf_ok"]
