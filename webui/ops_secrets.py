"""Secrets: names, where each comes from, how old it is, who used it. No value ever leaves this page's way in.

What is typed goes into a `Secret` at once and into the table; no answer, error or log holds it.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kernel.secrets.secret import Secret
from kernel.secrets.secret_names import VALUE_CHARS_MAX, is_name
from webui.ops_forms import done, fields, refusing, whole
from webui.ops_secret_source import SecretsSource
from webui.part import NavItem, Part
from webui.refusal import Refusal
from webui.roles import Role, require, require_fresh, user_of


class SecretsPart(Part):
    """/secrets, for admins."""

    nav = (NavItem("/secrets", "Secrets"),)

    def __init__(self, secrets: SecretsSource) -> None:
        self._secrets = secrets

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/secrets", self.show),
            Route("/secrets/set", self.put, methods=["POST"]),
            Route("/secrets/delete", self.delete, methods=["POST"]),
            Route("/secrets/rotate", self.rotate, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The list and the access log."""
        require(request, Role.ADMIN)
        view = await self._secrets.secrets()
        return self.page(request, "ops_secrets.html", title="Secrets", view=view)

    async def put(self, request: Request) -> Response:
        """Set or replace one."""
        _admit(request)
        given = await fields(request)
        value = given.pop("value", "").strip()
        name = _name(given)
        if not value:
            raise Refusal(400, f"{name}: expected a value, found nothing", code="bad_request", field="value")
        if name == value:
            raise Refusal(400, "name: expected a name, found the value once more", code="bad_request", field="name")
        if len(value) > VALUE_CHARS_MAX:
            raise Refusal(
                400, f"{name}: expected at most {VALUE_CHARS_MAX} characters", code="bad_request", field="value"
            )
        secret = Secret(value)
        with refusing():
            version = await self._secrets.put(name, secret, version=whole(given, "version", 0), by=user_of(request))
        return done(request, "/secrets", f"{name} stored, version {version}")

    async def delete(self, request: Request) -> Response:
        """Remove one from the database."""
        _admit(request)
        given = await fields(request)
        name = _name(given)
        with refusing():
            await self._secrets.delete(name, version=whole(given, "version", 0), by=user_of(request))
        return done(request, "/secrets", f"{name} deleted")

    async def rotate(self, request: Request) -> Response:
        """Encrypt all values anew under a fresh data key."""
        _admit(request)
        with refusing():
            count = await self._secrets.rotate_values(user_of(request))
        return done(request, "/secrets", f"{count} value(s) encrypted under a fresh data key")


def _admit(request: Request) -> None:
    require(request, Role.ADMIN)
    require_fresh(request)


def _name(given: dict[str, str]) -> str:
    """The name, checked before it is quoted anywhere: a value pasted into the wrong field must not come back."""
    name = given.get("name", "").strip()
    if not is_name(name):
        raise Refusal(
            400,
            f"name: expected a letter, then letters, digits and _ . : -, 128 at most; found {len(name)} characters",
            code="bad_request",
            field="name",
        )
    return name
