"""How one channel is fed: from which severity on, how fast, and when it is left in peace."""

from msgspec import Struct

from bus.clock import NS_PER_HOUR, NS_PER_MINUTE
from kernel.alerts.notice import SEVERITIES, Notice, Severity

HOURS = 24


class Route(Struct, frozen=True, kw_only=True):
    """Values of `AlertSettings` for one channel."""

    severity_min: Severity = "warning"
    messages_per_minute: int = 10
    digest_minutes: int = 15  #: 0 = info is told at once
    quiet_from_hour: int = 0  #: UTC; equal hours = never quiet
    quiet_to_hour: int = 0
    has_daily: bool = True
    attempts_max: int = 5

    def takes(self, notice: Notice) -> bool:
        """Whether this channel is told of it at all."""
        return notice.rank >= SEVERITIES.index(self.severity_min)

    @property
    def digest_ns(self) -> int:
        """Time between two digests."""
        return self.digest_minutes * NS_PER_MINUTE

    def quiet_until_ns(self, now_ns: int) -> int:
        """When the quiet hours that hold now end; `now_ns` itself when it is not quiet."""
        start, end = self.quiet_from_hour, self.quiet_to_hour
        hour = now_ns // NS_PER_HOUR % HOURS
        is_quiet = start <= hour < end if start <= end else hour >= start or hour < end
        if not is_quiet:
            return now_ns
        return (now_ns // NS_PER_HOUR + (end - hour) % HOURS) * NS_PER_HOUR
