"""What the RPC page reads and does. No URL with a key is in here."""

from typing import Protocol

from msgspec import Struct


class EndpointRow(Struct, frozen=True, kw_only=True):
    """One endpoint now; see `adapters.rpc.snapshot` for the words. None = not known, times 0 = never."""

    provider_type: str
    label: str
    source: str
    state: str
    breaker: str
    is_enabled: bool
    is_verified: bool
    is_suspect: bool
    priority: int
    weight: float
    latency_ms: float | None
    p99_ms: float | None
    p99_ms_minutes: tuple[float | None, ...]
    error_pct: float
    head: int | None
    head_lag: int | None
    head_lag_s: float | None
    budget_left_pct: float
    cool_down_s: float
    calls: int
    errors: int
    rate_limited: int
    last_ok_ns: int
    last_error_ns: int
    last_error: str


class PoolView(Struct, frozen=True, kw_only=True):
    """The pool now. `exhausted`: types that nobody could answer for."""

    taken_ns: int
    endpoints: tuple[EndpointRow, ...] = ()
    exhausted: tuple[str, ...] = ()
    subscriptions: int = 0
    usage_dropped: int = 0


class StoredRow(Struct, frozen=True, kw_only=True):
    """A row of the table that can be edited. `url` shows no key; `secret` is the name of its key, "" = none."""

    provider_type: str
    label: str
    url: str
    priority: int
    weight: float
    rate_per_s: float
    burst: int
    is_enabled: bool
    version: int
    updated_by: str
    secret: str


class TypeRow(Struct, frozen=True, kw_only=True):
    """A kind of endpoint, and what fills it: environment variables or public defaults."""

    name: str
    title: str
    chain: str
    transport: str
    variables: tuple[str, ...] = ()


class EndpointInput(Struct, frozen=True, kw_only=True):
    """What a form gives. `url` "" = keep the stored one; `version` 0 = a new endpoint."""

    provider_type: str
    label: str
    url: str = ""
    priority: int = 100
    weight: float = 1.0
    rate_per_s: float = 10.0
    burst: int = 20
    version: int = 0


class UsageHour(Struct, frozen=True, kw_only=True):
    """Counts of an hour over what was asked for. Latencies are of answered calls."""

    hour_ns: int
    calls: int
    errors: int
    rate_limited: int
    latency_mean_ms: float | None
    latency_max_ms: float | None


class RpcSource(Protocol):
    """The pool and its tables."""

    def pool(self) -> PoolView:
        """Now."""

    def types(self) -> tuple[TypeRow, ...]:
        """All kinds that there are."""

    @property
    def is_editable(self) -> bool:
        """Whether there is a database to keep changes in."""

    async def stored(self) -> tuple[tuple[StoredRow, ...], tuple[str, ...]]:
        """Rows of the table, and a sentence for each that cannot be used. Raises StoreError."""

    async def save(self, given: EndpointInput, by: str) -> None:
        """Add or change. Raises ConfigError naming the field, or StoreError."""

    async def switch(self, provider_type: str, label: str, *, is_enabled: bool, by: str) -> None:
        """Off or on. Raises ConfigError or StoreError."""

    async def delete(self, provider_type: str, label: str) -> None:
        """Take one out. Raises ConfigError or StoreError."""

    async def check(self, provider_type: str, label: str) -> str:
        """Ask it now: "" = well, else what is wrong. Raises ConfigError when there is none."""

    async def usage(self, *, since_ns: int, provider_type: str = "") -> tuple[UsageHour, ...]:
        """Hours, oldest first. Raises StoreError."""
