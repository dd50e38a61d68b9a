"""The system: what runs, how it does, what it runs on."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui import typeset
from webui.cells import Cell, Cells, state_cell, version_cell
from webui.ops_sparkline import sparkline
from webui.ops_system_source import SystemNow, SystemSource
from webui.part import NavItem, Part
from webui.topics import Rendered

LAG_WARN_MS = 20.0
UNITS = ("B", "kB", "MB", "GB", "TB")


class SystemPart(Part):
    """/system."""

    nav = (NavItem("/system", "System"),)
    topic_kinds = ("system",)

    def __init__(self, system: SystemSource) -> None:
        self._system = system

    def routes(self) -> list[BaseRoute]:
        return [Route("/system", self.show)]

    def render(self, topic: str) -> Rendered | None:
        """`system`: the figures."""
        return Rendered(system_cells(self._system.now())) if topic == "system" else None

    async def show(self, request: Request) -> Response:
        """Everything."""
        now = self._system.now()
        facts = await self._system.facts()
        return self.page(
            request, "ops_system.html", title="System", cells=system_cells(now), topics=("system",), facts=facts,
            spark=sparkline(now.lag_points, 240, 40), size=size,
        )  # fmt: skip


def size(value: int | None) -> str:
    """Bytes as people say them: 812 MB."""
    if value is None:
        return typeset.DASH
    scaled = float(value)
    for unit in UNITS:
        if scaled < 1_000 or unit == UNITS[-1]:
            return f"{scaled:.0f} {unit}" if unit == "B" or scaled >= 100 else f"{scaled:.1f} {unit}"
        scaled /= 1_000
    return typeset.DASH


def system_cells(now: SystemNow) -> Cells:
    """The live figures. The sparkline's region follows every tenth point, so that the page is not fetched for each."""
    off = "this run has no such part"
    return {
        "v.laggraph": version_cell(len(now.lag_points), now.lag_points[::10]),
        "sys.uptime": Cell(typeset.duration(round(now.uptime_s) * 1_000)),
        "sys.p50": Cell(_ms(now.loop_p50_ms)),
        "sys.p99": Cell(_ms(now.loop_p99_ms), "warn" if (now.loop_p99_ms or 0) > LAG_WARN_MS else ""),
        "sys.waiting": Cell(typeset.count(now.bus_waiting)),
        "sys.seq": Cell(typeset.count(now.seq)),
        "sys.rate": Cell(typeset.DASH if now.events_per_s is None else f"{now.events_per_s:,.1f}", "", "last seconds"),
        "sys.db": state_cell(now.database_state.replace("_", " "), now.database_error),
        "sys.dbnote": Cell(now.database_error),
        "sys.projector": Cell(typeset.count(now.projector_lag), "warn" if now.projector_lag > 10_000 else ""),
        "sys.streams": Cell(typeset.count(now.streams), "", "" if now.streams is not None else off),
        "sys.resyncs": Cell(typeset.count(now.resyncs), "warn" if now.resyncs else ""),
        "sys.logqueue": Cell(typeset.count(now.log_queued)),
        "sys.logdrops": Cell(typeset.count(now.log_dropped), "warn" if now.log_dropped else ""),
        "sys.logs": Cell(now.log_trouble or "can be written", "loss" if now.log_trouble else ""),
        "sys.eventlog": Cell(now.event_log_trouble or "can be written", "loss" if now.event_log_trouble else ""),
        "sys.memory": Cell(size(now.memory_bytes)),
        "sys.cpu": Cell(typeset.DASH if now.cpu_pct is None else f"{now.cpu_pct:.0f} %", "", "of one core"),
    }


def _ms(value: float | None) -> str:
    return typeset.micros(None if value is None else value * 1_000)
