"""What the database keeps of an endpoint's health, so that it can be seen while the kernel is off."""

from msgspec import Struct


class RpcHealth(Struct, frozen=True, kw_only=True):
    """As of the moment of writing. None = not known. `cool_down_until_ns`: UTC, 0 = may be asked now."""

    provider_type: str
    label: str
    health: str
    latency_us: int | None
    head_lag: int | None
    cool_down_until_ns: int
    last_error: str
