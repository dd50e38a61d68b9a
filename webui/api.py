"""The REST API under /api/v1. One table of operations drives routing, checks, roles and documents; no state of its own.

The guard in front has checked host, origin, session or API token, CSRF, body size and rate before a handler runs.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kernel.errors import BadInput, ConfigError, StoreError
from kernel.replay_job import JobRefused
from kernel.secrets.redaction import redact
from kernel.settings import SettingsRefused
from webui import api_wire
from webui.api_document import PREFIX, document
from webui.api_error import ApiRefusal, error_response
from webui.api_events import EventsApi
from webui.api_execution import ExecutionApi
from webui.api_holdings import HoldingsApi
from webui.api_input import body_of, query_of
from webui.api_kernel import API_VERSION, KernelApi
from webui.api_kill import KillApi
from webui.api_logs import LogsApi
from webui.api_operation import Call, Operation, Text
from webui.api_replays import ReplaysApi
from webui.api_risk import RiskApi
from webui.api_rpc import RpcApi
from webui.api_settings import SettingsApi
from webui.api_sources import ApiSources
from webui.api_strategies import StrategiesApi
from webui.part import Part
from webui.refusal import Refusal
from webui.rendering import Renderer
from webui.roles import require, user_of
from webui.settings_source import VersionConflict
from webui.source import DashboardSource

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
RETRY_S = 5  #: after a database that did not answer


class Api(Part):
    """Joins the web server like any other part."""

    def __init__(self, sources: ApiSources | None = None) -> None:
        self._sources = sources or ApiSources()
        self._document: dict[str, Any] | None = None
        self.operations: tuple[Operation, ...] = ()

    def bind(self, renderer: Renderer, source: DashboardSource) -> None:
        super().bind(renderer, source)
        self.operations = table(source, self._sources, self.openapi)

    def openapi(self) -> dict[str, Any]:
        """The document, made when it is first asked for."""
        if self._document is None:
            self._document = document(self.operations, API_VERSION)
        return self._document

    def routes(self) -> list[BaseRoute]:
        """One route a path; fixed paths before those with names in them; everything else below /api is 404 as JSON."""
        paths: dict[str, dict[str, Operation]] = {}
        for row in sorted(self.operations, key=lambda each: len(each.path_names)):
            paths.setdefault(row.path, {})[row.method] = row
        return [
            *(Route(PREFIX + path, _endpoint(rows), methods=ALL_METHODS) for path, rows in paths.items()),
            Route("/api/{rest:path}", _answering(_nowhere), methods=ALL_METHODS),
            Route("/api", _answering(_nowhere), methods=ALL_METHODS),
        ]


def table(source: DashboardSource, sources: ApiSources, openapi: Callable[[], dict[str, Any]]) -> tuple[Operation, ...]:
    """Every operation, in the order of the documents."""
    return (
        *KernelApi(source, openapi).operations(),
        *KillApi(source).operations(),
        *StrategiesApi(source).operations(),
        *ExecutionApi(source, sources.execution, sources.opportunities).operations(),
        *RiskApi(sources.risk).operations(),
        *HoldingsApi(sources.balances, sources.funding).operations(),
        *EventsApi(sources.events).operations(),
        *SettingsApi(sources.settings).operations(),
        *ReplaysApi(sources.replays).operations(),
        *RpcApi(sources.rpc).operations(),
        *LogsApi(sources.logs).operations(),
    )


def _endpoint(rows: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    allow = ", ".join((*rows, *(("HEAD",) if "GET" in rows else ()), "OPTIONS"))

    async def serve(request: Request) -> Response:
        row = rows.get("GET" if request.method == "HEAD" else request.method)
        if row is None:
            raise ApiRefusal("method", f"expected {allow}, found {request.method[:20]}", headers={"Allow": allow})
        return await _run(request, row)

    return _answering(serve)


async def _run(request: Request, row: Operation) -> Response:
    require(request, row.role)
    query = query_of(request, row.query)
    body = await body_of(request, row)
    answer = await row.handler(Call(request, dict(request.path_params), query, body, user_of(request)))
    if answer is None:
        return Response(status_code=204)
    if isinstance(answer, Text):
        return Response(answer.text, media_type=f"{row.media}; charset=utf-8")
    return Response(api_wire.encode(answer), media_type=row.media)


async def _nowhere(request: Request) -> Response:
    raise ApiRefusal("not_found", f"there is no {request.url.path[:200]!r}; see {PREFIX}/openapi.json")


def _answering(serve: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Errors of the tree as the API's answers. What it does not know is a fault: 500, and the log has it."""

    async def answer(request: Request) -> Response:
        try:
            return await serve(request)
        except Refusal as error:
            return error_response(error)
        except HTTPException as error:
            return error_response(Refusal(error.status_code, error.detail, code="bad_request"))
        except (SettingsRefused, JobRefused) as error:
            return error_response(ApiRefusal("refused", redact(str(error))[:1_000], errors=error.errors))
        except VersionConflict as error:
            return error_response(ApiRefusal("conflict", redact(str(error))))
        except StoreError as error:
            wait = {"Retry-After": str(RETRY_S)}
            return error_response(ApiRefusal("store", redact(str(error)), headers=wait))
        except (ConfigError, BadInput) as error:
            return error_response(ApiRefusal("refused", redact(str(error))[:1_000]))

    return answer
