"""The fall from the highest point so far, fed one sample at a time."""

from decimal import Decimal

from bus.units import ZERO
from kernel.finance.money import MONEY


class Drawdown:
    """Peak, present and largest fall of a P&L or equity series, in USD.

    The peak starts at `start_usd`: P&L starts at zero, so a loss from the first sample on is a drawdown.
    """

    __slots__ = ("drawdown_usd", "max_drawdown_usd", "peak_usd")

    def __init__(self, start_usd: Decimal = ZERO) -> None:
        self.peak_usd = start_usd
        self.drawdown_usd = ZERO  #: >= 0, peak minus the last sample
        self.max_drawdown_usd = ZERO  #: >= 0

    def sample(self, equity_usd: Decimal) -> None:
        """Take the next value."""
        if equity_usd >= self.peak_usd:
            self.peak_usd = equity_usd
            self.drawdown_usd = ZERO
            return
        self.drawdown_usd = MONEY.subtract(self.peak_usd, equity_usd)
        if self.drawdown_usd > self.max_drawdown_usd:
            self.max_drawdown_usd = self.drawdown_usd
