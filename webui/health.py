"""`/healthz`, `/readyz` and `/metrics`: for supervisors and Prometheus, which have no login.

The first two say reason codes and nothing else. `/metrics` wants the token of its own file as a bearer, an API token,
or a session of the dashboard. These paths pass the guard (its `PROBES`) without a session and, as they are asked by
address or service name, without the check of the host; what a rebound name could read there is only whether the kernel
is ready.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kernel.errors import ConfigError
from kernel.metrics.readiness import Readiness
from webui.auth import TOKEN_CHARS_MIN

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BEARER = "bearer "


class Health:
    """The handlers. Raises `ConfigError` for a token that is too short."""

    def __init__(
        self,
        readiness: Callable[[], Readiness],
        metrics: Callable[[], Awaitable[bytes]],
        metrics_token: str,
    ) -> None:
        if len(metrics_token) < TOKEN_CHARS_MIN:
            raise ConfigError(
                f"metrics token: expected at least {TOKEN_CHARS_MIN} characters, found {len(metrics_token)}; "
                "delete its file to make a new one"
            )
        self._readiness = readiness
        self._metrics = metrics
        self._token = metrics_token.encode()

    def routes(self) -> list[Route]:
        """For the application's table, before the routes of strategies."""
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def healthz(self, request: Request) -> Response:
        """200 whenever the loop turns, which is what the question was."""
        return _json({"status": "ok"}, 200)

    async def readyz(self, request: Request) -> Response:
        """200, or 503 with the reasons."""
        found = self._readiness()
        body = {
            "status": "ready" if found.is_ready else "not_ready",
            "reasons": list(found.reasons),
            "warnings": list(found.warnings),
        }
        return _json(body, 200 if found.is_ready else 503)

    async def metrics(self, request: Request) -> Response:
        """The page for Prometheus."""
        if request.scope.get("session") is None and not self._is_bearer(request.headers.get("authorization", "")):
            return PlainTextResponse(
                "give the metrics token as a bearer, or log in first", 401, {"WWW-Authenticate": "Bearer"}
            )
        return Response(await self._metrics(), 200, media_type=METRICS_CONTENT_TYPE)

    def _is_bearer(self, header: str) -> bool:
        if header[: len(_BEARER)].lower() != _BEARER:
            return False
        return hmac.compare_digest(header[len(_BEARER) :].strip().encode("utf-8", "replace"), self._token)


def _json(body: Mapping[str, object], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
