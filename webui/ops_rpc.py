"""The RPC pool: how each endpoint does, which there are, and how much they were used."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bus.clock import NS_PER_HOUR
from kernel.errors import StoreError
from webui import typeset
from webui.cells import Cell, Cells, version_cell
from webui.csv_lines import iso
from webui.ops_forms import done, fields, number, refusing, whole
from webui.ops_rpc_source import EndpointInput, EndpointRow, RpcSource, UsageHour
from webui.ops_sparkline import sparkline
from webui.part import NavItem, Part
from webui.refusal import Refusal
from webui.roles import Role, require, user_of
from webui.topics import Rendered

PERIODS_H = {"24h": 24, "7d": 168, "30d": 720}
TONES = {
    "ready": "gain", "new": "info", "trial": "info", "cooling": "warn", "resting": "warn", "wrong_chain": "loss",
    "no_key": "loss", "disabled": "muted",
}  # fmt: skip
MEANINGS = {
    "ready": "answers", "new": "never answered yet", "trial": "one request at a time decides",
    "cooling": "asked to be left alone", "resting": "its breaker is open after failures",
    "wrong_chain": "it is on another chain than its type; not used", "no_key": "its secret cannot be had",
    "disabled": "switched off",
}  # fmt: skip
LAG_WARN_S = 30.0


class RpcPart(Part):
    """/rpc."""

    nav = (NavItem("/rpc", "RPC pool"),)
    topic_kinds = ("rpc",)

    def __init__(self, rpc: RpcSource | None) -> None:
        """None: the pool does not run."""
        self._rpc = rpc

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/rpc", self.show),
            Route("/rpc/usage", self.usage),
            Route("/rpc/usage.csv", self.usage_csv),
            Route("/rpc/save", self.save, methods=["POST"]),
            Route("/rpc/switch", self.switch, methods=["POST"]),
            Route("/rpc/delete", self.delete, methods=["POST"]),
            Route("/rpc/check", self.check, methods=["POST"]),
        ]

    def render(self, topic: str) -> Rendered | None:
        """`rpc`: state, latency, errors, lag, budget of every endpoint."""
        return Rendered(self._cells()) if topic == "rpc" else None

    def _cells(self) -> Cells:
        if self._rpc is None:
            return {"v.rpc": version_cell(0)}
        pool = self._rpc.pool()
        minute = [each.p99_ms_minutes for each in pool.endpoints]
        shape = [(each.provider_type, each.label, each.source, each.is_enabled) for each in pool.endpoints]
        cells: Cells = {"v.rpc": version_cell(shape, minute, pool.exhausted)}
        for index, row in enumerate(pool.endpoints):
            cells |= _row_cells(f"rpc.{index}", row)
        return cells

    async def show(self, request: Request) -> Response:
        """Endpoints by type; forms for an admin."""
        values: dict[str, Any] = {"is_off": self._rpc is None, "error": "", "stored": {}, "troubles": ()}
        values |= {"groups": [], "types": (), "pool": None, "is_editable": False, "empty_types": ()}
        if self._rpc is not None:
            pool, types = self._rpc.pool(), self._rpc.types()
            try:
                rows, values["troubles"] = await self._rpc.stored()
                values["stored"] = {(row.provider_type, row.label): row for row in rows}
            except StoreError as error:
                values["error"] = str(error)
            titles = {each.name: each for each in types}
            groups: dict[str, list[tuple[int, EndpointRow]]] = {}
            for index, row in enumerate(pool.endpoints):
                groups.setdefault(row.provider_type, []).append((index, row))
            values |= {
                "pool": pool,
                "types": types,
                "is_editable": self._rpc.is_editable,
                "groups": [(titles.get(name), name, rows) for name, rows in groups.items()],
                "empty_types": tuple(each for each in types if each.name not in groups),
            }
        return self.page(
            request, "ops_rpc.html", title="RPC pool", cells=self._cells(), topics=("rpc",), spark=sparkline,
            meanings=MEANINGS, **values,
        )  # fmt: skip

    # usage ----------------------------------------------------------------------------------------------------------

    async def usage(self, request: Request) -> Response:
        """Counts by hour for the chart; hours without a call are gaps."""
        hours = await self._hours(request)
        known = {each.hour_ns: each for each in hours}
        stamps = range(hours[0].hour_ns, hours[-1].hour_ns + 1, NS_PER_HOUR) if hours else ()
        found = [known.get(each) for each in stamps]
        table = {
            "ts": [each // 1_000_000_000 for each in stamps],
            "calls": [each.calls if each else None for each in found],
            "errors": [each.errors if each else None for each in found],
            "rate_limited": [each.rate_limited if each else None for each in found],
            "latency_ms": [each.latency_mean_ms if each else None for each in found],
        }
        return Response(msgspec.json.encode(table), media_type="application/json")

    async def usage_csv(self, request: Request) -> Response:
        """The same as a file."""
        lines = ["hour_utc,calls,errors,rate_limited,latency_mean_ms,latency_max_ms"]
        for each in await self._hours(request):
            mean, most = (_plain(value) for value in (each.latency_mean_ms, each.latency_max_ms))
            lines.append(f"{iso(each.hour_ns)},{each.calls},{each.errors},{each.rate_limited},{mean},{most}")
        headers = {"Content-Disposition": 'attachment; filename="rpc-usage.csv"'}
        return Response("\r\n".join([*lines, ""]), media_type="text/csv; charset=utf-8", headers=headers)

    async def _hours(self, request: Request) -> tuple[UsageHour, ...]:
        rpc, period = self._running(), request.query_params.get("period", "24h")
        if period not in PERIODS_H:
            raise Refusal(400, f"period: expected one of {', '.join(PERIODS_H)}", code="bad_request", field="period")
        since_ns = rpc.pool().taken_ns - PERIODS_H[period] * NS_PER_HOUR
        with refusing():
            return await rpc.usage(since_ns=since_ns, provider_type=request.query_params.get("type", "")[:80])

    # changes --------------------------------------------------------------------------------------------------------

    async def save(self, request: Request) -> Response:
        """Add an endpoint (version 0) or change one."""
        rpc, given = await self._asked(request)
        named = EndpointInput(
            provider_type=given.get("provider_type", "").strip(),
            label=given.get("label", "").strip(),
            url=given.get("url", "").strip(),
            priority=whole(given, "priority", 100),
            weight=number(given, "weight", 1.0),
            rate_per_s=number(given, "rate_per_s", 10.0),
            burst=whole(given, "burst", 20),
            version=whole(given, "version", 0),
        )
        with refusing():
            await rpc.save(named, user_of(request))
        return done(request, "/rpc", f"{named.provider_type} {named.label} saved")

    async def switch(self, request: Request) -> Response:
        """Off or on."""
        rpc, given = await self._asked(request)
        kind, label = _key(given)
        is_enabled = given.get("enabled") == "true"
        with refusing():
            await rpc.switch(kind, label, is_enabled=is_enabled, by=user_of(request))
        return done(request, "/rpc", f"{kind} {label} is {'on' if is_enabled else 'off'}")

    async def delete(self, request: Request) -> Response:
        """Take one out."""
        rpc, given = await self._asked(request)
        kind, label = _key(given)
        with refusing():
            await rpc.delete(kind, label)
        return done(request, "/rpc", f"{kind} {label} deleted; its usage history stays")

    async def check(self, request: Request) -> Response:
        """Ask it for its chain and head now."""
        rpc, given = await self._asked(request)
        kind, label = _key(given)
        with refusing():
            problem = await rpc.check(kind, label)
        return done(request, "/rpc", f"{label}: {problem}" if problem else f"{label} answers")

    async def _asked(self, request: Request) -> tuple[RpcSource, dict[str, str]]:
        require(request, Role.ADMIN)
        return self._running(), await fields(request)

    def _running(self) -> RpcSource:
        if self._rpc is None:
            raise Refusal(503, "the RPC pool does not run", code="off")
        return self._rpc


def _key(given: dict[str, str]) -> tuple[str, str]:
    return given.get("provider_type", ""), given.get("label", "")


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _row_cells(key: str, row: EndpointRow) -> Cells:
    is_late = row.head_lag_s is not None and row.head_lag_s > LAG_WARN_S
    lag = "" if row.head_lag_s is None else f"about {row.head_lag_s:.0f} s behind the best known head"
    return {
        f"{key}.state": Cell(row.state.replace("_", " "), TONES.get(row.state, ""), MEANINGS.get(row.state, "")),
        f"{key}.breaker": Cell(row.breaker.replace("_", " "), "" if row.breaker == "closed" else "warn"),
        f"{key}.latency": Cell(_ms(row.latency_ms), "", "" if row.latency_ms is not None else "no call answered yet"),
        f"{key}.p99": Cell(_ms(row.p99_ms)),
        f"{key}.errors": Cell(f"{row.error_pct:.1f} %", "warn" if row.error_pct >= 5 else ""),
        f"{key}.head": Cell(typeset.count(row.head), "", "" if row.head is not None else "never told a head"),
        f"{key}.lag": Cell(typeset.count(row.head_lag), "warn" if is_late else "", lag),
        f"{key}.budget": Cell(f"{row.budget_left_pct:.0f} %", "warn" if row.budget_left_pct < 20 else ""),
        f"{key}.cool": Cell(
            f"for {row.cool_down_s:.0f} s" if row.cool_down_s else "", "warn", "until it may be asked again"
        ),
        f"{key}.calls": Cell(typeset.count(row.calls), "", f"{row.errors:,} errors, {row.rate_limited:,} rate limited"),
        f"{key}.error": Cell(row.last_error[:200] or typeset.DASH, "", row.last_error or "no error yet"),
    }


def _ms(value: float | None) -> str:
    return typeset.micros(None if value is None else value * 1_000)
