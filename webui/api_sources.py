"""What the API reads and does, by part. None = this run has no such part, and its operations answer `not_enabled`."""

from collections.abc import Callable

from msgspec import Struct

from adapters.rpc.snapshot import PoolSnapshot
from kernel.logs.log_tail import LogTail
from webui.api_error import ApiRefusal
from webui.balances_source import BalancesSource
from webui.events_source import EventsSource
from webui.execution_source import ExecutionSource
from webui.funding_source import FundingSource
from webui.opportunities_source import OpportunitiesSource
from webui.replay_source import ReplaySource
from webui.risk_source import RiskSource
from webui.settings_source import SettingsSource


class ApiSources(Struct, frozen=True, kw_only=True):
    """Beside the dashboard's own source, which is always there."""

    risk: RiskSource | None = None
    execution: ExecutionSource | None = None
    opportunities: OpportunitiesSource | None = None
    balances: BalancesSource | None = None
    funding: FundingSource | None = None
    events: EventsSource | None = None
    settings: SettingsSource | None = None
    replays: ReplaySource | None = None
    logs: LogTail | None = None
    rpc: Callable[[], PoolSnapshot] | None = None


def not_enabled(what: str) -> ApiRefusal:
    """404 for a part that this run does not have."""
    return ApiRefusal("not_enabled", f"{what}: this run does not have that part")
