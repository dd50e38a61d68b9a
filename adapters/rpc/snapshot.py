"""What a page shows of the pool. No URL and no key is in here."""

from typing import Literal

from msgspec import Struct

from adapters.rpc.breaker import BreakerState

EndpointState = Literal["new", "ready", "cooling", "resting", "trial", "wrong_chain", "no_key", "disabled"]


class EndpointSnapshot(Struct, frozen=True, kw_only=True):
    """One endpoint as it is now. None = not known. Times of day are UTC nanoseconds, 0 = never.

    state: new (never answered), ready, cooling (rate limited), resting (breaker open), trial (half-open), wrong_chain,
    no_key (its secret is missing), disabled.
    """

    provider_type: str
    label: str
    source: str
    state: EndpointState
    breaker: BreakerState
    is_enabled: bool
    is_verified: bool  #: chain id or genesis hash was asked for and fits
    is_suspect: bool  #: it contradicted a majority
    priority: int
    weight: float
    latency_ms: float | None
    p99_ms: float | None
    p99_ms_minutes: tuple[float | None, ...]
    error_pct: float
    head: int | None
    head_lag: int | None  #: blocks or slots behind the best known one
    head_lag_s: float | None
    budget_left_pct: float
    cool_down_s: float  #: until it may be asked again; 0 = now
    calls: int
    errors: int
    rate_limited: int
    last_ok_ns: int
    last_error_ns: int
    last_error: str


class PoolSnapshot(Struct, frozen=True, kw_only=True):
    """All endpoints, and the provider types that have endpoints but none that could be asked now."""

    taken_ns: int
    endpoints: tuple[EndpointSnapshot, ...]
    exhausted: tuple[str, ...]
    subscriptions: int
    usage_dropped: int
