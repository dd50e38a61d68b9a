"""The periods that charts and statistics offer, counted back from event time."""

from bus.clock import NS_PER_DAY, NS_PER_HOUR

PERIODS: dict[str, int] = {
    "1h": NS_PER_HOUR,
    "24h": NS_PER_DAY,
    "7d": 7 * NS_PER_DAY,
    "30d": 30 * NS_PER_DAY,
    "all": 0,
}  #: label -> length in ns; 0 = everything


def since_ns(now_ns: int, period: str) -> int:
    """Where a period begins."""
    length_ns = PERIODS[period]
    return max(0, now_ns - length_ns) if length_ns else 0
