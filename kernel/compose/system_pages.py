"""Wires the system pages: one memory behind the bus, a source for each page, and the parts that the server takes."""

import structlog
from msgspec import Struct

from bus.bus import Handler
from bus.events.base import Event
from kernel.compose.live import KernelProcess
from kernel.compose.system_balances import SystemBalances
from kernel.compose.system_events import SystemEvents
from kernel.compose.system_execution import SystemExecution
from kernel.compose.system_funding import SystemFunding
from kernel.compose.system_memory import SystemMemory
from kernel.compose.system_opportunities import SystemOpportunities
from kernel.compose.system_risk import SystemRisk
from persistence.postgres import Database
from webui.balances_part import BalancesPart
from webui.events_part import EventsPart
from webui.execution_part import ExecutionPart
from webui.funding_part import FundingPart
from webui.opportunities_part import OpportunitiesPart
from webui.part import Part
from webui.risk_part import RiskPart

log = structlog.get_logger("webui")


class SystemSources(Struct, frozen=True, kw_only=True):
    """What the system pages and the API read."""

    risk: SystemRisk
    execution: SystemExecution
    opportunities: SystemOpportunities
    balances: SystemBalances
    funding: SystemFunding
    events: SystemEvents


def system_sources(process: KernelProcess, database: Database | None) -> SystemSources:
    """Call it once, after `process.start()` and after `Dashboard(…)` was made."""
    memory = SystemMemory(process.core)
    events = SystemEvents(process.core.bus, process.log_folder)
    _spare_trading(process, memory, events)
    return SystemSources(
        risk=SystemRisk(process, memory),
        execution=SystemExecution(process, memory, database),
        opportunities=SystemOpportunities(process, memory, database),
        balances=SystemBalances(process, memory),
        funding=SystemFunding(process, memory, database),
        events=events,
    )


def parts_of(sources: SystemSources) -> tuple[Part, ...]:
    """The parts for `WebServer(parts=…)`."""
    return (
        RiskPart(sources.risk),
        ExecutionPart(sources.execution),
        OpportunitiesPart(sources.opportunities),
        BalancesPart(sources.balances),
        FundingPart(sources.funding),
        EventsPart(sources.events),
    )


def system_parts(process: KernelProcess, database: Database | None) -> tuple[Part, ...]:
    """Both in one, where nobody else reads the sources."""
    return parts_of(system_sources(process, database))


def _spare_trading(process: KernelProcess, *views: object) -> None:
    """A page's memory may fail without harm to trading; whoever judged view faults before judges all others."""
    runner = process.core.runner
    judge = runner.on_view_fault

    def on_view_fault(handler: Handler, event: Event, error: Exception) -> None:
        if getattr(handler, "__self__", None) in views:
            log.error("view_fault", event_type=type(event).__name__, error=repr(error))
        elif judge is not None:
            judge(handler, event, error)
        else:
            raise error

    runner.on_view_fault = on_view_fault
