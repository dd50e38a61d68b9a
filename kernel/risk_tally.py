"""What the gate remembers of one scope (a strategy, or all): pace, failures, losses. Changed by events alone."""

from bisect import bisect_right
from collections import deque
from decimal import Decimal

from bus.bus import FAR_FUTURE_NS
from bus.clock import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S
from bus.units import ZERO
from kernel.finance.money import add, divide, multiply, plain_text, quantize, subtract
from kernel.order_terms import decimal_of
from kernel.risk_limits import RiskLimits

WINDOW_NS = NS_PER_MINUTE
PERCENT, PCT_STEP = Decimal(100), Decimal("1e-9")
PACE_MAX = 12_000  #: approvals remembered of one minute: twice the highest limit, which is what exits may use


class RiskTally:
    """Counters of one scope."""

    __slots__ = (
        "approved_ns",
        "best_pnl_usd",
        "day",
        "day_start_usd",
        "failed_day",
        "failed_usd",
        "failures",
        "failures_until_ns",
        "last_pnl_usd",
        "loss_until_ns",
    )

    def __init__(self) -> None:
        self.approved_ns: deque[int] = deque(maxlen=PACE_MAX)
        self.failures = 0  #: in a row
        self.failures_until_ns = 0
        self.loss_until_ns = 0
        self.failed_day = -1
        self.failed_usd = ZERO  #: gas of reverted transactions on that UTC day
        self.day = -1
        self.day_start_usd = ZERO  #: P&L when that UTC day began: the last one sampled before it
        self.last_pnl_usd = ZERO
        self.best_pnl_usd = ZERO

    def approve(self, now_ns: int) -> None:
        """An order went out."""
        window = self.approved_ns
        window.append(max(now_ns, window[-1]) if window else now_ns)
        while window[0] <= now_ns - WINDOW_NS:
            window.popleft()

    def pace(self, now_ns: int) -> int:
        """Orders of the last 60 s."""
        window = self.approved_ns
        return len(window) - bisect_right(window, now_ns - WINDOW_NS)

    def succeed(self) -> None:
        """Something was executed: the row of failures ends."""
        self.failures = 0

    def fail(self, now_ns: int, limits: RiskLimits) -> None:
        """An order came to nothing; enough in a row open the breaker."""
        self.failures += 1
        if self.failures >= limits.max_consecutive_failures:
            pause_ns = limits.failure_cooldown_s * NS_PER_S
            self.failures_until_ns = now_ns + pause_ns if pause_ns else FAR_FUTURE_NS

    def lose(self, now_ns: int, limits: RiskLimits) -> None:
        """A close lost money."""
        self.loss_until_ns = max(self.loss_until_ns, now_ns + limits.cooldown_after_loss_s * NS_PER_S)

    def burn(self, now_ns: int, gas_usd: Decimal) -> None:
        """A transaction reverted and cost this much."""
        self.failed_usd = add(self.failed_today(now_ns), gas_usd)
        self.failed_day = max(self.failed_day, now_ns // NS_PER_DAY)

    def failed_today(self, now_ns: int) -> Decimal:
        """Gas of reverted transactions on the UTC day of `now_ns`."""
        return self.failed_usd if now_ns // NS_PER_DAY <= self.failed_day else ZERO

    def sample(self, now_ns: int, pnl_usd: Decimal) -> None:
        """Note the P&L: days start from the last one before them, drawdowns fall from the best one."""
        day = now_ns // NS_PER_DAY
        if day > self.day:
            self.day, self.day_start_usd = day, self.last_pnl_usd
        self.last_pnl_usd = pnl_usd
        self.best_pnl_usd = max(self.best_pnl_usd, pnl_usd)

    def day_loss(self, now_ns: int, pnl_usd: Decimal) -> Decimal:
        """What the UTC day of `now_ns` has lost so far, USD; 0 when it has gained."""
        start_usd = self.day_start_usd if now_ns // NS_PER_DAY <= self.day else self.last_pnl_usd
        return max(ZERO, subtract(start_usd, pnl_usd))

    def drawdown_pct(self, budget: float, pnl_usd: Decimal) -> Decimal:
        """Fall from the best P&L in percent of budget plus best P&L; 100 when there is nothing to fall from."""
        fall = subtract(self.best_pnl_usd, pnl_usd)
        if fall <= 0:
            return ZERO
        height = add(decimal_of(budget), self.best_pnl_usd)
        if height <= 0:
            return PERCENT
        return quantize(divide(multiply(fall, PERCENT), height), PCT_STEP)

    def reset(self, pnl_usd: Decimal) -> None:
        """Close the breakers by hand: failures, pause after a loss, drawdown (its best P&L becomes the present one)."""
        self.failures = self.failures_until_ns = self.loss_until_ns = 0
        self.best_pnl_usd = self.last_pnl_usd = pnl_usd

    def state(self) -> dict[str, object]:
        """Plain sorted values."""
        values: dict[str, object] = {"approved_ns": list(self.approved_ns)}
        for name in sorted(set(self.__slots__) - {"approved_ns"}):
            value = getattr(self, name)
            values[name] = plain_text(value) if isinstance(value, Decimal) else value
        return values
