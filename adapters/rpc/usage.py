"""Counts per endpoint, hour and class of method until the database takes them."""

from bus.clock import NS_PER_HOUR
from kernel.rpc.rpc_usage import RpcUsage

ROWS_MAX = 20_000  #: a week of 30 endpoints with 4 classes; the database was away long before that

_Key = tuple[str, str, int, str]


class UsageCounters:
    """Adds up; `take` hands the counts over, `put_back` returns them when the database did not take them."""

    def __init__(self) -> None:
        self._counts: dict[_Key, list[int]] = {}
        self.dropped = 0  #: counts that found no room

    def add(
        self, key: tuple[str, str], method_class: str, now_ns: int, *,
        calls: int = 1, errors: int = 0, rate_limited: int = 0, latency_us: int = 0,
    ) -> None:  # fmt: skip
        """One call, or what became of one. `latency_us` only of an answered call."""
        hour_ns = now_ns - now_ns % NS_PER_HOUR
        self._add((*key, hour_ns, method_class), (calls, errors, rate_limited, latency_us, latency_us))

    def take(self) -> list[RpcUsage]:
        """Everything since the last time, oldest hour first."""
        counts, self._counts = self._counts, {}
        return [
            RpcUsage(
                provider_type=provider_type, label=label, hour_ns=hour_ns, method_class=method_class, calls=each[0],
                errors=each[1], rate_limited=each[2], latency_sum_us=each[3], latency_max_us=each[4],
            )
            for (provider_type, label, hour_ns, method_class), each in sorted(
                counts.items(), key=lambda item: (item[0][2], item[0])
            )
        ]  # fmt: skip

    def put_back(self, rows: list[RpcUsage]) -> None:
        """Add what `take` gave."""
        for row in rows:
            self._add(
                (row.provider_type, row.label, row.hour_ns, row.method_class),
                (row.calls, row.errors, row.rate_limited, row.latency_sum_us, row.latency_max_us),
            )

    def _add(self, key: _Key, numbers: tuple[int, int, int, int, int]) -> None:
        counts = self._counts.get(key)
        if counts is None:
            if len(self._counts) >= ROWS_MAX:
                self.dropped += 1
                return
            counts = self._counts[key] = [0, 0, 0, 0, 0]
        for place in range(4):
            counts[place] += numbers[place]
        counts[4] = max(counts[4], numbers[4])
