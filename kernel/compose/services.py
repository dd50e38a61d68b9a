"""Everything that runs beside the kernel: database, settings, pages. Started in order, stopped in the reverse one.

None of it may hold up trading: what fails here is told and tried again by its own part.
"""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from adapters.rpc.settings import RpcSettings
from bus.clock import WallClock
from bus.events import SettingsChanged
from kernel.alerts.alert_settings import AlertSettings
from kernel.compose.alerts import Alerts
from kernel.compose.api import api_part
from kernel.compose.dashboard import Dashboard
from kernel.compose.database import DatabaseChoice
from kernel.compose.database_keeper import DatabaseKeeper
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability
from kernel.compose.ops_pages import OpsPages
from kernel.compose.replay_jobs import ReplayJobs
from kernel.compose.replay_logs import LogShelf
from kernel.compose.rpc import RpcService
from kernel.compose.rpc_readings import rpc_readings
from kernel.compose.secret_parts import SecretParts
from kernel.compose.settings_forms import SettingsForms
from kernel.compose.settings_groups import settings_groups
from kernel.compose.settings_service import SettingsService
from kernel.compose.system_pages import parts_of, system_sources
from kernel.core import PAPER_NAME, Core
from kernel.errors import ConfigError
from kernel.profile import infrastructure
from kernel.risk_limits import GLOBAL_NAME
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import MissingSecret
from kernel.strategy import Settings, SettingsT
from persistence.replay_store import ReplayStore
from webui.access import LOOPBACK_HOSTS
from webui.access_token import load_or_make_token
from webui.accounts import ACCOUNTS_FILE, Accounts
from webui.part import Part
from webui.replay_pages import ReplayPages
from webui.server import WebServer
from webui.settings_pages import SettingsPages

TOKEN_FILE = "dashboard.token"
STOP_S = 5.0  #: of one part; each has shorter limits inside

log = structlog.get_logger("kernel")


class Services:
    """`prepare` before the kernel starts, `start` after it, `stop` around its stop. `web` is None when it is off."""

    def __init__(
        self,
        process: KernelProcess,
        choice: DatabaseChoice | None,
        keeper: DatabaseKeeper | None,
        watch: Observability,
        secrets: SecretParts,
    ) -> None:
        """Raises `ConfigError` for settings of the profile that are not valid."""
        self.process = process
        self.choice = choice
        self.keeper = keeper
        self.watch = watch
        self.secrets = secrets
        self.alerts: Alerts | None = None
        self.ops: OpsPages | None = None
        self.web: WebServer | None = None
        self._unpublished: list[tuple[str, str, int, str]] | None = []
        self._untold: list[tuple[str, str, str]] | None = []
        self.settings = SettingsService(
            settings_groups(process.profile, infrastructure()),
            keeper.database if keeper is not None else None,
            current=lambda module: _in_core(process.core, module),
            publish=self._publish_settings,
            tell=self._tell,
        )
        self.rpc = RpcService(
            self._settings_of("rpc", RpcSettings),
            clock=WallClock(),
            tell=self._tell,
            environ=infrastructure(),
            database=keeper.database if keeper is not None else None,
            resolve_secret=lambda name: secrets.service.get(name, module="rpc_pool", purpose="open an endpoint"),
            are_private_allowed=process.profile.are_private_addresses_allowed,
        )
        self.replays = ReplayJobs(
            process.data / "replays",
            LogShelf(process.data),
            WallClock(),
            store=ReplayStore(keeper.database) if keeper is not None else None,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def prepare(self) -> None:
        """Database ready if it can be, stored settings read. Raises `ConfigError` when live trading must not start."""
        if self.keeper is not None:
            await self.keeper.prepare()
        await self.settings.read_first()
        if self.process.profile.is_live and (self.settings.problems or not self.settings.is_read):
            found = "; ".join(self.settings.problems.values()) or self.settings.read_error
            raise ConfigError(f"live trading needs valid stored settings: {found}")

    async def start(self) -> None:
        """Right after the kernel's own start: what was read enters the log before the first event of a feed."""
        unpublished, self._unpublished = self._unpublished, None
        for said in unpublished or ():
            self._publish_settings(*said)
        untold, self._untold = self._untold, None
        for text in untold or ():
            self._tell(*text)
        dashboard = Dashboard(self.process, self.keeper)
        self.watch.attach(self.process, self.keeper)
        self.settings.on_change("logs", self.watch.apply)
        await self.secrets.start()
        await self.replays.start()
        self.settings.on_change("replays", self.replays.apply)
        await self.rpc.start()
        self.settings.on_change("rpc", self.rpc.pool.apply)
        self.watch.readings.rpc = lambda: rpc_readings(self.rpc.pool.snapshot())
        self.alerts = Alerts(
            self.process, dashboard, self._settings_of("alerts", AlertSettings), self._find_secret, reload=self._reload
        )
        await self.alerts.start()
        self.settings.on_change("alerts", self._on_alert_settings)
        self.ops = OpsPages(
            self.process,
            self.watch,
            self.settings,
            self.secrets,
            keeper=self.keeper,
            choice=self.choice,
            alerts=self.alerts,
            rpc=self.rpc,
            on_secret_change=self._on_secret_change,
        )
        await self.ops.start()
        if self.process.profile.web.enabled:
            self.web = self._web_server(dashboard, self.process.data / TOKEN_FILE)
            await self.web.start()
            self.settings.on_change("dashboard", self.web.apply)
            self.watch.watch_web(self.web)
        if self.keeper is not None:
            self._run(self.keeper.run(), "database-keeper")
        self._run(self.settings.run(), "settings")

    async def stop_working(self) -> None:
        """Before the kernel stops: nothing new comes from here."""
        self.watch.begin_stop()
        if self.ops is not None:
            await _within(STOP_S, "ops", self.ops.stop())
        if self.alerts is not None:
            await _within(STOP_S, "alerts", self.alerts.stop())
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=STOP_S)
            for task in left:
                log.error("part_did_not_stop", part=task.get_name(), waited_s=STOP_S)

    async def stop(self) -> None:
        """After the kernel stopped: pages, then the database's last catch-up."""
        if self.web is not None:
            await _within(STOP_S, "webui", self.web.stop())
        await _within(STOP_S, "replays", self.replays.stop())
        await _within(STOP_S, "rpc_pool", self.rpc.stop())
        await _within(STOP_S, "secrets", self.secrets.stop())
        if self.keeper is not None:
            await self.keeper.stop()  # has limits of its own

    def parts(self) -> tuple[Part, ...]:
        """The pages beside those of the strategies."""
        database = self.keeper.database if self.keeper is not None else None
        system = system_sources(self.process, database)
        forms = self.forms()
        return (
            api_part(system, forms, self.replays, self.watch, self.rpc),
            *parts_of(system),
            *(self.ops.parts if self.ops is not None else ()),
            ReplayPages(self.replays),
            SettingsPages(forms),
        )

    def forms(self) -> SettingsForms:
        """Settings for pages and API."""
        return SettingsForms(self.settings)

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _web_server(self, dashboard: Dashboard, token_path: Path) -> WebServer:
        web = self.process.profile.web
        return WebServer(
            dashboard,
            token=load_or_make_token(token_path),
            host=web.host,
            port=web.port,
            allowed_hosts=LOOPBACK_HOSTS | set(web.allowed_hosts),
            is_behind_tls_proxy=web.behind_tls_proxy,
            certificate=Path(web.certificate) if web.certificate else None,
            key=Path(web.key) if web.key else None,
            token_hint=str(token_path),
            accounts=Accounts(self.process.data / ACCOUNTS_FILE),
            parts=self.parts(),
            health=self.watch.health(),
        )

    def _settings_of(self, module: str, kind: type[SettingsT]) -> SettingsT:
        found = self.settings.in_use[module].settings
        assert isinstance(found, kind)
        return found

    def _on_alert_settings(self, settings: AlertSettings) -> None:
        if self.alerts is not None and settings != self.alerts.settings:
            self._run(self.alerts.apply(settings), "alerts-settings")

    def _on_secret_change(self) -> None:
        """Who keeps a secret asks for it again: the pool its keys, the channels their tokens."""
        self.rpc.pool.forget_keys()
        if self.alerts is not None:
            self._run(self.alerts.apply(self.alerts.settings), "alerts-secrets")

    async def _find_secret(self, name: str) -> Secret | None:
        try:
            return await self.secrets.service.get(name, module="alerts", purpose="tell people")
        except MissingSecret:
            return None

    async def _reload(self, by: str) -> str:
        """Read the stored settings again, as `/reload` asks; what came of it, in words."""
        if self.settings.table is None:
            return "this run has no database, so there is nothing to read again"
        await self.settings.read_all()
        problems = "; ".join(self.settings.problems.values())
        return f"the stored settings were read again{f'; not valid: {problems}' if problems else ''}"

    def _publish_settings(self, module: str, settings_json: str, version: int, by: str) -> None:
        if self._unpublished is not None:
            self._unpublished.append((module, settings_json, version, by))
            return
        process = self.process
        process.core.bus.publish(
            SettingsChanged(
                ts_ns=process.clock.now_ns(),
                strategy=module,
                settings_json=settings_json,
                version=version,
                changed_by=by,
            )
        )

    def _tell(self, severity: str, code: str, text: str) -> None:
        if self._untold is not None:
            self._untold.append((severity, code, text))
        else:
            self.process.alert(severity, code, text)


async def _within(limit_s: float, part: str, work: Coroutine[Any, Any, None]) -> None:
    """A part that does not end must not hold up the others: it is left behind, and the log names it."""
    try:
        async with asyncio.timeout(limit_s):
            await work
    except TimeoutError:
        log.error("part_did_not_stop", part=part, waited_s=limit_s)


def _in_core(core: Core, module: str) -> Settings | None:
    """What the kernel has of a module now; None for what is not its own."""
    if module == GLOBAL_NAME:
        return core.gate.whole
    if module == PAPER_NAME:
        return core.paper_settings
    slot = core.runner.slots.get(module.removeprefix(f"{GLOBAL_NAME}."))
    if slot is None:
        return None
    if module.startswith(f"{GLOBAL_NAME}."):
        return core.gate.limits_for(slot.name)
    settings: Settings = slot.strategy.settings
    return settings
