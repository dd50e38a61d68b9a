"""Logs, metrics and health of one run.

`start_logs` once the data folder is locked (`KernelProcess` was made), as two processes must not rotate one file;
`attach` after `KernelProcess.start` and after the `Dashboard` was made, whose hook for failing views is kept; `stop`
last of all.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from bus.bus import Handler
from bus.clock import Clock, WallClock
from bus.events import Event
from kernel import __version__
from kernel.compose.database_keeper import DatabaseKeeper
from kernel.compose.live import KernelProcess
from kernel.errors import ConfigError
from kernel.logs.log_settings import LogSettings
from kernel.logs.log_tail import LogTail
from kernel.logs.logs import Logs
from kernel.logs.trade_log import TradeLog
from kernel.metrics import readiness
from kernel.metrics.event_counts import EventCounts
from kernel.metrics.metric_family import FamilyMaker
from kernel.metrics.metric_readings import DatabaseReading, Readings, WebReading
from kernel.metrics.metrics_page import MetricsPage
from kernel.metrics.platform_metrics import PlatformMetrics, RunIdentity
from kernel.metrics.readiness import Readiness
from kernel.metrics.trading_metrics import TradingMetrics
from kernel.strategy import convert_settings
from webui.access_token import load_or_make_token
from webui.health import Health
from webui.server import WebServer

LOG_FOLDER = "logs"
METRICS_TOKEN_FILE = "metrics.token"


class Observability:
    """Logs, metrics and health. `readings` may be given further sources (RPC pool, feeds, gas) at any time."""

    def __init__(self, settings: LogSettings, data: Path, clock: Clock | None = None) -> None:
        self.readings = Readings()
        self.registry = CollectorRegistry()
        self.page = MetricsPage(self.registry)
        self.logs = Logs(settings, data / LOG_FOLDER, clock or WallClock(), tell_trouble=self._on_trouble)
        self.tail = LogTail(self.logs.folder)
        self.view_faults = 0  #: events that the views of this part could not follow
        self._data = data
        self._process: KernelProcess | None = None
        self._keeper: DatabaseKeeper | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._views: tuple[TradeLog, EventCounts] | None = None
        self._is_stopping = False
        self._log = structlog.get_logger("kernel")

    def start_logs(self) -> None:
        """Take over all logging of the process."""
        self.logs.start()
        self.readings.logs = self.logs.reading

    def apply(self, settings: LogSettings) -> None:
        """New settings of the logs; the folder waits for the next start."""
        self.logs.apply(settings)

    def attach(self, process: KernelProcess, keeper: DatabaseKeeper | None) -> None:
        """Follow a kernel that has started; call it on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._process, self._keeper = process, keeper
        core, clock = process.core, process.clock
        trade_log = TradeLog(core.bus)
        counts = EventCounts(core.bus, clock, clock.speed)
        self._views = (trade_log, counts)
        self._keep_view_faults(process)
        trade_log.start()
        counts.start()
        if keeper is not None:
            self.readings.database = lambda: DatabaseReading(state=keeper.state, lag_events=keeper.lag_events)
        families = FamilyMaker()
        identity = RunIdentity(
            version=__version__,
            mode=process.profile.mode,
            profile=process.profile.name,
            run=process.header.run,
        )
        self.registry.register(TradingMetrics(core, counts, families, clock.now_ns, clock.speed))
        self.registry.register(ProcessCollector(registry=None))
        self.registry.register(
            PlatformMetrics(
                core,
                process.live,
                counts,
                self.readings,
                families,
                identity,
                clock.now_ns,
                lambda: self.readiness().is_ready,
                clock.speed,
            )
        )
        self._log.info("kernel_started", version=__version__, profile=process.profile.name, run=process.header.run)

    def watch_web(self, web: WebServer) -> None:
        """The dashboard's streams are on the metrics page from now on."""
        self.readings.web = lambda: WebReading(streams=web.streams, resyncs=web.resyncs)

    def health(self) -> Health:
        """Handlers for the web application. Makes the metrics token on first use; raises `ConfigError`."""
        return Health(self.readiness, self.page.text, load_or_make_token(self._data / METRICS_TOKEN_FILE))

    def readiness(self) -> Readiness:
        """Whether the kernel may trade."""
        process = self._process
        reasons: list[str] = []
        warnings: list[str] = []
        if process is None:
            return Readiness(reasons=(readiness.STARTING,))
        if self._is_stopping:
            reasons.append(readiness.STOPPING)
        if process.is_failed or process.live.has_failed:
            reasons.append(readiness.FAILED)
        if process.core.runner.is_recovering:
            reasons.append(readiness.RECOVERING)
        if process.live.log_failure:
            reasons.append(readiness.EVENT_LOG)
        logs = self.logs.reading()
        if logs.trouble:
            warnings.append(readiness.LOGS)
        if not logs.is_alive:
            warnings.append(readiness.LOG_WRITER)
        if self._keeper is not None and self._keeper.state in ("degraded", "catching_up"):
            is_away = self._keeper.state == "degraded"
            warnings.append(readiness.DATABASE if is_away else readiness.CATCHING_UP)
        if process.core.runner.kills:
            warnings.append(readiness.KILLED)
        return Readiness(reasons=tuple(reasons), warnings=tuple(warnings))

    def begin_stop(self) -> None:
        """From now on /readyz says that the kernel stops; everything else goes on."""
        self._is_stopping = True
        self._log.info("kernel_stopping")

    def stop(self) -> None:
        """Write what waits and end; the last thing of a run."""
        if self._views is not None:
            for view in self._views:
                view.stop()
            self._views = None
        if self._process is not None:
            self._log.info("kernel_stopped", seq=self._process.core.bus.seq)
        self.logs.stop()

    def _keep_view_faults(self, process: KernelProcess) -> None:
        """A line or a count that fails must not end the kernel; others' views keep their own rule."""
        runner = process.core.runner
        before = runner.on_view_fault

        def on_view_fault(handler: Handler, event: Event, error: Exception) -> None:
            if self._views is not None and getattr(handler, "__self__", None) in self._views:
                self.view_faults += 1
                self._log.error("view_failed", of=type(event).__name__, exc_info=error)
            elif before is not None:
                before(handler, event, error)
            else:
                raise error

        runner.on_view_fault = on_view_fault

    def _on_trouble(self, trouble: str) -> None:
        """By the writer's thread: told to the operator by the loop."""
        process, loop = self._process, self._loop
        if process is None or loop is None:
            return
        severity, text = ("warning", trouble) if trouble else ("info", "log files are written again")
        with contextlib.suppress(RuntimeError):  # the loop is closed: the run is over
            loop.call_soon_threadsafe(process.alert, severity, readiness.LOGS, text)


def log_settings_of(values: dict[str, Any]) -> LogSettings:
    """Checked settings from plain values; raises `ConfigError` naming the field."""
    try:
        return convert_settings(LogSettings, values)
    except msgspec.ValidationError as error:
        raise ConfigError(f"logs: {error}") from error
