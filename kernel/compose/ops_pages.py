"""Wires the operations pages: logs, alerts, RPC pool, secrets, users, system."""

from collections.abc import Callable

from bus.clock import Clock, WallClock
from kernel.compose.alerts import Alerts
from kernel.compose.database import DatabaseChoice
from kernel.compose.database_keeper import DatabaseKeeper
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability
from kernel.compose.ops_alerts import AlertDesk
from kernel.compose.ops_logs import LogFiles
from kernel.compose.ops_rpc import RpcDesk
from kernel.compose.ops_secrets import SecretDesk
from kernel.compose.ops_system import SystemDesk
from kernel.compose.rpc import RpcService
from kernel.compose.secret_parts import SecretParts
from kernel.compose.settings_service import SettingsService
from kernel.profile import infrastructure
from webui.accounts import ACCOUNTS_FILE
from webui.ops_alerts import AlertsPart
from webui.ops_logs import LogsPart
from webui.ops_rpc import RpcPart
from webui.ops_secrets import SecretsPart
from webui.ops_system import SystemPart
from webui.ops_users import UsersPart
from webui.part import Part


class OpsPages:
    """`parts` for the web server; `start` and `stop` around its life."""

    def __init__(
        self,
        process: KernelProcess,
        watch: Observability,
        settings: SettingsService,
        secrets: SecretParts,
        *,
        keeper: DatabaseKeeper | None = None,
        choice: DatabaseChoice | None = None,
        alerts: Alerts | None = None,
        rpc: RpcService | None = None,
        clock: Clock | None = None,
        on_secret_change: Callable[[], None] | None = None,
    ) -> None:
        """Make it after the kernel's own start and after `alerts`. What is None is said on its page."""
        wall = clock or WallClock()
        database = keeper.database if keeper is not None else None
        self.system = SystemDesk(process, keeper, choice, watch, settings, secrets, frozenset(infrastructure()))
        self.parts: tuple[Part, ...] = (
            AlertsPart(AlertDesk(alerts, database, wall)),
            LogsPart(LogFiles(watch)),
            RpcPart(RpcDesk(rpc) if rpc is not None else None),
            SecretsPart(SecretDesk(secrets, process.profile, database, wall, on_secret_change)),
            UsersPart(process.data / ACCOUNTS_FILE, wall),
            SystemPart(self.system),
        )

    async def start(self) -> None:
        """Begin to sample the process."""
        await self.system.start()

    async def stop(self) -> None:
        """Idempotent."""
        await self.system.stop()
