"""Coming in and going out: token link, login form, entering the password again, log out, the list of sessions."""

import math

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bus.clock import Clock
from webui.access import Access, TooManyTries
from webui.origin import OURS
from webui.refusal import Refusal
from webui.rendering import Renderer
from webui.roles import Role, require
from webui.session import Session

FIELD_MAX = 512  #: characters of a name, password or token


class Login:
    """Handlers of /login, /reauth, /logout and /data/sessions."""

    def __init__(self, access: Access, renderer: Renderer, clock: Clock, *, hint: str) -> None:
        self._access = access
        self._renderer = renderer
        self._clock = clock
        self._hint = hint

    async def show(self, request: Request) -> Response:
        """The form; or, with `?token=`, straight in."""
        token = request.query_params.get("token")
        target = local_path(request.query_params.get("next", "/"))
        if token is not None:
            return await self._try(request, "", token, target)
        if request.scope["session"] is not None:
            return RedirectResponse(target, 303)
        return self._form(target)

    async def submit(self, request: Request) -> Response:
        """The form came back: a token, or a name with a password."""
        form = await _fields(request)
        target = local_path(form.get("next", "/"))
        if "token" in form:
            return await self._try(request, "", form["token"], target)
        name = form.get("name", "").strip().lower()
        if not name:
            return self._form(target, "Enter your name and password.", 400)
        return await self._try(request, name, form.get("password", ""), target)

    async def show_reauth(self, request: Request) -> Response:
        """A page that asks for the password again, for browsers without our script."""
        return self._reauth_form(request, local_path(request.query_params.get("next", "/")))

    async def reauth(self, request: Request) -> Response:
        """`secret` is the session's own password or token: 204 (or back to `next`), 403 `wrong_secret`, 429."""
        form = await _fields(request)
        target = local_path(form.get("next", "/"))
        session: Session = request.scope["session"]
        is_page = "text/html" in request.headers.get("accept", "")
        if session.is_bearer:
            raise Refusal(403, "an API token has no password; log in with a browser", code="session_required")
        secret = form.get("secret", "")
        word = "password" if session.account is not None else "access token"
        try:
            if await self._access.prove(session, secret if session.account else secret.strip(), _address(request)):
                return RedirectResponse(target, 303) if is_page else Response(status_code=204)
        except TooManyTries as error:
            if not is_page:
                raise _too_many(error) from error
            return self._reauth_form(request, target, _too_many(error).detail, 429)
        text = f"That is not the {word} of this login."
        if is_page:
            return self._reauth_form(request, target, text, 403)
        raise Refusal(403, text, code="wrong_secret", field="secret")

    async def logout(self, request: Request) -> Response:
        """End this session; with `scope=own` all of this user, with `scope=all` (admin) everybody's.

        `session=HANDLE` ends that one alone: an own one, or for an admin anybody's.
        """
        form = await _fields(request)
        session: Session = request.scope["session"]
        sessions = self._access.sessions
        scope, handle = form.get("scope", ""), form.get("session", "")
        if handle:
            user = None if session.role >= Role.ADMIN else session.user
            found = next((each for each, _, _ in sessions.listed(user) if each.handle == handle), None)
            if found is None:
                raise Refusal(404, "there is no such session of yours", code="not_found", field="session")
            sessions.logout(found.session_id)
        elif scope == "all":
            require(request, Role.ADMIN)
            sessions.logout_user(None)
        elif scope == "own":
            sessions.logout_user(session.user)
        elif scope:
            raise Refusal(400, f"scope: expected own or all, found {scope[:20]!r}", code="bad_request", field="scope")
        else:
            sessions.logout(session.session_id)
        if sessions.is_live(session.session_id):
            return Response(status_code=204)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(
            self._access.cookie_name, path="/", httponly=True, samesite="strict", secure=self._access.is_tls
        )
        return answer

    async def sessions(self, request: Request) -> Response:
        """The live sessions: own ones, for an admin everybody's. Nothing in it opens a session."""
        session: Session = request.scope["session"]
        now_ns = self._clock.now_ns()
        user = None if session.role >= Role.ADMIN else session.user
        rows = [
            {
                "handle": each.handle,
                "user": each.user,
                "role": each.role.label,
                "address": each.address,
                "created_ns": now_ns - int(age_s * 1e9),
                "seen_ns": now_ns - int(idle_s * 1e9),
                "is_this": each.session_id == session.session_id,
            }
            for each, age_s, idle_s in self._access.sessions.listed(user)
        ]
        return Response(msgspec.json.encode({"sessions": rows}), media_type="application/json")

    async def _try(self, request: Request, name: str, secret: str, target: str) -> Response:
        try:
            session = await self._access.login(name, secret if name else secret.strip(), _address(request))
        except TooManyTries as error:
            refused = self._form(target, _too_many(error).detail, 429)
            refused.headers["Retry-After"] = str(math.ceil(error.wait_s))
            return refused
        if session is None:
            text = "That is not the name and password of a user." if name else "That is not the token of this kernel."
            return self._form(target, text, 401)
        before: Session | None = request.scope["session"]
        if before is not None:
            self._access.sessions.logout(
                before.session_id
            )  # the id changes at every login, the old one is worth nothing
        answer: Response
        if request.headers.get("sec-fetch-site", "none") in OURS:
            answer = RedirectResponse(target, 303)
        else:
            # A link clicked on another site: browsers withhold a strict cookie along its redirects, so the page
            # itself goes on.
            answer = self._renderer.plain("login.html", target=target, is_in=True, error="", hint="", has_users=False)
        answer.set_cookie(
            self._access.cookie_name,
            session.session_id,
            path="/",
            httponly=True,
            samesite="strict",
            secure=self._access.is_tls,
        )
        return answer

    def _form(self, target: str, error: str = "", status: int = 200) -> Response:
        accounts = self._access.accounts
        has_users = accounts is not None and accounts.has_users
        return self._renderer.plain(
            "login.html", status, target=target, is_in=False, error=error, hint=self._hint, has_users=has_users
        )

    def _reauth_form(self, request: Request, target: str, error: str = "", status: int = 200) -> Response:
        session: Session = request.scope["session"]
        return self._renderer.plain(
            "reauth.html",
            status,
            target=target,
            error=error,
            csrf=session.csrf,
            user=session.user,
            is_password=session.account is not None,
        )


def local_path(text: str) -> str:
    """`text` if it is a path on this server, else "/": no redirect ever leaves."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local and not text.startswith("/login") else "/"


async def _fields(request: Request) -> dict[str, str]:
    """The short text fields of a form or of a flat JSON object."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            found = msgspec.json.decode(await request.body(), type=dict[str, str])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(400, f"body: expected an object of texts: {error}", code="bad_request") from error
    else:
        found = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    for name, value in found.items():
        if len(value) > FIELD_MAX:
            raise Refusal(
                400, f"{name[:20]}: expected at most {FIELD_MAX} characters", code="bad_request", field=name[:20]
            )
    return found


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _too_many(error: TooManyTries) -> Refusal:
    wait = math.ceil(error.wait_s)
    return Refusal(
        429, f"Too many wrong tries. Try again in {wait} s.", code="rate", headers={"Retry-After": str(wait)}
    )
