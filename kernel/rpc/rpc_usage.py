"""How much an endpoint was used within one hour: what the pool counts and the database keeps."""

from msgspec import Struct


class RpcUsage(Struct, frozen=True, kw_only=True):
    """Counts of one endpoint, hour and class of method (read, send, subscribe, probe). Adding two of a key is exact.

    `hour_ns`: begin of the hour, UTC nanoseconds. `errors` has failures and refusals, not rate limits. Latencies are
    of answered calls.
    """

    provider_type: str
    label: str
    hour_ns: int
    method_class: str
    calls: int
    errors: int
    rate_limited: int
    latency_sum_us: int
    latency_max_us: int
