"""What parts outside of the folds tell the metrics page: plain snapshots, asked for when the page is made.

A part that is not there is None or empty: then its metrics are not on the page, which is not the same as zero.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from kernel.logs.log_writer import LogReading

DATABASE_STATES = ("off", "catching_up", "up", "degraded")


class DatabaseReading(Struct, frozen=True, kw_only=True):
    """The projection. `state` is one of `DATABASE_STATES`."""

    state: str
    lag_events: int = 0


class WebReading(Struct, frozen=True, kw_only=True):
    """The dashboard's streams."""

    streams: int
    resyncs: int = 0  #: times a slow client lost its queue


class FeedReading(Struct, frozen=True, kw_only=True):
    """One live feed; counts since the start. `age_s` None = nothing came yet."""

    feed: str
    is_connected: bool
    age_s: float | None = None
    reconnects: int = 0
    resyncs: int = 0
    malformed: int = 0


class RpcReading(Struct, frozen=True, kw_only=True):
    """One endpoint. `endpoint` is a name or host, never a URL: those hold keys."""

    provider: str
    chain: str
    endpoint: str
    is_available: bool
    latency_s: float | None = None
    head_lag_blocks: int | None = None
    calls_ok: int = 0
    calls_failed: int = 0
    calls_rate_limited: int = 0


class GasReading(Struct, frozen=True, kw_only=True):
    """Native balance of a chain's wallet over the least to keep."""

    chain: str
    reserve_ratio: float


class Readings:
    """The callbacks. Replace those of the parts that exist."""

    def __init__(self) -> None:
        self.database: Callable[[], DatabaseReading | None] = lambda: None
        self.logs: Callable[[], LogReading | None] = lambda: None
        self.web: Callable[[], WebReading | None] = lambda: None
        self.feeds: Callable[[], Sequence[FeedReading]] = lambda: ()
        self.rpc: Callable[[], Sequence[RpcReading]] = lambda: ()
        self.gas: Callable[[], Sequence[GasReading]] = lambda: ()
