"""Wires the API over the sources that the pages have."""

from kernel.compose.observability import Observability
from kernel.compose.replay_jobs import ReplayJobs
from kernel.compose.rpc import RpcService
from kernel.compose.settings_forms import SettingsForms
from kernel.compose.system_pages import SystemSources
from webui.api import Api
from webui.api_sources import ApiSources


def api_part(
    system: SystemSources,
    settings: SettingsForms,
    replays: ReplayJobs,
    watch: Observability,
    rpc: RpcService,
) -> Api:
    """The part for `WebServer(parts=…)`, in front of those whose paths begin with a name (`/{module}/…`)."""
    return Api(
        ApiSources(
            risk=system.risk,
            execution=system.execution,
            opportunities=system.opportunities,
            balances=system.balances,
            funding=system.funding,
            events=system.events,
            settings=settings,
            replays=replays,
            logs=watch.tail,
            rpc=rpc.pool.snapshot,
        )
    )
