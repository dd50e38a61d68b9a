"""Alerts: what was told, who has seen it, and how the channels do."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kernel.errors import StoreError
from webui.cells import version_cell
from webui.ops_forms import done, fields, refusing
from webui.ops_source import AlertAsk, AlertSlice, AlertsSource
from webui.part import NavItem, Part
from webui.refusal import Refusal
from webui.roles import Role, require, user_of
from webui.topics import Rendered

SEVERITIES = ("critical", "warning", "info")
STATUSES = ("open", "acknowledged", "resolved")
ALL = "all"
FILTER_MAX = 120


class AlertsPart(Part):
    """/alerts."""

    nav = (NavItem("/alerts", "Alerts"),)
    topic_kinds = ("alerts",)

    def __init__(self, alerts: AlertsSource) -> None:
        self._alerts = alerts

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/alerts", self.show),
            Route("/alerts/mark", self.mark, methods=["POST"]),
            Route("/alerts/test", self.test, methods=["POST"]),
        ]

    def render(self, topic: str) -> Rendered | None:
        """`alerts`: whether the list is another one."""
        if topic != "alerts":
            return None
        version = version_cell(self._alerts.version())
        return Rendered({"v.alertlist": version, "v.channels": version, "v.alertcounts": version})

    async def show(self, request: Request) -> Response:
        """The list with its filters; open ones unless asked otherwise."""
        given = request.query_params
        status = given.get("status", "open")
        ask = AlertAsk(
            before_key=given.get("before", "")[:FILTER_MAX],
            module=given.get("module", "")[:FILTER_MAX],
            severity=given.get("severity", "")[:FILTER_MAX],
            status="" if status in ("", ALL) else status[:FILTER_MAX],
            code=given.get("code", "")[:FILTER_MAX].strip(),
        )
        rendered = self.render("alerts")
        assert rendered is not None
        listed, counts, error = AlertSlice(), {}, ""
        try:
            listed = await self._alerts.alerts(ask)
            counts = await self._alerts.counts()
        except StoreError as found:
            error = str(found)
        except ValueError as found:
            raise Refusal(400, str(found), code="bad_request") from found
        by_status = {name: sum(counts.get((name, each), 0) for each in SEVERITIES) for name in STATUSES}
        kept = {"status": ask.status or ALL, "severity": ask.severity, "module": ask.module, "code": ask.code}
        return self.page(
            request,
            "ops_alerts.html",
            title="Alerts",
            cells=rendered.cells,
            topics=("alerts",),
            ask=ask,
            listed=listed,
            error=error,
            counts=by_status if not error else {},
            grave=counts.get(("open", "critical"), 0),
            channels=self._alerts.channels(),
            severities=SEVERITIES,
            statuses=STATUSES,
            kept={name: value for name, value in kept.items() if value},
        )

    async def mark(self, request: Request) -> Response:
        """Acknowledge or resolve the chosen ones, with a note."""
        require(request, Role.OPERATOR)
        given = await fields(request)
        ids = tuple(each for each in (await request.form()).getlist("id") if isinstance(each, str))
        status = given.get("status", "")
        if status not in STATUSES[1:]:
            raise Refusal(400, f"status: expected acknowledged or resolved, found {status[:20]!r}", code="bad_request")
        if not ids:
            raise Refusal(400, "id: expected at least one alert, found none; choose some", code="bad_request")
        with refusing():
            changed = await self._alerts.mark(ids, status, by=user_of(request), note=given.get("note", "").strip())
        left = len(ids) - changed
        said = f"{changed} {status}" + (f"; {left} had been before" if left > 0 else "")
        return done(request, "/alerts", said)

    async def test(self, request: Request) -> Response:
        """Tell every channel that this is a test."""
        require(request, Role.OPERATOR)
        with refusing():
            said = self._alerts.send_test(user_of(request))
        return done(request, "/alerts", said)
