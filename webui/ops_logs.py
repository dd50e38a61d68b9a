"""Logs: the files of one module, newest line first, live until paused."""

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kernel.errors import BadInput, ConfigError
from kernel.logs.log_line import LEVELS
from kernel.logs.log_tail import KINDS, LogLine, LogPage
from webui import typeset
from webui.cells import Cell, Cells, version_cell
from webui.ops_source import LogQuery, LogsSource
from webui.part import NavItem, Part
from webui.topics import Rendered

PAGE_LINES = 100
TEXT_MAX = 200  #: of the filter
VALUE_MAX = 600  #: characters of a field on the page; the download has all of it
DEFAULT_MODULE = "kernel"


class LogsPart(Part):
    """/logs, and the tab of every strategy."""

    nav = (NavItem("/logs", "Logs"),)
    tabs = (("logs", "Logs"),)
    topic_kinds = ("logs",)

    def __init__(self, logs: LogsSource) -> None:
        self._logs = logs

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/logs", self.show),
            Route("/logs.jsonl", self.download),
            Route("/{module}/logs", self.show_strategy),
            Route("/{module}/logs.jsonl", self.download),
        ]

    def render(self, topic: str) -> Rendered | None:
        """`logs:MODULE`. An unknown module is one that wrote nothing yet."""
        module = topic.partition(":")[2]
        return Rendered(self._cells(module)) if module and len(module) <= 64 else None

    def _cells(self, module: str) -> Cells:
        state = self._logs.state(module)
        return {
            "v.loglines": version_cell(state.written),
            "log.written": Cell(typeset.count(state.written)),
            "log.dropped": Cell(typeset.count(state.dropped), "warn" if state.dropped else ""),
            "log.trouble": Cell(state.trouble, "loss" if state.trouble else ""),
        }

    async def show(self, request: Request) -> Response:
        """The page of any module."""
        values = await self._values(request, _query(request))
        query = values["query"]
        cells, topics = self._cells(query.module), (f"logs:{query.module}",) if values["is_live"] else ()
        return self.page(request, "ops_logs.html", title="Logs", cells=cells, topics=topics, **values)

    async def show_strategy(self, request: Request) -> Response:
        """The same inside a strategy's page."""
        module = request.path_params["module"]
        if self.source.strategy(module) is None:
            raise HTTPException(404, f"there is no strategy {module[:80]!r}")
        values = await self._values(request, _query(request, module))
        topics = (f"logs:{module}",) if values["is_live"] else ()
        return self.strategy_page(
            request, "ops_strategy_logs.html", tab="logs", cells=self._cells(module), topics=topics, **values
        )

    async def _values(self, request: Request, query: LogQuery) -> dict[str, Any]:
        listed, error = LogPage(lines=(), next_before=""), ""
        try:
            listed = await self._logs.page(query)
        except (ConfigError, BadInput) as found:
            error = str(found)
        modules = await self._logs.modules()
        if query.module not in modules:
            modules = sorted([*modules, query.module])
        is_paused = request.query_params.get("follow") == "off"
        kept = {"module": query.module, "kind": query.kind, "level": query.level, "text": query.text}
        return {
            "query": query,
            "listed": listed,
            "lines": [(line, _shown_fields(line)) for line in listed.lines],
            "error": error,
            "modules": modules,
            "kinds": KINDS,
            "levels": tuple(LEVELS),
            "is_paused": is_paused,
            "is_live": not is_paused and not query.before,
            "kept": {name: value for name, value in kept.items() if value},
            "is_tab": "module" in request.path_params,
        }

    async def download(self, request: Request) -> Response:
        """The lines of the page, one JSON object each."""
        query = _query(request, request.path_params.get("module", ""))
        try:
            listed = await self._logs.page(query)
        except (ConfigError, BadInput) as error:
            raise HTTPException(400, str(error)) from error
        text = b"".join(msgspec.json.encode(_table(line)) + b"\n" for line in listed.lines)
        name = "".join(each for each in f"{query.module}-{query.kind}" if each.isalnum() or each in "_-")
        headers = {"Content-Disposition": f'attachment; filename="{name}.jsonl"'}
        return Response(text, media_type="application/x-ndjson", headers=headers)


def _query(request: Request, module: str = "") -> LogQuery:
    given = request.query_params
    return LogQuery(
        module=module or given.get("module", "") or DEFAULT_MODULE,
        kind=given.get("kind", "") or "trading",
        level=given.get("level", ""),
        text=given.get("text", "")[:TEXT_MAX],
        before=given.get("before", ""),
        limit=PAGE_LINES,
    )


def _shown_fields(line: LogLine) -> list[tuple[str, str]]:
    return [(key, _text(value)) for key, value in line.fields.items()]


def _text(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}…"


def _table(line: LogLine) -> dict[str, Any]:
    if line.is_malformed:
        return {"malformed": line.event}
    return {"ts": line.ts, "level": line.level, "event": line.event, **line.fields}
