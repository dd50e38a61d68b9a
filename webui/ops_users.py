"""Users: who may log in, API tokens, and the open sessions. Every change asks for the password or token again."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bus.clock import Clock
from kernel.errors import ConfigError
from webui import account_changes
from webui.accounts import AccountsFile, load_accounts
from webui.ops_forms import done, fields, refusing
from webui.part import NavItem, Part
from webui.refusal import Refusal
from webui.roles import Role, require, require_fresh, role_of

ACTIONS = ("role", "disable", "enable", "remove", "password")


class UsersPart(Part):
    """/users: own sessions for everybody, the rest for admins."""

    nav = (NavItem("/users", "Users"),)

    def __init__(self, path: Path, clock: Clock) -> None:
        """`path`: the accounts' file. `clock`: wall time."""
        self._path = path
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/users", self.show),
            Route("/users/add", self.add, methods=["POST"]),
            Route("/users/change", self.change, methods=["POST"]),
            Route("/users/token", self.add_token, methods=["POST"]),
            Route("/users/token/revoke", self.revoke_token, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Users and tokens; hashes stay where they are."""
        known, error = AccountsFile(), ""
        is_admin = role_of(request) >= Role.ADMIN
        if is_admin:
            try:
                known = await asyncio.to_thread(load_accounts, self._path)
            except ConfigError as found:
                error = str(found)
        users = [(each.name, each.role, each.disabled, each.created_ns, each.changed_ns) for each in known.users]
        tokens = [(each.name, each.role, each.created_ns) for each in known.tokens]
        return self.page(
            request,
            "ops_users.html",
            title="Users",
            users=users,
            tokens=tokens,
            error=error,
            is_admin=is_admin,
            me=request.scope["session"].user,
            roles=tuple(each.label for each in Role),
        )

    async def add(self, request: Request) -> Response:
        """A new user."""
        given = await _admitted(request)
        name = given.get("name", "").strip()
        with refusing():
            await asyncio.to_thread(
                account_changes.add_user, self._path, name, given.get("role", ""), _password(given),
                self._clock.now_ns(),
            )  # fmt: skip
        return done(request, "/users", f"{name} may log in as {given.get('role', '')}")

    async def change(self, request: Request) -> Response:
        """Role, password, disabled or gone."""
        given = await _admitted(request)
        name, action, now_ns = given.get("name", ""), given.get("action", ""), self._clock.now_ns()
        if action not in ACTIONS:
            raise Refusal(400, f"action: expected one of {', '.join(ACTIONS)}", code="bad_request", field="action")
        with refusing():
            if action == "role":
                await asyncio.to_thread(account_changes.set_role, self._path, name, given.get("role", ""), now_ns)
            elif action == "password":
                await asyncio.to_thread(account_changes.set_password, self._path, name, _password(given), now_ns)
            elif action == "remove":
                await asyncio.to_thread(account_changes.remove_user, self._path, name)
            else:
                is_disabled = action == "disable"
                await asyncio.to_thread(account_changes.set_disabled, self._path, name, now_ns, is_disabled=is_disabled)
        return done(request, "/users", f"{name}: {action} done; open sessions of {name} end at their next request")

    async def add_token(self, request: Request) -> Response:
        """A new API token, shown once."""
        given = await _admitted(request)
        if "text/html" in request.headers.get("accept", ""):
            raise Refusal(400, "a token is shown by the page's script alone; switch scripts on", code="bad_request")
        name, role = given.get("name", "").strip(), given.get("role", "")
        with refusing():
            token = await asyncio.to_thread(account_changes.add_token, self._path, name, role, self._clock.now_ns())
        answer = done(request, "/users", f"API token {name} made", token=token)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def revoke_token(self, request: Request) -> Response:
        """Worth nothing from now on."""
        given = await _admitted(request)
        name = given.get("name", "")
        with refusing():
            await asyncio.to_thread(account_changes.revoke_token, self._path, name)
        return done(request, "/users", f"API token {name} is worth nothing any more")


async def _admitted(request: Request) -> dict[str, str]:
    require(request, Role.ADMIN)
    require_fresh(request)
    return await fields(request)


def _password(given: dict[str, str]) -> str:
    """Typed twice, as nobody sees it."""
    first, second = given.get("password", ""), given.get("again", "")
    if first != second:
        raise ConfigError("password: expected the same twice, found two different ones; nothing was changed")
    return first
