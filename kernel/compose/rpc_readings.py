"""The RPC pool for the metrics page."""

from adapters.rpc.snapshot import PoolSnapshot
from kernel.metrics.metric_readings import RpcReading
from kernel.rpc.rpc_providers import PROVIDER_TYPES

USABLE = frozenset({"new", "ready", "trial"})


def rpc_readings(snapshot: PoolSnapshot) -> tuple[RpcReading, ...]:
    """One per endpoint. Labels are shown, never URLs."""
    return tuple(
        RpcReading(
            provider=each.provider_type,
            chain=PROVIDER_TYPES[each.provider_type].chain if each.provider_type in PROVIDER_TYPES else "",
            endpoint=each.label,
            is_available=each.state in USABLE,
            latency_s=None if each.latency_ms is None else each.latency_ms / 1e3,
            head_lag_blocks=each.head_lag,
            calls_ok=each.calls - each.errors - each.rate_limited,
            calls_failed=each.errors,
            calls_rate_limited=each.rate_limited,
        )
        for each in snapshot.endpoints
    )
