"""Coming in and going out: the token link, the login form, and log out."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from webui.auth import LoginBrake, Sessions
from webui.guard import is_csrf_ok
from webui.rendering import Renderer


class Login:
    """Handlers of /login and /logout."""

    def __init__(
        self, sessions: Sessions, brake: LoginBrake, renderer: Renderer, *, cookie_name: str, is_secure: bool, hint: str
    ) -> None:
        self._sessions = sessions
        self._brake = brake
        self._renderer = renderer
        self._cookie_name = cookie_name
        self._is_secure = is_secure
        self._hint = hint

    async def show(self, request: Request) -> Response:
        """The form; or, with `?token=`, straight in."""
        token = request.query_params.get("token")
        target = local_path(request.query_params.get("next", "/"))
        if token is not None:
            return self._try(request, token, target)
        if request.scope["session"] is not None:
            return RedirectResponse(target, 303)
        return self._form(target)

    async def submit(self, request: Request) -> Response:
        """The form came back."""
        form: FormData = await request.form()
        return self._try(request, str(form.get("token", "")), local_path(str(form.get("next", "/"))))

    async def logout(self, request: Request) -> Response:
        """End this session."""
        form: FormData = await request.form()
        session = request.scope["session"]
        if not is_csrf_ok(session, str(form.get("csrf", ""))):
            return PlainTextResponse("refused: the page is out of date; reload it", 403)
        self._sessions.logout(session.session_id)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(self._cookie_name, path="/")
        return answer

    def _try(self, request: Request, token: str, target: str) -> Response:
        address = request.client.host if request.client else "unknown"
        wait_s = self._brake.wait_s(address)
        if wait_s > 0:
            refused = self._form(target, f"Too many wrong tokens. Try again in {wait_s:.0f} s.", 429)
            refused.headers["Retry-After"] = str(int(wait_s) + 1)
            return refused
        session = self._sessions.login(token.strip())
        if session is None:
            self._brake.failed(address)
            return self._form(target, "That is not the token of this kernel.", 401)
        answer: Response
        if request.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            answer = RedirectResponse(target, 303)
        else:
            # A link clicked on another site: browsers withhold a strict cookie along its redirects, so the page
            # itself goes on.
            answer = self._renderer.plain("login.html", target=target, is_in=True, error="", hint="")
        answer.set_cookie(
            self._cookie_name, session.session_id, path="/", httponly=True, samesite="strict", secure=self._is_secure
        )
        return answer

    def _form(self, target: str, error: str = "", status: int = 200) -> Response:
        return self._renderer.plain("login.html", status, target=target, is_in=False, error=error, hint=self._hint)


def local_path(text: str) -> str:
    """`text` if it is a path on this server, else "/": no redirect ever leaves."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local and not text.startswith("/login") else "/"
